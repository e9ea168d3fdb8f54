package admin

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"turnpike/internal/keyring"
	"turnpike/internal/roster"
	"turnpike/internal/store"
)

// opens is who a secret speaks for, as a gateway would read it from the store now.
func (w *world) opens(secret string) *keyring.Principal {
	w.t.Helper()
	entries, err := roster.Load(context.Background(), w.opt.Store)
	if err != nil {
		w.t.Fatal(err)
	}
	ring := keyring.New(func() time.Time { return w.now })
	ring.Set(entries)
	p, ok, _ := ring.Lookup(secret)
	if !ok {
		return nil
	}
	return p
}

// TestSeedKeys: what other gateways' clients send and read is understood and told.
func TestSeedKeys(t *testing.T) {
	w := newWorld(t)
	made := do[map[string]any](w, 201, "POST", "/admin/keys", `{"name":"dev-team","qpm_limit":60,"tpm_limit":100000}`)
	secret, _ := made["key"].(string)
	if !strings.HasPrefix(secret, roster.SecretPrefix) || made["qpm_limit"] != 60.0 || made["tpm_limit"] != 100000.0 || made["qpm"] != 60.0 || made["enabled"] != true {
		t.Errorf("made %v", made)
	}
	if who := w.opens(secret); who == nil || len(who.Chain) != 1 || *who.Chain[0].Limits.RPM != 60 || *who.Chain[0].Limits.TPM != 100000 {
		t.Errorf("it speaks for %+v", who)
	}
	id, _ := made["id"].(string)
	made = do[map[string]any](w, 201, "POST", "/admin/keys", `{"name":"other","qpm":5,"allowed_models":["gpt-*"],"allowed_providers":["b"],"default_provider":"b"}`)
	if who := w.opens(made["key"].(string)); who == nil || who.Policy.Routing == nil || who.Policy.Routing.Provider != "b" || len(who.Policy.Routing.Models) != 1 {
		t.Errorf("it speaks for %+v", who)
	}
	list := do[map[string]any](w, 200, "GET", "/admin/keys", "")
	if rows := list["keys"].([]any); list["total"] != 3.0 || len(rows) != 3 { // the configuration's is one
		t.Errorf("list %v", list)
	}
	// PUT changes a subset; null is no change there.
	put := do[map[string]any](w, 200, "PUT", "/admin/keys/"+id, `{"enabled":false,"qpm":null,"tpm":7}`)
	if put["enabled"] != false || put["state"] != "disabled" || put["qpm"] != 60.0 || put["tpm"] != 7.0 {
		t.Errorf("put %v", put)
	}
	if who := w.opens(secret); who == nil || who.Barred != "it is disabled" {
		t.Errorf("disabled: %+v", who)
	}
	do[Key](w, 200, "PUT", "/admin/keys/"+id, `{"enabled":true}`)
	if who := w.opens(secret); who == nil || who.Barred != "" {
		t.Errorf("enabled again: %+v", who)
	}
	if gone := do[Deleted](w, 200, "DELETE", "/admin/keys/"+id, ""); !gone.Deleted || w.opens(secret) != nil {
		t.Errorf("deleted: %+v", gone)
	}
	w.refused(409, "revoked", "PUT", "/admin/keys/"+id, `{"enabled":true}`)
}

