package admin

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"turnpike/internal/identity"
)

// copies is how each row that makes something is asked for one, and for another one.
var copies = map[string][2]string{
	"/admin/keys":                {`{"name":"one"}`, `{"name":"two"}`},
	"/admin/keys/batch":          {`{"names":["one","two"]}`, `{"names":["three"]}`},
	"/admin/teams":               {`{"name":"one"}`, `{"name":"two"}`},
	"/admin/users":               {`{"name":"one"}`, `{"name":"two"}`},
	"/admin/budgets":             {`{"scope":"organisation","period":"daily","limit_usd":"5"}`, `{"scope":"organisation","period":"daily","limit_usd":"6"}`},
	"/admin/providers":           {`{"name":"one","type":"openai","api_key":"sk-1"}`, `{"name":"two","type":"openai","api_key":"sk-1"}`},
	"/admin/prices":              {`{"model":"one","prices":{"input":"1"}}`, `{"model":"two","prices":{"input":"1"}}`},
	"/admin/catalog/rules":       {`{"name":"one","match":["m"],"caps":{"max_output":1}}`, `{"name":"two","match":["m"],"caps":{"max_output":1}}`},
	"/admin/aliases":             {`{"match":"one","to":["a/sandbox"]}`, `{"match":"two","to":["a/sandbox"]}`},
	"/admin/alerts/rules":        {`{"name":"one","when":"spend","above":"1","per":"day"}`, `{"name":"two","when":"spend","above":"1","per":"day"}`},
	"/admin/alerts/channels":     {`{"name":"one","type":"webhook","url":"https://hook.example"}`, `{"name":"two","type":"webhook","url":"https://hook.example"}`},
	"/admin/accounts":            {`{"login":"one","role":"auditor","password":"a good password"}`, `{"login":"two","role":"auditor","password":"a good password"}`},
	"/admin/accounts/{id}/reset": {``, `{"again":1}`},
	"/admin/invitations":         {`{"role":"member"}`, `{"role":"auditor"}`},
	"/admin/group-mappings":      {`{"provider":"entra","group":"one","role":"auditor"}`, `{"provider":"entra","group":"two","role":"auditor"}`},
	"/admin/services":            {`{"name":"one","issuer":"https://issuer.example","audience":"t","claims":{"sub":"repo:acme/app"},"role":"auditor"}`, `{"name":"two","issuer":"https://issuer.example","audience":"t","claims":{"sub":"repo:acme/app"},"role":"auditor"}`},
	"/admin/me/keys":             {`{"name":"one"}`, `{"name":"two"}`},
}

// TestCreatesAreReplayed: of every row that makes something, the same request with the same
// Idempotency-Key is answered in the same words and makes nothing more; another request with
// it is refused, and what was refused once can be sent again. Somebody else's key is another.
func TestCreatesAreReplayed(t *testing.T) {
	v := newTown(t)
	for _, op := range operations() {
		if !op.creates {
			continue
		}
		bodies, ok := copies[op.path]
		if !ok {
			t.Errorf("%s: say how one is made", op.path)
			continue
		}
		path, token := op.path, key
		if strings.Contains(path, "{id}") {
			path, _ = v.at(op)
		}
		if strings.HasPrefix(path, "/admin/me") {
			token = v.ann.token
		}
		send := func(body, idem string) (int, string, http.Header) {
			rec := v.quick(token, "POST", path, body, "Idempotency-Key", idem)
			return rec.Code, rec.Body.String(), rec.Header()
		}
		if op.body != nil {
			if status, _, _ := send(`{"nosuch":1}`, "k"+path); status != 422 {
				t.Errorf("%s: %d", path, status)
			}
		}
		status, first, head := send(bodies[0], "k"+path)
		if status != 201 || head.Get("Idempotency-Replayed") != "" {
			t.Errorf("%s: %d %s", path, status, first)
			continue
		}
		before := v.quick(token, "GET", op.path, "").Body.String()
		status, again, replayed := send(bodies[0], "k"+path)
		if status != 201 || again != first || replayed.Get("Idempotency-Replayed") != "true" || replayed.Get("ETag") != head.Get("ETag") {
			t.Errorf("%s again: %d %s, first %s", path, status, again, first)
		}
		if status, text, _ := send(bodies[1], "k"+path); status != 422 && status != 409 {
			t.Errorf("%s with another body: %d %s", path, status, text)
		}
		if after := v.quick(token, "GET", op.path, "").Body.String(); after != before {
			t.Errorf("%s: there was\n%sand is\n%s", path, before, after)
		}
	}
	other := v.signedIn("another", "owner", identity.Scopes{})
	rec := v.quick(other.token, "POST", "/admin/keys", copies["/admin/keys"][0], "Idempotency-Key", "k/admin/keys")
	if rec.Code != 201 || rec.Header().Get("Idempotency-Replayed") != "" {
		t.Errorf("somebody else's: %d %s", rec.Code, rec.Body)
	}
}

