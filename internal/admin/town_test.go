package admin

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"turnpike/internal/identity"
	"turnpike/internal/store"
)

// townMark is in every name in a town.
const townMark = "zanzibar"

// town is a world with a thing of each kind that routes have in their paths.
type town struct {
	*world
	ids    map[string]string // by the path up to {id}
	bodies map[string]string // that are right, by the path behind /admin, for what is done to a thing
	ann    *person           // whose own things are under /admin/me
	other  string            // a team that has nothing
}

func newTown(t testing.TB) *town {
	t.Helper()
	w := newWorld(t)
	v := &town{world: w, ids: map[string]string{}, bodies: map[string]string{}}
	create := func(path, body string) string {
		t.Helper()
		rec := w.send("POST", path, body)
		if rec.Code != 201 {
			t.Fatalf("%s %s: %d %s", path, body, rec.Code, rec.Body)
		}
		return made(t, rec.Body.Bytes())
	}
	named := func(path, id, body string) {
		t.Helper()
		do[map[string]any](w, 201, "POST", path, body)
		v.ids[path+"/"] = id
	}
	shop, request := w.record()
	do[Key](w, 200, "PATCH", "/admin/keys/"+shop, `{"name":"zanzibar-shop"}`)
	v.other = create("/admin/teams", `{"name":"other"}`)
	team := create("/admin/teams", `{"name":"zanzibar-team"}`)
	user := create("/admin/users", `{"name":"zanzibar-user","teams":["zanzibar-team"]}`)
	key := create("/admin/keys", `{"name":"zanzibar-key","team":"zanzibar-team","user":"zanzibar-user","tags":["zanzibar-tag"]}`)
	do[Scope](w, 200, "PATCH", "/admin/tags/zanzibar-tag", `{"description":"zanzibar"}`)
	v.ids["/admin/teams/"], v.ids["/admin/users/"], v.ids["/admin/keys/"], v.ids["/admin/tags/"] = team, user, key, "zanzibar-tag"
	v.ids["/admin/budgets/"] = create("/admin/budgets", `{"scope":"key","scope_id":"zanzibar-key","period":"daily","limit_usd":"5"}`)
	create("/admin/budgets", `{"scope":"team","scope_id":"zanzibar-team","period":"monthly","limit_tokens":500}`)
	v.ids["/admin/requests/"] = request
	w.hear(request, shop)
	named("/admin/providers", "zanzibar-p", `{"name":"zanzibar-p","type":"openai","api_key":"sk-of-a-town"}`)
	named("/admin/catalog/rules", "of-all", `{"name":"of-all","match":["m"],"caps":{"max_output":1}}`)
	named("/admin/aliases", "of-all", `{"match":"of-all","to":["a/sandbox"]}`)
	named("/admin/alerts/rules", "zanzibar-r", `{"name":"zanzibar-r","when":"spend","above":"1","per":"day"}`)
	named("/admin/alerts/channels", "zanzibar-c", `{"name":"zanzibar-c","type":"webhook","url":"https://hook.example"}`)
	v.ann = w.signedIn("zanzibar-ann", identity.Member, identity.Scopes{}, team)
	v.ids["/admin/accounts/"] = v.ann.account.ID
	who := store.Identity{ID: "idn_1", Issuer: "https://zanzibar.example", Subject: "s", AccountID: v.ann.account.ID, Provider: "entra", CreatedAt: w.now}
	if err := w.opt.Store.AddIdentity(t.Context(), who); err != nil {
		t.Fatal(err)
	}
	v.ids["/admin/identities/"], v.ids["/admin/me/identities/"] = "idn_1", "idn_1"
	session := as[SessionList](v.ann, 200, "GET", "/admin/me/sessions", "").Sessions[0].ID
	v.ids["/admin/sessions/"], v.ids["/admin/me/sessions/"] = session, session
	v.ids["/admin/me/keys/"] = as[KeyMade](v.ann, 201, "POST", "/admin/me/keys", `{"name":"zanzibar-laptop"}`).ID
	v.ids["/admin/invitations/"] = create("/admin/invitations", `{"role":"member","email":"zanzibar@example.org"}`)
	v.ids["/admin/group-mappings/"] = create("/admin/group-mappings", `{"provider":"entra","group":"zanzibar-g","role":"auditor"}`)
	v.ids["/admin/services/"] = create("/admin/services", `{"name":"zanzibar-ci","issuer":"https://issuer.example","audience":"turnpike","claims":{"sub":"repo:acme/app"},"role":"auditor"}`)
	for _, at := range []string{"/admin/auth/poll/", "/admin/auth/complete/", "/admin/kiro/login/", "/admin/kiro/login/complete/"} {
		v.ids[at] = "a" // logins that are under way, see newStubs
	}
	for path, seed := range seeds {
		v.bodies["PATCH "+path] = seed.edit
	}
	maps.Copy(v.bodies, map[string]string{
		"PATCH /admin/me/keys/{id}":             `{"description":"x"}`,
		"POST /admin/budgets/{id}/recharge":     `{"amount":"$5"}`,
		"POST /admin/budgets/{id}/adjust":       `{"amount":"$-1","note":"zanzibar"}`,
		"POST /admin/keys/{id}/recharge":        `{"amount":"$5"}`,
		"POST /admin/keys/{id}/adjust":          `{"amount":"$-1","note":"zanzibar"}`,
		"POST /admin/providers/{id}/models":     `{"model":"m","enabled":false}`,
		"POST /admin/budgets/{id}/reset":        `{}`,
		"POST /admin/kiro/login/complete/{id}":  `{"code":"c","state":"s"}`,
		"POST /admin/keys/{id}/rotate":          `{}`,
		"POST /admin/me/keys/{id}/rotate":       `{}`,
		"POST /admin/alerts/channels/{id}/test": `{}`,
	})
	return v
}

