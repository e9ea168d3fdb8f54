package wire

import (
	"strconv"
	"strings"
)

// PathAt names the value at an offset of a JSON text in the way people write
// it: messages[3].content[0].text. It tolerates text that is broken after the offset.
func PathAt(data []byte, offset int) string {
	type level struct {
		list  bool
		index int
		name  []byte
	}
	var stack []level
	var name []byte
	for i := 0; i < len(data) && i < offset; i++ {
		top := len(stack) - 1
		switch data[i] {
		case '{':
			stack = append(stack, level{})
		case '[':
			stack = append(stack, level{list: true})
		case '}', ']':
			if top >= 0 {
				stack = stack[:top]
			}
		case ',':
			if top >= 0 && stack[top].list {
				stack[top].index++
			} else if top >= 0 {
				stack[top].name = nil
			}
		case ':':
			if top >= 0 {
				stack[top].name = name
			}
		case '"':
			end := stringEnd(data, i)
			if end < 0 || end > offset {
				i = offset
				break
			}
			name = data[i+1 : end-1]
			i = end - 1
		}
	}
	var b strings.Builder
	for _, l := range stack {
		if l.list {
			b.WriteString("[" + strconv.Itoa(l.index) + "]")
		} else if len(l.name) > 0 {
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.Write(l.name)
		}
	}
	return b.String()
}
