package admin

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"turnpike/internal/audit"
	"turnpike/internal/store"
)

// events are the rows of the log, the oldest first.
func (w *world) events() []store.AuditRow {
	w.t.Helper()
	rows, err := w.opt.Store.AuditRows(w.t.Context(), store.AuditQuery{Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	return rows
}

// last is the newest row with its changes as text.
func (w *world) last() (store.AuditRow, string) {
	w.t.Helper()
	rows := w.events()
	if len(rows) == 0 {
		w.t.Fatal("the audit log is empty")
	}
	r := rows[len(rows)-1]
	return r, r.Detail
}

// TestNoRowEscapesTheAudit: whatever a row that changes something does, the table
// notes that it did, once; that it failed half-way; and that somebody may not.
func TestNoRowEscapesTheAudit(t *testing.T) {
	w := newWorld(t)
	kinds := map[string]string{}
	for _, op := range operations() {
		for _, method := range append([]string{op.method}, op.also...) {
			if method == http.MethodGet {
				continue
			}
			at := method + " " + op.path
			if op.act == "" {
				t.Errorf("%s has no name in the audit log", at)
			}
			if before := kinds[op.act]; before != "" && before != op.path {
				t.Errorf("%s and %s are both %s", at, before, op.act)
			}
			kinds[op.act] = op.path
			for _, c := range []struct {
				err     error
				who     *Caller
				outcome string // empty: nothing is noted
			}{
				{nil, &Caller{Name: "me", Owner: true}, audit.Done},
				{errors.New("the disk is full"), &Caller{Name: "me", Owner: true}, audit.Failed},
				{store.ErrNotFound, &Caller{Name: "me", Owner: true}, ""},
				{nil, &Caller{Name: "me"}, audit.Refused},
			} {
				stub := *op
				stub.serve = func(*call) (any, error) { return map[string]string{"id": "made"}, c.err }
				d := &door{Options: &w.opt, room: make(chan struct{}, 1)}
				r := httptest.NewRequestWithContext(withCaller(t.Context(), c.who), method, "/admin/x?a=b", strings.NewReader("{}"))
				r.SetPathValue("id", "nobody")
				before := len(w.events())
				d.serve(&stub).ServeHTTP(httptest.NewRecorder(), r)
				rows := w.events()[before:]
				if c.outcome == "" && len(rows) == 0 {
					continue
				}
				if len(rows) != 1 || rows[0].Kind != op.act || rows[0].Outcome != c.outcome || rows[0].Actor != "me" || rows[0].Subject == "" {
					t.Errorf("%s, %v by %+v: %+v, want %q", at, c.err, c.who, rows, c.outcome)
				}
			}
		}
	}
	for _, path := range []string{"/admin/keys/export", "/admin/usage/export", "/admin/audit/export"} {
		before := len(w.events())
		if rec := w.send("GET", path, ""); rec.Code != 200 {
			t.Fatalf("%s: %d %s", path, rec.Code, rec.Body)
		}
		if rows := w.events()[before:]; len(rows) != 1 || !strings.HasSuffix(rows[0].Kind, ".export") {
			t.Errorf("%s: %+v", path, rows)
		}
	}
	if r := do[AuditReport](w, 200, "GET", "/admin/audit/verify", ""); !r.Good || r.Rows == 0 {
		t.Errorf("%+v", r)
	}
}

// TestAuditTellsWhatChanged: an edit with the fields before and after, a key that is
// made without its secret, where it came from.
func TestAuditTellsWhatChanged(t *testing.T) {
	w := newWorld(t)
	made := do[map[string]any](w, 201, "POST", "/admin/keys", `{"name":"alice","limits":{"rpm":10}}`, "User-Agent", "curl/8")
	id, _ := made["id"].(string)
	r, detail := w.last()
	secret, _ := made["key"].(string)
	if r.Kind != "keys.create" || r.Subject != "keys/"+id || r.Actor != "admin key" || r.Agent != "curl/8" || r.Address != "192.0.2.1" || !strings.HasPrefix(r.Request, "req_") || !strings.Contains(detail, `"alice"`) {
		t.Errorf("%+v", r)
	}
	if secret == "" || strings.Contains(detail, secret) {
		t.Errorf("the secret %q is told: %s", secret, detail)
	}
	rec := w.send("PATCH", "/admin/keys/"+id, `{"limits":{"rpm":20},"description":"hers"}`)
	r, detail = w.last()
	if r.Kind != "keys.edit" || !strings.Contains(detail, `{"field":"limits.rpm","from":10,"to":20}`) || !strings.Contains(detail, `"field":"description"`) || strings.Contains(detail, "alice") {
		t.Errorf("%+v", r)
	}
	if got := rec.Header().Get("X-Request-Id"); got != r.Request {
		t.Errorf("the answer's id is %q, the log's %q", got, r.Request)
	}
	before := len(w.events())
	w.refused(422, "", "PATCH", "/admin/keys/"+id, `{"limits":{"rpm":"many"}}`)
	w.refused(404, "", "DELETE", "/admin/keys/nobody", "")
	if rows := w.events()[before:]; len(rows) != 0 {
		t.Errorf("what changed nothing is noted: %+v", rows)
	}
	revealed := do[map[string]any](w, 200, "POST", "/admin/keys/"+id+"/reveal", "")
	if r, detail = w.last(); r.Kind != "keys.reveal" || r.Subject != "keys/"+id || strings.Contains(detail, revealed["key"].(string)) { //nolint:forcetypeassert // a test
		t.Errorf("%+v", r)
	}
	do[Provider](w, 200, "PATCH", "/admin/providers/a", `{"enabled":false,"reason":"being repaired"}`)
	if r, detail = w.last(); r.Subject != "providers/a" || !strings.Contains(detail, `{"field":"enabled","from":true,"to":false}`) {
		t.Errorf("%+v", r)
	}
	w.send("DELETE", "/admin/keys/"+id, "")
	if r, detail = w.last(); r.Kind != "keys.delete" || !strings.Contains(detail, "revoked") {
		t.Errorf("%+v", r)
	}
	// A request that is sent again is done once, and noted once.
	before = len(w.events())
	for range 2 {
		w.send("POST", "/admin/teams", `{"name":"blue"}`, "Idempotency-Key", "once")
	}
	if rows := w.events()[before:]; len(rows) != 1 || rows[0].Kind != "teams.create" {
		t.Errorf("%+v", rows)
	}
}

func TestAuditListAndRefusals(t *testing.T) {
	w := newWorld(t)
	for range 3 {
		w.send("POST", "/admin/teams", `{"name":"t`+store.NewID("x")+`"}`)
	}
	list := do[AuditList](w, 200, "GET", "/admin/audit?limit=2&kind=teams.", "")
	if len(list.Events) != 2 || list.Next == "" || list.Events[0].Seq <= list.Events[1].Seq {
		t.Fatalf("%+v", list)
	}
	if rest := do[AuditList](w, 200, "GET", "/admin/audit?limit=2&kind=teams.&cursor="+list.Next, ""); len(rest.Events) != 1 || rest.Next != "" {
		t.Errorf("%+v", rest)
	}
	w.refused(422, "cursor", "GET", "/admin/audit?cursor=x", "")
	w.refused(422, "from", "GET", "/admin/audit?from=2027-01-02T00:00:00Z&to=2027-01-01T00:00:00Z", "")
	// Wrong keys are noted, from many addresses only so often.
	before := len(w.events())
	for i := range 100 {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/admin/keys", nil)
		r.RemoteAddr = "198.51.100." + itoa(i) + ":1"
		r.Header.Set("Authorization", "Bearer wrong-secret-word")
		w.h.ServeHTTP(httptest.NewRecorder(), r)
	}
	rows := w.events()[before:]
	if len(rows) != audit.MaxRefusals || rows[0].Kind != "login.refused" || rows[0].Outcome != audit.Refused || rows[0].Address != "198.51.100.0" || rows[0].Subject != "/admin/keys" {
		t.Fatalf("%d rows, %+v", len(rows), rows[0])
	}
	w.now = w.now.Add(time.Minute)
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/admin/keys", nil)
	w.h.ServeHTTP(httptest.NewRecorder(), r)
	if row, detail := w.last(); !strings.Contains(detail, "40 more") {
		t.Errorf("%+v", row)
	}
	text, err := json.Marshal(w.events())
	if err != nil || strings.Contains(string(text), "wrong-secret-word") {
		t.Error("a wrong key is told")
	}
}
