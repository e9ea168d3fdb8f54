package messages

import (
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// The types of citations (API reference, TextCitation), and what each counts.
const (
	citeWeb    = "web_search_result_location"
	citeChars  = "char_location"
	citePages  = "page_location"
	citeBlocks = "content_block_location"
	citeSearch = "search_result_location"
)

// place names the members that tell where in a source something stands.
var placeOf = map[string]struct {
	kind        llm.CitationKind
	index       string
	title       string
	first, last string
}{
	citeWeb:    {kind: llm.CiteWeb, title: "title"},
	citeChars:  {llm.CiteChars, "document_index", "document_title", "start_char_index", "end_char_index"},
	citePages:  {llm.CitePages, "document_index", "document_title", "start_page_number", "end_page_number"},
	citeBlocks: {llm.CiteBlocks, "document_index", "document_title", "start_block_index", "end_block_index"},
	citeSearch: {llm.CiteSearch, "search_result_index", "title", "start_block_index", "end_block_index"},
}

// typeOf is the type of a citation of a kind.
var typeOf = map[llm.CitationKind]string{
	llm.CiteWeb: citeWeb, llm.CiteChars: citeChars, llm.CitePages: citePages, llm.CiteBlocks: citeBlocks, llm.CiteSearch: citeSearch,
}

// citation reads one citation. Its Raw is a view.
func citation(raw []byte) llm.Citation {
	c := llm.Citation{Dialect: name, Raw: raw}
	r := wire.NewReader(raw)
	if r.Kind() != '{' {
		return c
	}
	p := placeOf[string(peek(*r, "type"))]
	c.Kind = p.kind
	whole := func() int64 {
		if r.Kind() == '0' {
			return r.Int()
		}
		return 0
	}
	for m := range r.Fields() {
		switch string(m) {
		case "url", "source":
			c.URL = text(r)
		case "cited_text":
			c.Quote = text(r)
		case p.title:
			c.Title = text(r)
		case p.index:
			c.Index = whole()
		case p.first:
			c.First = whole()
		case p.last:
			c.Last = whole()
		case "type", "encrypted_index": // the latter means something to its issuer only
		default:
			c.More = c.More || !llm.SaysNothing(r.Raw())
		}
	}
	return c
}

// citations reads a list of citations; an empty one is none.
func citations(r *wire.Reader) []llm.Citation { return llm.ReadCitations(r, citation) }

// appendCitation writes a citation as this API has it, one line.
func appendCitation(dst []byte, c *llm.Citation) []byte {
	if c.Dialect == name {
		return append(dst, oneLine(c.Raw)...)
	}
	w := wire.NewWriter(dst)
	kind := typeOf[c.Kind]
	p := placeOf[kind]
	w.Object()
	w.StrField("type", kind)
	w.StrField("cited_text", c.Quote)
	switch c.Kind {
	case llm.CiteWeb:
		w.StrField("url", c.URL)
		// A seal, so that a request with it in its history does not pass as it is:
		// the API takes its own indexes only.
		w.StrField("encrypted_index", unsignedSeal())
	case llm.CiteSearch:
		w.StrField("source", c.URL)
	case llm.CiteChars, llm.CitePages, llm.CiteBlocks:
	}
	w.Key(p.title)
	if c.Title == "" {
		w.Null()
	} else {
		w.Str(c.Title)
	}
	if p.index != "" {
		w.IntField(p.index, c.Index)
		w.IntField(p.first, c.First)
		w.IntField(p.last, c.Last)
	}
	w.EndObject()
	return w.Bytes()
}

// citable tells whether an answer can say a citation, and names what it cannot.
func citable(l *llm.LossList, c *llm.Citation) bool { return l.Citable(c, name, typeOf[c.Kind] != "") }

// given are the citations of an answer that is sent back, and whether all of
// them are: pages are known by an index that only this API makes.
func given(list []llm.Citation) (out []llm.Citation, all bool) {
	all = true
	for i := range list {
		c := &list[i]
		switch {
		case c.Dialect == name && !llm.HasSeal(c.Raw), c.Dialect != name && c.Kind != llm.CiteWeb && typeOf[c.Kind] != "":
			out = append(out, *c)
			all = all && (c.Dialect == name || !c.More)
		default:
			all = false
		}
	}
	return out, all
}

func writeCitations(w *wire.Writer, list []llm.Citation) {
	if len(list) == 0 {
		return
	}
	w.Key("citations")
	w.List()
	for i := range list {
		w.Raw(appendCitation(nil, &list[i]))
	}
	w.EndList()
}
