package live_test

import (
	"errors"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/live"
	"turnpike/internal/store"
	"turnpike/internal/store/pgtest"
	"turnpike/internal/vault"
)

var onPostgres bool

// TestMain runs every test on SQLite and, where there is a server, on PostgreSQL.
func TestMain(m *testing.M) {
	code := m.Run()
	fuzzed := flag.Lookup("test.fuzz")
	if code == 0 && os.Getenv(pgtest.Env) != "" && (fuzzed == nil || fuzzed.Value.String() == "") {
		onPostgres = true
		code = m.Run()
	}
	os.Exit(code) //nolint:forbidigo // as TestMain does
}

const declared = `
providers:
  - { name: box, type: sandbox }
  - { name: main, type: openai, api_key: "${MAIN_KEY}", weight: 40 }
aliases: [{ match: fast, to: [box/sandbox] }]
`

func load(t *testing.T, text string, environ ...string) *config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "turnpike.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Options{Path: path, Environ: environ})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return c
}

func open(t *testing.T, cfg *config.Config) *live.Book {
	t.Helper()
	dir := t.TempDir()
	var db *store.Store
	var err error
	if onPostgres {
		db, err = store.OpenPostgres(t.Context(), store.Postgres{URL: pgtest.New(t), MaxConns: 4})
	} else {
		db, err = store.Open(t.Context(), filepath.Join(dir, store.FileName))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	safe, err := vault.Open(filepath.Join(dir, vault.FileName))
	if err != nil {
		t.Fatal(err)
	}
	b, err := live.New(t.Context(), cfg, live.Options{Store: db, Sealer: safe, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func change(t *testing.T, b *live.Book, do func(*live.Edit)) {
	t.Helper()
	if err := b.Change(t.Context(), func(e *live.Edit) error { do(e); return nil }); err != nil {
		t.Fatal(err)
	}
}

type m = map[string]any

// full is a gateway with one of each kind set.
func full(t *testing.T) *live.Book {
	t.Helper()
	b := open(t, load(t, declared, "MAIN_KEY=sk-main-secret-01"))
	change(t, b, func(e *live.Edit) {
		e.Set(live.Provider, "more", m{
			"type": "azure", "base_url": "https://x.openai.azure.com", "api_key": "sk-more-$secret", "headers": m{"X-Cost": "head$${er}"}, "weight": 7,
			"apis": []any{m{"match": "z*", "api": "chat"}, m{"match": "*", "api": "responses"}}, "timeouts": m{"idle": "7s"}, "deployments": m{"gpt": "d-1"},
		})
		e.Set(live.Override, "main", m{"weight": 3})
		e.Set(live.Alias, "mine*", m{"to": []any{"more/gpt", "box/sandbox"}, "strategy": "priority"})
		e.Set(live.Defaults, "defaults", m{"model": "mine-1"})
		e.Set(live.Channel, "hook", m{"type": "webhook", "url": "https://hook.example/secret-path", "secret": "signing-secret"})
		e.Set(live.Rule, "much", m{"when": "spend", "above": "5", "per": "day", "channels": []any{"hook"}})
		e.Set(live.Model, "caps", m{"match": []any{"gpt*"}, "caps": m{"max_output": "100"}})
	})
	return b
}

// alike are the parts of two configurations that can be set, made comparable.
func alike(c *config.Config) []any {
	ps := slices.Clone(c.Providers)
	for i := range ps {
		ps[i].Live, ps[i].Guarded = false, false
	}
	alerts := c.Alerts
	alerts.Channels = slices.Clone(alerts.Channels)
	for i := range alerts.Channels {
		alerts.Channels[i].Guarded = false
	}
	return []any{ps, c.Aliases, c.Defaults, alerts, c.ModelRules}
}

// TestExportIsTaken: what is exported with its secrets is, as a file, the same configuration;
// without them it is taken too, with variables for them.
func TestExportIsTaken(t *testing.T) {
	b := full(t)
	text, _, err := b.State().Export("a good passphrase", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"sk-main", "sk-more", "head$", "secret-path", "signing"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the secret %s is in\n%s", secret, text)
		}
	}
	if !strings.Contains(string(text), `"${MAIN_KEY}"`) {
		t.Errorf("the variable of the file is not kept:\n%s", text)
	}
	phrase := filepath.Join(t.TempDir(), "phrase")
	if err := os.WriteFile(phrase, []byte("a good passphrase\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	again := load(t, string(text), "MAIN_KEY=sk-main-secret-01", config.PassphraseFile+"="+phrase)
	if !reflect.DeepEqual(alike(again), alike(b.State().Config)) {
		t.Errorf("it is read as\n%+v\nnot\n%+v\n%s", alike(again), alike(b.State().Config), text)
	}
	if _, err := config.Load(config.Options{Path: again.File}); err == nil || !strings.Contains(err.Error(), "is encrypted: TURNPIKE_PASSPHRASE_FILE") {
		t.Errorf("without the passphrase: %v", err)
	}
	text, variables, err := b.State().Export("", map[string]string{"more": "rest"})
	if err != nil || !slices.Equal(variables, []string{"ALERTS_HOOK_SECRET", "ALERTS_HOOK_URL", "MORE_API_KEY", "MORE_HEADERS_X_COST"}) {
		t.Errorf("variables %v, %v", variables, err)
	}
	again = load(t, string(text), "ALERTS_HOOK_URL=https://hook.example/x", "ALERTS_HOOK_SECRET=s", "MORE_API_KEY=k", "MORE_HEADERS_X_COST=h")
	for _, p := range again.Providers {
		if p.Name == "more" && (!p.Disabled || p.APIKey.Reveal() != "k") || p.Name == "main" && (!p.Disabled || p.Weight != 3) {
			t.Errorf("%+v", p)
		}
	}
}

// TestImport: a file's settings are set, what is there already is left alone, and nothing is
// done of what is tried.
func TestImport(t *testing.T) {
	from := full(t)
	text, _, err := from.State().Export("a good passphrase", nil)
	if err != nil {
		t.Fatal(err)
	}
	to := open(t, load(t, declared, "MAIN_KEY=sk-main-secret-01"))
	in, err := live.NewImport(string(text), "a good passphrase")
	if err != nil {
		t.Fatal(err)
	}
	in.Dry = true
	done, err := to.Import(t.Context(), *in)
	if err != nil || len(to.State().Entries) != 0 {
		t.Fatalf("tried: %v, set %v", err, to.State().Entries)
	}
	in.Dry = false
	really, err := to.Import(t.Context(), *in)
	if err != nil || !reflect.DeepEqual(really.Changes, done.Changes) {
		t.Fatalf("%v: %+v, tried as %+v", err, really, done)
	}
	what := map[string]string{}
	for _, c := range really.Changes {
		what[c.Kind+" "+c.Name] = c.What
	}
	if want := map[string]string{
		"provider box": live.Unchanged, "provider main": live.Declared, "provider more": live.Made, "alias fast": live.Unchanged, "alias mine*": live.Made,
		"defaults defaults": live.Changed, "channel hook": live.Made, "rule much": live.Made, "model caps": live.Made,
	}; !reflect.DeepEqual(what, want) {
		t.Errorf("%v", what)
	}
	// What the file has otherwise stays as it is declared: its weight here.
	change(t, to, func(e *live.Edit) { e.Set(live.Override, "main", m{"weight": 3}) })
	if !reflect.DeepEqual(alike(to.State().Config), alike(from.State().Config)) {
		t.Errorf("it became\n%+v\nnot\n%+v", alike(to.State().Config), alike(from.State().Config))
	}
	again, err := to.Import(t.Context(), *in)
	if err != nil || slices.ContainsFunc(again.Changes, func(c live.Change) bool { return c.What != live.Unchanged && c.What != live.Declared }) {
		t.Errorf("again: %+v, %v", again.Changes, err)
	}
	// Secrets that a file leaves out stay, and what it does not have goes where that is asked for.
	short, err := live.NewImport(`providers: [{ name: more, type: azure, base_url: "https://x.openai.azure.com", api_key: "${SOME}", weight: 9, enabled: false }]`, "")
	if err != nil {
		t.Fatal(err)
	}
	short.Prune = true
	less, err := to.Import(t.Context(), *short)
	if err != nil || !slices.Equal(less.Off, []string{"more"}) || len(less.Unset) != 1 {
		t.Fatalf("%+v, %v", less, err)
	}
	p := to.State().Config.Providers[len(to.State().Config.Providers)-1]
	if p.Name != "more" || p.APIKey.Reveal() != "sk-more-$secret" || p.Weight != 9 || len(p.APIs) != 0 || len(to.State().Config.Aliases) != 1 || len(to.State().Entries) != 2 {
		t.Errorf("%+v, entries %+v", p, to.State().Entries)
	}
	for text, words := range map[string]string{
		"providers: [":                       "not valid YAML",
		"providers: [{ type: sandbox }]":     "has no name",
		"aliases: [{ match: x, to: [] }]":    "to must list",
		"":                                   "has no settings",
		"defaults: { model: sealed.v1.x.y }": "is encrypted",
	} {
		in, _ := live.NewImport(text, "")
		if _, err := to.Import(t.Context(), *in); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %v, want %q", text, err, words)
		}
	}
	if in, err = live.NewImport(string(text), "another passphrase"); err == nil {
		_, err = to.Import(t.Context(), *in)
	}
	if err == nil || !strings.Contains(err.Error(), "another passphrase") {
		t.Errorf("with another passphrase: %v", err)
	}
}

// TestFailedApply: what cannot be put in force is not, and is tried again.
func TestFailedApply(t *testing.T) {
	b := open(t, load(t, declared, "MAIN_KEY=sk-main-secret-01"))
	broken := errors.New("cannot")
	b.Applied(func(*config.Config) error { return broken })
	err := b.Change(t.Context(), func(e *live.Edit) error { e.Set(live.Alias, "x", m{"to": []any{"box/sandbox"}}); return nil })
	if !errors.Is(err, broken) || len(b.State().Entries) != 0 {
		t.Errorf("%v, %+v", err, b.State().Entries)
	}
	b.Applied(func(*config.Config) error { return nil })
	if err := b.Refresh(t.Context()); err != nil || len(b.State().Config.Aliases) != 2 {
		t.Errorf("%v, %+v", err, b.State().Config.Aliases)
	}
}

// TestOtherKey: secrets that were sealed with another key file are told of and left out.
func TestOtherKey(t *testing.T) {
	dir := t.TempDir()
	db, err := store.Open(t.Context(), filepath.Join(dir, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for i, name := range []string{"one.key", "two.key"} {
		safe, err := vault.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := live.New(t.Context(), load(t, declared), live.Options{Store: db, Sealer: safe, Log: slog.New(slog.DiscardHandler), Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			change(t, b, func(e *live.Edit) { e.Set(live.Provider, "p", m{"type": "openai", "api_key": "sk-secret-0001"}) })
			continue
		}
		v, ok, err := b.State().View(live.Provider, "p")
		if err != nil || !ok || !strings.Contains(v.Problem, "another key") {
			t.Errorf("%+v, %v", v, err)
		}
	}
}

// FuzzImport: whatever a file holds, it is refused or its parts are read.
func FuzzImport(f *testing.F) {
	f.Add([]byte("providers: [{ name: a, type: sandbox, apis: { x: chat } }]\ndefaults: { model: m }\nalerts: { rules: [{ name: r }] }\nserver: {}\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("aliases: [{ match: x, to: ['${Y}', $$, 2026-01-01, 1e9, ~] }]"))
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := config.ReadDocument(text, nil)
		if err != nil {
			return
		}
		for _, e := range doc.Entries {
			if e.Kind == "" || e.Name == "" {
				t.Fatalf("%q gives an entry without a name", text)
			}
		}
		config.Overlay(config.Default(), doc.Entries)
	})
}
