package store

import (
	"context"
	"database/sql"
	"flag"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"

	"turnpike/internal/store/pgtest"
)

var (
	onPostgres bool   // which database the tests of this run are on
	pooler     string // what stands before it, empty for nothing
)

// TestMain runs every test on SQLite and, where there is a server, on PostgreSQL
// and on PostgreSQL behind pgbouncer. What is about one of them only says so.
func TestMain(m *testing.M) {
	code := m.Run()
	fuzzed := flag.Lookup("test.fuzz")
	if os.Getenv("STORE_TEST_CHILD") == "" && (fuzzed == nil || fuzzed.Value.String() == "") {
		onPostgres = true
		if code == 0 && (os.Getenv(pgtest.Env) != "" || os.Getenv("CI") == "true") {
			code = m.Run()
		}
		if pooler = os.Getenv(pgtest.EnvPooler); code == 0 && pooler != "" {
			code = m.Run()
		}
	}
	os.Exit(code) //nolint:forbidigo // as TestMain does
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
		place, err := url.Parse(pgtest.New(t))
		if err != nil {
			t.Fatal(err)
		}
		if pooler != "" {
			place.Host = pooler
		}
		return place.String()
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

// newProvider are the steps of the schema on SQLite.
func newProvider(db *sql.DB) (*goose.Provider, error) { return steps(goose.DialectSQLite3, db) }
