package store

import (
	"database/sql"
	"testing"
)

// schemaPool are connections as the steps of the schema use them.
func schemaPool(t *testing.T, place string) *sql.DB {
	t.Helper()
	cfg, err := pgConfig(place)
	if err != nil {
		t.Fatal(err)
	}
	db := pgPool(cfg, true)
	t.Cleanup(func() { _ = db.Close() })
	return db
}
