package audit

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"turnpike/internal/store"
)

type book struct {
	*Log
	t    *testing.T
	now  time.Time
	path string
}

func newBook(t *testing.T) *book {
	t.Helper()
	b := &book{t: t, now: time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC), path: filepath.Join(t.TempDir(), store.FileName)}
	db, err := store.Open(t.Context(), b.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	b.Log = &Log{Store: db, Now: func() time.Time { return b.now }}
	return b
}

func (b *book) add(n int) {
	b.t.Helper()
	for i := range n {
		b.now = b.now.Add(time.Hour)
		e := Event{
			Kind: "keys.edit", Actor: "somebody <&>", Subject: fmt.Sprintf("keys/key_%d", i), Address: "192.0.2.1", Agent: "agent\u2028/\"1\"", Request: "req_1",
			Changes: []Change{{"limits.rpm", json.RawMessage(`10`), json.RawMessage(`20`)}},
		}
		if err := b.Add(b.t.Context(), e); err != nil {
			b.t.Fatal(err)
		}
	}
}

func (b *book) verify(known string) Report {
	b.t.Helper()
	r, err := b.Verify(b.t.Context(), known)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// tamper changes the database behind the log's back.
func (b *book) tamper(statement string, args ...any) {
	b.t.Helper()
	db, err := sql.Open("sqlite", b.path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(b.t.Context(), statement, args...); err != nil {
		b.t.Fatal(err)
	}
}

func TestChain(t *testing.T) {
	b := newBook(t)
	if r := b.verify(""); r.Bad != 0 || r.Rows != 0 || r.Head != Genesis {
		t.Errorf("empty: %+v", r)
	}
	b.add(3)
	early := b.verify("").Head
	b.add(page) // more than are read at a time
	r := b.verify(early)
	if r.Bad != 0 || r.Rows != page+3 || r.First != 1 || r.Last != page+3 || r.Head == early {
		t.Errorf("%+v", r)
	}
	if r := b.verify(strings.Repeat("f", 64)); r.Bad == 0 || !strings.Contains(r.Why, "not in the log") {
		t.Errorf("a head of another log: %+v", r)
	}
}

// Whatever is done to a row, it is named: the first that is not as it was written.
func TestTampering(t *testing.T) {
	const at = 5
	for name, c := range map[string]struct {
		statement string
		bad       int64
	}{
		"another actor":    {`UPDATE audit SET actor = 'nobody' WHERE seq = 5`, at},
		"another time":     {`UPDATE audit SET at = at + 1 WHERE seq = 5`, at},
		"another detail":   {`UPDATE audit SET detail = '{}' WHERE seq = 5`, at},
		"another kind":     {`UPDATE audit SET kind = 'keys.read' WHERE seq = 5`, at},
		"another outcome":  {`UPDATE audit SET outcome = 'refused' WHERE seq = 5`, at},
		"another address":  {`UPDATE audit SET address = '' WHERE seq = 5`, at},
		"another hash":     {`UPDATE audit SET hash = prev WHERE seq = 5`, at},
		"another prev":     {`UPDATE audit SET prev = hash WHERE seq = 5`, at},
		"taken out":        {`DELETE FROM audit WHERE seq = 5`, at},
		"the first gone":   {`DELETE FROM audit WHERE seq <= 5`, at},
		"the last gone":    {`DELETE FROM audit WHERE seq > 8`, 9},
		"all gone":         {`DELETE FROM audit`, 1},
		"the head as well": {`UPDATE audit_head SET seq = 8, hash = (SELECT hash FROM audit WHERE seq = 8)`, 0}, // see below
	} {
		t.Run(name, func(t *testing.T) {
			b := newBook(t)
			b.add(10)
			known := b.verify("").Head
			b.tamper(c.statement)
			if c.bad == 0 { // who takes out the end and the head too is found by a head that was noted elsewhere
				b.tamper(`DELETE FROM audit WHERE seq > 8`)
				if r := b.verify(""); r.Bad != 0 {
					t.Errorf("%+v", r)
				}
				if r := b.verify(known); r.Bad == 0 {
					t.Error("a noted head is not missed")
				}
				return
			}
			if r := b.verify(""); r.Bad != c.bad || r.Why == "" {
				t.Errorf("%+v, want row %d", r, c.bad)
			}
		})
	}
}

// Retention keeps the chain whole, again and again.
func TestPrune(t *testing.T) {
	b := newBook(t)
	ctx := t.Context()
	if n, err := b.Prune(ctx, b.now); n != 0 || err != nil {
		t.Errorf("an empty log: %d, %v", n, err)
	}
	b.add(10)
	n, err := b.Prune(ctx, b.now.Add(-4*time.Hour))
	if err != nil || n != 5 {
		t.Fatalf("%d rows, %v", n, err)
	}
	if r := b.verify(""); r.Bad != 0 || r.First != 6 || r.Rows != 6 {
		t.Errorf("%+v", r)
	}
	if n, err := b.Prune(ctx, b.now.Add(-4*time.Hour)); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
	b.add(3)
	if n, err := b.Prune(ctx, b.now.Add(time.Hour)); err != nil || n != 9 { // all there is, the old checkpoint too
		t.Errorf("all: %d, %v", n, err)
	}
	if r := b.verify(""); r.Bad != 0 || r.Rows != 1 {
		t.Errorf("after all went: %+v", r)
	}
	b.add(2)
	if r := b.verify(""); r.Bad != 0 || r.Rows != 3 {
		t.Errorf("and on: %+v", r)
	}
	b.tamper(`DELETE FROM audit WHERE kind = ?`, Pruned)
	if r := b.verify(""); r.Bad == 0 {
		t.Error("a checkpoint that is gone is not missed")
	}
}

// Several gateways write one chain.
func TestTogether(t *testing.T) {
	b := newBook(t)
	other, err := store.Open(t.Context(), b.path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	logs := []*Log{b.Log, {Store: other, Now: b.Now}}
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			if err := logs[i%2].Add(context.WithoutCancel(t.Context()), Event{Kind: "x", Actor: fmt.Sprint(i)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if r := b.verify(""); r.Bad != 0 || r.Rows != 40 {
		t.Errorf("%+v", r)
	}
}

// An export as JSON lines has all that the hashes are made of: anybody can check them.
func TestExport(t *testing.T) {
	b := newBook(t)
	b.add(page + 5)
	if err := b.Add(t.Context(), Event{Kind: "keys.edit", Actor: "=HYPERLINK(1)", Note: "a\x00b\xff"}); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := b.Export(t.Context(), &out, store.AuditQuery{}, Lines); err != nil {
		t.Fatal(err)
	}
	prev, n := Genesis, 0
	for line := range strings.SplitSeq(strings.TrimSpace(out.String()), "\n") {
		var r Row
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		row := store.AuditRow{
			Seq: r.Seq, At: r.At, Kind: r.Kind, Actor: r.Actor, Subject: r.Subject, Outcome: r.Outcome, Address: r.Address,
			Agent: r.Agent, Request: r.Request, Detail: r.Detail, Prev: r.Prev, Hash: r.Hash,
		}
		if r.Prev != prev || Hash(&row) != r.Hash {
			t.Fatalf("row %d does not follow", r.Seq)
		}
		prev = r.Hash
		n++
	}
	if n != page+6 {
		t.Errorf("%d lines", n)
	}
	out.Reset()
	if err := b.Export(t.Context(), &out, store.AuditQuery{Kind: "keys."}, CSV); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(rows) != page+7 || !strings.HasPrefix(rows[len(rows)-1][4], "'=") {
		t.Errorf("%d rows, %v: %q", len(rows), err, rows[len(rows)-1])
	}
}

func TestQueries(t *testing.T) {
	b := newBook(t)
	b.add(3)
	if err := b.Add(t.Context(), Event{Kind: "keysmith.x", Actor: "a", Outcome: Refused}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		q    store.AuditQuery
		want int
	}{
		{store.AuditQuery{}, 4},
		{store.AuditQuery{Kind: "keys."}, 3},
		{store.AuditQuery{Kind: "keys"}, 0},
		{store.AuditQuery{Kind: "keys.edit", Subject: "keys/key_1"}, 1},
		{store.AuditQuery{Outcome: Refused}, 1},
		{store.AuditQuery{Actor: "a' OR 1=1 --"}, 0},
		{store.AuditQuery{From: b.now}, 2},
		{store.AuditQuery{To: b.now}, 2},
		{store.AuditQuery{Before: 3}, 2},
	} {
		c.q.Limit = 10
		rows, err := b.Store.AuditRows(t.Context(), c.q)
		if err != nil || len(rows) != c.want {
			t.Errorf("%+v: %d rows, %v", c.q, len(rows), err)
		}
	}
}

func TestDiff(t *testing.T) {
	hide := func(s string) string { return strings.ReplaceAll(s, "hunter2", Mask) }
	for name, c := range map[string]struct{ before, after, want string }{
		"a number":        {`{"limits":{"rpm":10},"name":"a"}`, `{"limits":{"rpm":20},"name":"a"}`, `[{"field":"limits.rpm","from":10,"to":20}]`},
		"new and gone":    {`{"a":1}`, `{"b":[1,2]}`, `[{"field":"a","from":1},{"field":"b","to":[1,2]}]`},
		"null is nothing": {`{"a":null}`, `{}`, `null`},
		"large numbers":   {`{"n":9007199254740993}`, `{"n":9007199254740992}`, `[{"field":"n","from":9007199254740993,"to":9007199254740992}]`},
		"secrets by name": {
			`{"api_key":"x"}`, `{"api_key":"y","client_secret":{"a":1},"input_tokens":5,"key":"z"}`,
			`[{"field":"api_key","from":"[redacted]","to":"[redacted]"},{"field":"client_secret.a","to":"[redacted]"},{"field":"input_tokens","to":5},{"field":"key","to":"[redacted]"}]`,
		},
		"secrets in text":  {``, `{"reason":"my word is hunter2"}`, `[{"field":"reason","to":"my word is [redacted]"}]`},
		"objects in lists": {`{"to":[{"p":"a"}]}`, `{"to":[{"p":"b"}]}`, `[{"field":"to.0.p","from":"a","to":"b"}]`},
		"no JSON":          {`x`, `{`, `null`},
	} {
		got, err := json.Marshal(Diff([]byte(c.before), []byte(c.after), hide))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	long := Diff(nil, []byte(`{"a":"`+strings.Repeat("é", 1000)+`"}`), hide)
	if len(long) != 1 || len(long[0].To) > maxValue+10 || !json.Valid(long[0].To) {
		t.Errorf("a long text: %v", long)
	}
}

func FuzzDiff(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,{"c":null}]}}`), []byte(`{"a":{"password":"known-secret"}}`))
	f.Add([]byte(`[[[[]]]]`), []byte(`"x"`))
	f.Fuzz(func(t *testing.T, before, after []byte) {
		hide := func(s string) string { return strings.ReplaceAll(s, "known-secret", Mask) }
		changes := Diff(before, after, hide)
		if len(changes) > maxChanges {
			t.Fatal("too many")
		}
		for _, c := range changes {
			if c.From != nil && !json.Valid(c.From) || c.To != nil && !json.Valid(c.To) {
				t.Fatalf("no JSON: %s %s", c.From, c.To)
			}
			if bytes.Contains(c.To, []byte("known-secret")) {
				t.Fatalf("told: %s", c.To)
			}
		}
	})
}
