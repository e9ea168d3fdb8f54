package admin

import (
	"context"
	"testing"

	"turnpike/internal/payload"
	"turnpike/internal/store"
)

// hear keeps what a request said.
func (w *world) hear(request, key string) {
	w.t.Helper()
	r := payload.New(payload.Options{Store: w.opt.Store, Sealer: w.opt.Payloads.Sealer, Log: w.opt.Log, Now: w.opt.Now, Part: 100, Keep: 1 << 62, Bytes: 1 << 30})
	r.Keep(r.Begin(request, key, "key/"+key, []byte("hello")))
	if err := r.Close(context.WithoutCancel(w.t.Context())); err != nil {
		w.t.Fatal(err)
	}
}

// TestPayload: who may read it can, whoever reads it is noted, and a shredded one says
// that it is.
func TestPayload(t *testing.T) {
	w := newWorld(t)
	w.hear("req_1", "key_1")
	if p := do[Payload](w, 200, "GET", "/admin/requests/req_1/payload", ""); p.Client.Text != "hello" || p.KeyID != "key_1" {
		t.Errorf("%+v", p)
	}
	if r, _ := w.last(); r.Kind != "requests.payload" || r.Subject != "requests/req_1" || r.Actor != "admin key" {
		t.Errorf("%+v", r)
	}
	w.refused(404, "nothing is kept", "GET", "/admin/requests/req_2/payload", "")
	row, err := w.opt.Store.Payload(t.Context(), "req_1")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.opt.Store.ForgetPayloads(t.Context(), "key_1"); err != nil {
		t.Fatal(err)
	}
	if err := w.opt.Store.InsertPayloads(t.Context(), []store.Payload{row}); err != nil {
		t.Fatal(err)
	}
	w.refused(410, "data key was deleted", "GET", "/admin/requests/req_1/payload", "")
}

// TestDeletedKeyIsForgotten: what was kept of a key's requests goes with it, and what a
// team's data key seals goes with the team.
func TestDeletedKeyIsForgotten(t *testing.T) {
	w := newWorld(t)
	made := do[map[string]any](w, 201, "POST", "/admin/keys", `{"name":"alice"}`)
	id, _ := made["id"].(string)
	w.hear("req_1", id)
	do[Deleted](w, 200, "DELETE", "/admin/keys/"+id, "")
	w.refused(404, "nothing is kept", "GET", "/admin/requests/req_1/payload", "")
	if _, err := w.opt.Store.ScopeDataKey(t.Context(), "key/"+id); err == nil {
		t.Error("its data key is still there")
	}
	team := do[map[string]any](w, 201, "POST", "/admin/teams", `{"name":"blue"}`)
	scope := "team/" + team["id"].(string) //nolint:forcetypeassert // a test
	if _, err := w.opt.Payloads.Sealer.SealFor(t.Context(), scope, []byte("x"), "y"); err != nil {
		t.Fatal(err)
	}
	w.send("DELETE", "/admin/"+"teams/"+team["id"].(string), "") //nolint:forcetypeassert // a test
	if _, err := w.opt.Store.ScopeDataKey(t.Context(), scope); err == nil {
		t.Error("the team's data key is still there")
	}
}
