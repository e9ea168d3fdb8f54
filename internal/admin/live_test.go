package admin

import (
	"encoding/json"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"turnpike/internal/config"
)

// TestMakeProvider: one that is made is in force when the answer comes, its secrets are not
// shown, and it can be changed and deleted again.
func TestMakeProvider(t *testing.T) {
	w := newWorld(t)
	body := `{"name":"main","type":"openai","api_key":"sk-a-secret-of-it","weight":70,"models":["gpt-*"],"headers":{"X-Team":"secret-header"},"timeouts":{"idle":"30s"},
		"apis":[{"match":"gpt-5*","api":"responses"},{"match":"*","api":"chat"}],"limits":[{"rpm":60,"queue":0}],"health":{"every":"30s"},"policy":{"cache":"1h"}}`
	rec := w.send("POST", "/admin/providers", body)
	if rec.Code != 201 || strings.Contains(rec.Body.String(), "sk-a-secret") || strings.Contains(rec.Body.String(), "secret-header") || rec.Header().Get("ETag") == "" {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	var p Provider
	if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	if p.Declared || !p.Enabled || p.Weight != 70 || !slices.Equal(p.Secrets, []string{"api_key", "headers"}) || p.Settings["api_key"] != nil {
		t.Errorf("%+v", p)
	}
	if a := w.table.Account("main"); a == nil || a.Weight != 70 {
		t.Fatal("it is not in force")
	}
	var made *config.Provider
	for i := range w.live.State().Config.Providers {
		if q := &w.live.State().Config.Providers[i]; q.Name == "main" {
			made = q
		}
	}
	if made.APIKey.Reveal() != "sk-a-secret-of-it" || made.Headers["X-Team"] != "secret-header" || made.Timeouts.Idle.Seconds() != 30 || len(made.APIs) != 2 ||
		made.APIs[0].Match != "gpt-5*" || made.Limits[0].RPM != 60 || made.Limits[0].Queue != 0 || made.Limits[0].Wait == 0 || !made.Live || !made.Guarded || made.Policy.Cache != "1h" {
		t.Errorf("made of %+v", made)
	}
	rows, err := w.opt.Store.LiveEntries(t.Context())
	if err != nil || len(rows) != 1 || strings.Contains(rows[0].Members+rows[0].Sealed, "secret") {
		t.Errorf("kept as %+v, %v", rows, err)
	}
	w.refused(409, "already", "POST", "/admin/providers", body)
	w.refused(409, "already", "POST", "/admin/providers", `{"name":"a","type":"sandbox"}`)
	tag := rec.Header().Get("ETag")
	p = do[Provider](w, 200, "PATCH", "/admin/providers/main", `{"weight":5,"models":null,"enabled":false,"reason":"rest"}`, "If-Match", tag)
	if p.Weight != 5 || p.Models != nil || p.Enabled || p.Reason != "rest" || !slices.Equal(p.Secrets, []string{"api_key", "headers"}) {
		t.Errorf("changed: %+v", p)
	}
	w.refused(412, "changed since", "PATCH", "/admin/providers/main", `{"weight":6}`, "If-Match", tag)
	w.refused(422, "api_key is needed again", "PATCH", "/admin/providers/main", `{"base_url":"https://elsewhere.example/v1"}`)
	if p := do[Provider](w, 200, "PATCH", "/admin/providers/main", `{"base_url":"https://elsewhere.example/v1","api_key":"sk-another","headers":null}`); p.BaseURL == "" || len(p.Secrets) != 1 {
		t.Errorf("moved: %+v", p)
	}
	if list := do[ProviderList](w, 200, "GET", "/admin/providers?q=main", ""); list.Total != 1 || list.Providers[0].Settings["weight"] != 5.0 {
		t.Errorf("%+v", list)
	}
	if d := do[Deleted](w, 200, "DELETE", "/admin/providers/main", ""); !d.Deleted || w.table.Account("main") != nil {
		t.Errorf("deleted %+v", d)
	}
	if off, err := w.opt.Store.ProviderSwitches(t.Context()); err != nil || len(off) != 0 {
		t.Errorf("switches that are left: %v, %v", off, err)
	}
}

// TestWrongProviders: what is wrong is told by the member, as for the configuration's own.
func TestWrongProviders(t *testing.T) {
	w := newWorld(t)
	for body, want := range map[string]string{
		`{"name":"x","type":"openai"}`:                                                    "#/api_key",
		`{"name":"X Y","type":"sandbox"}`:                                                 "#/name",
		`{"name":"x","type":"openai","api_key":"k k"}`:                                    "#/api_key",
		`{"name":"x","type":"openai","api_key":"sk-1","weight":-1}`:                       "#/weight",
		`{"name":"x","type":"openai","api_key":"sk-1","region":"us-east-1"}`:              "#/region",
		`{"name":"x","type":"openai-compat"}`:                                             "#/base_url",
		`{"name":"x","type":"openai-compat","base_url":"ftp://x"}`:                        "#/base_url",
		`{"name":"x","type":"openai","api_key":"sk-1","timeouts":{"idle":"soon"}}`:        "#/timeouts/idle",
		`{"name":"x","type":"openai","api_key":"sk-1","limits":[{"rpm":1},{"queue":1}]}`:  "#/limits/1",
		`{"name":"x","type":"openai","api_key":"sk-1","policy":{"rules":["nobody"]}}`:     "#/policy/rules/0",
		`{"name":"x","type":"openai","api_key":"sk-1","headers":{"Host":"x"}}`:            "#/headers/Host",
		`{"name":"x","type":"openai","api_key":"sk-1","apis":[{"match":"*","api":"no"}]}`: "#/apis/*",
		`{"name":"x","type":"openai","api_key":"sk-1","credentials_file":"/etc/passwd"}`:  "#/credentials_file",
		`{"name":"x","type":"openai","api_key":"sk-1","tls":{"ca_file":"/etc/passwd"}}`:   "#/tls",
	} {
		p := w.refused(422, "", "POST", "/admin/providers", body)
		if !slices.ContainsFunc(p.Errors, func(e FieldError) bool { return e.Pointer == want }) {
			t.Errorf("%s: %+v, want %s", body, p.Errors, want)
		}
	}
	if rows, err := w.opt.Store.LiveEntries(t.Context()); err != nil || len(rows) != 0 {
		t.Errorf("kept %+v, %v", rows, err)
	}
}

// TestNoFilesByTheAPI: certificates of the gateway's machine are for the configuration file alone,
// and nobody learns by naming one which files there are.
func TestNoFilesByTheAPI(t *testing.T) {
	w := newWorld(t)
	const file = "configuration file alone"
	for _, path := range []string{"live_test.go", "none.pem"} {
		p := w.refused(422, file, "POST", "/admin/config/import", `{"configuration":"providers: [{ name: x, type: openai, api_key: k, tls: { ca_file: `+path+` } }]"}`)
		if strings.Contains(marshal(p), "there is no file") {
			t.Errorf("%s: %+v", path, p)
		}
	}
}

// TestNoVariables: an entry cannot read the gateway's environment.
func TestNoVariables(t *testing.T) {
	t.Setenv("PATH_TO_NOWHERE", "stolen-from-environment")
	w := newWorld(t)
	do[Provider](w, 201, "POST", "/admin/providers", `{"name":"x","type":"openai","api_key":"${PATH_TO_NOWHERE}"}`)
	for _, p := range w.live.State().Config.Providers {
		if p.Name == "x" && p.APIKey.Reveal() != "${PATH_TO_NOWHERE}" {
			t.Errorf("expanded to %q", p.APIKey.Reveal())
		}
	}
}

// TestEditDeclared: of what the configuration declares, some is laid over.
func TestEditDeclared(t *testing.T) {
	w := newWorld(t)
	p := do[Provider](w, 200, "PATCH", "/admin/providers/b", `{"weight":1,"models":["gpt-5*"]}`)
	if !p.Declared || !p.Edited || p.Weight != 1 || !slices.Equal(p.Models, []string{"gpt-5*"}) || w.table.Account("b").Weight != 1 {
		t.Errorf("%+v", p)
	}
	if p = do[Provider](w, 200, "PATCH", "/admin/providers/b", `{"weight":null,"models":null}`); p.Edited || p.Weight != 50 || !slices.Equal(p.Models, []string{"gpt-*"}) {
		t.Errorf("again as declared: %+v", p)
	}
	w.refused(422, "api_key is declared", "PATCH", "/admin/providers/b", `{"api_key":"sk-mine"}`)
}

func TestTryProvider(t *testing.T) {
	w := newWorld(t)
	if r := do[Tested](w, 200, "POST", "/admin/providers/test", `{"type":"sandbox"}`); !r.Works || r.Models == 0 {
		t.Errorf("%+v", r)
	}
	if r := do[Tested](w, 200, "POST", "/admin/providers/test", `{"name":"b","type":"openai","api_key":"sk-1"}`); r.Works || r.Reason == "" {
		t.Errorf("%+v", r)
	}
	w.refused(422, "api_key is missing", "POST", "/admin/providers/test", `{"type":"openai"}`)
	if w.table.Account("draft.provider") != nil || len(w.live.State().Entries) != 0 {
		t.Error("it was kept")
	}
}

// TestProviderMembers: every setting of the configuration's providers can be set by the API,
// or is for the file alone.
func TestProviderMembers(t *testing.T) {
	fileOnly := []string{"name", "type", "profile", "credentials_file", "settings_file", "tls"}
	have := names(fieldsOf(reflect.TypeFor[ProviderEdit](), "json"))
	for f := range reflect.TypeFor[config.Provider]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name != "" && name != "-" && !slices.Contains(have, name) && !slices.Contains(fileOnly, name) {
			t.Errorf("providers.%s can be set neither by the API (ProviderEdit) nor is it for the file alone (this test)", name)
		}
	}
}

