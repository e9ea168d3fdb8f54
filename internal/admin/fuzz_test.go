package admin

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// FuzzReadJSON: whatever is sent, it is read or refused with members named; what is read is
// what encoding/json reads.
func FuzzReadJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"name":"k","tags":["a"],"qpm":null,"limits":{"rpm":1,"models":[{"match":"m","limits":{}}]},"policy":{"routing":{"aliases":[{"match":"a","to":["b"]}]}}}`,
		`{"name":1,"name":2}`, `[]`, `null`, `{"a":{"b":[}`, `{"limits":[1],"expires_at":"x"}`, "", `{"nam\u0065":"x"}`, `{"NAME":"x"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, to := range []any{&KeyCreate{}, &KeyBatch{}, &UserEdit{}, &BudgetCreate{}, &PriceSet{}, &ProviderCreate{}, &AlertChannelCreate{}, &ModelRuleCreate{}} {
			err := readJSON(body, to)
			p, known := problemOf(err)
			if err != nil && (!known || p.Status != 422 && p.Status != 400 || p.Status == 422 && len(p.Errors) == 0) {
				t.Fatalf("%T of %q: %v", to, body, err)
			}
			if again := reflect.New(reflect.TypeOf(to).Elem()).Interface(); err == nil && len(strings.TrimSpace(string(body))) > 0 {
				if json.Unmarshal(body, again) != nil || !reflect.DeepEqual(to, again) {
					t.Fatalf("%T of %q is read otherwise", to, body)
				}
			}
		}
	})
}

// FuzzReadQuery: whatever stands behind the question mark, it is read or refused by name.
func FuzzReadQuery(f *testing.F) {
	for _, seed := range []string{"", "limit=5&sort=-name", "limit=x&limit=y", "cursor=AAAA", "from=2026-11-01T00:00:00Z", "failed=maybe&status=9999999999", "%zz", "a=b;c", "="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		values, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		for _, to := range []any{&keyQuery{}, &attemptQuery{}, &sumQuery{}, &PriceFor{}} {
			if err := readQuery(values, to); err != nil {
				if p, known := problemOf(err); !known || len(p.Errors) == 0 || p.Errors[0].Parameter == "" {
					t.Fatalf("%q: %v", text, err)
				}
			}
		}
		var q attemptQuery
		if readQuery(values, &q) == nil {
			if _, err := q.search(time.Unix(1_800_000_000, 0)); err != nil {
				if _, known := problemOf(err); !known {
					t.Fatalf("%q: %v", text, err)
				}
			}
		}
		var u usageQuery
		if readQuery(values, &u) == nil {
			_, _, _, err := u.resolve(time.Unix(1_800_000_000, 0))
			if _, known := problemOf(err); err != nil && !known {
				t.Fatalf("%q: %v", text, err)
			}
		}
	})
}

