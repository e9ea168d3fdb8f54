package admin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"turnpike/internal/affinity"
	"turnpike/internal/alert"
	"turnpike/internal/audit"
	"turnpike/internal/catalog"
	"turnpike/internal/config"
	"turnpike/internal/identity"
	"turnpike/internal/live"
	"turnpike/internal/payload"
	"turnpike/internal/price"
	"turnpike/internal/provider"
	"turnpike/internal/provider/sandbox"
	"turnpike/internal/roster"
	"turnpike/internal/route"
	"turnpike/internal/store"
	"turnpike/internal/store/pgtest"
	"turnpike/internal/vault"
)

const key = "tp-admin-secret"

// onPostgres says which database tests make.
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

func openStore(t testing.TB, dir string) (*store.Store, error) {
	t.Helper()
	if onPostgres {
		return store.OpenPostgres(t.Context(), store.Postgres{URL: pgtest.New(t), MaxConns: 4})
	}
	return store.Open(t.Context(), filepath.Join(dir, store.FileName))
}

// world is the API on a database of its own, before two providers. Each answer that it
// gives is compared with the document.
type world struct {
	t     testing.TB
	h     http.Handler
	opt   Options
	doc   *judge
	now   time.Time
	log   *bytes.Buffer
	table *route.Table
	live  *live.Book

	channels map[string]alert.Channel
}

// declared is what the configuration file says.
const declared = `
providers:
  - { name: a, type: sandbox }
  - { name: b, type: openai, api_key: sk-declared-secret, weight: 50, models: ["gpt-*"] }
  - { name: "off", type: openai, api_key: "${NO_SUCH_VARIABLE}" }
aliases:
  - { match: fast, to: [b/gpt-5-mini] }
alerts:
  rules:
    - { name: dear, when: spend, above: "1", per: day }
`

