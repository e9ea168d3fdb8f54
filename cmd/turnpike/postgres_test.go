package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"turnpike/internal/store"
	"turnpike/internal/store/pgtest"
)

// onPostgres is alone with a database of its own on PostgreSQL.
func onPostgres(t *testing.T) (data, url string) {
	t.Helper()
	url = pgtest.New(t)
	data = alone(t)
	t.Setenv("TURNPIKE_DATABASE_URL", url)
	return data, url
}

func openPostgres(t *testing.T, url string) *store.Store {
	t.Helper()
	db, err := store.OpenPostgres(t.Context(), store.Postgres{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// until asks until a key is answered with a status.
func (r *running) until(key string, want int) {
	r.t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	for {
		status, body := r.do("POST", "/v1/chat/completions", key, hello)
		if status == want {
			return
		}
		select {
		case <-deadline.C:
			r.t.Fatalf("still %d, want %d: %s", status, want, body)
		default:
		}
	}
}

func TestTwoGatewaysOnOnePostgres(t *testing.T) {
	data, url := onPostgres(t)
	one, out := firstRun(t, load(t, data, nil, ""))
	first := secretForm.FindString(out)
	if first == "" || !strings.Contains(out, "Admin key (shown once)") {
		t.Fatalf("the first start printed %s", out)
	}
	other := data + "-2"
	two, out := firstRun(t, load(t, other, nil, ""))
	if out != "" {
		t.Errorf("the second gateway printed %s", out)
	}
	if log, _ := one.log.now(); strings.Contains(log, "encryption key") {
		t.Errorf("the first gateway: %s", log)
	}
	two.wait("encryption key of another gateway")
	made := createdKey(t, data+"-3", "--name", "later")
	for _, r := range []*running{one, two} {
		if status, body := r.do("POST", "/v1/chat/completions", first, hello); status != 200 {
			t.Errorf("the first key: %d %s", status, body)
		}
		r.until(made.Key, 200)
	}
	commandOut(t, "keys", "revoke", made.ID, "--data-dir", other)
	commandOut(t, "prices", "set", "house-1", "--input", "1", "--output", "2")
	for _, r := range []*running{one, two} {
		r.until(made.Key, 401)
		r.wait("another price book is in force")
		if err := r.end(); err != nil {
			t.Error(err)
		}
	}
	var lines []attemptLine
	if err := json.Unmarshal([]byte(commandOut(t, "ledger", "list", "--limit", "1000", "--json")), &lines); err != nil {
		t.Fatal(err)
	}
	if sums, err := openPostgres(t, url).SumAttempts(t.Context(), time.Time{}, time.Time{}); err != nil || len(sums) != 2 || len(lines) < 4 {
		t.Errorf("%d attempts, sums %+v, %v", len(lines), sums, err)
	}
	for _, dir := range []string{data, other} {
		commandOut(t, "ledger", "verify", "--data-dir", dir)
		if _, err := os.Stat(filepath.Join(dir, store.FileName)); err == nil {
			t.Errorf("%s has a SQLite file", dir)
		}
	}
}

// While the database is away, keys open and requests are served; what they used is
// in the database when it is back, and so are changes made meanwhile in memory.
func TestPostgresGoesAndComesBack(t *testing.T) {
	data, url := onPostgres(t)
	proxy := pgtest.NewProxy(t, url)
	r, out := firstRun(t, load(t, data, map[string]string{"database.url": proxy.URL}, ""))
	first := secretForm.FindString(out)
	serve := func(times int) {
		t.Helper()
		for range times {
			if status, body := r.do("POST", "/v1/chat/completions", first, hello); status != 200 {
				t.Fatalf("%d %s", status, body)
			}
		}
	}
	serve(2)
	proxy.Cut()
	serve(5)
	r.wait("keys cannot be read; the last known ones stay valid")
	r.wait("attempts cannot be recorded: they stay in the journal")
	if status, body := r.do("GET", "/health/ready", "", ""); status != 200 || !strings.Contains(body, "database away") {
		t.Errorf("%d %s", status, body)
	}
	serve(5)
	made := createdKey(t, data+"-2", "--name", "meanwhile")
	if status, _ := r.do("POST", "/v1/chat/completions", made.Key, hello); status != 401 {
		t.Errorf("a key nobody can know of: %d", status)
	}
	proxy.Mend()
	r.wait("keys can be read again")
	r.until(made.Key, 200)
	serve(1)
	if err := r.end(); err != nil {
		t.Error(err)
	}
	sums, err := openPostgres(t, url).SumAttempts(t.Context(), time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	byKey := map[string]int64{}
	for _, s := range sums {
		byKey[s.KeyID] += s.Attempts
	}
	if byKey[made.ID] != 1 || len(byKey) != 2 {
		t.Errorf("attempts by key %v", byKey)
	}
	delete(byKey, made.ID)
	for id, n := range byKey {
		if n != 13 {
			t.Errorf("%d attempts of %s, want 13", n, id)
		}
	}
}

func TestPostgresFirstStartsTogether(t *testing.T) {
	data, url := onPostgres(t)
	got, err := capture(t, func() error {
		var wg sync.WaitGroup
		for i := range 4 {
			a := newApp(load(t, fmt.Sprint(data, i), nil, ""), slog.New(slog.DiscardHandler))
			a.store = openPostgres(t, url)
			wg.Go(func() {
				if err := a.firstStart(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(got.out, "shown once"); n != 2 {
		t.Errorf("%d keys were shown, want one for the admin and one to begin with:\n%s", n, got.out)
	}
	if list, err := openPostgres(t, url).ListKeys(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("%d keys, %v", len(list), err)
	}
}

func TestOneGatewayAsksForPrices(t *testing.T) {
	data, url := onPostgres(t)
	l := &webList{body: fmt.Sprintf(ownList, "1"), etag: `"1"`}
	web := httptest.NewServer(l)
	defer web.Close()
	cfg := load(t, data, nil, "")
	cfg.Prices.Sources = []string{web.URL + "/list.json"}
	var wg sync.WaitGroup
	for i := range 6 {
		db := openPostgres(t, url)
		wg.Go(func() { syncElected(t.Context(), db, cfg, fmt.Sprint("gw_", i), slog.New(slog.DiscardHandler)) })
	}
	wg.Wait()
	if sent, asked := l.counted(); sent != 1 || asked != 1 {
		t.Errorf("asked %d times, sent %d", asked, sent)
	}
	if rows, err := openPostgres(t, url).PriceRows(context.WithoutCancel(t.Context())); err != nil || len(rows) != 2 {
		t.Errorf("%d prices, %v", len(rows), err)
	}
}

func TestPostgresThatIsNotThere(t *testing.T) {
	_, url := onPostgres(t)
	t.Setenv("TURNPIKE_DATABASE_URL", strings.Replace(url, "/t_", "/absent_", 1))
	refused(t, "does not exist", "keys", "list")
	t.Setenv("TURNPIKE_DATABASE_URL", "mysql://h/n")
	refused(t, "database.url: is no PostgreSQL address", "keys", "list")
}