// FuzzWithoutNulls: what is left of an object has no null and nothing new.
func FuzzWithoutNulls(f *testing.F) {
	f.Add([]byte(`{"a":null,"b":1}`))
	f.Add([]byte(`[null]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var before, after map[string]json.RawMessage
		if json.Unmarshal(body, &before) != nil || json.Unmarshal(withoutNulls(body), &after) != nil {
			return
		}
		for name, value := range after {
			if _, ok := before[name]; !ok || string(value) == "null" {
				t.Fatalf("%q became %q", body, withoutNulls(body))
			}
		}
	})
}

// TestByTheDocument sends each route bodies and queries of the right and of a wrong shape,
// made of the document by chance: nothing is answered with a 5xx, nothing panics, and what
// is answered is what the document says.
func TestByTheDocument(t *testing.T) {
	const rounds = 30
	w := newWorld(t)
	rnd := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	g := &maker{rnd: rnd, schemas: w.schemas()}
	ids := []string{"nobody", "config", "a", "b", "off", "%00", "..%2f", "'%20OR%201=1--", "x%22%3E", strings.Repeat("y", 300)}
	_, request := w.record()
	do[map[string]any](w, 201, "POST", "/admin/budgets", `{"scope":"organisation","period":"daily","limit_usd":"5"}`)
	do[map[string]any](w, 201, "POST", "/admin/budgets", `{"scope":"key","scope_id":"shop","period":"daily","limit_tokens":5}`)
	ids = append(ids, request)
	do[map[string]any](w, 201, "POST", "/admin/aliases", `{"match":"mine","to":["a/sandbox"]}`)
	do[map[string]any](w, 201, "POST", "/admin/catalog/rules", `{"name":"mine","match":["m"],"caps":{"max_output":1}}`)
	do[map[string]any](w, 201, "POST", "/admin/alerts/channels", `{"name":"hook","type":"webhook","url":"https://hook.example"}`)
	w.hear(request, "key_x")
	do[map[string]any](w, 200, "PATCH", "/admin/tags/web", `{}`)
	do[map[string]any](w, 201, "POST", "/admin/accounts", `{"login":"ann","role":"auditor","password":"a good password"}`)
	do[map[string]any](w, 201, "POST", "/admin/services", `{"name":"ci","issuer":"https://issuer.example","audience":"turnpike","claims":{"sub":"repo:acme/app"},"role":"auditor"}`)
	ops := operations() // what takes away comes last
	slices.SortStableFunc(ops, func(a, b *operation) int { return strings.Compare(a.method[:1], b.method[:1]) * -1 })
	for _, op := range ops {
		if op.path == "/admin/alerts/channels/{id}/test" {
			continue // it has nothing to read
		}
		for _, method := range append([]string{op.method}, op.also...) {
			good := 0
			for i := range rounds {
				if i%10 == 0 {
					ids = append(ids, w.someIDs()...)
				}
				path := strings.ReplaceAll(op.path, "{id}", g.id(op.path, ids))
				if q := g.query(op); q != "" {
					path += "?" + q
				}
				body := ""
				if op.body != nil {
					body = g.body(op.body, i%3 == 0)
				}
				rec := w.fuzzed(method, path, body)
				if rec.Code >= 500 {
					t.Fatalf("%s %s %s: %d %s\n%s", method, path, body, rec.Code, rec.Body, w.log)
				}
				if rec.Code < 300 {
					good++
				}
			}
			if good == 0 && method == "GET" && op.path != "/admin/me/keys/{id}" { // the admin key has none
				t.Errorf("%s %s: none of %d were taken, so little was tried", method, op.path, rounds)
			}
		}
	}
}

// fuzzed makes a request whose path may be odd.
func (w *world) fuzzed(method, path, body string) *httptest.ResponseRecorder {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, "http://turnpike"+path, strings.NewReader(body))
	if err != nil {
		return httptest.NewRecorder()
	}
	r.Header.Set("Authorization", "Bearer "+key)
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, r)
	if rec.Code != http.StatusMovedPermanently && rec.Code != http.StatusTemporaryRedirect { // paths that are put in order
		w.doc.compare(w.t, method, r.URL.EscapedPath(), rec)
	}
	return rec
}

// someIDs are ids of what there is.
func (w *world) someIDs() (ids []string) {
	keys, err1 := w.opt.Store.ListKeys(w.t.Context())
	scopes, err2 := w.opt.Store.Scopes(w.t.Context(), "")
	budgets, err3 := w.opt.Store.Budgets(w.t.Context())
	if err1 != nil || err2 != nil || err3 != nil {
		w.t.Fatal(err1, err2, err3)
	}
	for i := range keys {
		ids = append(ids, keys[i].ID)
	}
	for i := range scopes {
		ids = append(ids, url.PathEscape(scopes[i].ID))
	}
	accounts, err4 := w.opt.Store.Accounts(w.t.Context())
	services, err5 := w.opt.Store.Services(w.t.Context(), "")
	if err4 != nil || err5 != nil {
		w.t.Fatal(err4, err5)
	}
	for i := range accounts {
		ids = append(ids, accounts[i].ID)
	}
	for i := range services {
		ids = append(ids, services[i].ID)
	}
	for i := range budgets {
		ids = append(ids, budgets[i].ID)
	}
	return ids
}

func (w *world) schemas() map[string]any {
	text, err := OpenAPI("test")
	if err != nil {
		w.t.Fatal(err)
	}
	var doc struct {
		Components struct {
			Schemas map[string]any `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		w.t.Fatal(err)
	}
	return doc.Components.Schemas
}

// maker makes values of schemas.
type maker struct {
	rnd     *rand.Rand
	schemas map[string]any
}

// words are texts that are often wrong, and some that are right.
var words = []string{
	"", "x", "red", "24h", "$5", "1.5", "2026-11-01", "2027-01-31T12:00:00Z", "10.0.0.0/8", "gpt-*", "a", "daily", "organisation", "key", "auto", "UTC", "Europe/Paris",
	"'; DROP TABLE keys;--", "\x00", "=1+1", "\U0001F600", strings.Repeat("z", 5000), "%s%n", "../..", "input", "999999999999999999999", "-1", "[",
}

func (g *maker) word() string { return words[g.rnd.IntN(len(words))] }

// prefixes are what ids begin with, by the beginning of the path.
var prefixes = map[string]string{"/admin/keys": "key_", "/admin/teams": "team_", "/admin/users": "user_", "/admin/budgets": "bud_", "/admin/requests": "req_", "/admin/accounts": "acc_", "/admin/services": "svc_"}

// known are other ids there are, by the beginning of the path.
var known = map[string][]string{
	"/admin/providers": {"a", "b", "off"}, "/admin/tags": {"web"}, "/admin/aliases": {"fast", "mine"}, "/admin/alerts/rules": {"dear"}, "/admin/alerts/channels": {"hook"},
	"/admin/catalog/rules": {"mine"}, "/admin/auth": {"a", "b"}, "/admin/kiro": {"a", "b"},
}

// id is one of the ids, more often than not of the right kind.
func (g *maker) id(path string, ids []string) string {
	for start, list := range known {
		if strings.HasPrefix(path, start) && g.rnd.IntN(3) > 0 {
			ids = list
		}
	}
	for start, prefix := range prefixes {
		if strings.HasPrefix(path, start) && g.rnd.IntN(3) > 0 {
			ids = append(slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !strings.HasPrefix(id, prefix) }), "nobody")
		}
	}
	return ids[g.rnd.IntN(len(ids))]
}