// TestPatchKey: absent stays, null clears, and a form is told all that is wrong at once.
func TestPatchKey(t *testing.T) {
	w := newWorld(t)
	do[Scope](w, 201, "POST", "/admin/teams", `{"name":"red"}`)
	k := do[KeyMade](w, 201, "POST", "/admin/keys", `{"name":"k","description":"d","team":"red","tags":["x","a"],"addresses":["10.0.0.0/8"],
		"expires_at":"2027-01-01T00:00:00Z","log_payloads":true,"limits":{"rpm":5,"models":[{"match":"gpt-*","limits":{"tpm":9}}]},
		"policy":{"cache":"auto","routing":{"strategy":"priority"}},"allowed_models":["gpt-*"]}`)
	if k.Team != "red" || k.Tags[0] != "a" || k.Expires.Year() != 2027 || *k.Limits.RPM != 5 || len(k.Limits.Models) != 1 || k.Policy.Cache != "auto" || k.AllowedModels[0] != "gpt-*" {
		t.Fatalf("made %+v", k)
	}
	path := "/admin/keys/" + k.ID
	same := do[Key](w, 200, "PATCH", path, `{"name":"renamed"}`)
	want := k.Key
	if want.Name = "renamed"; fmt.Sprintf("%+v", deref(same)) != fmt.Sprintf("%+v", deref(want)) {
		t.Errorf("absent members did not stay:\n%+v\n%+v", same, want)
	}
	if one := do[Key](w, 200, "PATCH", path, `{"qpm":null,"tpm":3}`); one.Limits.RPM != nil || *one.Limits.TPM != 3 || len(one.Limits.Models) != 1 {
		t.Errorf("one limit alone: %+v", one.Limits)
	}
	none := do[Key](w, 200, "PATCH", path, `{"description":null,"team":null,"tags":null,"addresses":null,"expires_at":null,"limits":null,"policy":null,"log_payloads":null,"allowed_models":null}`)
	if none.Description != "" || none.Team != "" || none.Tags != nil || none.Addresses != nil || !none.Expires.IsZero() || none.Limits != nil || none.Policy != nil || none.LogPayloads {
		t.Errorf("null did not clear: %+v", none)
	}
	p := w.refused(422, "", "PATCH", path, `{"nam":"x","tags":"x","qpm":1.5,"expires_at":"soon","limits":{"rmp":1,"models":[{"match":1}]},"enabled":null,"policy":{"cache":"auto"},"policy":{}}`)
	var got []string
	for _, e := range p.Errors {
		got = append(got, e.Pointer+" "+e.Detail)
	}
	for _, want := range []string{
		"#/nam is not known; did you mean name?",
		"#/tags must be a list",
		"#/qpm must be a whole number",
		"#/expires_at must be a time such as 2027-01-31T12:00:00Z",
		"#/limits/rmp is not known; did you mean rpm?",
		"#/limits/models/0/match must be a text",
		"#/limits/models/0/limits is needed",
		"#/policy is said twice",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("%q is not told in %q", want, got)
		}
	}
	if len(got) != 8 {
		t.Errorf("%d errors: %q", len(got), got)
	}
	for body, words := range map[string]string{
		`{"name":null}`:                  "needs a name",
		`{"team":"blue"}`:                `there is no team "blue"`,
		`{"policy":{"rules":["nope"]}}`:  `no rule is named "nope"`,
		`{"allowed_providers":["nope"]}`: `there is no provider "nope"`,
		`{"policy":{"cache":"always"}}`:  "cache must be one of",
		`{"rpm":-1}`:                     "rpm must be 0 or more",
		`{"addresses":["here"]}`:         "here",
		`{"tags":["a b"]}`:               "a tag is a word",
		`[]`:                             "must be an object",
		`{"limits":{"models":[{"match":"[","limits":{}}]}}`: "no pattern",
	} {
		w.refused(422, words, "PATCH", path, body)
	}
	if after := do[Key](w, 200, "GET", path, ""); after.Name != "renamed" {
		t.Errorf("a refused edit changed something: %+v", after)
	}
}

// deref shows what pointers point to.
func deref(k Key) string { return fmt.Sprint(marshal(k)) }