// at is the path of a row with the id of the town's thing; whole is false where it has none.
func (v *town) at(op *operation) (path string, whole bool) {
	start, rest, ok := strings.Cut(op.path, "{id}")
	id, known := v.ids[start]
	return start + url.PathEscape(id) + rest, ok && known
}

// stands is everything that can be read of the town and stays when nothing is done.
func (v *town) stands() map[string]string {
	v.t.Helper()
	out := map[string]string{}
	for _, op := range operations() {
		if op.method != http.MethodGet || op.act != "" || strings.HasPrefix(op.path, "/admin/me") ||
			slices.Contains([]string{"/admin/audit", "/admin/audit/verify", "/admin/health", "/admin/route", "/admin/models", "/admin/catalog", "/admin/settings", "/admin/config/export", "/admin/sessions"}, op.path) {
			continue // what tells of the moment, of the asker, or of nothing that can be changed
		}
		path := op.path
		if strings.Contains(path, "{id}") {
			var ok bool
			if path, ok = v.at(op); !ok || strings.HasPrefix(path, "/admin/auth/") || strings.HasPrefix(path, "/admin/kiro/") || strings.HasPrefix(path, "/admin/accounts/") {
				continue
			}
		}
		rec := v.send("GET", path, "")
		out[path] = rec.Body.String()
	}
	return out
}

// same complains of what is not as it was.
func (v *town) same(before map[string]string) {
	v.t.Helper()
	after := v.stands()
	for path, was := range before {
		if after[path] != was {
			v.t.Errorf("%s was\n%sand is\n%s", path, was, after[path])
		}
	}
}

// elsewhere are people who may do much, but nothing with what the town has.
func (v *town) elsewhere() []*person {
	return []*person{
		v.signedIn("listed", identity.Admin, identity.Scopes{
			Keys: []string{v.other}, Teams: []string{v.other}, Models: []string{"other-*"}, Providers: []string{"off"}, Usage: []string{v.other},
		}),
		v.service(identity.Admin, identity.Scopes{Keys: []string{v.other}, Teams: []string{v.other}, Models: []string{"other-*"}, Providers: []string{"off"}, Usage: []string{v.other}}),
		v.signedIn("member", identity.Member, identity.Scopes{}, v.other),
	}
}

