package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"turnpike/internal/store/pgtest"
)

func postgresOnly(t *testing.T) {
	t.Helper()
	if !onPostgres {
		t.Skip("PostgreSQL only")
	}
}

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

func column(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	list, err := firstColumn(t.Context(), db, query)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// The steps of the schema are one text for both databases, and make the same of it.
func TestSchemasAgree(t *testing.T) {
	postgresOnly(t)
	s, place := newStore(t)
	file, err := Open(t.Context(), t.TempDir()+"/"+FileName)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	db := schemaPool(t, place)
	for _, c := range []struct{ what, sqlite, postgres string }{
		{
			"columns",
			`SELECT m.name || '.' || c.name || ' ' || c.type || iif(c."notnull" OR c.pk, ' NOT NULL', '') || ' ' || coalesce(c.dflt_value, '')
			FROM sqlite_schema m JOIN pragma_table_info(m.name) c
			WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE 'goose_%' ORDER BY 1`,
			`SELECT table_name || '.' || column_name || ' ' || CASE data_type WHEN 'bigint' THEN 'INTEGER' WHEN 'bytea' THEN 'BLOB' WHEN 'text' THEN
				CASE collation_name WHEN 'C' THEN 'TEXT' ELSE 'TEXT, not by bytes' END ELSE data_type END
			|| CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END || ' ' || coalesce(split_part(column_default, '::', 1), '')
			FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'goose_%'
			ORDER BY (table_name || '.' || column_name || ' ') COLLATE "C"`,
		},
		{
			"indexes",
			`SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1`,
			`SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname = 'public' AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid AND k.contype IN ('p', 'u'))
			ORDER BY c.relname COLLATE "C"`,
		},
	} {
		want, got := column(t, file.readers, c.sqlite), column(t, db, c.postgres)
		slices.Sort(want)
		slices.Sort(got)
		if len(want) == 0 || !slices.Equal(got, want) {
			t.Errorf("%s of PostgreSQL:\n%s\nof SQLite:\n%s", c.what, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

// A table that is new must be put into one of two lists: it is in gateways'
// memory, and they must notice when it changes, or it is unwatched.
func TestTablesAreWatchedOrNot(t *testing.T) {
	postgresOnly(t)
	watched := []string{"budget_rules", "data_keys", "declared", "keys", "learned", "live_entries", "members", "prices", "provider_switches", "scopes", "settings"}
	_, place := newStore(t)
	got := column(t, schemaPool(t, place), `SELECT DISTINCT event_object_table::text FROM information_schema.triggers WHERE trigger_name = 'turnpike_updated'`)
	for _, name := range got {
		if !slices.Contains(watched, name) {
			t.Errorf("%s is watched: add it here, or to unwatched where no gateway has it in memory", name)
		}
	}
	if !slices.Contains(got, "keys") {
		t.Errorf("watched are only %q", got)
	}
}

func TestWhatCountsAsAChange(t *testing.T) {
	postgresOnly(t)
	s, place := newStore(t)
	other := openAt(t, place)
	ctx := t.Context()
	addKeys(t, s, key("key_1", "n", "p", day))
	row := Learned{Provider: "p", Model: "m", What: "w", LearnedAt: day, ExpiresAt: day.Add(time.Hour)}
	used := fullAttempt("att_1")
	used.KeyID, used.At = "key_1", day.Add(time.Hour)
	for _, c := range []struct {
		name string
		by   int64
		do   func() error
	}{
		{"a use of a key", 0, func() error { return s.InsertAttempts(ctx, []Attempt{used}) }},
		{"a background answer", 0, func() error { return s.SaveBackground(ctx, Background{KeyID: "k", ID: "b", At: day}) }},
		{"a lease", 0, func() error { _, err := s.TakeLease(ctx, "a", "b", time.Minute); return err }},
		{"a lesson", 1, func() error { return s.SaveLearned(ctx, day, row) }},
		{"the same lesson", 0, func() error { return s.SaveLearned(ctx, day, row) }},
		{"a policy", 1, func() error { pgtest.Exec(t, place, `UPDATE keys SET policy = '{}'`); return nil }},
		{"a revocation", 1, func() error { _, err := s.RevokeKey(ctx, "key_1", day); return err }},
		{"two prices and the setting that tells of them", 2, func() error {
			return s.ChangePrices(ctx, PriceChange{Add: []PriceRow{{ID: "a"}, {ID: "b"}}})
		}},
		{"by hand", 1, func() error { pgtest.Exec(t, place, `DELETE FROM keys`); return nil }},
	} {
		before, err1 := other.DataVersion(ctx)
		err2 := c.do()
		after, err3 := other.DataVersion(ctx)
		if err := errors.Join(err1, err2, err3); err != nil || after-before != c.by {
			t.Errorf("%s counts %d, want %d; %v", c.name, after-before, c.by, err)
		}
	}
	if keys, err := s.ListKeys(ctx); err != nil || len(keys) != 0 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
}

// What reads and writes in one transaction is not overtaken by another, in this
// process or the next.
func TestTransactionsDoNotInterleave(t *testing.T) {
	first, place := newStore(t)
	second := openAt(t, place)
	const workers, times = 4, 20
	add := func(s *Store) error {
		return s.transaction(t.Context(), func(tx *sql.Tx) error {
			var text string
			if err := tx.QueryRowContext(t.Context(), `SELECT value FROM settings WHERE name = 'n'`).Scan(&text); err != nil {
				return err
			}
			n, err := strconv.Atoi(text)
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(t.Context(), `UPDATE settings SET value = ? WHERE name = 'n'`, strconv.Itoa(n+1))
			return err
		})
	}
	if err := first.SetSetting(t.Context(), "n", "0"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for range times {
				if err := add([]*Store{first, second}[w%2]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n, _, err := second.Setting(t.Context(), "n"); err != nil || n != fmt.Sprint(workers*times) {
		t.Errorf("counted %s of %d, %v", n, workers*times, err)
	}
}

// What is read in one transaction is of one moment, on either database.
func TestReadingIsOfOneMoment(t *testing.T) {
	s, place := newStore(t)
	other := openAt(t, place)
	tx, err := s.readers.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	count := func() (n int) {
		if err := tx.QueryRowContext(t.Context(), `SELECT count(*) FROM settings`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := count()
	if err := other.SetSetting(t.Context(), "a", "b"); err != nil {
		t.Fatal(err)
	}
	if after := count(); after != before {
		t.Errorf("%d settings, then %d", before, after)
	}
}

// Every statement and transaction has an end, whoever forgot to give it one.
func TestStatementsAreBounded(t *testing.T) {
	postgresOnly(t)
	s, place := newStore(t)
	for _, c := range []struct {
		schema, given, want bool
	}{{false, false, true}, {false, true, true}, {true, false, false}} {
		ctx, cancel := t.Context(), context.CancelFunc(func() {})
		if c.given {
			ctx, cancel = context.WithTimeout(ctx, time.Second)
		}
		conn := pgConn{kind: &pgConnector{schema: c.schema}}
		bounded, end := conn.bounded(ctx)
		at, ok := bounded.Deadline()
		if ok != c.want || c.given && time.Until(at) > time.Second {
			t.Errorf("%+v: %v, %v", c, at, ok)
		}
		end()
		cancel()
	}
	for db, want := range map[*sql.DB]string{s.writer: "1min", schemaPool(t, place): "0"} {
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var got string
		if err := tx.QueryRowContext(t.Context(), `SHOW idle_in_transaction_session_timeout`).Scan(&got); err != nil || got != want {
			t.Errorf("a transaction may rest for %s, %v; want %s", got, err, want)
		}
		_ = tx.Rollback()
	}
}

func TestStrangeTexts(t *testing.T) {
	postgresOnly(t)
	s, _ := newStore(t)
	if err := s.SetSetting(t.Context(), "strange", "a\x00b\xffc"); err != nil {
		t.Fatal(err)
	}
	if got, _, err := s.Setting(t.Context(), "strange"); err != nil || got != "a\uFFFDb\uFFFDc" {
		t.Errorf("got %q, %v", got, err)
	}
}

// A server that goes and comes back costs what was asked meanwhile, and no more.
func TestDatabaseComesBack(t *testing.T) {
	postgresOnly(t)
	_, place := newStore(t)
	proxy := pgtest.NewProxy(t, place)
	s := openAt(t, proxy.URL)
	for range 3 {
		if err := s.SetSetting(t.Context(), "a", "b"); err != nil {
			t.Fatal(err)
		}
		proxy.Cut()
		errs := []error{s.Ping(t.Context()), s.InsertAttempts(t.Context(), []Attempt{fullAttempt("att_1")})}
		if slices.Contains(errs, nil) {
			t.Errorf("no error of a database that is away: %v", errs)
		}
		proxy.Mend()
	}
	if err := s.InsertAttempts(t.Context(), []Attempt{fullAttempt("att_1")}); err != nil {
		t.Error(err)
	}
}

// A server that takes connections and says nothing does not hold anybody up for
// longer than they wait.
func TestSilentDatabase(t *testing.T) {
	postgresOnly(t)
	s, place := newStore(t)
	lock := schemaPool(t, place)
	tx, err := lock.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(t.Context(), `LOCK TABLE settings`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOpenPostgresWaits(t *testing.T) {
	postgresOnly(t)
	proxy := pgtest.NewProxy(t, newPlace(t))
	proxy.Cut()
	told := 0
	s, err := OpenPostgres(t.Context(), Postgres{URL: proxy.URL, Wait: time.Minute, Away: func(err error) {
		if told++; err == nil {
			t.Error("told of no error")
		}
		proxy.Mend()
	}})
	if err != nil || told != 1 {
		t.Fatalf("told %d times, %v", told, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpenPostgresRefuses(t *testing.T) {
	postgresOnly(t)
	server := pgtest.Server(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	proxy := pgtest.NewProxy(t, server)
	proxy.Cut()
	secret := func(u string) string { return strings.Replace(u, "turnpike@", "turnpike:s3cret@", 1) }
	for _, c := range []struct {
		name, url, want string
		ctx             context.Context //nolint:containedctx // the point of a case
		wait            time.Duration
	}{
		{"no address", "s3cret", "is no PostgreSQL address", t.Context(), 0},
		{"no port", "postgres://u:s3cret@h:x/n", "is no PostgreSQL address", t.Context(), 0},
		{"no such mode", "postgres://u:s3cret@h/n?sslmode=perhaps", "sslmode", t.Context(), 0},
		{"no such database, however long it may wait", secret(strings.Replace(server, "/postgres", "/absent", 1)), `"absent" does not exist`, t.Context(), time.Hour},
		{"away", secret(proxy.URL), "it cannot be reached", t.Context(), 0},
		{"ended context", secret(proxy.URL), "context canceled", ended, time.Hour},
	} {
		s, err := OpenPostgres(c.ctx, Postgres{URL: c.url, Wait: c.wait})
		if err == nil {
			t.Errorf("%s: opened", c.name)
			_ = s.Close()
			continue
		}
		if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
