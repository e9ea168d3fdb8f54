package converse

import (
	"net/url"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// locations are the kinds of a CitationLocation (API reference) that count
// something, and the member that tells in which of the request's sources.
var locations = map[string]struct {
	kind  llm.CitationKind
	index string
}{
	"documentChar":         {llm.CiteChars, documentIndex},
	"documentPage":         {llm.CitePages, documentIndex},
	"documentChunk":        {llm.CiteBlocks, documentIndex},
	"searchResultLocation": {llm.CiteSearch, "searchResultIndex"},
}

const documentIndex = "documentIndex"

// locationOf is the location of a citation of a kind.
var locationOf = map[llm.CitationKind]string{
	llm.CiteChars: "documentChar", llm.CitePages: "documentPage", llm.CiteBlocks: "documentChunk", llm.CiteSearch: "searchResultLocation",
}

// citation reads one citation. Its Raw is a view.
func citation(raw []byte) llm.Citation {
	c := llm.Citation{Dialect: dialectName, Raw: raw}
	r := wire.NewReader(raw)
	if r.Kind() != '{' {
		return c
	}
	source := ""
	for name := range r.Fields() {
		switch string(name) {
		case "title":
			c.Title = answerText(r)
		case "source":
			source = answerText(r)
		case "sourceContent":
			c.Quote = sourceText(r, &c.More)
		case "location":
			readLocation(r, &c)
		default:
			c.More = c.More || !llm.SaysNothing(r.Raw())
		}
	}
	if c.Kind == llm.CiteSearch {
		c.URL = source
	}
	return c
}

func answerText(r *wire.Reader) string {
	if r.Kind() != '"' {
		return ""
	}
	return r.Str()
}

// sourceText joins what is quoted.
func sourceText(r *wire.Reader, more *bool) (quote string) {
	if r.Kind() != '[' {
		return ""
	}
	for range r.Elements() {
		if r.Kind() != '{' {
			continue
		}
		for name := range r.Fields() {
			if string(name) == "text" {
				quote += answerText(r)
			} else {
				*more = *more || !llm.SaysNothing(r.Raw())
			}
		}
	}
	return quote
}

func readLocation(r *wire.Reader, c *llm.Citation) {
	if r.Kind() != '{' {
		return
	}
	for name := range r.Fields() {
		at := locations[string(name)]
		web := string(name) == "web"
		if at.kind == "" && !web || r.Kind() != '{' {
			continue
		}
		c.Kind = at.kind
		if web {
			c.Kind = llm.CiteWeb
		}
		for name := range r.Fields() {
			switch member := string(name); {
			case member == "url" && web:
				c.URL = answerText(r)
			case member == "domain" && web:
			case r.Kind() != '0':
				c.More = c.More || !llm.SaysNothing(r.Raw())
			case member == at.index:
				c.Index = r.Int()
			case member == "start":
				c.First = r.Int()
			case member == "end":
				c.Last = r.Int()
			}
		}
	}
}

// citations reads a list of citations.
func citations(r *wire.Reader) []llm.Citation { return llm.ReadCitations(r, citation) }

// writeCitation writes a citation in the form of Converse.
func writeCitation(w *wire.Writer, c *llm.Citation) {
	if c.Dialect == dialectName {
		w.Raw(c.Raw)
		return
	}
	w.Object()
	if c.Title != "" {
		w.StrField("title", c.Title)
	}
	if c.Kind == llm.CiteSearch && c.URL != "" {
		w.StrField("source", c.URL)
	}
	if c.Quote != "" {
		w.Key("sourceContent")
		w.List()
		writeText(w, c.Quote)
		w.EndList()
	}
	w.Key("location")
	w.Object()
	if kind := locationOf[c.Kind]; kind != "" {
		w.Key(kind)
		w.Object()
		w.IntField(locations[kind].index, c.Index)
		w.IntField("start", c.First)
		w.IntField("end", c.Last)
		w.EndObject()
	} else {
		w.Key("web")
		w.Object()
		w.StrField("url", c.URL)
		if u, err := url.Parse(c.URL); err == nil && u.Hostname() != "" {
			w.StrField("domain", u.Hostname())
		}
		w.EndObject()
	}
	w.EndObject()
	w.EndObject()
}

// citable tells whether an answer can say a citation, and names what it cannot.
func citable(l *llm.LossList, c *llm.Citation) bool { return l.Citable(c, dialectName, c.Kind != "") }

// given are the citations of an answer that may be sent back: those of what the
// request itself holds. Claude on Bedrock is not known to take back pages.
func given(list []llm.Citation) (out []llm.Citation, all bool) {
	all = true
	for i := range list {
		c := &list[i]
		if c.Dialect == dialectName || locationOf[c.Kind] != "" {
			out = append(out, *c)
		}
		all = all && (c.Dialect == dialectName || locationOf[c.Kind] != "" && !c.More)
	}
	return out, all
}

// writeCited writes a text with its citations.
func writeCited(w *wire.Writer, text string, list []llm.Citation) {
	w.Object()
	w.Key("citationsContent")
	w.Object()
	w.Key("content")
	w.List()
	writeText(w, text)
	w.EndList()
	w.Key("citations")
	w.List()
	for i := range list {
		writeCitation(w, &list[i])
	}
	w.EndList()
	w.EndObject()
	w.EndObject()
}
