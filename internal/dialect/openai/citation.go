package openai

import (
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// urlCitation is the only type of annotation that cites a page. Chat has what it
// says one level deeper, in a member of that name.
const urlCitation = "url_citation"

// Citation reads one annotation of a dialect. Its Raw is a view.
func Citation(dialect string, raw []byte) llm.Citation {
	c := llm.Citation{Dialect: dialect, Raw: raw}
	r := wire.NewReader(raw)
	if r.Kind() != '{' {
		return c
	}
	cites := false
	for name := range r.Fields() {
		switch string(name) {
		case "type":
			cites = string(Text(r)) == urlCitation
		case urlCitation:
			if Object(r) {
				for name := range r.Fields() {
					cite(&c, name, r)
				}
			}
		default:
			cite(&c, name, r)
		}
	}
	if cites && c.URL != "" {
		c.Kind = llm.CiteWeb
	}
	return c
}

func cite(c *llm.Citation, name []byte, r *wire.Reader) {
	switch string(name) {
	case "url":
		c.URL = string(Text(r))
	case "title":
		c.Title = string(Text(r))
	case "content": // OpenRouter
		c.Quote = string(Text(r))
	case "start_index":
		c.Begin, _ = Count(r)
	case "end_index":
		c.End, _ = Count(r)
	default:
		c.More = c.More || !llm.SaysNothing(r.Raw())
	}
}

// Citations reads a list of annotations.
func Citations(dialect string, raw []byte) []llm.Citation {
	r := wire.NewReader(raw)
	if !List(r) {
		return nil
	}
	var out []llm.Citation
	for range r.Elements() {
		if one := r.Raw(); len(one) > 0 && len(out) < llm.MaxCitations {
			c := Citation(dialect, one)
			out = append(out, c.Clone())
		}
	}
	return out
}

// WriteCitation writes what a url_citation says about a piece of text from begin
// to end, without the braces.
func WriteCitation(w *wire.Writer, c *llm.Citation, begin, end int64) {
	w.IntField("start_index", begin)
	w.IntField("end_index", end)
	w.StrField("url", c.Page())
	w.StrField("title", c.Title)
}

// Span is the piece of a text of so many characters that a citation is about.
func Span(c *llm.Citation, length int64) (begin, end int64) {
	if c.End <= 0 {
		return 0, length
	}
	end = min(c.End, length)
	return max(0, min(c.Begin, end)), end
}
