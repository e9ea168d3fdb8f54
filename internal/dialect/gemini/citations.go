package gemini

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Gemini tells citations beside the text, as members of the candidate: which
// sources there are and which pieces of the text, in bytes, rest on them.
const (
	groundingMember = candidatePrefix + "groundingMetadata"
	citationMember  = candidatePrefix + "citationMetadata"
)

// span is a piece of an answer's text.
type span struct {
	begin, end int64  // in bytes
	text       string // what stands there, where that is told
	sources    []int
}

// readGrounding reads the candidate's two members as citations of a text, whose
// place in the whole text of the answer is before. Those of other texts are left
// out: of all pieces that are told, so many were found here.
func readGrounding(extra []llm.Extra, text string, before int64) (list []llm.Citation, found, all int) {
	for _, x := range extra {
		var sources []llm.Citation
		var spans []span
		switch x.Name {
		case groundingMember:
			sources, spans = grounding(wire.NewReader(x.Raw))
		case citationMember:
			sources, spans = recitations(wire.NewReader(x.Raw))
		}
		for _, s := range spans {
			begin, end, ok := s.in(text, before)
			all++
			if !ok {
				continue
			}
			found++
			for _, k := range s.sources {
				if k < 0 || k >= len(sources) || len(list) >= llm.MaxCitations {
					continue
				}
				c := sources[k]
				c.Begin, c.End = begin, end
				list = append(list, c)
			}
		}
	}
	return list, found, all
}

// in finds the place of a piece in a text, in characters. What is told in bytes
// is believed where it fits what is said to stand there.
func (s *span) in(text string, before int64) (begin, end int64, ok bool) {
	if s.end <= 0 && s.text == "" {
		return 0, 0, true // the whole of it
	}
	from, to := s.begin-before, s.end-before
	fits := from >= 0 && to <= int64(len(text)) && from < to
	switch {
	case fits && (s.text == "" || text[from:to] == s.text):
	case s.text == "":
		return 0, 0, false
	default:
		at := strings.Index(text, s.text)
		if at < 0 {
			return 0, 0, false
		}
		from, to = int64(at), int64(at+len(s.text))
	}
	begin = int64(utf8.RuneCountInString(text[:from]))
	return begin, begin + int64(utf8.RuneCountInString(text[from:to])), true
}

// grounding reads GroundingMetadata (API reference).
func grounding(r *wire.Reader) (sources []llm.Citation, spans []span) {
	if r.Kind() != '{' {
		return nil, nil
	}
	for name := range r.Fields() {
		switch string(name) {
		case "groundingChunks":
			for range elements(r) {
				sources = append(sources, source(r))
			}
		case "groundingSupports":
			for range elements(r) {
				spans = append(spans, support(r))
			}
		}
	}
	if len(spans) == 0 { // nothing is told of where they belong
		for k := range sources {
			spans = append(spans, span{sources: []int{k}})
		}
	}
	return sources, spans
}

// elements are those of a list of objects; others are passed over.
func elements(r *wire.Reader) func(func(int) bool) {
	return func(yield func(int) bool) {
		if r.Kind() != '[' {
			return
		}
		for i := range r.Elements() {
			if r.Kind() == '{' && i < llm.MaxCitations && !yield(i) {
				return
			}
		}
	}
}

// source reads a GroundingChunk: a page, or a document that only Gemini knows.
func source(r *wire.Reader) llm.Citation {
	c := llm.Citation{Dialect: name}
	for kind := range r.Fields() {
		if r.Kind() != '{' {
			continue
		}
		own := string(kind)
		for member := range r.Fields() {
			if r.Kind() != '"' {
				continue
			}
			switch string(member) {
			case "uri":
				c.URL = r.Str()
			case "title":
				c.Title = r.Str()
			case "text":
				c.Quote = r.Str()
			}
		}
		if c.URL != "" && (own == "web" || strings.HasPrefix(c.URL, "http")) {
			c.Kind = llm.CiteWeb
		}
	}
	return c
}

func support(r *wire.Reader) (s span) {
	for member := range r.Fields() {
		switch string(member) {
		case "segment":
			if r.Kind() != '{' {
				continue
			}
			for at := range r.Fields() {
				switch k := r.Kind(); string(at) {
				case "startIndex":
					s.begin = index(r, k)
				case "endIndex":
					s.end = index(r, k)
				case "text":
					if k == '"' {
						s.text = r.Str()
					}
				}
			}
		case "groundingChunkIndices":
			if r.Kind() == '[' {
				for range r.Elements() {
					s.sources = append(s.sources, int(index(r, r.Kind())))
				}
			}
		}
	}
	return s
}