func TestAliasesAndRouting(t *testing.T) {
	w := newWorld(t)
	a := do[Alias](w, 201, "POST", "/admin/aliases", `{"match":"house/best*","to":["b/gpt-5","a/sandbox"],"strategy":"priority"}`)
	if a.Declared || len(a.To) != 2 {
		t.Errorf("%+v", a)
	}
	r := do[Route](w, 200, "GET", "/admin/route?model=house/best-1", "")
	if r.Alias != "house/best*" || r.Strategy != "priority" || len(r.Targets) != 2 || r.Targets[0].Provider != "b" || r.Targets[1].Step != 1 || r.Targets[0].Why == "" {
		t.Errorf("%+v", r)
	}
	if a = do[Alias](w, 200, "PATCH", "/admin/aliases/house%2Fbest%2A", `{"to":["a/sandbox"],"strategy":null}`); len(a.To) != 1 || a.Strategy != "" {
		t.Errorf("%+v", a)
	}
	w.refused(422, "to must list", "PATCH", "/admin/aliases/house%2Fbest%2A", `{"to":[]}`)
	w.refused(409, "declares the alias fast", "PATCH", "/admin/aliases/fast", `{"to":["a/sandbox"]}`)
	w.refused(409, "declares the alias fast", "DELETE", "/admin/aliases/fast", "")
	w.refused(409, "already", "POST", "/admin/aliases", `{"match":"fast","to":["a/sandbox"]}`)
	w.refused(404, "no alias z", "GET", "/admin/aliases/z", "")
	if list := do[AliasList](w, 200, "GET", "/admin/aliases", ""); list.Total != 2 {
		t.Errorf("%+v", list)
	}
	do[Deleted](w, 200, "DELETE", "/admin/aliases/house%2Fbest%2A", "")
	if r = do[Route](w, 200, "GET", "/admin/route?model=nobody-1", ""); r.Problem == "" || len(r.Targets) != 0 {
		t.Errorf("%+v", r)
	}
	k := do[KeyMade](w, 201, "POST", "/admin/keys", `{"name":"narrow","allowed_providers":["a"]}`)
	if r = do[Route](w, 200, "GET", "/admin/route?model=fast&key="+k.ID, ""); len(r.Targets) != 0 || len(r.Excluded) != 1 || !strings.Contains(r.Excluded[0].Reason, "key may not use") {
		t.Errorf("%+v", r)
	}
	w.refused(422, "key is none", "GET", "/admin/route?model=fast&key=nobody", "")
	d := do[Routing](w, 200, "PATCH", "/admin/routing", `{"provider":"a","model":"sandbox","lb_strategy":"least-used"}`)
	if d.Provider != "a" || d.Declared.Provider != "" || w.table.Default() != "sandbox" {
		t.Errorf("%+v", d)
	}
	w.refused(422, "provider no provider is named", "PATCH", "/admin/routing", `{"provider":"nobody"}`)
	if d = do[Routing](w, 200, "PATCH", "/admin/routing", `{"provider":null,"model":null,"lb_strategy":null}`); d.Provider != "" || d.Strategy != "smart" || len(w.live.State().Entries) != 0 {
		t.Errorf("%+v", d)
	}
}

