package wire

import "slices"

// Around is the innermost object of the whole text in which the value stands that
// is about to be read: its path and its text. Like Path it scans the text again.
func (r *Reader) Around() (path string, object []byte) {
	at := innermost(r.base, r.off+r.pos)
	if at < 0 {
		return "", nil
	}
	whole := Reader{data: r.base, base: r.base, pos: at}
	return PathAt(r.base, at), whole.skipped()
}

// Name is the name read last: while nothing was read since, that of the member whose
// value is about to be read.
func (r *Reader) Name() []byte {
	at := Reader{data: r.data, base: r.data, pos: r.name}
	return at.Bytes()
}

// innermost is where the object begins that holds an offset, -1 if there is none.
func innermost(data []byte, offset int) int {
	var open []int // where each object begins; -1 for a list
	for i := 0; i < len(data) && i < offset; i++ {
		switch data[i] {
		case '{':
			open = append(open, i)
		case '[':
			open = append(open, -1)
		case '}', ']':
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
		case '"':
			end := stringEnd(data, i)
			if end < 0 || end > offset {
				i = offset
				break
			}
			i = end - 1
		}
	}
	for _, at := range slices.Backward(open) {
		if at >= 0 {
			return at
		}
	}
	return -1
}
