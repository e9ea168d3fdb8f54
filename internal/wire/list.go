package wire

// Span is where a value stands in a text.
type Span struct{ From, To int }

// List is the index of a JSON list's elements, over the text itself.
type List struct {
	text  []byte
	spans []Span
}

// ParseList indexes text, which must be one JSON list.
func ParseList(text []byte) (List, error) {
	l := List{text: text}
	r := Reader{data: text, base: text}
	for range r.Elements() {
		start := r.pos
		r.Skip()
		l.spans = append(l.spans, Span{start, r.pos})
	}
	if err := r.End(); err != nil {
		return List{}, err
	}
	return l, nil
}

// Len is the number of elements.
func (l List) Len() int { return len(l.spans) }

// At is the text of an element.
func (l List) At(i int) []byte { return l.text[l.spans[i].From:l.spans[i].To] }

// Map returns the text with every element put through change, which returns the
// element itself where it stays, another text, or nil to leave it out. Every
// other byte is as it was.
func (l List) Map(change func(i int, element []byte) []byte) []byte {
	out := make([]byte, 0, len(l.text))
	from, kept := 0, false
	for i, s := range l.spans {
		v := change(i, l.text[s.From:s.To])
		switch {
		case v != nil:
			out = append(append(out, l.text[from:s.From]...), v...)
			from, kept = s.To, true
		case kept: // the comma before it goes with it
			if before := l.spans[i-1].To; from < before {
				out = append(out, l.text[from:before]...)
			}
			from = s.To
		default: // the comma behind it does
			out = append(out, l.text[from:max(from, s.From)]...)
			from = s.To
			if i+1 < len(l.spans) {
				from = l.spans[i+1].From
			}
		}
	}
	return append(out, l.text[from:]...)
}

// Append returns the text with an element more at its end.
func (l List) Append(element []byte) []byte {
	end := len(l.text) - 1
	for l.text[end] != ']' {
		end--
	}
	out := make([]byte, 0, len(l.text)+len(element)+1)
	out = append(out, l.text[:end]...)
	if len(l.spans) > 0 {
		out = append(out, ',')
	}
	return append(append(out, element...), l.text[end:]...)
}
