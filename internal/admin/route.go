package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"turnpike/internal/tries"
)

// operation is a row of the table of routes.
type operation struct {
	method, path string
	may          Permission
	say          string
	act          string   // what it is called in the audit log; empty: it is not there
	secrets      []string // members of the body that the audit log masks, beside those whose names say it
	status       int      // of success
	creates      bool     // Idempotency-Key holds for it
	also         []string
	query        reflect.Type
	body         reflect.Type // nil: none
	answer       reflect.Type
	files        []string // media types of answers that are files, where one is asked for
	limit        time.Duration
	listed       bool // keeps to what a caller's scopes list
	serve        func(*call) (any, error)
}

// nothing is a query, a body or an answer that is not there.
type nothing struct{}

// file is an answer that is no JSON.
type file struct {
	media, name string
	write       func(w io.Writer) error
}

// usual bounds how long an operation may take.
const usual = 30 * time.Second

// row makes a row of the table: what a function takes and gives is what the document says of it.
func row[Q, B, A any](at string, may Permission, say string, do func(*call, *Q, *B) (A, error)) *operation {
	method, path, _ := strings.Cut(at, " ")
	op := &operation{
		method: method, path: path, may: may, say: say, status: http.StatusOK, limit: usual,
		query: reflect.TypeFor[Q](), answer: reflect.TypeFor[A](),
	}
	if method != http.MethodGet {
		op.act = actOf(method, path)
	}
	if b := reflect.TypeFor[B](); b != reflect.TypeFor[nothing]() {
		op.body = b
	}
	op.serve = func(c *call) (any, error) {
		var q Q
		var b B
		if !plain(c.id()) {
			return nil, fail(http.StatusNotFound, "there is nothing of that name")
		}
		if err := readQuery(c.r.URL.Query(), &q); err != nil {
			return nil, err
		}
		body, err := readAll(c.r)
		if err != nil {
			return nil, err
		}
		if op.body == nil && len(strings.TrimSpace(string(body))) > 0 {
			body = nil // clients send {} where nothing is wanted
		}
		if c.r.Method == http.MethodPut {
			body = withoutNulls(body)
		}
		if op.body != nil {
			if err := readJSON(body, &b); err != nil {
				return nil, err
			}
		}
		return do(c, &q, &b)
	}
	return op
}

// edits tells whether If-Match holds for the row; where something is shown it says nothing.
func (o *operation) edits() bool { return o.method == http.MethodPatch || o.method == http.MethodGet }

// made is a row that makes something.
func (o *operation) made() *operation {
	o.status, o.creates = http.StatusCreated, true
	return o
}

// as serves other methods as well.
func (o *operation) as(methods ...string) *operation {
	o.also = methods
	return o
}

// gives says that it can answer with files too.
func (o *operation) gives(media ...string) *operation {
	o.files = media
	return o
}

// long is for what may take its time.
func (o *operation) long(d time.Duration) *operation {
	o.limit = d
	return o
}

// hiding names members of the body that are secret although their names do not say it.
func (o *operation) hiding(members ...string) *operation {
	o.secrets = members
	return o
}

// named is what the row is called in the audit log, where its path does not say it.
func (o *operation) named(act string) *operation {
	o.act = act
	return o
}

// within says that the function keeps to what the caller's scopes list. Others are for
// those whose scope is all.
func (o *operation) within() *operation {
	o.listed = true
	return o
}

// call is one request to the API.
type call struct {
	*Options
	ctx context.Context //nolint:containedctx // of the one thing that is done
	w   http.ResponseWriter
	r   *http.Request
	who *Caller

	codes *tries.Counter // wrong passwords and codes of people who are signed in

	file *file // the answer in the place of what the function gives
}

// plain tells whether a text can be kept and asked for in every database.
func plain(text string) bool { return utf8.ValidString(text) && !strings.Contains(text, "\x00") }

// id is the word in the path.
func (c *call) id() string { return c.r.PathValue("id") }

// withoutNulls leaves out the members of an object that are null: in a PUT they say nothing.
// One with a member that is said twice stays as it is, to be refused.
func withoutNulls(body []byte) []byte {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil || said(body) != len(members) {
		return body
	}
	for name, value := range members {
		if string(value) == "null" {
			delete(members, name)
		}
	}
	out, err := json.Marshal(members)
	if err != nil {
		return body
	}
	return out
}

// said counts the members of an object as they are written.
func said(body []byte) (n int) {
	dec := json.NewDecoder(bytes.NewReader(body))
	_, _ = dec.Token()
	for ; dec.More(); n++ {
		var value json.RawMessage
		if _, err := dec.Token(); err != nil || dec.Decode(&value) != nil {
			return -1
		}
	}
	return n
}
