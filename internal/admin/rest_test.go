package admin

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"turnpike/internal/alert"
	"turnpike/internal/health"
	"turnpike/internal/provider"
	"turnpike/internal/store"
)

// TestSeedProviders: the list has the members that other gateways' clients read.
func TestSeedProviders(t *testing.T) {
	w := newWorld(t)
	list := do[map[string]any](w, 200, "GET", "/admin/providers", "")
	rows, _ := list["providers"].([]any)
	if list["total"] != 3.0 || len(rows) != 3 {
		t.Fatalf("%v", list)
	}
	a, _ := rows[0].(map[string]any)
	if a["name"] != "a" || a["type"] != "sandbox" || a["weight"] != 100.0 || a["enabled"] != true || a["healthy"] != true || a["declared"] != true {
		t.Errorf("%v", a)
	}
	for _, c := range []struct {
		status             int
		method, path, body string
	}{
		{201, "POST", "/admin/providers", `{"name":"openai-main","type":"openai","api_key":"sk-secret","weight":100,"enabled":true}`},
		{200, "PUT", "/admin/providers/openai-main", `{"weight":50}`},
		{200, "DELETE", "/admin/providers/openai-main", ""},
	} {
		if rec := w.send(c.method, c.path, c.body); rec.Code != c.status {
			t.Errorf("%s %s: %d %s", c.method, c.path, rec.Code, rec.Body)
		}
	}
	w.refused(409, "declares the provider a", "DELETE", "/admin/providers/a", "")
	w.refused(422, "region is declared in the configuration", "PUT", "/admin/providers/a", `{"region":"us-east-1"}`)
	w.refused(404, "no provider z", "GET", "/admin/providers/z", "")
}

func TestSwitchProvider(t *testing.T) {
	w := newWorld(t)
	p := do[Provider](w, 200, "PATCH", "/admin/providers/a", `{"enabled":false,"reason":"being repaired"}`)
	if p.Enabled || p.State != "off" || p.Reason != "being repaired" || !p.Switched || w.table.Account("a").Out() != "being repaired" {
		t.Errorf("off: %+v", p)
	}
	if off, err := w.opt.Store.ProviderSwitches(t.Context()); err != nil || off["a"] != "being repaired" {
		t.Errorf("other gateways are told %v, %v", off, err)
	}
	if p := do[Provider](w, 200, "PATCH", "/admin/providers/a", `{"enabled":true}`); !p.Enabled || p.Switched || p.Reason != "" || w.table.Account("a").Out() != "" {
		t.Errorf("on: %+v", p)
	}
	w.refused(422, "enabled is needed", "PATCH", "/admin/providers/a", `{"reason":"x"}`)
	w.refused(422, "200 characters", "PATCH", "/admin/providers/a", `{"enabled":false,"reason":"`+strings.Repeat("x", 201)+`"}`)
	w.refused(409, "the configuration has it off: no api_key", "PATCH", "/admin/providers/off", `{"enabled":true}`)
}

// TestSwitchModel: one model of a provider is switched off and on, shown, and told to the other
// gateways.
func TestSwitchModel(t *testing.T) {
	w := newWorld(t)
	a := w.table.Account("a")
	a.SetListed([]provider.Model{{ID: "sandbox"}, {ID: "org/sandbox-2"}})
	const path = "/admin/providers/a/models"
	p := do[Provider](w, 200, "POST", path, `{"model":"org/sandbox-2","enabled":false,"reason":"too slow"}`)
	if !p.Enabled || len(p.Off) != 1 || p.Off[0] != (ModelSwitched{"org/sandbox-2", "too slow"}) || a.SwitchedModels()["org/sandbox-2"] != "too slow" {
		t.Errorf("off: %+v", p)
	}
	if off, err := w.opt.Store.ProviderSwitches(t.Context()); err != nil || off["a/org/sandbox-2"] != "too slow" || off["a"] != "" {
		t.Errorf("other gateways are told %v, %v", off, err)
	}
	if list := do[ProviderList](w, 200, "GET", "/admin/providers", ""); len(list.Providers[0].Off) != 1 || list.Providers[1].Off != nil {
		t.Errorf("%+v", list)
	}
	if out := do[Route](w, 200, "GET", "/admin/route?model=a%2Forg%2Fsandbox-2", ""); !strings.Contains(out.Problem, "too slow") {
		t.Errorf("%+v", out)
	}
	w.refused(422, "did you mean sandbox?", "POST", path, `{"model":"sandbx","enabled":false}`)
	w.refused(422, "model must be", "POST", path, `{"model":"","enabled":false}`)
	w.refused(422, "200 characters", "POST", path, `{"model":"sandbox","enabled":false,"reason":"`+strings.Repeat("x", 201)+`"}`)
	w.refused(404, "no provider z", "POST", "/admin/providers/z/models", `{"model":"m","enabled":false}`)
	if p := do[Provider](w, 200, "POST", path, `{"model":"org/sandbox-2","enabled":true}`); p.Off != nil || len(a.SwitchedModels()) != 0 {
		t.Errorf("on: %+v", p)
	}
	do[Provider](w, 201, "POST", "/admin/providers", `{"name":"more","type":"sandbox"}`)
	do[Provider](w, 200, "POST", "/admin/providers/more/models", `{"model":"sandbox","enabled":false}`)
	do[Deleted](w, 200, "DELETE", "/admin/providers/more", "")
	if off, err := w.opt.Store.ProviderSwitches(t.Context()); err != nil || len(off) != 0 {
		t.Errorf("switches that are left: %v, %v", off, err)
	}
}