func TestETags(t *testing.T) {
	w := newWorld(t)
	k := do[KeyMade](w, 201, "POST", "/admin/keys", `{"name":"k"}`)
	path := "/admin/keys/" + k.ID
	first := w.send("GET", path, "").Header().Get("ETag")
	if first == "" || w.send("GET", path, "", "If-None-Match", first).Code != http.StatusNotModified {
		t.Errorf("the tag %q is not known again", first)
	}
	rec := w.send("PATCH", path, `{"name":"one"}`, "If-Match", first)
	second := rec.Header().Get("ETag")
	if rec.Code != 200 || second == first || second == "" {
		t.Errorf("%d, %q", rec.Code, second)
	}
	w.refused(412, "changed since", "PATCH", path, `{"name":"two"}`, "If-Match", first)
	do[Key](w, 200, "PATCH", path, `{"name":"three"}`, "If-Match", `"other", `+second)
	do[Key](w, 200, "PATCH", path, `{"name":"four"}`, "If-Match", "*")
	for _, c := range []struct{ make, body, edit string }{
		{"/admin/teams", `{"name":"red"}`, `{"description":"x"}`},
		{"/admin/users", `{"name":"ann"}`, `{"email":"a@b.c"}`},
		{"/admin/budgets", `{"scope":"organisation","period":"daily","limit_usd":"5"}`, `{"limit_usd":"6"}`},
	} {
		rec := w.send("POST", c.make, c.body)
		id := do[struct{ ID string }](w, 200, "GET", c.make+"/"+made(t, rec.Body.Bytes()), "").ID
		tag := w.send("GET", c.make+"/"+id, "").Header().Get("ETag")
		do[map[string]any](w, 200, "PATCH", c.make+"/"+id, c.edit, "If-Match", tag)
		w.refused(412, "changed since", "PATCH", c.make+"/"+id, c.edit, "If-Match", tag)
	}
}

// TestIdempotency: a request that is sent again makes nothing twice, and a failed one can be
// tried again.
func TestIdempotency(t *testing.T) {
	w := newWorld(t)
	first := w.send("POST", "/admin/keys", `{"name":"k"}`, "Idempotency-Key", "one")
	again := w.send("POST", "/admin/keys", `{"name":"k"}`, "Idempotency-Key", "one")
	if first.Code != 201 || again.Code != 201 || first.Body.String() != again.Body.String() || again.Header().Get("Idempotency-Replayed") != "true" || first.Header().Get("ETag") != again.Header().Get("ETag") {
		t.Errorf("%d %s\n%d %s", first.Code, first.Body, again.Code, again.Body)
	}
	if n := do[KeyList](w, 200, "GET", "/admin/keys", "").Total; n != 2 {
		t.Errorf("%d keys", n)
	}
	w.refused(422, "another request", "POST", "/admin/keys", `{"name":"other"}`, "Idempotency-Key", "one")
	w.refused(400, "at most", "POST", "/admin/keys", `{"name":"other"}`, "Idempotency-Key", strings.Repeat("x", maxKey+1))
	do[Scope](w, 201, "POST", "/admin/teams", `{"name":"k"}`, "Idempotency-Key", "one") // of another route
	w.refused(422, "is needed", "POST", "/admin/keys", `{}`, "Idempotency-Key", "two")
	do[KeyMade](w, 201, "POST", "/admin/keys", `{"name":"mended"}`, "Idempotency-Key", "two")
	claim := store.AdminAnswer{ID: digest("admin key", "POST /admin/keys", "three"), Request: digest("/admin/keys", `{"name":"k"}`), MadeAt: w.now}
	if _, mine, err := w.opt.Store.ClaimAnswer(t.Context(), claim, w.now.Add(-time.Hour), w.now.Add(-time.Minute)); err != nil || !mine {
		t.Fatal(mine, err)
	}
	w.refused(409, "still under way", "POST", "/admin/keys", `{"name":"k"}`, "Idempotency-Key", "three")
	w.now = w.now.Add(keepAnswers + time.Hour)
	do[KeyMade](w, 201, "POST", "/admin/keys", `{"name":"k"}`, "Idempotency-Key", "one")
	if n := do[KeyList](w, 200, "GET", "/admin/keys", "").Total; n != 4 {
		t.Errorf("%d keys", n)
	}
}

