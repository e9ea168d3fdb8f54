package responses

import (
	"unicode/utf8"

	"turnpike/internal/dialect/openai"
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// note makes an annotation of a citation of a text of so many characters.
func note(l *llm.LossList, c *llm.Citation, length int64) []byte {
	switch {
	case c.Dialect == Name:
		return c.Raw
	case c.Page() == "":
		l.LoseCitation(c, Name)
		return nil
	case c.Quote != "":
		l.Lose(llm.CitationPath, "responses does not say what stands in the source")
	}
	l.LoseMore(c)
	begin, end := openai.Span(c, length)
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("type", "url_citation")
	openai.WriteCitation(w, c, begin, end)
	w.EndObject()
	return w.Bytes()
}

// annotations writes the citations of the open text, which can be placed only
// when the text is whole.
func (s *streamEncoder) annotations(dst []byte) []byte {
	list := s.cites.Take()
	if len(list) == 0 {
		return dst
	}
	length := int64(utf8.RuneCount(s.said))
	for i := range list {
		raw := note(&s.LossList, &list[i], length)
		if len(raw) == 0 {
			continue
		}
		if !s.inPart {
			dst = s.openWords(dst)
		}
		dst = s.annotation(dst, raw)
	}
	return dst
}

// given writes a text with citations of an answer that is sent back.
func (e *encoder) given(at int, t *llm.Text) {
	var lost llm.LossList
	w, length := e.w, int64(utf8.RuneCountInString(t.Text))
	w.Object()
	w.StrField("type", "output_text")
	w.StrField("text", t.Text)
	w.Key("annotations")
	w.List()
	for i := range t.Citations {
		if raw := note(&lost, &t.Citations[i], length); raw != nil {
			w.Raw(raw)
		}
	}
	w.EndList()
	w.EndObject()
	for _, l := range lost.Losses() {
		e.loseIn(at, "citations", l.Reason)
	}
}