// quick makes a request whose answer is not compared with the document.
func (w *world) quick(token, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(w.t.Context(), method, "http://turnpike/", strings.NewReader(body))
	u, err := url.ParseRequestURI(path)
	if err != nil {
		w.t.Fatal(err)
	}
	r.URL, r.RequestURI = u, path
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, r)
	return rec
}

// TestThingsOfOthers: on every route with an id in its path, the id of what belongs to others
// is answered with 403 or 404, tells no name, and does nothing.
func TestThingsOfOthers(t *testing.T) {
	v := newTown(t)
	others := v.elsewhere()
	before := v.stands()
	tried := 0
	for _, p := range others {
		for _, op := range operations() {
			if !strings.Contains(op.path, "{id}") {
				continue
			}
			path, ok := v.at(op)
			if !ok {
				t.Errorf("%s: the town has no such thing: make one in newTown", op.path)
				continue
			}
			if op.may == ModelsRead && p.account.Role == identity.Admin {
				continue // aliases and rules about models are no one's: every admin reads them
			}
			body := v.bodies[op.method+" "+op.path]
			if op.body != nil && body == "" {
				t.Errorf("%s %s: say in newTown what a right body is, or its refusal proves nothing", op.method, op.path)
			}
			for _, method := range append([]string{op.method}, op.also...) {
				rec := p.send(method, path, body)
				if tried++; rec.Code != http.StatusForbidden && rec.Code != http.StatusNotFound {
					t.Errorf("%s as %s: %s %s %s: %d %s", p.account.Login, p.account.Role, method, path, body, rec.Code, rec.Body)
				}
				if strings.Contains(strings.ReplaceAll(rec.Body.String(), "zanzibar-tag", ""), townMark) && !strings.Contains(path, townMark) {
					t.Errorf("%s as %s: %s %s tells %s", p.account.Login, p.account.Role, method, path, rec.Body)
				}
			}
		}
	}
	v.same(before)
	if tried < 200 {
		t.Errorf("%d requests", tried)
	}
}

// TestListsOfOthers: no list, whatever it is asked for, tells of what belongs to others, nor
// says how many of them there are.
func TestListsOfOthers(t *testing.T) {
	v := newTown(t)
	values := []string{"zanzibar-key", "zanzibar-ann", "zanzibar", v.ids["/admin/keys/"], v.ids["/admin/teams/"], v.ids["/admin/users/"], v.ids["/admin/requests/"], v.ids["/admin/accounts/"]}
	lists := 0
	others := v.elsewhere()
	for _, p := range others {
		for _, op := range operations() {
			if op.method != http.MethodGet || strings.Contains(op.path, "{id}") {
				continue
			}
			queries := []url.Values{{}}
			for _, f := range fieldsOf(op.query, "query") {
				if f.kind.Kind().String() != "string" || len(f.enum) > 0 || slices.Contains([]string{"cursor", "sort", "from", "to", "zone", "period", "by", "head"}, f.name) {
					continue
				}
				for _, value := range values {
					queries = append(queries, url.Values{f.name: {value}})
				}
			}
			for i, q := range queries {
				if i > 0 && p != others[0] {
					break // what is asked for makes no difference to who may look
				}
				rec := v.quick(p.token, "GET", op.path+"?"+q.Encode(), "")
				text := strings.ReplaceAll(rec.Body.String(), `"provider":"zanzibar-p"`, "") // aliases, models and prices tell admins those names
				for _, value := range q {
					text = strings.ReplaceAll(text, value[0], "") // an answer may repeat what it was asked
				}
				if strings.Contains(text, townMark) {
					t.Errorf("%s as %s: GET %s?%s: %d tells %.600s", p.account.Login, p.account.Role, op.path, q.Encode(), rec.Code, text)
				}
				if rec.Code == http.StatusForbidden {
					break
				}
				if rec.Code < 300 {
					lists++
				}
			}
		}
	}
	if lists < 60 {
		t.Errorf("%d lists were seen", lists)
	}
}
