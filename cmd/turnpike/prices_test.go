package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/operator"
	"turnpike/internal/store"
)

// listed are the prices of a model, as prices list --json tells them.
func listed(t *testing.T, model string, flags ...string) []operator.PriceView {
	t.Helper()
	var got struct {
		Prices []operator.PriceView
	}
	if err := json.Unmarshal([]byte(commandOut(t, append([]string{"prices", "list", model, "--json"}, flags...)...)), &got); err != nil {
		t.Fatal(err)
	}
	return got.Prices
}

func TestPricesSet(t *testing.T) {
	alone(t)
	commandOut(t, "prices", "set", "House-1", "--input", "1.50", "--output", "$6", "--web-search", "0.01", "--long-above", "1000", "--long-input", "3", "--type", "openai-compat")
	got := listed(t, "house-1")
	if len(got) != 1 || got[0].Prices["input"] != "$1.50" || got[0].Prices["output"] != "$6.00" || got[0].Prices["web_search"] != "$0.01" ||
		len(got[0].Long) != 1 || got[0].Long[0].Above != 1000 || got[0].Long[0].Prices["input"] != "$3.00" || got[0].Rank != "override" || got[0].Kind != "openai-compat" {
		t.Fatalf("%+v", got)
	}
	// Without a date it takes the place of what was set; with one it holds from then on.
	commandOut(t, "prices", "set", "house-1", "--input", "2", "--output", "6", "--type", "openai-compat")
	commandOut(t, "prices", "set", "house-1", "--input", "9", "--output", "6", "--type", "openai-compat", "--from", "2099-01-01")
	if got := listed(t, "house-1"); len(got) != 1 || got[0].Prices["input"] != "$2.00" || got[0].To.IsZero() {
		t.Errorf("today %+v", got)
	}
	if got := listed(t, "house-1", "--all"); len(got) != 2 {
		t.Errorf("all %+v", got)
	}
	if out := commandOut(t, "prices", "list", "house-1", "--all"); !strings.Contains(out, "$9.00") || !strings.Contains(out, "openai-compat") {
		t.Errorf("table %s", out)
	}
	commandOut(t, "prices", "set", "house-1", "--remove", "--type", "openai-compat")
	if got := listed(t, "house-1", "--all"); len(got) != 0 {
		t.Errorf("removed %+v", got)
	}
	refused(t, "no price was set by hand", "prices", "set", "house-1", "--remove")
	refused(t, "usage: turnpike prices set MODEL", "prices", "set", "--input", "1")
	refused(t, `--input: "cheap" is not a price`, "prices", "set", "m", "--input", "cheap")
	refused(t, "has no prices", "prices", "set", "m")
	refused(t, "long: steps", "prices", "set", "m", "--input", "1", "--long-input", "2")
	refused(t, "--from:", "prices", "set", "m", "--input", "1", "--from", "soon")
	refused(t, "usage: turnpike prices list|set|import|sync|rerate", "prices")
}

const ownList = `{"format":"turnpike-prices/1","entries":[{"models":["house-1","house-2"],"prices":{"input":"%s","output":"8"}}]}`

func TestPricesImport(t *testing.T) {
	dir := filepath.Dir(alone(t))
	path := write(t, filepath.Join(dir, "list.json"), fmt.Sprintf(ownList, "1"))
	change := func(flags ...string) (got struct{ Added, Ended, Dropped, Unchanged int }) {
		t.Helper()
		if err := json.Unmarshal([]byte(commandOut(t, append([]string{"prices", "import", path, "--json"}, flags...)...)), &got); err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := change("--dry-run"); got.Added != 2 || len(listed(t, "house")) != 0 {
		t.Errorf("a dry run: %+v", got)
	}
	if got := change(); got.Added != 2 || len(listed(t, "house")) != 2 {
		t.Errorf("first %+v", got)
	}
	if got := change(); got.Unchanged != 2 || got.Added+got.Ended != 0 {
		t.Errorf("again %+v", got)
	}
	write(t, path, fmt.Sprintf(ownList, "2"))
	if got := change(); got.Added != 2 || got.Ended != 2 || len(listed(t, "house")) != 2 || len(listed(t, "house", "--all")) != 4 {
		t.Errorf("another price %+v", got)
	}
	write(t, path, fmt.Sprintf(ownList, "3"))
	if got := change("--correct"); got.Added != 2 || got.Dropped != 4 || len(listed(t, "house", "--all")) != 2 {
		t.Errorf("a correction %+v", got)
	}
	write(t, path, "{}")
	refused(t, "no price in it", "prices", "import", path)
	refused(t, "no such file", "prices", "import", path+"x")
	refused(t, "--as: write", "prices", "import", path, "--as", "groq")
}

// webList is a price list on the web.
type webList struct {
	mu           sync.Mutex
	body, etag   string
	status, sent int
	asked        []string // If-None-Match
}

func (l *webList) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, r.Header.Get("If-None-Match"))
	w.Header().Set("ETag", l.etag)
	switch {
	case l.status != 0:
		w.WriteHeader(l.status)
	case r.Header.Get("If-None-Match") == l.etag:
		w.WriteHeader(http.StatusNotModified)
	default:
		l.sent++
		_, _ = io.WriteString(w, l.body)
	}
}