func TestAlertRules(t *testing.T) {
	w := newWorld(t)
	c := do[AlertChannel](w, 201, "POST", "/admin/alerts/channels", `{"name":"chat","type":"slack","url":"https://hooks.example/T0/B0/secret-path"}`)
	if !slices.Equal(c.Secrets, []string{"url"}) || c.Declared {
		t.Errorf("%+v", c)
	}
	r := do[AlertRule](w, 201, "POST", "/admin/alerts/rules", `{"name":"much","when":"spend","above":"2.50","per":"month","scope":"team","channels":["chat","log"],"cooldown":"2h"}`)
	if r.Above != "2.50" || len(r.Channels) != 2 || r.Cooldown == "" {
		t.Errorf("%+v", r)
	}
	if short := do[AlertRule](w, 201, "POST", "/admin/alerts/rules", `{"name":"short","when":"errors","above":"5"}`); short.When != "errors" || short.Per != "" {
		t.Errorf("%+v", short)
	}
	do[Deleted](w, 200, "DELETE", "/admin/alerts/rules/short", "")
	w.refused(409, "there is no channel", "DELETE", "/admin/alerts/channels/chat", "")
	w.refused(422, "there is no channel", "PATCH", "/admin/alerts/rules/much", `{"channels":["nobody"]}`)
	w.refused(422, "above", "PATCH", "/admin/alerts/rules/much", `{"above":"much"}`)
	w.refused(422, "url must be https", "POST", "/admin/alerts/channels", `{"name":"near","type":"webhook","url":"http://10.0.0.1/x"}`)
	w.refused(422, "allow_private", "POST", "/admin/alerts/channels", `{"name":"near","type":"webhook","url":"http://10.0.0.1/x","allow_private":true}`)
	w.refused(409, "declares the alert rule dear", "DELETE", "/admin/alerts/rules/dear", "")
	if r = do[AlertRule](w, 200, "PATCH", "/admin/alerts/rules/much", `{"above":"3","scope":null}`); r.Above != "3" || r.Scope != "" {
		t.Errorf("%+v", r)
	}
	if all := do[Alerts](w, 200, "GET", "/admin/alerts", ""); len(all.Rules) != 2 || len(all.Channels) != 1 || !all.Rules[0].Declared {
		t.Errorf("%+v", all)
	}
	do[Deleted](w, 200, "DELETE", "/admin/alerts/rules/much", "")
	do[Deleted](w, 200, "DELETE", "/admin/alerts/channels/chat", "")
}

