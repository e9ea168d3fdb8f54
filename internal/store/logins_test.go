package store

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

func TestLogins(t *testing.T) {
	s, _ := newStore(t)
	ctx := t.Context()
	if _, err := s.Login(ctx, "kiro"); !errors.Is(err, ErrNotFound) {
		t.Fatalf("%v, want none", err)
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
	if ok, err := s.ForgetLogin(ctx, "kiro"); !ok || err != nil {
		t.Error(ok, err)
	}
}

// TestOneSwapOfMany: of many that write over one version, one does.
func TestOneSwapOfMany(t *testing.T) {
	first, place := newStore(t)
	stores := []*Store{first, openAt(t, place)}
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
	for _, q := range []string{
		`CREATE TABLE auth_kv (key TEXT PRIMARY KEY, value TEXT)`, `CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB)`,
		`INSERT INTO auth_kv VALUES ('a', 'one'), ('secret', 'not asked for')`, `INSERT INTO state VALUES ('p', x'74776f')`,
	} {
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