// counted is how often the list was sent, and asked for.
func (l *webList) counted() (sent, asked int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent, len(l.asked)
}

func TestPricesSync(t *testing.T) {
	data := alone(t)
	l := &webList{body: fmt.Sprintf(ownList, "1"), etag: `"1"`}
	web := httptest.NewServer(l)
	defer web.Close()
	refused(t, "no source is configured", "prices", "sync")
	write(t, "turnpike.yaml", "prices: {sources: ['"+web.URL+"/list.json']}\n")
	if out := commandOut(t, "prices", "sync"); !strings.Contains(out, "2 prices added") {
		t.Errorf("first %s", out)
	}
	if out := commandOut(t, "prices", "sync"); !strings.Contains(out, "nothing new") || l.sent != 1 || l.asked[1] != `"1"` {
		t.Errorf("again %s, sent %d, asked %q", out, l.sent, l.asked)
	}
	l.body, l.etag = fmt.Sprintf(ownList, "2"), `"2"`
	if out := commandOut(t, "prices", "sync"); !strings.Contains(out, "2 prices added, 2 ended") {
		t.Errorf("another price %s", out)
	}
	// Whatever goes wrong, what was told last stays in force.
	var many strings.Builder
	for i := range 40 {
		fmt.Fprintf(&many, `"many-%d",`, i)
	}
	l.body, l.etag = strings.Replace(fmt.Sprintf(ownList, "2"), `"house-1",`, `"house-1",`+many.String(), 1), `"3"`
	commandOut(t, "prices", "sync")
	for name, broken := range map[string]func(){
		"status":        func() { l.status = 500 },
		"not JSON":      func() { l.status, l.body, l.etag = 0, "<html>", `"4"` },
		"nothing in it": func() { l.body, l.etag = "{}", `"5"` },
		"much is gone":  func() { l.body, l.etag = fmt.Sprintf(ownList, "2"), `"6"` },
	} {
		broken()
		if got := refused(t, "1 of 1 sources failed", "prices", "sync"); !strings.Contains(got.err, "stays in force") {
			t.Errorf("%s: %s", name, got.err)
		}
		if got := listed(t, "-"); len(listed(t, "house")) != 2 || len(listed(t, "many")) != 40 {
			t.Errorf("%s: %d prices", name, len(got))
		}
		l.status = 0
	}
	db, err := store.Open(t.Context(), filepath.Join(data, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if p, err := db.PriceSource(t.Context(), web.URL+"/list.json"); err != nil || p.Problem == "" || p.ETag != `"3"` {
		t.Errorf("noted %+v, %v", p, err)
	}
}

// TestPricesDaily: a gateway asks its sources by itself, once a day.
func TestPricesDaily(t *testing.T) {
	data := alone(t)
	l := &webList{body: fmt.Sprintf(ownList, "1"), etag: `"1"`}
	web := httptest.NewServer(l)
	defer web.Close()
	write(t, "turnpike.yaml", "prices: {sync: daily, sources: ['"+web.URL+"/list.json']}\n")
	for i := range 2 {
		r, _ := firstRun(t, load(t, data, nil, ""))
		if i == 0 {
			r.wait("a price list was taken")
		}
		if err := r.end(); err != nil {
			t.Fatal(err)
		}
	}
	if sent, asked := l.counted(); sent != 1 || asked != 1 {
		t.Errorf("sent %d times, asked for %d times", sent, asked)
	}
	if got := listed(t, "house"); len(got) != 2 {
		t.Errorf("%+v", got)
	}
}

// TestRunningGatewayFollows: what the commands change, a gateway that runs counts with.
func TestRunningGatewayFollows(t *testing.T) {
	data := alone(t)
	r, out := firstRun(t, load(t, data, map[string]string{"auth.api_key": "key-1"}, ""))
	_ = out
	if status, body := r.do("POST", "/v1/chat/completions", "key-1", hello); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	commandOut(t, "prices", "set", "*", "--input", "1000", "--output", "1000", "--type", "sandbox")
	r.wait("another price book is in force")
	if status, body := r.do("POST", "/v1/chat/completions", "key-1", hello); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	rows := attempts(t, data)
	if len(rows) != 2 {
		t.Fatalf("%d attempts", len(rows))
	}
	after, before := rows[0], rows[1]
	if before.Charge.Nano != 0 || !before.Charge.Known() || before.Charge.Kind != config.TypeSandbox {
		t.Errorf("before %+v", before.Charge)
	}
	if want := (after.Usage.Input + after.Usage.Output) * 1_000_000; after.Charge.Nano != want || want == 0 || after.Charge.Version == before.Charge.Version {
		t.Errorf("after %+v, want %d", after.Charge, want)
	}
}

func TestPricesRerate(t *testing.T) {
	data := alone(t)
	commandOut(t, "prices", "set", "house-1", "--input", "1", "--output", "1", "--type", "openai")
	db, err := store.Open(t.Context(), filepath.Join(openFolder(t, data), store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 10, 0, 0, 0, 0, time.UTC)
	var rows []store.Attempt
	for i := range 1200 { // more than two batches
		a := store.Attempt{
			ID: fmt.Sprintf("att_%04d", i), At: at.Add(time.Duration(i/3) * time.Minute), Provider: "up", ServedModel: "house-1",
			Usage:  store.Usage{Input: 1_000_000},
			Charge: store.Charge{Nano: 1_000_000_000, Version: "old", Kind: "openai"},
		}
		switch i % 3 {
		case 1:
			a.ServedModel, a.Charge = "house-2", store.Charge{Unpriced: true, Version: "old", Kind: "openai"}
		case 2:
			a.ServedModel, a.Charge = "house-3", store.Charge{} // from before prices were kept
		}
		rows = append(rows, a)
	}
	if err := db.InsertAttempts(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, "turnpike.yaml", "providers: [{name: up, type: openai, api_key: k}]\n")
	commandOut(t, "prices", "set", "house-1", "--input", "3", "--output", "1", "--type", "openai")
	commandOut(t, "prices", "set", "house-3", "--input", "5", "--output", "1", "--type", "openai")
	run := func(flags ...string) map[string]operator.Rerated {
		t.Helper()
		var got struct{ Models []operator.Rerated }
		all := append([]string{"prices", "rerate", "--from", "2026-11-10", "--to", "2026-11-11", "--json"}, flags...)
		if err := json.Unmarshal([]byte(commandOut(t, all...)), &got); err != nil {
			t.Fatal(err)
		}
		out := map[string]operator.Rerated{}
		for _, s := range got.Models {
			out[s.Model] = s
		}
		return out
	}
	const dollar = 1_000_000_000
	for _, dry := range []bool{true, false} {
		var flags []string
		if dry {
			flags = []string{"--dry-run"}
		}
		got := run(flags...)
		want := map[string]operator.Rerated{
			"house-1": {Provider: "up", Model: "house-1", Attempts: 400, Changed: 400, Before: 400 * dollar, After: 1200 * dollar},
			"house-2": {Provider: "up", Model: "house-2", Attempts: 400, UnpricedBefore: 400, UnpricedAfter: 400},
			"house-3": {Provider: "up", Model: "house-3", Attempts: 400, Changed: 400, After: 2000 * dollar, UnpricedBefore: 400},
		}
		for model, w := range want {
			if got[model] != w {
				t.Errorf("dry run %v: %+v, want %+v", dry, got[model], w)
			}
		}
	}
	for model, s := range run() {
		if s.Changed != 0 || s.Before != s.After {
			t.Errorf("again: %s %+v", model, s)
		}
	}
	if out := commandOut(t, "prices", "rerate", "--from", "2026-11-10", "--to", "2026-11-11", "--dry-run"); !strings.Contains(out, "$3200.00") || !strings.Contains(out, "Nothing was changed") {
		t.Errorf("table %s", out)
	}
	refused(t, "usage: turnpike prices rerate", "prices", "rerate")
	refused(t, "is not a date", "prices", "rerate", "--from", "yesterday")
	refused(t, "--from must be before --to", "prices", "rerate", "--from", "2026-11-11", "--to", "2026-11-10")
}

// openFolder is the data folder a command has made.
func openFolder(t *testing.T, data string) string {
	t.Helper()
	commandOut(t, "prices", "list", "nothing", "--data-dir", data)
	t.Setenv("TURNPIKE_DATA_DIR", data)
	return data
}