// TestConfigFiles: what is exported can be imported, and what is wrong with a file is told.
func TestConfigFiles(t *testing.T) {
	w := newWorld(t)
	do[Alias](w, 201, "POST", "/admin/aliases", `{"match":"mine","to":["a/sandbox"]}`)
	for _, rec := range []*httptest.ResponseRecorder{w.send("GET", "/admin/config/export", ""), w.send("POST", "/admin/config/export", `{"passphrase":"a good passphrase"}`)} {
		if rec.Code != 200 || rec.Header().Get("Content-Type") != "application/yaml" || !strings.Contains(rec.Body.String(), "match: mine") || strings.Contains(rec.Body.String(), "sk-declared") {
			t.Fatalf("%d %s", rec.Code, rec.Body)
		}
		body := marshal(ConfigImport{Configuration: rec.Body.String(), Passphrase: "a good passphrase"})
		done := do[ConfigImported](w, 200, "POST", "/admin/config/import", body)
		for _, c := range done.Changes {
			if c.What != "unchanged" {
				t.Errorf("%+v", done.Changes)
			}
		}
	}
	w.refused(422, "passphrase", "POST", "/admin/config/export", `{"passphrase":"short"}`)
	w.refused(422, "configuration", "POST", "/admin/config/import", `{"configuration":"providers: ["}`)
	w.refused(422, "base_url", "POST", "/admin/config/import", `{"configuration":"providers: [{ name: x, type: openai-compat }]"}`)
	if r := do[Reloaded](w, 200, "POST", "/admin/config/reload", ""); len(r.Restart) != 1 {
		t.Errorf("%+v", r)
	}
}

