package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
)

// day is the time of the tests.
var day = time.Date(2026, 11, 21, 12, 0, 0, 123456789, time.UTC)

func TestFilesArePrivate(t *testing.T) {
	sqliteOnly(t, "it is about the file")
	if runtime.GOOS == "windows" {
		t.Skip("no permission bits")
	}
	s, path := newStore(t)
	if err := s.SetSetting(t.Context(), "a", "b"); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 3 {
		t.Errorf("files %q, want the database, -wal and -shm", files)
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", filepath.Base(f), info.Mode())
		}
	}
}

func TestOpenTightensTheMode(t *testing.T) {
	sqliteOnly(t, "it is about the file")
	path := filepath.Join(t.TempDir(), FileName)
	if err := os.WriteFile(path, nil, 0o644); err != nil { //nolint:gosec // Too wide on purpose.
		t.Fatal(err)
	}
	openAt(t, path)
	if info, err := os.Stat(path); err != nil || (info.Mode().Perm() != 0o600 && runtime.GOOS != "windows") {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// Any character may stand in the path, those with a meaning in URIs too.
func TestStrangePaths(t *testing.T) {
	sqliteOnly(t, "it is about the file")
	for _, name := range []string{"with space", "50%", "what?", "a#b", "a&b=c", "é", "%41"} {
		dir := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		openAt(t, filepath.Join(dir, FileName))
		if _, err := os.Stat(filepath.Join(dir, FileName)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Chdir(t.TempDir())
	openAt(t, "relative.db")
	if _, err := os.Stat("relative.db"); err != nil {
		t.Error(err)
	}
}

func TestPragmas(t *testing.T) {
	sqliteOnly(t, "it is about the file")
	s, _ := newStore(t)
	for name, db := range map[string]*sql.DB{"writer": s.writer, "readers": s.readers} {
		want := map[string]string{
			"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "10000",
			"query_only": map[string]string{"writer": "0", "readers": "1"}[name],
		}
		for pragma, value := range want {
			var got string
			if err := db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != value {
				t.Errorf("%s: %s is %q, %v; want %q", name, pragma, got, err, value)
			}
		}
	}
}

func TestReopenKeepsEverything(t *testing.T) {
	path := newPlace(t)
	s, err := openPlace(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	key := Key{ID: "key_1", Name: "n", Prefix: "p", Hash: [32]byte{1}, CreatedAt: day}
	if err := errors.Join(s.CreateKey(t.Context(), key), s.SetSetting(t.Context(), "a", "b"),
		s.InsertAttempts(t.Context(), []Attempt{{ID: "att_1", At: day}}), s.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + "-wal"); err == nil {
		t.Error("Close left a write-ahead log behind")
	}
	s = openAt(t, path)
	keys, err1 := s.ListKeys(t.Context())
	attempts, err2 := s.ListAttempts(t.Context(), 10)
	value, ok, err3 := s.Setting(t.Context(), "a")
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	if len(keys) != 1 || !reflect.DeepEqual(keys[0], key) || len(attempts) != 1 || !ok || value != "b" {
		t.Errorf("keys %+v, attempts %+v, setting %q %v", keys, attempts, value, ok)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := newPlace(t)
	s, err := openPlace(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.writer.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)`)
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = openPlace(t.Context(), path)
	if !errors.Is(err, ErrNewerSchema) || !strings.Contains(err.Error(), "schema is 99, this version knows ") ||
		!onPostgres && !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	sqliteOnly(t, "it is about the file")
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, open := range map[string]func() (*Store, error){
		"garbage":       func() (*Store, error) { return Open(t.Context(), garbage) },
		"no folder":     func() (*Store, error) { return Open(t.Context(), filepath.Join(dir, "absent", FileName)) },
		"a folder":      func() (*Store, error) { return Open(t.Context(), dir) },
		"ended context": func() (*Store, error) { return Open(ended, filepath.Join(dir, FileName)) },
	} {
		s, err := open()
		if err == nil {
			t.Errorf("%s: opened", name)
			_ = s.Close()
		}
	}
}

// Several processes may start at once on an empty folder.
func TestOpenTogether(t *testing.T) {
	path := newPlace(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			s, err := openPlace(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			err = s.SetSetting(t.Context(), fmt.Sprint(i), "x")
			if err := errors.Join(err, s.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s := openAt(t, path)
	for i := range 8 {
		if _, ok, err := s.Setting(t.Context(), fmt.Sprint(i)); !ok || err != nil {
			t.Errorf("setting %d: %v, %v", i, ok, err)
		}
	}
}

func TestMigrationStepsGoBothWays(t *testing.T) {
	s, place := newStore(t)
	p, err := newProvider(s.writer)
	db, query := s.writer, `SELECT count(*) FROM sqlite_schema WHERE type = 'table'
		AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%'`
	if onPostgres {
		db = schemaPool(t, place)
		p, err = steps(goose.DialectPostgres, db)
		query = `SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'goose_%'`
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.DownTo(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	var tables int
	if err := db.QueryRowContext(t.Context(), query).Scan(&tables); err != nil || tables != 0 {
		t.Errorf("%d tables stay after going down, %v", tables, err)
	}
	if _, err := p.Up(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestSettings(t *testing.T) {
	s, _ := newStore(t)
	ctx := t.Context()
	if v, ok, err := s.Setting(ctx, "a"); v != "" || ok || err != nil {
		t.Errorf("absent: %q, %v, %v", v, ok, err)
	}
	for _, value := range []string{"one", "", "two\té"} {
		if err := s.SetSetting(ctx, "a", value); err != nil {
			t.Fatal(err)
		}
		if v, ok, err := s.Setting(ctx, "a"); v != value || !ok || err != nil {
			t.Errorf("got %q, %v, %v; want %q", v, ok, err, value)
		}
	}
	for _, want := range []bool{true, false} {
		if added, err := s.AddSetting(ctx, "b", fmt.Sprint(want)); added != want || err != nil {
			t.Errorf("added: %v, %v; want %v", added, err, want)
		}
	}
	if v, _, err := s.Setting(ctx, "b"); v != "true" || err != nil {
		t.Errorf("got %q, %v", v, err)
	}
	if err := errors.Join(s.SetSetting(ctx, "let go x", "1"), s.SetSetting(ctx, "let go y_%", "2"), s.SetSetting(ctx, "letxgo", "3"), s.SetSetting(ctx, "Let go z", "4")); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Settings(ctx, "let go "); err != nil || !maps.Equal(got, map[string]string{"x": "1", "y_%": "2"}) {
		t.Errorf("those that begin so: %v, %v", got, err)
	}
	if err := errors.Join(s.DropSetting(ctx, "let go x"), s.DropSetting(ctx, "none")); err != nil {
		t.Error(err)
	}
	if got, err := s.Settings(ctx, "let go "); err != nil || !maps.Equal(got, map[string]string{"y_%": "2"}) {
		t.Errorf("one is forgotten: %v, %v", got, err)
	}
	if err := s.Ping(ctx); err != nil {
		t.Error(err)
	}
}

func TestDataVersion(t *testing.T) {
	s, path := newStore(t)
	version := func() int64 {
		t.Helper()
		v, err := s.DataVersion(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	first := version()
	if err := s.SetSetting(t.Context(), "a", "own"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.ListKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v := version(); v != first && !onPostgres {
		t.Errorf("an own write changed the version from %d to %d", first, v)
	}
	other := openAt(t, path)
	before := version()
	if err := other.SetSetting(t.Context(), "a", "other"); err != nil {
		t.Fatal(err)
	}
	after := version()
	if after == before {
		t.Error("a write from elsewhere went unnoticed")
	}
	if v := version(); v != after {
		t.Errorf("nothing happened, and the version went from %d to %d", after, v)
	}
}

// A replaced connection counts from anew; the number must differ even so.
func TestDataVersionOfAReplacedConnection(t *testing.T) {
	sqliteOnly(t, "it is about the file")
	s, _ := newStore(t)
	first, err := s.DataVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.writer.SetMaxIdleConns(0) // drops the connection
	s.writer.SetMaxIdleConns(1)
	second, err := s.DataVersion(t.Context())
	if err != nil || second == first {
		t.Errorf("versions %d and %d, %v", first, second, err)
	}
}