// body is JSON of a type's schema, or, if it is to be wrong, something near it.
func (g *maker) body(t reflect.Type, wrong bool) string {
	schema := map[string]any{"$ref": "#/components/schemas/" + schemaName(t)}
	if t.Kind() != reflect.Struct {
		schema = map[string]any{}
	}
	text := marshal(g.value(schema, 0, wrong))
	if wrong && g.rnd.IntN(5) == 0 && len(text) > 0 {
		return text[:g.rnd.IntN(len(text))]
	}
	return text
}

func (g *maker) value(s map[string]any, depth int, wrong bool) any {
	if wrong && g.rnd.IntN(6) == 0 {
		return []any{nil, 1.5, -1, true, "x", []any{}, map[string]any{}, 1e300, []any{[]any{}}}[g.rnd.IntN(9)]
	}
	if ref, ok := s["$ref"].(string); ok {
		next, _ := g.schemas[ref[strings.LastIndexByte(ref, '/')+1:]].(map[string]any)
		return g.value(next, depth, wrong)
	}
	if list, ok := s["anyOf"].([]any); ok {
		next, _ := list[g.rnd.IntN(len(list))].(map[string]any)
		return g.value(next, depth, wrong)
	}
	if list, ok := s["enum"].([]any); ok {
		return list[g.rnd.IntN(len(list))]
	}
	kind, _ := s["type"].(string)
	if list, ok := s["type"].([]any); ok {
		kind, _ = list[g.rnd.IntN(len(list))].(string)
	}
	switch kind {
	case "string":
		if s["format"] == "date-time" {
			return "2027-01-31T12:00:00Z"
		}
		return g.word()
	case "integer":
		return []any{0, 1, 60, -1, 1 << 40, int64(1) << 62}[g.rnd.IntN(6)]
	case "number":
		return 1.5
	case "boolean":
		return g.rnd.IntN(2) == 0
	case "array":
		list := []any{}
		items, _ := s["items"].(map[string]any)
		for range g.rnd.IntN(3) {
			list = append(list, g.value(items, depth+1, wrong))
		}
		return list
	case "object":
		return g.object(s, depth, wrong)
	}
	return nil
}

func (g *maker) object(s map[string]any, depth int, wrong bool) any {
	out := map[string]any{}
	if items, ok := s["additionalProperties"].(map[string]any); ok {
		for range g.rnd.IntN(3) {
			out[g.word()] = g.value(items, depth+1, wrong)
		}
	}
	needed := fmt.Sprint(s["required"])
	members, _ := s["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		schema, _ := members[name].(map[string]any)
		if strings.Contains(needed, name) && !wrong || depth < 5 && g.rnd.IntN(4) == 0 {
			out[name] = g.value(schema, depth+1, wrong)
		}
	}
	if wrong && g.rnd.IntN(4) == 0 {
		out[g.word()] = 1
	}
	return out
}

// query is a query for a row, with some parameters right and some not.
func (g *maker) query(op *operation) string {
	v := url.Values{}
	for _, f := range fieldsOf(op.query, "query") {
		if g.rnd.IntN(5) != 0 {
			continue
		}
		switch {
		case len(f.enum) > 0:
			v.Set(f.name, f.enum[g.rnd.IntN(len(f.enum))])
		case f.kind.Kind() == reflect.Bool:
			v.Set(f.name, []string{"true", "false", "perhaps"}[g.rnd.IntN(3)])
		case f.kind.Kind() == reflect.Int:
			v.Set(f.name, []string{"1", "10", "-5", "x", "99999999999"}[g.rnd.IntN(5)])
		default:
			v.Set(f.name, g.word())
		}
	}
	return v.Encode()
}
