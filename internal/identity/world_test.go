package identity

import (
	"bytes"
	"context"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"turnpike/internal/store"
	"turnpike/internal/store/pgtest"
	"turnpike/internal/vault"
)

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

const good = "correct horse battery"

// world is accounts on a database of their own. Another one on the same database is
// another gateway.
type world struct {
	*Accounts
	t    testing.TB
	mu   sync.Mutex
	now  time.Time
	told []Event
	log  bytes.Buffer
}

func newWorld(t testing.TB) *world {
	t.Helper()
	dir := t.TempDir()
	var db *store.Store
	var err error
	if onPostgres {
		db, err = store.OpenPostgres(t.Context(), store.Postgres{URL: pgtest.New(t), MaxConns: 8})
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
	w := &world{t: t, now: time.Date(2026, 11, 10, 12, 0, 0, 0, time.UTC)}
	w.Accounts = New(Options{
		Store: db, Sealer: safe, Log: slog.New(slog.NewTextHandler(&w.log, nil)), Access: 30 * time.Minute, Idle: 24 * time.Hour, Absolute: 7 * 24 * time.Hour,
		Now:   func() time.Time { w.mu.Lock(); defer w.mu.Unlock(); return w.now },
		Audit: func(_ context.Context, e Event) { w.mu.Lock(); defer w.mu.Unlock(); w.told = append(w.told, e) },
	})
	return w
}

func (w *world) later(d time.Duration) { w.mu.Lock(); defer w.mu.Unlock(); w.now = w.now.Add(d) }

// heard is what the audit log was told last of an action.
func (w *world) heard(action string) Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range slices.Backward(w.told) {
		if e.Action == action {
			return e
		}
	}
	return Event{}
}

func (w *world) account(login, role string) store.Account {
	w.t.Helper()
	a, err := w.Create(context.Background(), "the test", store.Account{Login: login, Role: role}, good, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) open(a store.Account) Tokens {
	w.t.Helper()
	t, err := w.Open(context.Background(), &a, "password", "")
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}
