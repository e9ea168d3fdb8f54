package store

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"turnpike/internal/store/pgtest"
)

// onPostgres says which database the tests of this run are on.
var onPostgres bool

// TestMain runs every test twice, on SQLite and on PostgreSQL where there is a
// server. What is about one of them only says so.
func TestMain(m *testing.M) {
	code := m.Run()
	fuzzed := flag.Lookup("test.fuzz")
	if code == 0 && os.Getenv("STORE_TEST_CHILD") == "" && (fuzzed == nil || fuzzed.Value.String() == "") &&
		(os.Getenv(pgtest.Env) != "" || os.Getenv("CI") == "true") {
		onPostgres = true
		code = m.Run()
	}
	os.Exit(code)
}

func sqliteOnly(t *testing.T, why string) {
	t.Helper()
	if onPostgres {
		t.Skip("SQLite only: " + why)
	}
}

// newPlace returns where a new database is: a path or an address.
func newPlace(t *testing.T) string {
	t.Helper()
	if onPostgres {
		return pgtest.New(t)
	}
	return filepath.Join(t.TempDir(), FileName)
}

func openPlace(ctx context.Context, place string) (*Store, error) {
	if strings.HasPrefix(place, "postgres://") {
		return OpenPostgres(ctx, Postgres{URL: place, MaxConns: 5})
	}
	return Open(ctx, place)
}

func openAt(t *testing.T, place string) *Store {
	t.Helper()
	s, err := openPlace(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newStore(t *testing.T) (s *Store, place string) {
	t.Helper()
	place = newPlace(t)
	return openAt(t, place), place
}
