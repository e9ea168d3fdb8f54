package keyring

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func entry(id, secret string, expires time.Time) Entry {
	return Entry{Hash: Hash(secret), Principal: Principal{KeyID: id, Name: "name of " + id, Expires: expires}}
}

func TestHash(t *testing.T) {
	if Hash("secret") != sha256.Sum256([]byte("secret")) || Hash("a") == Hash("b") {
		t.Error("the hash is not SHA-256")
	}
}

func TestLookup(t *testing.T) {
	now := noon
	r := New(func() time.Time { return now })
	r.Set([]Entry{entry("k1", "one", time.Time{}), entry("k2", "two", noon.Add(time.Hour))})
	for _, c := range []struct {
		name, secret string
		at           time.Time
		id           string
		ok, expired  bool
	}{
		{"known", "one", noon, "k1", true, false},
		{"known, and never expires", "one", noon.AddDate(1000, 0, 0), "k1", true, false},
		{"not expired yet", "two", noon.Add(time.Hour - 1), "k2", true, false},
		{"expired to the moment", "two", noon.Add(time.Hour), "k2", false, true},
		{"long expired", "two", noon.AddDate(1, 0, 0), "k2", false, true},
		{"unknown", "three", noon, "", false, false},
		{"nothing", "", noon, "", false, false},
		{"part of a key", "on", noon, "", false, false},
		{"the hash instead of the key", string(func() []byte { h := Hash("one"); return h[:] }()), noon, "", false, false},
	} {
		now = c.at
		p, ok, expired := r.Lookup(c.secret)
		if ok != c.ok || expired != c.expired || (p == nil) != (c.id == "") || p != nil && (p.KeyID != c.id || p.Name != "name of "+c.id) {
			t.Errorf("%s: %+v, %v, %v", c.name, p, ok, expired)
		}
	}
}

func TestFixedEntriesSurvive(t *testing.T) {
	r := New(func() time.Time { return noon }, entry("config", "fixed", time.Time{}))
	check := func(secret, id string) {
		t.Helper()
		p, ok, _ := r.Lookup(secret)
		if ok != (id != "") || ok && p.KeyID != id {
			t.Errorf("%s opens as %+v, %v, want %q", secret, p, ok, id)
		}
	}
	check("fixed", "config")
	r.Set([]Entry{entry("k1", "one", time.Time{})})
	check("fixed", "config")
	check("one", "k1")
	if r.Len() != 2 {
		t.Errorf("%d keys", r.Len())
	}
	// The store may hold the same key, even an expired one: the configuration wins.
	r.Set([]Entry{entry("k2", "fixed", noon.Add(-time.Hour))})
	check("fixed", "config")
	check("one", "")
	r.Set(nil)
	check("fixed", "config")
	if r.Len() != 1 {
		t.Errorf("%d keys", r.Len())
	}
}

func TestSnapshotIsACopy(t *testing.T) {
	list := []Entry{entry("k1", "one", time.Time{})}
	r := New(func() time.Time { return noon })
	r.Set(list)
	list[0].KeyID, list[0].Expires = "changed", noon.Add(-1)
	if p, ok, _ := r.Lookup("one"); !ok || p.KeyID != "k1" {
		t.Errorf("the snapshot changed with the list: %+v, %v", p, ok)
	}
}

func TestLookupWhileSet(t *testing.T) {
	r := New(func() time.Time { return noon }, entry("config", "fixed", time.Time{}))
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 500 {
				if i == 0 {
					r.Set([]Entry{entry("k1", "one", time.Time{})})
				} else if _, ok, _ := r.Lookup("fixed"); !ok {
					t.Error("the fixed key was gone for a moment")
				}
			}
		})
	}
	wg.Wait()
}

// source is a store whose state the test changes.
type source struct {
	mu sync.Mutex
	state
	asked, loaded int
}

type state struct {
	version         int64
	entries         []Entry
	failAsk, failOn error // of Version, of Load
	hang            bool
}

// set changes what the store answers.
func (s *source) set(change func(*state)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.state)
}

// counts tells how often Version and Load were called.
func (s *source) counts() (asked, loaded int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked, s.loaded
}

func (s *source) Version(ctx context.Context) (int64, error) {
	s.mu.Lock()
	s.asked++
	now := s.state
	s.mu.Unlock()
	if now.hang {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	return now.version, now.failAsk
}

func (s *source) Load(context.Context) ([]Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loaded++
	if s.failOn != nil {
		return nil, s.failOn
	}
	return s.entries, nil
}

// watch runs Watch in a bubble and hands over what a test needs.
func watch(t *testing.T, s *source, do func(r *Ring, log *bytes.Buffer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := New(time.Now, entry("config", "fixed", time.Time{}))
		r.Set([]Entry{entry("k0", "zero", time.Time{})})
		var log bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		go r.Watch(ctx, s, slog.New(slog.NewTextHandler(&log, nil)))
		synctest.Wait()
		do(r, &log)
		before := log.String()
		cancel()
		synctest.Wait()
		if log.String() != before {
			t.Errorf("logged at the end: %s", log.String()[len(before):])
		}
		// That Watch has returned is what lets the bubble end.
	})
}

