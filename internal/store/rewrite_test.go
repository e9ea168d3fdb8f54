package store

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestToPostgres(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"parameters", `SELECT a FROM t WHERE b = ? AND c IN (?, ?)`, `SELECT a FROM t WHERE b = $1 AND c IN ($2, $3)`},
		{"numbered", `WHERE ?1 = '' OR a = ?1 AND b = ?12`, `WHERE $1 = '' OR a = $1 AND b = $12`},
		{"texts", `SELECT 'it''s ? max(a, b)', "q?", ?`, `SELECT 'it''s ? max(a, b)', "q?", $1`},
		{"comments", "SELECT 1 -- ? and '\n, ? /* ? */", "SELECT 1 -- ? and '\n, $1 /* ? */"},
		{"an open text", `SELECT 'a ?`, `SELECT 'a ?`},
		{"of two values", `SET a = max(coalesce(a, 0), ?), b = MIN(a, b)`, `SET a = GREATEST(coalesce(a, 0), $1), b = LEAST(a, b)`},
		{"of rows", `SELECT max(a), min(coalesce(a, 0)), maximum(a, b), max FROM t`, `SELECT max(a), min(coalesce(a, 0)), maximum(a, b), max FROM t`},
		{"casts", `SELECT CAST(? AS TEXT), CAST(a AS INTEGER)`, `SELECT CAST($1 AS TEXT) COLLATE "C", CAST(a AS BIGINT)`},
		{"its own words", `SELECT $1, a::text, ifnull(a, 1)`, `SELECT $1, a::text, COALESCE(a, 1)`},
		{"nothing", ``, ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := toPostgres(c.in); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestSchemaToPostgres(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"CREATE TABLE a (b TEXT PRIMARY KEY, c INTEGER, d BLOB) STRICT;", `CREATE TABLE a (b TEXT COLLATE "C" PRIMARY KEY, c BIGINT, d BYTEA)`},
		{"CREATE TABLE a (\n  b INTEGER\n) STRICT, WITHOUT ROWID\n", "CREATE TABLE a (\n  b BIGINT\n)"},
		{"CREATE TABLE a (b INTEGER) WITHOUT  ROWID, strict", "CREATE TABLE a (b BIGINT)"},
		{"ALTER TABLE a ADD COLUMN strict TEXT NOT NULL DEFAULT 'INTEGER'", `ALTER TABLE a ADD COLUMN strict TEXT COLLATE "C" NOT NULL DEFAULT 'INTEGER'`},
	} {
		if got := schemaToPostgres(c.in); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestRewritesAreBounded(t *testing.T) {
	var r rewrites
	for i := range 2 * maxRewrites {
		n := strconv.Itoa(i)
		for range 2 {
			if got := r.of("SELECT " + n + ", ?"); got != "SELECT "+n+", $1" {
				t.Fatal(got)
			}
		}
	}
	if len(r.known) != maxRewrites {
		t.Errorf("%d are remembered", len(r.known))
	}
}

var parameter = regexp.MustCompile(`\?`)

// Whatever a statement is, every byte of it is one token's, and one without
// parameters and SQLite's words stays as it is.
func FuzzToPostgres(f *testing.F) {
	for _, s := range []string{"", "'", `"`, "--", "/*", "?", "?9", "max(", "max(a,", "é?", "SELECT 'a''b' FROM t -- x", "CAST(? AS TEXT)", "TEXT)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		var again strings.Builder
		for i := 0; i < len(query); {
			n := tokenLength(query[i:])
			if n < 1 || i+n > len(query) {
				t.Fatalf("a token of %d bytes at %d", n, i)
			}
			again.WriteString(query[i : i+n])
			i += n
		}
		if again.String() != query {
			t.Fatalf("tokens make %q", again.String())
		}
		once := toPostgres(query)
		_ = schemaToPostgres(query)
		if !parameter.MatchString(query) && !strings.Contains(strings.ToUpper(query), "TEXT") && toPostgres(once) != once {
			t.Errorf("%q becomes %q, then %q", query, once, toPostgres(once))
		}
	})
}
