package chat

import (
	"unicode/utf8"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// appendNotes writes citations of a text as annotations, with commas between.
// before is how many characters stand before the text in the message.
func appendNotes(dst []byte, l *llm.LossList, list []llm.Citation, before, length int64) []byte {
	w := wire.NewWriter(dst)
	for i := range list {
		c := &list[i]
		switch {
		case c.Dialect == Name:
			w.Raw(c.Raw)
		case c.Page() == "":
			l.LoseCitation(c, Name)
		default:
			l.LoseMore(c)
			begin, end := openai.Span(c, length)
			w.Object()
			w.StrField("type", "url_citation")
			w.Key("url_citation")
			w.Object()
			openai.WriteCitation(w, c, before+begin, before+end)
			if c.Quote != "" {
				w.StrField("content", c.Quote) // as OpenRouter has it
			}
			w.EndObject()
			w.EndObject()
		}
	}
	return w.Bytes()
}

func characters(s string) int64 { return int64(utf8.RuneCountInString(s)) }

// notes writes the citations of the open text, which can be placed only when the
// text is whole.
func (s *streamEncoder) notes(dst []byte) []byte {
	list := s.cites.Take()
	if len(list) == 0 {
		return dst
	}
	notes := appendNotes(nil, &s.LossList, list, s.chars-s.partChars, s.partChars)
	if len(notes) == 0 {
		return dst
	}
	dst = append(s.openDelta(dst), `{"annotations":[`...)
	return append(append(append(dst, notes...), "]}"...), deltaClose...)
}