// wait lets the time of a few polls pass.
func wait(polls int) {
	time.Sleep(time.Duration(polls)*pollEvery + time.Millisecond) //nolint:forbidigo // the bubble's clock
	synctest.Wait()
}

func opens(r *Ring, secret string) bool {
	_, ok, _ := r.Lookup(secret)
	return ok
}

func TestWatchNoticesAChange(t *testing.T) {
	s := &source{state: state{version: 7, entries: []Entry{entry("k1", "one", time.Time{})}}}
	watch(t, s, func(r *Ring, log *bytes.Buffer) {
		if !opens(r, "one") || opens(r, "zero") {
			t.Error("the first look changed nothing")
		}
		wait(10)
		if asked, loaded := s.counts(); loaded != 1 || asked < 10 {
			t.Errorf("keys read %d times, version asked %d times", loaded, asked)
		}
		s.set(func(s *state) { s.version, s.entries = 8, []Entry{entry("k2", "two", time.Time{})} })
		time.Sleep(time.Second) //nolint:forbidigo // the bubble's clock: what the promise allows
		synctest.Wait()
		if opens(r, "one") || !opens(r, "two") || !opens(r, "fixed") {
			t.Errorf("a second after the change: one %v, two %v, fixed %v", opens(r, "one"), opens(r, "two"), opens(r, "fixed"))
		}
		s.set(func(s *state) { s.version, s.entries = 3, nil }) // any other number is a change
		wait(2)
		if opens(r, "two") || !opens(r, "fixed") {
			t.Error("the last key's end was not noticed")
		}
		if _, loaded := s.counts(); loaded != 3 || log.Len() != 0 {
			t.Errorf("keys read %d times, logged %s", loaded, log)
		}
	})
}

func TestWatchKeepsTheLastSnapshot(t *testing.T) {
	for name, fail := range map[string]func(s *state, err error){
		"version fails": func(s *state, err error) { s.failAsk = err },
		"load fails":    func(s *state, err error) { s.failOn = err },
	} {
		t.Run(name, func(t *testing.T) {
			s := &source{state: state{version: 1, entries: []Entry{entry("k1", "one-very-secret", time.Time{})}}}
			watch(t, s, func(r *Ring, log *bytes.Buffer) {
				s.set(func(s *state) {
					fail(s, errors.New("disk on fire"))
					s.version, s.entries = 2, []Entry{entry("k2", "two-very-secret", time.Time{})}
				})
				wait(20)
				if !opens(r, "one-very-secret") || opens(r, "two-very-secret") {
					t.Error("the snapshot changed")
				}
				if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "disk on fire") || !strings.Contains(log.String(), "WARN") {
					t.Errorf("%d lines: %s", n, log)
				}
				s.set(func(s *state) { fail(s, nil) })
				wait(20)
				if opens(r, "one-very-secret") || !opens(r, "two-very-secret") {
					t.Error("the change that came meanwhile was missed")
				}
				if n := strings.Count(log.String(), "\n"); n != 2 || !strings.Contains(log.String(), "can be read again") {
					t.Errorf("%d lines: %s", n, log)
				}
				s.set(func(s *state) { fail(s, errors.New("again")); s.version = 3 })
				wait(3)
				if n := strings.Count(log.String(), "\n"); n != 3 {
					t.Errorf("%d lines: %s", n, log)
				}
				for _, e := range []string{"one-very-secret", "two-very-secret"} {
					h := Hash(e)
					if strings.Contains(log.String(), e) || bytes.Contains(log.Bytes(), h[:]) {
						t.Error("a secret is in the log")
					}
				}
			})
		})
	}
}

func TestWatchWaitsForNobodyForEver(t *testing.T) {
	s := &source{state: state{version: 1, hang: true}}
	watch(t, s, func(r *Ring, log *bytes.Buffer) {
		time.Sleep(6 * time.Second) //nolint:forbidigo // the bubble's clock
		synctest.Wait()
		if asked, _ := s.counts(); asked < 2 || !opens(r, "zero") || !strings.Contains(log.String(), "deadline exceeded") {
			t.Errorf("asked %d times, log %s", asked, log)
		}
	})
}