// TestProviderHours: attempts at a provider are told by hour, model and how they ended.
func TestProviderHours(t *testing.T) {
	w := newWorld(t)
	attempt := func(provider, model, class string, ago time.Duration) store.Attempt {
		return store.Attempt{
			ID: store.NewID("att"), RequestID: store.NewID("req"), Number: 1, KeyID: "k", At: w.now.Add(-ago), Provider: provider, ServedModel: model,
			ErrorClass: class, Latency: time.Second,
		}
	}
	rows := []store.Attempt{
		attempt("b", "gpt-5", "", time.Hour), attempt("b", "gpt-5", "rate_limited", time.Hour), attempt("b", "gpt-5-mini", "", time.Hour),
		attempt("b", "gpt-5", "", 3*time.Hour), attempt("a", "sandbox", "timeout", time.Hour), attempt("b", "gpt-5", "", 30*time.Hour),
	}
	if err := w.opt.Store.InsertAttempts(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	got := do[ProviderHours](w, 200, "GET", "/admin/providers/b/health", "")
	if len(got.Hours) != 2 || got.Total.Attempts != 4 || got.Total.Failed != 1 || got.Total.ErrorRate != 0.25 {
		t.Fatalf("%+v", got)
	}
	last := got.Hours[1]
	if !last.At.Equal(w.now.Add(-time.Hour).Truncate(time.Hour)) || last.Attempts != 3 || last.Answered != 2 || last.LatencyP50 == nil || len(last.Models) != 2 ||
		last.Models[0].Model != "gpt-5" || last.Models[0].Failed != 1 || last.Models[1].Attempts != 1 {
		t.Errorf("%+v", last)
	}
	from := w.now.Add(-31 * time.Hour).UTC().Format(time.RFC3339)
	if got := do[ProviderHours](w, 200, "GET", "/admin/providers/b/health?from="+from, ""); len(got.Hours) != 3 {
		t.Errorf("%+v", got)
	}
	w.refused(422, "within 32 days", "GET", "/admin/providers/b/health?from=2026-01-01T00:00:00Z", "")
	w.refused(422, "from must be before to", "GET", "/admin/providers/b/health?from=2027-01-01T00:00:00Z", "")
	w.refused(404, "no provider z", "GET", "/admin/providers/z/health", "")
}

// TestProviderHealth: a model that is left alone shows, with the reason and the end.
func TestProviderHealth(t *testing.T) {
	w := newWorld(t)
	place := w.table.Account("b").Place("gpt-5-mini")
	h, _ := place.Begin(func() time.Time { return w.now }, false)
	h.End(health.Rate, 0)
	p := do[Provider](w, 200, "GET", "/admin/providers/b", "")
	if p.State != "cooling" || p.Healthy || len(p.Places) != 1 || p.Places[0].State != "cooling" || p.Places[0].Reason != health.Rate.String() || !p.Places[0].Until.After(w.now) {
		t.Errorf("%+v", p)
	}
	if list := do[ProviderList](w, 200, "GET", "/admin/providers?state=cooling", ""); list.Total != 1 {
		t.Errorf("%+v", list)
	}
	if h := do[Health](w, 200, "GET", "/admin/health", ""); h.Accounts != (AccountHealth{Ready: 1, Cooling: 1, Off: 1}) {
		t.Errorf("%+v", h)
	}
	if got := do[Retried](w, 200, "POST", "/admin/providers/b/retry", ""); got.Ended != 1 {
		t.Errorf("%+v", got)
	}
	if p := do[Provider](w, 200, "GET", "/admin/providers/b", ""); p.State == "cooling" || p.Places[0].State != "trying" {
		t.Errorf("%+v", p)
	}
	if r := do[Tested](w, 200, "POST", "/admin/providers/a/test", ""); !r.Works || r.Models == 0 {
		t.Errorf("tested %+v", r)
	}
	if r := do[Tested](w, 200, "POST", "/admin/providers/off/test", ""); r.Works || !strings.Contains(r.Reason, "no api_key") {
		t.Errorf("tested %+v", r)
	}
}

func TestModelsAndPrices(t *testing.T) {
	w := newWorld(t)
	if list := do[ModelList](w, 200, "GET", "/admin/models?aliases=true", ""); list.Total != 1 || list.Models[0].ID != "fast" || list.Models[0].Target == "" {
		t.Errorf("aliases %+v", list)
	}
	if list := do[AliasList](w, 200, "GET", "/admin/aliases", ""); list.Total != 1 || !list.Aliases[0].Declared || list.Aliases[0].To[0] != "b/gpt-5-mini" {
		t.Errorf("aliases %+v", list)
	}
	if list := do[CatalogList](w, 200, "GET", "/admin/catalog?model=claude-opus-4-6", ""); len(list.Rules) == 0 || list.Rules[0].Source == "" {
		t.Errorf("catalogue %+v", list)
	}
	all := do[PriceList](w, 200, "GET", "/admin/prices", "")
	if all.Total < 50 || len(all.Prices) != 50 || all.Next == "" {
		t.Errorf("%d prices, next %q", all.Total, all.Next)
	}
	body := `{"model":"House-1","provider":"b","prices":{"input":"2.5","output":"10"},"long_above":1000,"long":{"input":"5","output":"20"}}`
	set := do[PriceList](w, 201, "POST", "/admin/prices", body)
	if set.Total != 1 || set.Prices[0].Model != "house-1" || set.Prices[0].Prices["input"] != "$2.50" || set.Prices[0].Long[0].Above != 1000 {
		t.Errorf("set %+v", set)
	}
	for body, words := range map[string]string{
		`{"model":"m","prices":{"inptu":"1"}}`:                            "prices.inptu is not known; did you mean input?",
		`{"model":"m","prices":{"input":"much"}}`:                         "prices.input",
		`{"model":"m","prices":{"input":1}}`:                              "prices must be an object of texts",
		`{"model":"m","prices":{}}`:                                       "",
		`{"model":"m","prices":{"input":"1","output":"2"},"from":"soon"}`: "from",
	} {
		w.refused(422, words, "POST", "/admin/prices", body)
	}
	if left := do[PriceList](w, 200, "DELETE", "/admin/prices?model=house-1&provider=b", ""); left.Total != 0 {
		t.Errorf("left %+v", left)
	}
	w.refused(404, "no such price", "DELETE", "/admin/prices?model=house-1&provider=b", "")
	w.refused(422, "model is needed", "DELETE", "/admin/prices", "")
	w.refused(409, "prices.sources", "POST", "/admin/prices/sync", "")
	if s := do[Settings](w, 200, "GET", "/admin/settings", ""); s.Settings["docs"] != true {
		t.Errorf("settings %+v", s)
	}
}

// record writes attempts of two requests: one that was tried twice, one without a price.
func (w *world) record() (key string, first string) {
	w.t.Helper()
	k := do[KeyMade](w, 201, "POST", "/admin/keys", `{"name":"shop"}`)
	first = store.NewID("req")
	at, _ := store.IDTime(first)
	w.now = at.Add(time.Hour)
	rows := []store.Attempt{
		{ID: "att_1", RequestID: first, Number: 1, At: at, KeyID: k.ID, Provider: "b", ServedModel: "gpt-5-mini", RequestedModel: "fast", Status: 429, ErrorClass: "rate_limit", Charge: store.Charge{Version: "v"}},
		{
			ID: "att_2", RequestID: first, Number: 2, At: at.Add(time.Second), KeyID: k.ID, Provider: "a", ServedModel: "gpt-5-mini", RequestedModel: "fast", Status: 200, Tags: `["web"]`,
			Usage: store.Usage{Input: 1000, Output: 100, CacheRead: 50, Reasoning: 10}, Latency: 2 * time.Second, Queued: time.Millisecond, FirstByte: time.Second, FirstContent: 1500 * time.Millisecond,
			Losses: 1, LossReport: "top_k", CacheStory: "hit", Session: "abc", Charge: store.Charge{Version: "v", Kind: "openai", Nano: 1_000_003},
		},
		{ID: "att_3", RequestID: "req_other", Number: 1, At: at.Add(time.Minute), KeyID: k.ID, Provider: "a", ServedModel: "m", RequestedModel: "m", Status: 200, Usage: store.Usage{Input: 5}, Charge: store.Charge{Version: "v", Unpriced: true}},
	}
	if err := w.opt.Store.InsertAttempts(w.t.Context(), rows); err != nil {
		w.t.Fatal(err)
	}
	return k.ID, first
}

func TestRequestLog(t *testing.T) {
	w := newWorld(t)
	key, first := w.record()
	list := do[AttemptList](w, 200, "GET", "/admin/attempts", "")
	if len(list.Attempts) != 3 || list.Attempts[0].ID != "att_3" || list.Attempts[1].KeyName != "shop" || list.Attempts[1].CostUSD != "0.001000003" || list.Attempts[0].CostUSD != "" || !list.Attempts[0].Unpriced {
		t.Errorf("%+v", list)
	}
	for query, want := range map[string]string{
		"failed=true": "att_1", "losses=true": "att_2", "session=abc": "att_2", "status=429": "att_1", "unpriced=true": "att_3", "min_cost_usd=0.001": "att_2",
		"request_id=req_other": "att_3", "model=gpt-5-mini&failed=false": "att_2", "error_class=rate_limit": "att_1", "provider=b": "att_1",
	} {
		if l := do[AttemptList](w, 200, "GET", "/admin/attempts?key_id="+key+"&"+query, ""); len(l.Attempts) != 1 || l.Attempts[0].ID != want {
			t.Errorf("%s: %+v", query, l.Attempts)
		}
	}
	var ids []string
	for next := ""; ; {
		l := do[AttemptList](w, 200, "GET", "/admin/attempts?limit=2&cursor="+next, "")
		for _, a := range l.Attempts {
			ids = append(ids, a.ID)
		}
		if next = l.Next; next == "" {
			break
		}
	}
	if fmt.Sprint(ids) != "[att_3 att_2 att_1]" {
		t.Errorf("by pages %v", ids)
	}
	r := do[Request](w, 200, "GET", "/admin/requests/"+first, "")
	if len(r.Attempts) != 2 || r.Attempts[0].ID != "att_1" || r.CostUSD != "0.001000003" || !r.Complete {
		t.Fatalf("%+v", r)
	}
	a := r.Attempts[1]
	if a.Phases != (Phases{1, 1000, 1500, 2000}) || a.LossReport != "top_k" || a.CacheStory != "hit" || a.Tags[0] != "web" || a.Usage.Reasoning != 10 {
		t.Errorf("%+v", a)
	}
	var sum int64
	for _, l := range a.Lines {
		var whole, part int64
		if _, err := fmt.Sscanf((l.CostUSD + "000000000")[:len(l.CostUSD[:strings.Index(l.CostUSD, ".")])+10], "%d.%d", &whole, &part); err != nil {
			t.Fatal(err, l.CostUSD)
		}
		sum += whole*1_000_000_000 + part
	}
	if len(a.Lines) != 3 || sum != 1_000_003 {
		t.Errorf("the lines add up to %d: %+v", sum, a.Lines)
	}
	w.refused(404, "no request", "GET", "/admin/requests/req_nothing", "")
	for query, words := range map[string]string{"cursor=x": "cursor", "min_cost_usd=much": "min_cost_usd", "session=%25": "session", "from=now": "from must be a time", "limit=999": "limit"} {
		w.refused(422, words, "GET", "/admin/attempts?"+query, "")
	}
}

// TestSeedUsage: the members that other gateways' clients read, and CSV where they ask for it.
func TestSeedUsage(t *testing.T) {
	w := newWorld(t)
	key, _ := w.record()
	list := do[map[string]any](w, 200, "GET", "/admin/usage?group_by=key_model&period=7d", "")
	rows, _ := list["usage"].([]any)
	if len(rows) != 2 {
		t.Fatalf("%v", list)
	}
	row, _ := rows[0].(map[string]any)
	if row["key_id"] != key || row["key_name"] != "shop" || row["model"] != "gpt-5-mini" || row["total_requests"] != 1.0 || row["input_tokens"] != 1050.0 || row["output_tokens"] != 100.0 || row["total_tokens"] != 1150.0 {
		t.Errorf("%v", row)
	}
	names, _ := row["names"].(map[string]any)
	if p95, _ := row["p95_latency_ms"].(float64); p95 < 1700 || p95 > 2400 || names["key"] != "shop" {
		t.Errorf("%v", row)
	}
	if other, _ := rows[1].(map[string]any); other["p50_latency_ms"] != nil || other["p95_first_content_ms"] != nil {
		t.Errorf("times that nobody measured: %v", rows[1])
	}
	rec := w.send("GET", "/admin/usage?group_by=provider&period=7d", "", "Accept", "text/csv")
	table, err := csv.NewReader(rec.Body).ReadAll()
	if err != nil || len(table) != 3 || table[0][0] != "provider" {
		t.Errorf("%v %v", table, err)
	}
	days := do[UsageList](w, 200, "GET", "/admin/usage?by=day,provider&period=7d&zone=Asia/Kolkata&model=m", "")
	if len(days.Usage) != 1 || days.Zone != "Asia/Kolkata" || days.Usage[0].By["day"] == "" || days.Total.Unpriced != 1 {
		t.Errorf("%+v", days)
	}
	for _, format := range []string{"csv", "focus"} {
		rec := w.send("GET", "/admin/usage/export?period=7d&format="+format, "")
		table, err := csv.NewReader(rec.Body).ReadAll()
		if err != nil || rec.Code != 200 || len(table) < 3 || !strings.Contains(rec.Header().Get("Content-Disposition"), "usage.csv") {
			t.Errorf("%s: %d %v %v", format, rec.Code, table, err)
		}
	}
	for query, words := range map[string]string{
		"zone=Mars": "zone is no time zone", "zone=Local": "zone is no", "by=planet": "by has", "by=key,key": "by has", "period=ever": "period must be one of",
		"from=2026-11-01&period=7d": "says both ends", "from=2026-11-02&to=2026-11-01": "must be before", "from=soon": "from", "from=2026-11-01T00:01:00Z": "quarters", "group_by=all": "group_by",
	} {
		w.refused(422, words, "GET", "/admin/usage?"+query, "")
	}
	w.refused(422, "FOCUS says", "GET", "/admin/usage/export?format=focus&by=key", "")
}

func TestRerate(t *testing.T) {
	w := newWorld(t)
	w.record()
	do[PriceList](w, 201, "POST", "/admin/prices", `{"model":"m","prices":{"input":"1","output":"1"}}`)
	from := w.now.AddDate(0, 0, -2).Format(time.DateOnly)
	dry := do[Rerating](w, 200, "POST", "/admin/prices/rerate", `{"from":"`+from+`","dry_run":true}`)
	again := do[Rerating](w, 200, "POST", "/admin/prices/rerate", `{"from":"`+from+`"}`)
	if !dry.Dry || marshal(dry.Models) != marshal(again.Models) || len(again.Models) == 0 {
		t.Errorf("dry %s, then %s", marshal(dry), marshal(again))
	}
	changed := func(r Rerating) (n int) {
		for _, m := range r.Models {
			n += m.Changed
		}
		return n
	}
	if third := do[Rerating](w, 200, "POST", "/admin/prices/rerate", `{"from":"`+from+`"}`); changed(again) == 0 || changed(third) != 0 {
		t.Errorf("%d changed, then %d", changed(again), changed(third))
	}
	w.refused(422, "from must be a date", "POST", "/admin/prices/rerate", `{"from":""}`)
	w.refused(422, "before to", "POST", "/admin/prices/rerate", `{"from":"2026-11-02","to":"2026-11-01"}`)
}

// channel is one that fails.
type channel struct{ got []*alert.Message }

func (c *channel) Send(_ context.Context, m *alert.Message) error {
	c.got = append(c.got, m)
	if len(c.got) > 1 {
		return errors.New("nobody is there")
	}
	return nil
}

func TestAlerts(t *testing.T) {
	w := newWorld(t)
	c := &channel{}
	w.channels["ops"] = c
	if _, err := w.opt.Store.MoveAlert(t.Context(), store.AlertState{Name: "dear", Subject: "all", State: "firing", ChangedAt: w.now}, ""); err != nil {
		t.Fatal(err)
	}
	a := do[Alerts](w, 200, "GET", "/admin/alerts", "")
	if len(a.Rules) != 1 || a.Rules[0].When != "spend" || a.Rules[0].Above != "1" || len(a.States) != 1 || a.States[0].State != "firing" {
		t.Errorf("%+v", a)
	}
	if r := do[ChannelTested](w, 200, "POST", "/admin/alerts/channels/ops/test", ""); !r.Delivered || len(c.got) != 1 || c.got[0].Alert != "test" {
		t.Errorf("%+v, %+v", r, c.got)
	}
	if r := do[ChannelTested](w, 200, "POST", "/admin/alerts/channels/ops/test", ""); r.Delivered || r.Reason != "nobody is there" {
		t.Errorf("%+v", r)
	}
	w.refused(404, "no channel", "POST", "/admin/alerts/channels/none/test", "")
}

// TestFailuresAreNotTold: what fails here is told in the log, not to the caller.
func TestFailuresAreNotTold(t *testing.T) {
	w := newWorld(t)
	_ = w.opt.Store.Close()
	p := w.refused(500, "log tells why", "GET", "/admin/keys", "")
	if strings.Contains(p.Detail, "database") || !strings.Contains(w.log.String(), "closed") {
		t.Errorf("%+v, %s", p, w.log)
	}
}

// TestDocs: with Swagger UI and, where a build has none, without it.
func TestDocs(t *testing.T) {
	packed := func(text string) *fstest.MapFile {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write([]byte(text))
		_ = w.Close()
		return &fstest.MapFile{Data: b.Bytes()}
	}
	whole := fstest.MapFS{"swagger-ui-bundle.js.gz": packed("var SwaggerUIBundle"), "swagger-ui.css.gz": packed("body{}")}
	common := map[string]string{"/docs/plain.html": "docs.js", "/docs/docs.js": "openapi.json", "/docs/docs.css": "body", "/docs/openapi.json": `"openapi": "3.1.0"`}
	for _, c := range []struct {
		name string
		ui   fs.FS
		want map[string]string // "": there is none
	}{
		{"with it", whole, map[string]string{
			"/docs/": "swagger.js", "/docs/swagger.js": "SwaggerUIBundle({", "/docs/swagger-ui-bundle.js": "var SwaggerUIBundle", "/docs/swagger-ui.css": "body{}",
		}},
		{"without it", fstest.MapFS{}, map[string]string{"/docs/": "docs.js", "/docs/swagger-ui-bundle.js": ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := DocsHandler("test", c.ui)
			if err != nil {
				t.Fatal(err)
			}
			ask := func(path, accept string) *httptest.ResponseRecorder {
				rec := httptest.NewRecorder()
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
				r.Header.Set("Accept-Encoding", accept)
				h.ServeHTTP(rec, r)
				return rec
			}
			want := maps.Clone(common)
			maps.Copy(want, c.want)
			for path, text := range want {
				rec := ask(path, "")
				if text == "" {
					if rec.Code != 404 {
						t.Errorf("%s: %d", path, rec.Code)
					}
					continue
				}
				if rec.Code != 200 || !strings.Contains(rec.Body.String(), text) || strings.Contains(rec.Body.String(), "https://") || !strings.Contains(rec.Header().Get("Content-Security-Policy"), "script-src 'self';") {
					t.Errorf("%s: %d %.200s", path, rec.Code, rec.Body)
				}
			}
			if rec := ask("/docs/swagger-ui.css", "gzip, br"); rec.Code == 200 && (rec.Header().Get("Content-Encoding") != "gzip" || !bytes.Equal(rec.Body.Bytes(), whole["swagger-ui.css.gz"].Data)) {
				t.Errorf("not as it is kept: %v", rec.Header())
			}
		})
	}
}
