package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"turnpike/internal/wire"
)

// question is what the sandbox keeps of a request.
type question struct {
	model  string
	stream bool
	usage  bool // chat: the client wants a usage chunk
	tools  []tool

	bytes   int      // of all text, to count tokens by
	results bool     // some tool has answered, anywhere in the conversation
	now     said     // since the last turn of the assistant
	before  []string // the last texts of the user before that
	begun   string   // what the assistant said last
}

// said is what a turn holds, or several.
type said struct {
	texts     []string
	results   []string // what tools answered
	images    int
	documents int
}

// tool is a function on offer.
type tool struct {
	name   string
	schema []byte
}

// text takes a text, whoever said it.
func (s *said) text(text string) {
	if text != "" {
		s.texts = append(s.texts, text)
	}
}

// result takes what a tool answered.
func (s *said) result(of said) {
	s.results = append(s.results, strings.Join(of.texts, "\n"))
	s.images += of.images
	s.documents += of.documents
}

// system takes a text of the system's, wherever it stands.
func (q *question) system(s said) { q.count(s) }

// user takes a turn of the user, tools included.
func (q *question) user(s said) {
	q.count(s)
	q.results = q.results || len(s.results) > 0
	q.now.texts = append(q.now.texts, s.texts...)
	q.now.results = append(q.now.results, s.results...)
	q.now.images += s.images
	q.now.documents += s.documents
}

// assistant takes a turn of the assistant: what was said before it is answered.
func (q *question) assistant(s said) {
	q.count(s)
	if len(q.now.texts) > 0 {
		q.before = q.now.texts
	}
	q.begun = strings.Join(s.texts, "")
	q.now = said{}
}

func (q *question) count(s said) {
	for _, t := range s.texts {
		q.bytes += len(t)
	}
	for _, t := range s.results {
		q.bytes += len(t)
	}
}

// offer takes a tool.
func (q *question) offer(t tool, description string) {
	q.bytes += len(t.name) + len(description)
	if t.name != "" {
		q.tools = append(q.tools, t)
	}
}

// last is the text that says how to answer: of the user's last turns the last
// text with a directive, else the last text. fresh is false where the assistant
// has answered it already, and only a tool spoke since.
func (q *question) last() (text string, fresh bool) {
	from, fresh := q.now.texts, true
	if len(from) == 0 {
		from, fresh = q.before, false
	}
	for _, text := range slices.Backward(from) {
		if hasDirective(text) {
			return text, fresh
		}
	}
	if len(from) == 0 {
		return "", fresh
	}
	return from[len(from)-1], fresh
}

// cutShort is the text of the user whose answer a directive made short, where the
// assistant has begun to answer it.
func (q *question) cutShort() (text string, ok bool) {
	for _, text := range slices.Backward(q.before) {
		m := manner{}
		if _, err := m.parse(text); err == nil && m.most > 0 {
			return text, q.begun != ""
		}
	}
	return "", false
}

// failure is an answer that is an error.
type failure struct {
	status int
	param  string
	msg    string
}

func (f *failure) Error() string { return f.msg }

// invalid is the failure of a request that lacks something or has it wrong.
func invalid(param, format string, args ...any) *failure {
	return &failure{status: http.StatusBadRequest, param: param, msg: fmt.Sprintf(format, args...)}
}

// asFailure makes an answer of what reading a request returned.
func asFailure(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	f := invalid("", "%v", err)
	if w, ok := errors.AsType[*wire.Error](err); ok {
		f.param = w.Path
	}
	return f
}

// readTurn reads a message: who speaks, and what content makes of it.
func readTurn(r *wire.Reader, content func(*wire.Reader, *said)) (role string, s said) {
	for name := range r.Fields() {
		switch string(name) {
		case "role":
			role = r.Str()
		case "content":
			content(r, &s)
		}
	}
	return role, s
}

// readTool reads a tool's members; its schema stands in the one that is named.
func readTool(r *wire.Reader, member string, schema func(*wire.Reader) []byte) (t tool, description string) {
	for name := range r.Fields() {
		switch string(name) {
		case "name":
			t.name = r.Str()
		case "description":
			description = r.Str()
		case member:
			t.schema = schema(r)
		}
	}
	return t, description
}