// declaredConfig is what a configuration file says.
func declaredConfig(t testing.TB, dir, text string) *config.Config {
	t.Helper()
	file := filepath.Join(dir, "turnpike.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Options{Path: file})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// accountsOf makes accounts that call nobody; those of a table with the same settings stay.
func accountsOf(c *config.Config, before *route.Table) (out []*route.Account) {
	for _, p := range c.Providers {
		a := &route.Account{Provider: provider.Unserved(p.Name, p.Type), Weight: p.Weight, Models: p.Models, Off: p.Reason}
		if p.Type == "sandbox" {
			a.Provider = sandbox.New(provider.Options{Name: p.Name})
		}
		if before != nil && before.Account(p.Name) != nil {
			a.Succeed(before.Account(p.Name))
		}
		out = append(out, a)
	}
	return out
}

// draft asks a provider that is not kept.
func (w *world) draft(s *live.State, name string) (func(context.Context) (int, error), error) {
	for _, a := range accountsOf(s.Config, nil) {
		if a.Provider.Name() == name {
			return func(ctx context.Context) (int, error) {
				models, err := a.Provider.Models(ctx)
				return len(models), err
			}, nil
		}
	}
	return nil, live.ErrNotThere
}

func newWorld(t testing.TB) *world {
	t.Helper()
	dir := t.TempDir()
	db, err := openStore(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	safe, err := vault.New(t.Context(), vault.Options{
		Store: db, Now: time.Now,
		Masters: func(context.Context) ([]vault.Master, error) {
			return vault.File(filepath.Join(dir, vault.FileName), true)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, now: time.Date(2026, 11, 10, 12, 0, 0, 0, time.UTC), log: &bytes.Buffer{}, doc: newJudge(t)}
	now := func() time.Time { return w.now }
	logger := slog.New(slog.NewTextHandler(w.log, nil))
	book, err := live.New(t.Context(), declaredConfig(t, dir, declared), live.Options{Store: db, Sealer: safe, Log: logger, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	w.live, w.channels = book, map[string]alert.Channel{"log": alert.Log{Log: logger}}
	first := book.State().Config
	w.table = route.New(accountsOf(first, nil), first.Defaults.Provider, first.Defaults.Model).
		With(route.Settings{Pins: affinity.New(100, now, nil), Now: now, Aliases: first.Aliases})
	book.Applied(func(c *config.Config) error {
		s := w.table.Settings()
		s.Aliases, s.Strategy = c.Aliases, c.Defaults.LBStrategy
		w.table.Replace(accountsOf(c, w.table), c.Defaults.Provider, c.Defaults.Model, s)
		return nil
	})
	w.opt = Options{
		Guard: NewGuard(sha256.Sum256([]byte(key))), Pins: w.table.Pins(), Store: db, Keys: &roster.Keys{Store: db, Vault: safe, Now: now}, Sealer: safe,
		Table: w.table, Models: catalog.Builtin(), Prices: price.NewCurrent(price.New(price.Embedded(), price.Rates{})),
		Live: book, Draft: w.draft, Declared: true, Rules: []string{"tidy"},
		Settings: func() (Settings, error) {
			return Settings{Declared: true, Warnings: []string{}, Settings: map[string]any{"docs": true}}, nil
		},
		Region: func(string) (string, string) { return "", "" }, Hide: func(s string) string { return s },
		Health: func() Health {
			return Health{Status: "ready", Reasons: []string{}, Database: "sqlite", Ledger: LedgerHealth{State: "ready"}}
		},
		Channels: func() map[string]alert.Channel { return w.channels },
		Reload: func() Reloaded {
			return Reloaded{At: w.now, Changed: []string{"aliases"}, Restart: []string{"server.port"}}
		},
		SignIns:  newStubs(now),
		Audit:    &audit.Log{Store: db, Now: now},
		Payloads: &payload.Reader{Store: db, Sealer: safe},
		Version:  "test", Now: now, Log: logger,
	}
	w.opt.Accounts = identity.New(identity.Options{Store: db, Sealer: safe, Now: now, Log: w.opt.Log, Access: 30 * time.Minute, Idle: 24 * time.Hour, Absolute: 7 * 24 * time.Hour})
	w.opt.Members = Members{Public: "https://gw.example.org", Providers: []string{"entra"}, MaxKeys: 3}
	w.h = Handler(w.opt)
	return w
}

// send makes a request with the admin key and these headers.
func (w *world) send(method, path, body string, header ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, r)
	w.doc.compare(w.t, method, path, rec)
	return rec
}

// do makes a request that must have this status, and reads the answer.
func do[T any](w *world, status int, method, path, body string, header ...string) (out T) {
	w.t.Helper()
	rec := w.send(method, path, body, header...)
	if rec.Code != status {
		w.t.Fatalf("%s %s %s: %d %s", method, path, body, rec.Code, rec.Body)
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
		w.t.Fatalf("%s %s: %v in %s", method, path, err, rec.Body)
	}
	return out
}

// refused makes a request that must be refused with these words.
func (w *world) refused(status int, words, method, path, body string, header ...string) Problem {
	w.t.Helper()
	p := do[Problem](w, status, method, path, body, header...)
	if p.Status != status || !strings.Contains(p.Detail, words) {
		w.t.Errorf("%s %s %s: %+v, want %q", method, path, body, p, words)
	}
	return p
}

// judge compares answers with the OpenAPI document by somebody else's JSON Schema.
type judge struct {
	ops      []*operation
	compiler *jsonschema.Compiler
	compiled map[string]*jsonschema.Schema
}

func newJudge(t testing.TB) *judge {
	t.Helper()
	text, err := OpenAPI("test")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("https://turnpike.test/openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	return &judge{operations(), c, map[string]*jsonschema.Schema{}}
}

// compare holds an answer against what the document says of it.
func (j *judge) compare(t testing.TB, method, path string, rec *httptest.ResponseRecorder) {
	t.Helper()
	media, _, _ := strings.Cut(rec.Header().Get("Content-Type"), ";")
	var schema string
	switch op := j.find(method, path); {
	case rec.Code == http.StatusNotModified:
		return
	case media == "application/problem+json":
		schema = "components/schemas/Problem"
		if rec.Code < 400 {
			t.Errorf("%s %s: a problem with the status %d", method, path, rec.Code)
		}
	case op == nil:
		t.Errorf("%s %s: %d %s, which is in no row of the table", method, path, rec.Code, media)
		return
	case rec.Code != op.status:
		t.Errorf("%s %s: %d, the document says %d", method, path, rec.Code, op.status)
		return
	case media != "application/json":
		if !strings.Contains(strings.Join(op.files, " "), media) {
			t.Errorf("%s %s: %s is not in the document", method, path, media)
		}
		return
	default:
		schema = "paths/" + strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(op.path, "/", "~1"), "{", "%7B"), "}", "%7D") + "/" +
			strings.ToLower(method) + "/responses/" + itoa(op.status) + "/content/application~1json/schema"
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(rec.Body.Bytes()))
	if err != nil {
		t.Errorf("%s %s: %v in %s", method, path, err, rec.Body)
		return
	}
	if err := j.schema(t, schema).Validate(value); err != nil {
		t.Errorf("%s %s: %v\n%s", method, path, err, rec.Body)
	}
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) } //nolint:errchkjson // a number

func (j *judge) schema(t testing.TB, at string) *jsonschema.Schema {
	t.Helper()
	s := j.compiled[at]
	if s == nil {
		var err error
		if s, err = j.compiler.Compile("https://turnpike.test/openapi.json#/" + at); err != nil {
			t.Fatal(err)
		}
		j.compiled[at] = s
	}
	return s
}

// find is the row for a request.
func (j *judge) find(method, path string) *operation {
	path, _, _ = strings.Cut(path, "?")
	mux := http.NewServeMux()
	for _, op := range j.ops {
		for _, m := range append([]string{op.method}, op.also...) {
			mux.Handle(m+" "+op.path, carrier{op})
		}
	}
	r := httptest.NewRequest(method, path, nil)
	h, _ := mux.Handler(r)
	if found, ok := h.(carrier); ok {
		return found.op
	}
	return nil
}

// carrier carries a row through a mux.
type carrier struct{ op *operation }

func (carrier) ServeHTTP(http.ResponseWriter, *http.Request) {}

// made is the id of what an answer shows.
func made(t testing.TB, answer []byte) string {
	t.Helper()
	var row struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(answer, &row); err != nil || row.ID == "" {
		t.Fatalf("%v in %s", err, answer)
	}
	return row.ID
}

func marshal(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
