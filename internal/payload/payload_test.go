package payload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"turnpike/internal/redact"
	"turnpike/internal/store"
	"turnpike/internal/vault"
)

type room struct {
	*Recorder
	Reader
	t       *testing.T
	db      *store.Store
	dropped atomic.Int64
	log     bytes.Buffer
}

func newRoom(t *testing.T, change ...func(*Options)) *room {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(t.Context(), filepath.Join(dir, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	safe, err := vault.New(t.Context(), vault.Options{
		Store: db, Now: time.Now,
		Masters: func(context.Context) ([]vault.Master, error) {
			return vault.File(filepath.Join(dir, vault.FileName), true)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := &room{t: t, db: db, Reader: Reader{db, safe}}
	opt := Options{
		Store: db, Sealer: safe, Redact: redact.New("operators-own-secret").Bytes, Log: slog.New(slog.NewTextHandler(&r.log, nil)), Now: time.Now,
		Part: 1000, Keep: time.Hour, Bytes: 1 << 20, Dropped: func() { r.dropped.Add(1) },
	}
	for _, c := range change {
		c(&opt)
	}
	r.Recorder = New(opt)
	return r
}

// end writes all that waits.
func (r *room) end() {
	r.t.Helper()
	if err := r.Close(context.WithoutCancel(r.t.Context())); err != nil {
		r.t.Fatal(err)
	}
}

func (r *room) say(d *Draft, sent, came string) {
	r.t.Helper()
	d.Call("claude", []byte(sent))
	res := &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(came))}
	d.Answer(res)
	if text, err := io.ReadAll(res.Body); err != nil || string(text) != came {
		r.t.Errorf("listening changes the answer: %q, %v", text, err)
	}
}

func TestKeepAndRead(t *testing.T) {
	r := newRoom(t)
	d := r.Begin("req_1", "key_1", "team/t1", []byte(`{"messages":"my key is operators-own-secret and sk-ant-api03_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`))
	r.say(d, "first", "busy")
	r.say(d, "second", "\xff\x00binary")
	r.Keep(d)
	r.end()
	row, rec, err := r.Read(t.Context(), "req_1")
	if err != nil || row.KeyID != "key_1" || row.Scope != "team/t1" || len(rec.Calls) != 2 {
		t.Fatalf("%+v, %+v, %v", row, rec, err)
	}
	if rec.Client.Text != `{"messages":"my key is [redacted] and [redacted]"}` || rec.Client.Cut {
		t.Errorf("client %+v", rec.Client)
	}
	if c := rec.Calls[1]; c.Sent.Text != "second" || string(c.Came.Base64) != "\xff\x00binary" || c.Status != 200 || c.Provider != "claude" || c.Came.Size != 8 {
		t.Errorf("%+v", c)
	}
	for _, word := range []string{"messages", "operators-own-secret", "second"} {
		if strings.Contains(row.Body, word) {
			t.Errorf("%q lies in the database", word)
		}
	}
	if _, _, err := r.Read(t.Context(), "req_2"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

// A part is cut at a letter's end and never through a secret.
func TestCut(t *testing.T) {
	r := newRoom(t)
	secret := "sk-ant-api03_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	d := r.Begin("req_1", "key_1", "key/key_1", []byte(strings.Repeat("x", 989)+" "+secret+strings.Repeat("é", 5000)))
	r.say(d, strings.Repeat("é", 501)+"x", strings.Repeat("y", 1000))
	for range maxCalls {
		r.say(d, "more", "more")
	}
	r.Keep(d)
	r.end()
	_, rec, err := r.Read(t.Context(), "req_1")
	if err != nil {
		t.Fatal(err)
	}
	if p := rec.Client; !p.Cut || p.Size != int64(990+len(secret)+10000) || len(p.Text) > 1000 || strings.Contains(p.Text, "sk-ant") || p.Base64 != nil {
		t.Errorf("%+v", p)
	}
	if rec.Omitted != 1 || len(rec.Calls) != maxCalls {
		t.Errorf("%d calls, %d left out", len(rec.Calls), rec.Omitted)
	}
}

// away is a store that takes nothing until it may.
type away struct {
	Store
	gate chan struct{}
	bad  error
}

func (a *away) InsertPayloads(ctx context.Context, list []store.Payload) error {
	<-a.gate
	if a.bad != nil {
		return a.bad
	}
	return a.Store.InsertPayloads(ctx, list)
}

// TestFull: when the store is slow, the road goes on; texts are dropped, counted, and
// their rows say so.
func TestFull(t *testing.T) {
	a := &away{gate: make(chan struct{})}
	r := newRoom(t, func(o *Options) { a.Store, o.Store = o.Store, a })
	const all = maxWaiting + 100
	for i := range all {
		r.Keep(r.Begin(fmt.Sprint("req_", i), "key_1", "key/key_1", []byte("hello")))
	}
	close(a.gate)
	r.end()
	n := r.dropped.Load()
	if n < all-maxWaiting-2*batchLen || n > all-maxWaiting {
		t.Errorf("%d dropped", n)
	}
	row, rec, err := r.Read(t.Context(), fmt.Sprint("req_", all-1))
	if err != nil || row.Dropped != dropped || rec.Client.Size != 0 {
		t.Errorf("%+v, %+v, %v", row, rec, err)
	}
	if row, rec, err := r.Read(t.Context(), "req_0"); err != nil || row.Dropped != "" || rec.Client.Text != "hello" {
		t.Errorf("%+v, %+v, %v", row, rec, err)
	}
	r.Keep(r.Begin("late", "key_1", "key/key_1", nil))
	if r.dropped.Load() != n+1 {
		t.Error("what comes after the end is not counted")
	}
}

func TestStoreFails(t *testing.T) {
	a := &away{gate: make(chan struct{}), bad: errors.New("the disk is full")}
	close(a.gate)
	r := newRoom(t, func(o *Options) { a.Store, o.Store = o.Store, a })
	r.Keep(r.Begin("req_1", "key_1", "key/key_1", []byte("hello")))
	r.end()
	if r.dropped.Load() != 1 || !strings.Contains(r.log.String(), "the disk is full") || strings.Contains(r.log.String(), "hello") {
		t.Errorf("%d dropped, %s", r.dropped.Load(), r.log.String())
	}
}

// Whoever forgets a data key has forgotten what it sealed, although the row is there.
func TestShred(t *testing.T) {
	r := newRoom(t)
	r.Keep(r.Begin("req_1", "key_1", "key/key_1", []byte("hello")))
	r.Keep(r.Begin("req_2", "key_2", "key/key_2", []byte("hello")))
	r.end()
	row, err := r.db.Payload(t.Context(), "req_1")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.db.ForgetPayloads(t.Context(), "key_1"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Read(t.Context(), "req_1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if err := r.db.InsertPayloads(t.Context(), []store.Payload{row}); err != nil { // out of a backup
		t.Fatal(err)
	}
	if _, _, err := r.Read(t.Context(), "req_1"); !errors.Is(err, vault.ErrForgotten) {
		t.Errorf("a copy of the row still opens: %v", err)
	}
	if _, rec, err := r.Read(t.Context(), "req_2"); err != nil || rec.Client.Text != "hello" {
		t.Errorf("another key's is gone too: %v", err)
	}
}

func TestRetention(t *testing.T) {
	at := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	r := newRoom(t, func(o *Options) { o.Now = func() time.Time { return at } })
	r.Keep(r.Begin("old", "k", "key/k", bytes.Repeat([]byte("x"), 900)))
	r.end()
	row, err := r.db.Payload(t.Context(), "old")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		row.RequestID, row.At = fmt.Sprint("r", i), at.Add(time.Duration(i)*time.Minute)
		if err := r.db.InsertPayloads(t.Context(), []store.Payload{row}); err != nil {
			t.Fatal(err)
		}
	}
	one := int64(len(row.Body))
	size, err := r.db.PrunePayloads(t.Context(), at.Add(time.Minute), 5*one)
	if err != nil || size != 5*one {
		t.Errorf("%d bytes are left, want %d, %v", size, 5*one, err)
	}
	for name, there := range map[string]bool{"old": false, "r0": false, "r1": false, "r4": false, "r5": true, "r9": true} {
		if _, err := r.db.Payload(t.Context(), name); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzUnpack(f *testing.F) {
	good, err := pack(Record{Client: Part{Text: "hello", Size: 5}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:10])
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, text []byte) {
		rec, err := unpack(text)
		if err != nil {
			return
		}
		again, err := pack(rec)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := unpack(again); err != nil || !reflect.DeepEqual(same, rec) {
			t.Fatalf("%+v becomes %+v, %v", rec, same, err)
		}
	})
}