func TestBatchRotateReveal(t *testing.T) {
	w := newWorld(t)
	batch := do[KeysMade](w, 201, "POST", "/admin/keys/batch", `{"names":["a, b；c\nd","e"],"tags":["class"],"rpm":3}`)
	if batch.Total != 5 || batch.Keys[3].Name != "d" || batch.Keys[4].Tags[0] != "class" || *batch.Keys[0].QPM != 3 || batch.Keys[0].Secret == batch.Keys[1].Secret {
		t.Errorf("batch %+v", batch)
	}
	w.refused(422, "between 1 and 100", "POST", "/admin/keys/batch", `{"names":["`+strings.Repeat("x,", 101)+`"]}`)
	w.refused(422, "between 1 and 100", "POST", "/admin/keys/batch", `{"names":[" , "]}`)
	k := batch.Keys[0]
	path := "/admin/keys/" + k.ID
	if r := do[Revealed](w, 200, "POST", path+"/reveal", ""); r.Key != k.Secret {
		t.Errorf("revealed %+v", r)
	}
	next := do[KeyMade](w, 200, "POST", path+"/rotate", `{"grace":"1h"}`)
	if w.opens(k.Secret) == nil || w.opens(next.Secret) == nil || !next.OldUntil.Equal(w.now.Add(time.Hour)) {
		t.Errorf("rotated %+v", next)
	}
	last := do[KeyMade](w, 200, "POST", path+"/rotate", `{"grace":"0s"}`)
	if w.opens(k.Secret) != nil || w.opens(next.Secret) != nil || w.opens(last.Secret) == nil {
		t.Error("an old secret opens without a grace")
	}
	for _, grace := range []string{`"soon"`, `"-1h"`, `"99999h"`} {
		w.refused(422, "grace must be", "POST", path+"/rotate", `{"grace":`+grace+`}`)
	}
	if k := do[Key](w, 200, "POST", path+"/revoke", ""); k.State != "revoked" || w.opens(last.Secret) != nil {
		t.Errorf("revoked %+v", k)
	}
	w.opt.Keys.Vault = nil
	w.refused(409, "keys.revealable is off", "POST", "/admin/keys/"+batch.Keys[1].ID+"/reveal", "")
}

// TestIDsAreIDs: neither names nor prefixes open a route, and the configuration's key is
// nobody's to change.
func TestIDsAreIDs(t *testing.T) {
	w := newWorld(t)
	k := do[KeyMade](w, 201, "POST", "/admin/keys", `{"name":"k"}`)
	do[KeyMade](w, 201, "POST", "/admin/keys", `{"name":"twice"}`)
	do[KeyMade](w, 201, "POST", "/admin/keys", `{"name":"twice"}`)
	for _, id := range []string{"k", strings.TrimSuffix(k.Prefix, "..."), "twice", "key_nothing"} {
		w.refused(404, "", "GET", "/admin/keys/"+id, "")
		w.refused(404, "", "PATCH", "/admin/keys/"+id, `{"name":"x"}`)
		w.refused(404, "", "DELETE", "/admin/keys/"+id, "")
		w.refused(404, "", "POST", "/admin/keys/"+id+"/reveal", "")
		w.refused(404, "", "POST", "/admin/keys/"+id+"/rotate", "")
	}
	w.refused(409, "read-only", "PATCH", "/admin/keys/config", `{"name":"x"}`)
	w.refused(409, "read-only", "DELETE", "/admin/keys/config", "")
	do[Scope](w, 201, "POST", "/admin/teams", `{"name":"red"}`)
	w.refused(404, "", "GET", "/admin/teams/red", "")
	w.refused(404, "", "DELETE", "/admin/teams/red", "")
}

