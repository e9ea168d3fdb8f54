package llm

import (
	"bytes"
	"fmt"
	"strings"

	"turnpike/internal/wire"
)

// CitationKind tells what a citation points at.
type CitationKind string

// Kinds of citation; the empty one is known to its own dialect only.
const (
	CiteWeb    CitationKind = "web"    // a page: URL
	CiteChars  CitationKind = "chars"  // characters of a document of the request
	CitePages  CitationKind = "pages"  // pages of one
	CiteBlocks CitationKind = "blocks" // content blocks of one
	CiteSearch CitationKind = "search" // blocks of a search result of the request; URL is its source
)

// Citation says where something in a text comes from.
type Citation struct {
	Kind  CitationKind
	URL   string
	Title string
	Quote string // what the source says there
	Index int64  // of the document or the search result among those of the request
	First int64  // where in it, in what Kind counts, as the issuer counts it
	Last  int64
	Begin int64 // the piece of the text this is about, in characters
	End   int64 // behind it; 0 for the whole text

	More bool // Raw says more than this, which other dialects cannot know

	Dialect string // that wrote Raw, and writes it again
	Raw     []byte // one JSON object
}

// MaxCitations bounds those kept of one text.
const MaxCitations = 1000

// Clone copies a citation whose Raw is a view.
func (c *Citation) Clone() Citation {
	out := *c
	out.Raw = bytes.Clone(c.Raw)
	return out
}

// Page is the address of what is cited, where it has one.
func (c *Citation) Page() string {
	if c.Kind == CiteWeb || c.Kind == CiteSearch && (strings.HasPrefix(c.URL, "https://") || strings.HasPrefix(c.URL, "http://")) {
		return c.URL
	}
	return ""
}

// citing are the words for what citations point at.
var citing = map[CitationKind]string{
	CiteWeb: "web pages", CiteChars: "characters of a document", CitePages: "pages of a document",
	CiteBlocks: "blocks of a document", CiteSearch: "search results",
}

// Uncited is the reason why a dialect cannot say a citation.
func (c *Citation) Uncited(dialect string) string {
	what := citing[c.Kind]
	if what == "" {
		return dialect + " has no form for this citation of " + c.Dialect
	}
	return dialect + " has no citations of " + what
}

// LoseCitation notes that a dialect cannot say a citation of an answer.
func (l *LossList) LoseCitation(c *Citation, dialect string) {
	l.Lose(CitationPath, c.Uncited(dialect))
}

// LoseMore notes what only the dialect of a citation knows of it.
func (l *LossList) LoseMore(c *Citation) {
	if c.More {
		l.Lose(CitationPath, "they hold members that only "+c.Dialect+" has")
	}
}

// Citable tells whether an answer in a dialect that cites whole blocks can say a
// citation, and names what it cannot. known tells whether the dialect has its kind.
func (l *LossList) Citable(c *Citation, dialect string, known bool) bool {
	switch {
	case c.Dialect == dialect:
	case !known:
		l.LoseCitation(c, dialect)
		return false
	case c.End > 0:
		l.Lose(CitationPath, dialect+" cites whole blocks: the place in the text is left out")
		fallthrough
	default:
		l.LoseMore(c)
	}
	return true
}

// ReadCitations reads a list of citations, each by one; an empty one is none.
func ReadCitations(r *wire.Reader, one func(raw []byte) Citation) []Citation {
	if r.Kind() != '[' {
		return nil
	}
	var out []Citation
	for range r.Elements() {
		if raw := r.Raw(); len(raw) > 0 && len(out) < MaxCitations {
			c := one(raw)
			out = append(out, c.Clone())
		}
	}
	return out
}

// CitationPath names the citations of an answer in its report.
const CitationPath = "content: citations"

// CitationList gathers the citations of a text that is still being written, for
// dialects that tell them behind it. The zero value is ready.
type CitationList struct{ list []Citation }

// Add takes a citation, of which it keeps a copy; what is too many it notes as lost.
func (k *CitationList) Add(c *Citation, l *LossList) {
	if len(k.list) >= MaxCitations {
		l.Lose(CitationPath, "there are more than are kept of one text")
		return
	}
	k.list = append(k.list, c.Clone())
}

// Take gives what was gathered and begins anew.
func (k *CitationList) Take() []Citation {
	list := k.list
	k.list = nil
	return list
}

// LoseMarks names what stands on texts of a request and only some dialects take
// there: marks for a guardrail, and citations in what is not an answer.
func LoseMarks(req *Request, lose func(path, reason string)) {
	marks := func(parts []Part, path func() string, answer bool) {
		for _, p := range parts {
			t, ok := p.(*Text)
			if !ok {
				continue
			}
			if t.Guard != nil {
				lose(path()+": guardContent", "only Converse marks texts for a guardrail")
			}
			if len(t.Citations) > 0 && !answer {
				lose(path()+": citations", "only an answer holds citations")
			}
		}
	}
	marks(req.System, func() string { return "system" }, false)
	for i := range req.Turns {
		path := func() string { return fmt.Sprintf("messages[%d].content", i) }
		marks(req.Turns[i].Parts, path, req.Turns[i].Role == Assistant)
		for _, p := range req.Turns[i].Parts {
			if r, ok := p.(*ToolResult); ok {
				marks(r.Parts, path, false)
			}
		}
	}
}
