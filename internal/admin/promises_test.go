package admin

import (
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// selves are rows of people who are signed in: the admin key is nobody's account. What they
// edit is edited by the same functions as accounts and keys.
const selves = "/admin/me"

// seeds is what each edit of the table is tried on: how it is made, or its id.
var seeds = map[string]struct{ make, id, edit string }{
	"/admin/keys/{id}":            {make: `{"name":"k"}`, edit: `{"description":"x"}`},
	"/admin/teams/{id}":           {make: `{"name":"t"}`, edit: `{"description":"x"}`},
	"/admin/users/{id}":           {make: `{"name":"u"}`, edit: `{"description":"x"}`},
	"/admin/tags/{id}":            {id: "web", edit: `{"description":"x"}`},
	"/admin/organisation":         {edit: `{"description":"x"}`},
	"/admin/budgets/{id}":         {make: `{"scope":"organisation","period":"daily","limit_usd":"5"}`, edit: `{"limit_usd":"6"}`},
	"/admin/providers/{id}":       {make: `{"name":"p","type":"openai","api_key":"sk-1"}`, edit: `{"weight":7}`},
	"/admin/catalog/rules/{id}":   {make: `{"name":"r","match":["m"],"caps":{"max_output":1}}`, id: "r", edit: `{"match":["n"]}`},
	"/admin/aliases/{id}":         {make: `{"match":"mine","to":["a/sandbox"]}`, id: "mine", edit: `{"to":["b/gpt-5"]}`},
	"/admin/routing":              {edit: `{"provider":"a"}`},
	"/admin/alerts/rules/{id}":    {make: `{"name":"x","when":"spend","above":"1","per":"day"}`, id: "x", edit: `{"above":"2"}`},
	"/admin/alerts/channels/{id}": {make: `{"name":"hook","type":"webhook","url":"https://hook.example"}`, id: "hook", edit: `{"url":"https://other.example"}`},
	"/admin/accounts/{id}":        {make: `{"login":"ann","role":"auditor","password":"a good password"}`, edit: `{"name":"x"}`},
	"/admin/group-mappings/{id}":  {make: `{"provider":"entra","group":"g","role":"auditor"}`, edit: `{"priority":7}`},
	"/admin/services/{id}":        {make: `{"name":"ci","issuer":"https://issuer.example","audience":"turnpike","claims":{"sub":"repo:acme/app"},"role":"auditor"}`, edit: `{"disabled":true}`},
}

// TestEditsAreConditional: every edit in the table tells an ETag, is refused where If-Match
// names another one, and leaves things as they are then.
func TestEditsAreConditional(t *testing.T) {
	for _, op := range operations() {
		if op.method != http.MethodPatch || strings.HasPrefix(op.path, selves) {
			continue
		}
		t.Run(op.path, func(t *testing.T) {
			seed, ok := seeds[op.path]
			if !ok {
				t.Fatal("no seed: say how one is made that can be edited")
			}
			w := newWorld(t)
			id := seed.id
			if seed.make != "" {
				rec := w.send("POST", strings.TrimSuffix(op.path, "/{id}"), seed.make)
				if rec.Code != 201 {
					t.Fatalf("made: %d %s", rec.Code, rec.Body)
				}
				if id == "" {
					id = made(t, rec.Body.Bytes())
				}
			}
			path := strings.ReplaceAll(op.path, "{id}", id)
			if op.path == "/admin/tags/{id}" {
				do[map[string]any](w, 200, "PATCH", path, `{}`)
			}
			w.refused(412, "changed since", "PATCH", path, seed.edit, "If-Match", `"stale"`)
			first := w.send("PATCH", path, seed.edit)
			tag := first.Header().Get("ETag")
			if first.Code != 200 || tag == "" {
				t.Fatalf("edited: %d, ETag %q: %s", first.Code, tag, first.Body)
			}
			if again := w.send("PATCH", path, seed.edit, "If-Match", tag); again.Code != 200 {
				t.Errorf("with its own ETag: %d %s", again.Code, again.Body)
			}
		})
	}
}

// TestCreatesAreOnce: every row of the table that answers 201 takes an Idempotency-Key, and
// no POST that makes one of a listed kind answers otherwise.
func TestCreatesAreOnce(t *testing.T) {
	listed := map[string]bool{}
	for _, op := range operations() {
		if op.method == http.MethodGet {
			listed[op.path] = true
		}
	}
	creates := 0
	for _, op := range operations() {
		if (op.status == http.StatusCreated) != op.creates {
			t.Errorf("%s %s: answers %d, and takes an Idempotency-Key: %t", op.method, op.path, op.status, op.creates)
		}
		if op.method == http.MethodPost && listed[op.path] && !strings.HasSuffix(op.path, "/export") && !op.creates {
			t.Errorf("%s %s makes one of a list and takes no Idempotency-Key", op.method, op.path)
		}
		if op.creates {
			creates++
		}
	}
	if creates < 10 {
		t.Errorf("%d rows make something", creates)
	}
}

// TestEditsLeaveAloneWhatIsAbsent: every member of every edit tells absent from null, so that
// null can clear.
func TestEditsLeaveAloneWhatIsAbsent(t *testing.T) {
	for _, op := range operations() {
		if op.method != http.MethodPatch {
			continue
		}
		if op.body == nil {
			t.Errorf("%s edits nothing", op.path)
			continue
		}
		for _, f := range reflect.VisibleFields(op.body) {
			if f.Anonymous || f.Tag.Get("json") == "-" {
				continue
			}
			if !strings.HasPrefix(f.Type.Name(), "Opt[") {
				t.Errorf("%s: %s of %s is %s: absent and null are the same there", op.path, f.Name, op.body, f.Type)
			}
		}
	}
}

// whole are lists that come in one piece.
var whole = []string{
	"/admin/catalog", // of this binary, not of its users
	"/admin/alerts",  // an overview: rules, channels, the last alerts told
}

// TestListsHavePages: every list that can grow is cut into pages, with a cursor in the answer.
func TestListsHavePages(t *testing.T) {
	pages := 0
	for _, op := range operations() {
		if op.method != http.MethodGet || strings.Contains(op.path, "{id}") || !strings.HasPrefix(op.say, "List ") {
			continue
		}
		_, limit := op.query.FieldByName("Limit")
		_, cursor := op.query.FieldByName("Cursor")
		_, next := op.answer.FieldByName("Next")
		switch paged := limit && cursor && next; {
		case paged && slices.Contains(whole, op.path):
			t.Errorf("%s has pages: take it off the list of others", op.path)
		case !paged && !slices.Contains(whole, op.path):
			t.Errorf("%s has no pages: limit %t, cursor %t, next %t", op.path, limit, cursor, next)
		case paged:
			pages++
		}
	}
	if pages < 10 {
		t.Errorf("%d lists with pages", pages)
	}
}