func TestListKeys(t *testing.T) {
	w := newWorld(t)
	do[Scope](w, 201, "POST", "/admin/teams", `{"name":"red"}`)
	for i := range 25 {
		w.now = w.now.Add(time.Minute)
		do[KeyMade](w, 201, "POST", "/admin/keys", fmt.Sprintf(`{"name":"zebra%02d","team":%s,"tags":["t%d"]}`, (i*7)%25, []string{`"red"`, "null"}[i%2], i%3))
	}
	var all []string
	for next, pages := "", 0; ; pages++ {
		list := do[KeyList](w, 200, "GET", "/admin/keys?limit=10&sort=-name&cursor="+next, "")
		if list.Total != 26 {
			t.Errorf("total %d", list.Total)
		}
		for _, k := range list.Keys {
			all = append(all, k.Name)
		}
		if next = list.Next; next == "" {
			if pages != 2 {
				t.Errorf("%d pages", pages)
			}
			break
		}
	}
	if len(all) != 26 || all[0] != "zebra24" || all[24] != "zebra00" || !slices.IsSortedFunc(all, func(a, b string) int { return strings.Compare(b, a) }) {
		t.Errorf("in order %q", all)
	}
	for query, want := range map[string]int{
		"team=red": 13, "tag=t1": 8, "q=ZEBRA1": 10, "q=auth.api": 1, "state=valid": 26, "state=revoked": 0, "team=red&tag=t1": 4, "user=x": 0,
	} {
		if n := do[KeyList](w, 200, "GET", "/admin/keys?"+query, "").Total; n != want {
			t.Errorf("%s: %d, want %d", query, n, want)
		}
	}
	if k := do[KeyList](w, 200, "GET", "/admin/keys?q=auth.api", "").Keys[0]; !k.Declared || k.ID != "config" {
		t.Errorf("the configuration's: %+v", k)
	}
	for query, words := range map[string]string{
		"limit=0x1":                     "whole number",
		"limit=501":                     "between 1 and 500",
		"limit=-1":                      "between 1 and 500",
		"sort=secret":                   "must be one of created_at, expires_at, last_used_at, name",
		"cursor=AAAA":                   "cursor is",
		"cursor=!":                      "cursor is none",
		"tema=red":                      "tema is not known; did you mean team?",
		"state=gone":                    "state must be one of",
		"limit=1&limit=2":               "said twice",
		"cursor=bmFtZQBrAGs&sort=-name": "another order",
	} {
		w.refused(422, words, "GET", "/admin/keys?"+query, "")
	}
}

func TestMoveKeys(t *testing.T) {
	w := newWorld(t)
	k := do[KeyMade](w, 201, "POST", "/admin/keys", `{"name":"k","rpm":4}`)
	file := w.send("GET", "/admin/keys/export", "").Body.String()
	if strings.Contains(file, k.Secret) || !strings.Contains(file, `"name":"k"`) {
		t.Errorf("exported %s", file)
	}
	if i := do[Imported](w, 200, "POST", "/admin/keys/import", file); len(i.Made) != 0 || len(i.Known) != 1 {
		t.Errorf("here again: %+v", i)
	}
	other := newWorld(t)
	if i := do[Imported](other, 200, "POST", "/admin/keys/import?dry_run=true", file); len(i.Made) != 1 || other.opens(k.Secret) != nil {
		t.Errorf("tried: %+v", i)
	}
	if i := do[Imported](other, 200, "POST", "/admin/keys/import", file); len(i.Made) != 1 || other.opens(k.Secret) == nil {
		t.Errorf("imported: %+v", i)
	}
	other.refused(422, "neither key, nor hash", "POST", "/admin/keys/import", `[{"name":"x"}]`)
	other.refused(422, "the command alone", "POST", "/admin/keys/import", `[{"name":"x","encrypted_token":"gAAAAA"}]`)
	other.refused(422, "", "POST", "/admin/keys/import", `{"keys":7}`)
}
