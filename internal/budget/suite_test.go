package budget

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"turnpike/internal/store"
	"turnpike/internal/store/pgtest"
)

// onPostgres is which database the tests of this run are on.
var onPostgres bool

// TestMain runs every test on SQLite and, where there is a server, on PostgreSQL.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 && os.Getenv(childDir) == "" && (os.Getenv(pgtest.Env) != "" || os.Getenv("CI") == "true") {
		onPostgres = true
		code = m.Run()
	}
	os.Exit(code) //nolint:forbidigo // as TestMain does
}

// newPlace is where a new database is: a path or an address.
func newPlace(t *testing.T) string {
	t.Helper()
	if onPostgres {
		return pgtest.New(t)
	}
	return filepath.Join(t.TempDir(), store.FileName)
}

func openPlace(ctx context.Context, place string) (*store.Store, error) {
	if strings.HasPrefix(place, "postgres://") {
		return store.OpenPostgres(ctx, store.Postgres{URL: place, MaxConns: 5})
	}
	return store.Open(ctx, place)
}
