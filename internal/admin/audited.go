package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"turnpike/internal/audit"
	"turnpike/internal/store"
)

// verbs are the acts of methods that have no word in the path.
var verbs = map[string]string{http.MethodPost: "create", http.MethodPatch: "edit", http.MethodPut: "edit", http.MethodDelete: "delete"}

// actOf is what a row is called in the audit log: keys.rotate, keys.edit.
func actOf(method, path string) string {
	words := strings.Split(strings.TrimPrefix(path, "/admin/"), "/")
	last := words[len(words)-1]
	words = slices.DeleteFunc(words, func(w string) bool { return strings.HasPrefix(w, "{") })
	if strings.HasPrefix(last, "{") || len(words) == 1 {
		words = append(words, verbs[method])
	}
	return strings.Trim(strings.Join(words, "."), ".")
}

// noted has a row that only reads stand in the audit log.
func (o *operation) noted() *operation {
	o.act = actOf("", o.path)
	return o
}

// auditTime bounds the writing of one event. What was done stands, so it is written
// although its request has ended.
const auditTime = 10 * time.Second

// do runs an operation and notes it in the audit log, with what it has changed: what
// the row that shows the thing tells before and after. What was refused changed nothing
// and is not noted, but where somebody may not.
func (c *call) do(op *operation) (status int, answer any, err error) {
	if c.Audit == nil || op.act == "" {
		return c.run(op)
	}
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, maxBody)
	body, err := readAll(c.r)
	if err != nil {
		return 0, nil, err
	}
	c.r.Body = io.NopCloser(bytes.NewReader(body))
	before := c.shown(op)
	status, answer, err = c.run(op)
	e := audit.Event{Kind: op.act, Subject: c.subject(op, answer)}
	if err != nil {
		if _, known := problemOf(err); known {
			return status, answer, err
		}
		e.Outcome = audit.Failed
	} else {
		after := c.shown(op)
		if before == nil && after == nil {
			after = masked(body, op.secrets)
			e.Note = c.Hide(c.r.URL.RawQuery)
		}
		e.Changes = asked(audit.Diff(before, after, c.hide), body, before != nil)
	}
	if bad := c.note(e); bad != nil && err == nil {
		err = fail(http.StatusInternalServerError, "it was done, but could not be written into the audit log; the gateway's log tells why")
	}
	return status, answer, err
}

// hide takes out what is secret, also what only looks like it.
func (c *call) hide(s string) string {
	if c.Redact != nil {
		return c.Redact(s)
	}
	return c.Hide(s)
}

// note adds an event of this request.
func (c *call) note(e audit.Event) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), auditTime)
	defer cancel()
	e.Actor = c.who.Name
	return add(ctx, c.Options, c.r, e)
}

// add adds an event with where its request came from.
func add(ctx context.Context, o *Options, r *http.Request, e audit.Event) error {
	if a := o.Proxies.Address(r); a.IsValid() {
		e.Address = a.String()
	}
	e.Subject, e.Agent, e.Request = o.Hide(e.Subject), o.Hide(r.UserAgent()), requestID(r.Context()) // an id may be a secret that somebody took for one
	err := o.Audit.Add(ctx, e)
	if err != nil {
		o.Log.Error("an event is not in the audit log", "kind", e.Kind, "actor", e.Actor, "subject", e.Subject, "outcome", e.Outcome, "request", e.Request, "error", err)
	}
	return err
}

// showing are the rows that show one thing, by their paths.
var showing = sync.OnceValue(func() map[string]*operation {
	rows := map[string]*operation{}
	for _, op := range operations() {
		if op.method == http.MethodGet {
			rows[op.path] = op
		}
	}
	return rows
})

// shown is what there is now of the thing that an operation is about, nil where no row
// shows it.
func (c *call) shown(op *operation) []byte {
	path, _, one := strings.Cut(op.path, "{id}")
	if one {
		path += "{id}"
	}
	show := showing()[path]
	if show == nil || !one && op.method != http.MethodPatch || op.method == http.MethodGet {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), auditTime)
	defer cancel()
	r := c.r.Clone(ctx)
	r.Method, r.Body, r.URL.RawQuery = http.MethodGet, http.NoBody, ""
	look := &call{Options: c.Options, ctx: ctx, w: nowhere{http.Header{}}, r: r, who: c.who}
	view, err := show.serve(look)
	if err != nil {
		return nil
	}
	text, err := json.Marshal(view)
	if err != nil {
		return nil
	}
	return text
}

// nowhere is where answers go that nobody reads.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header         { return n.header }
func (n nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n nowhere) WriteHeader(int)             {}

// asked leaves those changes that were asked for: others are of the time between two
// looks. Of what has no body, or asks for something under another name, all are left.
func asked(changes []audit.Change, body []byte, seen bool) []audit.Change {
	var members map[string]json.RawMessage
	if !seen || json.Unmarshal(body, &members) != nil || len(members) == 0 {
		return changes
	}
	var out []audit.Change
	for _, c := range changes {
		name, _, _ := strings.Cut(c.Field, ".")
		if _, ok := members[name]; ok {
			out = append(out, c)
		}
	}
	if len(out) == 0 {
		return changes
	}
	return out
}

// masked is a body without what a row hides.
func masked(body []byte, secrets []string) []byte {
	var members map[string]json.RawMessage
	if len(secrets) == 0 || json.Unmarshal(body, &members) != nil {
		return body
	}
	for _, name := range secrets {
		if _, given := members[name]; given {
			members[name] = json.RawMessage(`"` + audit.Mask + `"`)
		}
	}
	out, err := json.Marshal(members)
	if err != nil {
		return nil
	}
	return out
}

// subject is what an operation was about: the id in its path, or those in its answer.
func (c *call) subject(op *operation, answer any) string {
	what, _, _ := strings.Cut(strings.TrimPrefix(op.path, "/admin/"), "/")
	if id := c.id(); id != "" {
		return what + "/" + id
	}
	text, ok := answer.(json.RawMessage)
	if !ok {
		return what
	}
	var ids struct {
		ID   string `json:"id"`
		Keys []struct {
			ID string `json:"id"`
		} `json:"keys"`
	}
	if json.Unmarshal(text, &ids) != nil || ids.ID == "" && len(ids.Keys) == 0 {
		return what
	}
	if ids.ID != "" {
		return what + "/" + ids.ID
	}
	list := make([]string, 0, len(ids.Keys))
	for _, k := range ids.Keys {
		list = append(list, k.ID)
	}
	return what + "/" + strings.Join(list, ",")
}

type requestKey struct{}

// withRequest gives a request an id, which its answer and the audit log have.
func withRequest(w http.ResponseWriter, r *http.Request) *http.Request {
	id := store.NewID("req")
	w.Header().Set("X-Request-Id", id)
	return r.WithContext(context.WithValue(r.Context(), requestKey{}, id))
}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}