func TestModelRules(t *testing.T) {
	w := newWorld(t)
	r := do[ModelRule](w, 201, "POST", "/admin/catalog/rules", `{"name":"house","match":["house-*"],"caps":{"max_output":64000,"no_images":true,"thinking":"adaptive","efforts":["low","high"]}}`)
	if string(r.Caps["max_output"]) != "64000" || string(r.Caps["thinking"]) != `"adaptive"` || string(r.Caps["efforts"]) != `["low","high"]` {
		t.Errorf("%+v", r)
	}
	if got := w.live.State().Config.ModelRules; len(got) != 1 || got[0].Caps["no_images"] != "true" {
		t.Errorf("in force: %+v", got)
	}
	w.refused(422, "match", "PATCH", "/admin/catalog/rules/house", `{"match":["["]}`)
	do[Deleted](w, 200, "DELETE", "/admin/catalog/rules/house", "")
	w.refused(404, "no model rule house", "GET", "/admin/catalog/rules/house", "")
}

func TestPartialUpdate(t *testing.T) {
	t.Run("PAR-12 an edit of a provider keeps what it does not name, and the next one fits", func(t *testing.T) {
		w := newWorld(t)
		made := w.send("POST", "/admin/providers", `{"name":"p","type":"azure","base_url":"https://x.openai.azure.com","api_key":"sk-1","weight":9,"models":["gpt-*"],"deployments":{"gpt-5":"d"}}`)
		var before Provider
		if err := json.Unmarshal(made.Body.Bytes(), &before); err != nil || made.Code != 201 {
			t.Fatalf("%d %s %v", made.Code, made.Body, err)
		}
		tag := made.Header().Get("ETag")
		for _, weight := range []int{10, 11} {
			rec := w.send("PATCH", "/admin/providers/p", `{"weight":`+itoa(weight)+`}`, "If-Match", tag)
			var after Provider
			if err := json.Unmarshal(rec.Body.Bytes(), &after); err != nil || rec.Code != 200 {
				t.Fatalf("%d %s %v", rec.Code, rec.Body, err)
			}
			tag = rec.Header().Get("ETag")
			if after.Settings["weight"] != float64(weight) {
				t.Errorf("%+v", after)
			}
			delete(before.Settings, "weight")
			delete(after.Settings, "weight")
			if !reflect.DeepEqual(after.Settings, before.Settings) || !slices.Equal(after.Secrets, before.Secrets) || len(before.Settings) < 6 {
				t.Errorf("%+v became %+v", before.Settings, after.Settings)
			}
		}
	})
}

// TestThingsHavePages: aliases come in their order, which says what comes first, page by page.
func TestThingsHavePages(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"zeta", "alpha", "mid"} {
		do[Alias](w, 201, "POST", "/admin/aliases", `{"match":"`+name+`","to":["a/sandbox"]}`)
	}
	var seen []string
	for next := ""; ; {
		list := do[AliasList](w, 200, "GET", "/admin/aliases?limit=1&cursor="+next, "")
		if list.Total != 4 || len(list.Aliases) != 1 {
			t.Fatalf("%+v", list)
		}
		seen = append(seen, list.Aliases[0].Match)
		if next = list.Next; next == "" {
			break
		}
	}
	whole := do[AliasList](w, 200, "GET", "/admin/aliases", "")
	for i, a := range whole.Aliases {
		if a.Match != seen[i] {
			t.Errorf("page by page %v, at once %+v", seen, whole.Aliases)
		}
	}
	if seen[0] != "fast" || len(seen) != 4 {
		t.Errorf("%v: what is declared comes first", seen)
	}
	if list := do[AliasList](w, 200, "GET", "/admin/aliases?sort=-name&q=a", ""); list.Total != 3 || list.Aliases[0].Match != "zeta" {
		t.Errorf("%+v", list)
	}
	w.refused(422, "sort must be one of", "GET", "/admin/alerts/rules?sort=above", "")
}