// edits is a value for each member of each edit, other than what the town's things have; empty
// where it is for another type of thing.
var edits = map[string]map[string]string{
	"": {
		"description": `"another"`, "rpm": `5`, "qpm": `6`, "qpm_limit": `7`, "tpm": `6`, "tpm_limit": `7`, "concurrent": `7`, "tags": `["x"]`, "addresses": `["10.0.0.0/8"]`,
		"expires_at": `"2030-01-01T00:00:00Z"`, "allowed_models": `["gpt-*"]`, "allowed_providers": `["a"]`, "default_provider": `"a"`, "policy": `{"cache":"off"}`, "log_payloads": `true`,
		"limits": `{"rpm":5}`, "disabled": `true`, "email": `"new@example.org"`, "name": `"renamed"`, "teams": `["other"]`, "team": `"other"`, "enabled": `false`, "priority": `9`, "user": `"zanzibar-ann"`,
		"scopes": `{"keys":["*"]}`, "role": `"auditor"`,
	},
	"/admin/budgets/{id}":        {"limit_usd": `"7"`, "limit_tokens": "", "soft": `true`, "rollover": "", "zone": `"Europe/Berlin"`},
	"/admin/accounts/{id}":       {"login": `"renamed"`, "scopes": ""},
	"/admin/group-mappings/{id}": {"role": `"member"`, "scopes": ""},
	"/admin/services/{id}": {
		"issuer": `"https://other.example"`, "audience": `"other"`, "claims": `{"sub":"repo:acme/other"}`, "lifetime": `"5m"`, "role": "", "scopes": "",
	},
	"/admin/me/keys/{id}":         {"team": ""},
	"/admin/catalog/rules/{id}":   {"match": `["n"]`, "caps": `{"max_output":2}`},
	"/admin/aliases/{id}":         {"to": `["b/gpt-5"]`, "strategy": `"weighted"`},
	"/admin/routing":              {"provider": `"a"`, "model": `"gpt-5"`, "lb_strategy": `"weighted"`},
	"/admin/alerts/rules/{id}":    {"when": "", "above": `"2"`, "per": `"hour"`, "scope": `"key"`, "least": `30`, "cooldown": `"2h"`, "channels": `["zanzibar-c"]`},
	"/admin/alerts/channels/{id}": {"url": `"https://other.example"`, "secret": `"a secret of it"`, "allow_private": "", "server": "", "tls": "", "username": "", "password": "", "from": "", "to": ""},
	"/admin/providers/{id}": {
		"reason": "", "weight": `7`, "models": `["gpt-*"]`, "base_url": "", "api": `"chat"`, "apis": `[{"match":"gpt-*","api":"chat"}]`, "api_key": `"sk-another"`, "headers": `{"x-a":"b"}`,
		"timeouts": `{"connect":"5s"}`, "limits": `[{"model":"gpt-*","rpm":5}]`, "health": "", "region": "", "role_arn": "", "access_key_id": "", "secret_access_key": "", "session_token": "", "bearer_token": "",
		"mantle_url": "", "mantle_service": "", "api_version": "", "deployments": "", "tenant_id": "", "client_id": "", "client_secret": "", "token_url": "", "project": "", "location": "", "credentials": "",
		"enterprise": "", "profile_arn": "", "enabled": "",
	},
}

