package answer

import (
	"bytes"
	"strings"
)

// Event is one server-sent event; comments are none.
type Event struct{ Name, Data string }

// Events splits a body of server-sent events. rest is what stands behind the
// last blank line: something there was cut off.
func Events(body []byte) (list []Event, rest string) {
	body = bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	blocks := strings.Split(string(body), "\n\n")
	rest = strings.Trim(blocks[len(blocks)-1], "\n")
	for _, b := range blocks[:len(blocks)-1] {
		var e Event
		var data []string
		for line := range strings.SplitSeq(b, "\n") {
			field, value, _ := strings.Cut(line, ":")
			value = strings.TrimPrefix(value, " ")
			switch field {
			case "event":
				e.Name = value
			case "data":
				data = append(data, value)
			}
		}
		if data == nil {
			continue
		}
		e.Data = strings.Join(data, "\n")
		list = append(list, e)
	}
	return list, rest
}

// Boundaries are the lengths at which a body of events ends between two of them.
func Boundaries(body []byte) []int {
	var out []int
	for at := 0; ; {
		i, n := blank(body[at:])
		if i < 0 {
			return out
		}
		at += i + n
		out = append(out, at)
	}
}

func blank(b []byte) (at, length int) {
	for _, end := range []string{"\n\n", "\r\n\r\n"} {
		if i := bytes.Index(b, []byte(end)); i >= 0 {
			return i, len(end)
		}
	}
	return -1, 0
}
