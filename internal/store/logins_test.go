package store

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestLogins(t *testing.T) {
	s, _ := newStore(t)
	ctx, now := t.Context(), time.Unix(1_800_000_000, 0)
	if _, err := s.Login(ctx, "kiro"); !errors.Is(err, ErrNotFound) {
		t.Fatalf("%v, want none", err)
	}
	if ok, err := s.LeaseLogin(ctx, "kiro", "a", now, now.Add(time.Minute)); ok || err != nil {
		t.Errorf("a login that is not there was leased: %v", err)
	}
	v, err := s.SwapLogin(ctx, Login{Account: "kiro", Sealed: "one"})
	if err != nil || v != 1 {
		t.Fatalf("version %d, %v", v, err)
	}
	if _, err := s.SwapLogin(ctx, Login{Account: "kiro", Sealed: "two"}); !errors.Is(err, ErrChanged) {
		t.Errorf("a first login over another: %v", err)
	}
	if v, err = s.SwapLogin(ctx, Login{Account: "kiro", Version: 1, Sealed: "two"}); err != nil || v != 2 {
		t.Errorf("version %d, %v", v, err)
	}
	if _, err := s.SwapLogin(ctx, Login{Account: "kiro", Version: 1, Sealed: "three"}); !errors.Is(err, ErrChanged) {
		t.Errorf("an old version was replaced: %v", err)
	}
	if l, err := s.Login(ctx, "kiro"); err != nil || l != (Login{"kiro", 2, "two"}) {
		t.Errorf("%+v, %v", l, err)
	}
	for _, tt := range []struct {
		who  string
		at   time.Duration
		want bool
	}{{"a", 0, true}, {"b", time.Second, false}, {"a", 2 * time.Second, true}, {"b", time.Minute + 2*time.Second, true}, {"a", time.Minute + 3*time.Second, false}} {
		at := now.Add(tt.at)
		if ok, err := s.LeaseLogin(ctx, "kiro", tt.who, at, at.Add(time.Minute)); ok != tt.want || err != nil {
			t.Errorf("%s after %v: %v, %v", tt.who, tt.at, ok, err)
		}
	}
	if err := s.FreeLogin(ctx, "kiro", "a"); err != nil { // not its own
		t.Error(err)
	}
	if ok, _ := s.LeaseLogin(ctx, "kiro", "a", now.Add(time.Minute+4*time.Second), now); ok {
		t.Error("a lease was freed by another one")
	}
	if err := s.FreeLogin(ctx, "kiro", "b"); err != nil {
		t.Error(err)
	}
	if ok, _ := s.LeaseLogin(ctx, "kiro", "a", now, now.Add(time.Minute)); !ok {
		t.Error("a lease was not freed")
	}
	if ok, err := s.ForgetLogin(ctx, "kiro"); !ok || err != nil {
		t.Error(ok, err)
	}
}

// TestOneSwapOfMany: of many that write over one version, one does.
func TestOneSwapOfMany(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	stores := []*Store{openAt(t, path), openAt(t, path)}
	if _, err := stores[0].SwapLogin(t.Context(), Login{Account: "kiro", Sealed: "x"}); err != nil {
		t.Fatal(err)
	}
	var won atomic.Int64
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			_, err := stores[i%2].SwapLogin(context.WithoutCancel(t.Context()), Login{Account: "kiro", Version: 1, Sealed: "y"})
			if err == nil {
				won.Add(1)
			} else if !errors.Is(err, ErrChanged) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d have written over one version", won.Load())
	}
}

func TestForeignLogin(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.sqlite3")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{`CREATE TABLE auth_kv (key TEXT PRIMARY KEY, value TEXT)`, `CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB)`,
		`INSERT INTO auth_kv VALUES ('a', 'one'), ('secret', 'not asked for')`, `INSERT INTO state VALUES ('p', x'74776f')`} {
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := ForeignLogin(t.Context(), path, []string{"a", "p", "b"})
	if err != nil || len(got) != 2 || got["a"] != "one" || got["p"] != "two" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := ForeignLogin(t.Context(), filepath.Join(t.TempDir(), "none"), []string{"a"}); err == nil {
		t.Error("a database that is not there was read")
	}
}