// TestNullClears: in every edit, each member that is set shows, is cleared by null or refuses
// it, and is left alone by an edit that does not name it.
func TestNullClears(t *testing.T) {
	tried, cleared := 0, 0
	v := newTown(t)
	for _, op := range operations() {
		if op.method != http.MethodPatch {
			continue
		}
		path, token := op.path, key
		if strings.Contains(path, "{id}") {
			path, _ = v.at(op)
		}
		if strings.HasPrefix(path, "/admin/me") {
			if path == "/admin/me" { // what was done to accounts has ended her session
				v = newTown(t)
			}
			token = v.ann.token
		}
		show := func(body string) (string, int) {
			rec := v.quick(token, "PATCH", path, body)
			return changed.ReplaceAllString(rec.Body.String(), ""), rec.Code
		}
		was := ""
		for _, f := range fieldsOf(op.body, "json") {
			value, special := edits[op.path][f.name]
			if !special {
				value = edits[""][f.name]
			}
			switch {
			case special && value == "":
				continue
			case value == "":
				t.Errorf("%s: say what %s may be", op.path, f.name)
				continue
			}
			if tried++; was == "" {
				was, _ = show(`{}`)
			}
			set, status := show(`{` + marshal(f.name) + `:` + value + `}`)
			if status != 200 || set == was && !kept[f.name] {
				t.Errorf("%s: %s is %s: %d %s", op.path, f.name, value, status, set)
				continue
			}
			if again, _ := show(`{}`); again != set {
				t.Errorf("%s: an edit without %s changes\n%sto\n%s", op.path, f.name, set, again)
			}
			null, status := show(`{` + marshal(f.name) + `:null}`)
			switch {
			case status == http.StatusUnprocessableEntity:
				if was, _ = show(`{}`); was != set {
					t.Errorf("%s: null is refused for %s, and changes\n%sto\n%s", op.path, f.name, set, was)
				}
			case status != 200 || null == set && !kept[f.name]:
				t.Errorf("%s: %s is null: %d %s", op.path, f.name, status, null)
			default:
				was = null
				cleared++
			}
		}
	}
	if tried < 90 || cleared < 60 {
		t.Errorf("%d members were tried, %d cleared", tried, cleared)
	}
}

// kept are secrets of which no more is shown than that they are there.
var kept = map[string]bool{"api_key": true, "url": true}

// changed is what an edit changes besides what it names.
var changed = regexp.MustCompile(`"(changed_at|updated_at)":"[^"]*",?`)

// TestTagsHold: what shows a thing tells the ETag that its edits want, by PUT too; an old one
// is refused and changes nothing, also of what is not there yet; where none is wanted, one that
// is sent is refused rather than passed over.
func TestTagsHold(t *testing.T) {
	v := newTown(t)
	edited := 0
	for _, op := range operations() {
		path, token := op.path, key
		if strings.Contains(path, "{id}") {
			path, _ = v.at(op)
		}
		if strings.HasPrefix(path, "/admin/me") {
			token = v.ann.token
		}
		send := func(method, match string) *httptest.ResponseRecorder {
			return v.quick(token, method, path, v.bodies[op.method+" "+op.path], "If-Match", match)
		}
		switch op.method {
		case http.MethodGet:
			continue
		case http.MethodPatch:
		default:
			if rec := send(op.method, `"any"`); rec.Code != http.StatusBadRequest || !strings.Contains(rec.Body.String(), "If-Match") {
				t.Errorf("%s %s: %d %s", op.method, op.path, rec.Code, rec.Body)
			}
			continue
		}
		if op.path == "/admin/me" {
			v.bodies["PATCH /admin/me"] = `{"name":"x"}`
		}
		shown := v.quick(token, http.MethodGet, path, "")
		for _, method := range append([]string{op.method}, op.also...) {
			tag := shown.Header().Get("ETag")
			if shown.Code == http.StatusMethodNotAllowed || shown.Code == http.StatusNotFound { // it is shown in a list alone
				tag = v.quick(token, method, path, `{}`).Header().Get("ETag")
			}
			if rec := send(method, `"old"`); rec.Code != http.StatusPreconditionFailed {
				t.Errorf("%s %s: an old ETag: %d %s", method, op.path, rec.Code, rec.Body)
			}
			if again := v.quick(token, http.MethodGet, path, ""); again.Body.String() != shown.Body.String() {
				t.Errorf("%s %s: an old ETag changes\n%sto\n%s", method, op.path, shown.Body, again.Body)
			}
			if rec := send(method, `"old", `+tag); tag == "" || rec.Code != 200 {
				t.Errorf("%s %s: the ETag %q: %d %s", method, op.path, tag, rec.Code, rec.Body)
			}
			if rec := send(method, `*`); rec.Code != 200 {
				t.Errorf("%s %s: any ETag: %d %s", method, op.path, rec.Code, rec.Body)
			}
			shown = v.quick(token, http.MethodGet, path, "")
			edited++
		}
	}
	if rec := v.quick(key, "PATCH", "/admin/tags/not-yet", `{}`, "If-Match", `"old"`); rec.Code != http.StatusPreconditionFailed {
		t.Errorf("a tag that is not there: %d %s", rec.Code, rec.Body)
	}
	if edited < 18 {
		t.Errorf("%d edits", edited)
	}
}