func index[K ~byte](r *wire.Reader, k K) int64 {
	if k != '0' {
		return 0
	}
	return llm.Clamp(r.Int())
}

// recitations reads CitationMetadata. The members are named citationSources by
// Google's AI Studio, citations by Vertex.
func recitations(r *wire.Reader) (sources []llm.Citation, spans []span) {
	if r.Kind() != '{' {
		return nil, nil
	}
	for member := range r.Fields() {
		if m := string(member); m != "citationSources" && m != "citations" {
			continue
		}
		for range elements(r) {
			c, s := llm.Citation{Dialect: name}, span{sources: []int{len(sources)}}
			for at := range r.Fields() {
				switch k := r.Kind(); string(at) {
				case "startIndex":
					s.begin = index(r, k)
				case "endIndex":
					s.end = index(r, k)
				case "uri":
					if k == '"' {
						c.URL, c.Kind = r.Str(), llm.CiteWeb
					}
				case "title":
					if k == '"' {
						c.Title = r.Str()
					}
				}
			}
			if c.Kind != "" {
				sources, spans = append(sources, c), append(spans, s)
			}
		}
	}
	return sources, spans
}

// saidWhole tells whether citations say all that a member of the candidate does.
func saidWhole(key string, raw []byte) bool {
	switch key {
	case citationMember:
		return true
	case groundingMember:
		r := wire.NewReader(raw)
		if r.Kind() != '{' {
			return false
		}
		for member := range r.Fields() {
			known := string(member) == "groundingChunks" || string(member) == "groundingSupports"
			if !llm.SaysNothing(r.Raw()) && !known {
				return false
			}
		}
		return true
	}
	return false
}

// grounded gathers the citations of an answer for its groundingMetadata.
type grounded struct {
	before   int64 // bytes of the texts so far
	chunks   []byte
	supports []byte
	n        int64
}

// add takes a text and its citations.
func (g *grounded) add(l *llm.LossList, text string, list []llm.Citation) {
	for i := range list {
		c := &list[i]
		switch {
		case c.Dialect == name: // said by a member that is kept whole
			continue
		case c.Page() == "":
			l.LoseCitation(c, name)
			continue
		case c.Quote != "":
			l.Lose(llm.CitationPath, "gemini does not say what stands in the source")
		}
		l.LoseMore(c)
		begin, end := 0, len(text)
		if c.End > 0 {
			begin, end = byteAt(text, c.Begin), byteAt(text, c.End)
		}
		g.write(c, text, begin, max(begin, end))
	}
	g.before += int64(len(text))
}

func (g *grounded) write(c *llm.Citation, text string, begin, end int) {
	w := wire.NewWriter(g.chunks)
	w.Object()
	w.Key("web")
	w.Object()
	w.StrField("uri", c.Page())
	w.StrField("title", c.Title)
	w.EndObject()
	w.EndObject()
	g.chunks = w.Bytes()
	w = wire.NewWriter(g.supports)
	w.Object()
	w.Key("segment")
	w.Object()
	if at := g.before + int64(begin); at > 0 {
		w.IntField("startIndex", at)
	}
	w.IntField("endIndex", g.before+int64(end))
	w.StrField("text", text[begin:end])
	w.EndObject()
	w.Key("groundingChunkIndices")
	w.List()
	w.Int(g.n)
	w.EndList()
	w.EndObject()
	g.supports = w.Bytes()
	g.n++
}

// byteAt is where a character of a text stands.
func byteAt(text string, character int64) int {
	for at := range text {
		if character == 0 {
			return at
		}
		character--
	}
	return len(text)
}

// writeMember writes groundingMetadata, if there is anything in it.
func (g *grounded) writeMember(w *wire.Writer) {
	if g.n == 0 {
		return
	}
	w.Key(strings.TrimPrefix(groundingMember, candidatePrefix))
	w.Object()
	for _, f := range [...]struct {
		name string
		list []byte
	}{{"groundingChunks", g.chunks}, {"groundingSupports", g.supports}} {
		w.Key(f.name)
		w.List()
		w.Raw(f.list)
		w.EndList()
	}
	w.EndObject()
}

// mayCite tells whether a chunk may hold citations, which stand behind the text.
func mayCite(data []byte) bool {
	return bytes.Contains(data, []byte(`"groundingMetadata"`)) || bytes.Contains(data, []byte(`"citationMetadata"`))
}
