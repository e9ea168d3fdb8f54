package store

import (
	"crypto/sha256"
	"errors"
	"reflect"
	"testing"
	"time"
)

func key(id, name, prefix string, created time.Time) Key {
	return Key{ID: id, Name: name, Prefix: prefix, Hash: sha256.Sum256([]byte(id)), CreatedAt: created}
}

func addKeys(t *testing.T, s *Store, keys ...Key) {
	t.Helper()
	for _, k := range keys {
		if err := s.CreateKey(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
}

func names(t *testing.T, list func() ([]Key, error)) []string {
	t.Helper()
	keys, err := list()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, k := range keys {
		out = append(out, k.ID)
	}
	return out
}

func TestKeysRoundTrip(t *testing.T) {
	s, _ := newStore(t)
	full := Key{
		ID: "key_2", Name: "full", Prefix: "sk-ant-api03_abcde", Hash: sha256.Sum256([]byte("x")), CreatedAt: day,
		ExpiresAt: day.Add(time.Hour), RevokedAt: day.Add(time.Minute), LastUsedAt: day.Add(time.Second), Policy: `{"cache":"1h"}`,
	}
	plain := key("key_1", "plain", "p", day.Add(-time.Hour))
	addKeys(t, s, full, plain)
	got, err := s.ListKeys(t.Context())
	if err != nil || !reflect.DeepEqual(got, []Key{plain, full}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestTimesAreKeptInUTC(t *testing.T) {
	s, _ := newStore(t)
	zone := time.FixedZone("x", 3*3600)
	addKeys(t, s, key("key_1", "n", "p", day.In(zone)))
	keys, err := s.ListKeys(t.Context())
	if err != nil || keys[0].CreatedAt != day {
		t.Errorf("%v, %v", keys, err)
	}
}

func TestKeysAreUnique(t *testing.T) {
	s, _ := newStore(t)
	first := key("key_1", "n", "p", day)
	addKeys(t, s, first)
	sameHash := first
	sameHash.ID = "key_2"
	if err := s.CreateKey(t.Context(), sameHash); err == nil {
		t.Error("two keys with one hash")
	}
	sameID := key("key_1", "other", "q", day)
	sameID.Hash[0]++
	if err := s.CreateKey(t.Context(), sameID); err == nil {
		t.Error("two keys with one id")
	}
	addKeys(t, s, key("key_3", "n", "p", day)) // names may repeat
}

func TestRevokeKey(t *testing.T) {
	later := day.Add(time.Hour)
	revoked := key("key_old", "old", "p-old", day)
	revoked.RevokedAt = day
	reused := key("key_reused", "reused", "p-r2", day)
	reusedBefore := key("key_before", "reused", "p-r1", day)
	reusedBefore.RevokedAt = day
	tests := []struct {
		word, id string
		at       time.Time
		err      error
	}{
		{word: "key_a", id: "key_a", at: later},
		{word: "name-a", id: "key_a", at: later},
		{word: "p-a", id: "key_a", at: later},
		{word: "key_old", id: "key_old", at: day}, // keeps the first time
		{word: "old", err: ErrNotFound},
		{word: "reused", id: "key_reused", at: later},
		{word: "twin", err: ErrAmbiguous},
		{word: "key_t1", id: "key_t1", at: later},
		{word: "key_b", id: "key_b", at: later}, // an id wins over a name
		{word: "nobody", err: ErrNotFound},
		{word: "", err: ErrNotFound},
		{word: "key_", err: ErrNotFound},
		{word: "%", err: ErrNotFound},
	}
	for _, tt := range tests {
		t.Run(tt.word, func(t *testing.T) {
			s, _ := newStore(t)
			addKeys(t, s, key("key_a", "name-a", "p-a", day), revoked, reused, reusedBefore,
				key("key_t1", "twin", "p-t1", day), key("key_t2", "twin", "p-t2", day),
				key("key_b", "b", "p-b", day), key("key_c", "key_b", "p-c", day))
			before := len(names(t, func() ([]Key, error) { return s.Keys(t.Context()) }))
			got, err := s.RevokeKey(t.Context(), tt.word, later)
			if !errors.Is(err, tt.err) || got.ID != tt.id || (tt.err == nil && got.RevokedAt != tt.at) {
				t.Fatalf("got %+v, %v; want %s at %v, %v", got, err, tt.id, tt.at, tt.err)
			}
			keys, err := s.Keys(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			gone := 0
			if tt.at.Equal(later) {
				gone = 1
			}
			if len(keys) != before-gone {
				t.Errorf("%d keys stay of %d, want %d fewer", len(keys), before, gone)
			}
			for _, k := range keys {
				if k.ID == tt.id {
					t.Errorf("%s is still among the keys", k.ID)
				}
			}
			if all := names(t, func() ([]Key, error) { return s.ListKeys(t.Context()) }); len(all) != 8 {
				t.Errorf("the list lost a key: %q", all)
			}
		})
	}
}

func TestNewID(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := newID("key", day)
		if len(id) != 4+26 || id[:4] != "key_" || seen[id] {
			t.Fatalf("id %q", id)
		}
		seen[id] = true
	}
	last := ""
	for i := range 100 {
		id := newID("att", day.Add(time.Duration(i)*time.Millisecond))
		if id <= last {
			t.Fatalf("%s after %s does not sort", id, last)
		}
		last = id
	}
	if a, b := newID("x", time.UnixMilli(0)), newID("x", time.UnixMilli(1<<48-1)); a[:8] != "x_000000" || b[:11] != "x_zzzzzzzzz" {
		t.Errorf("bounds of the time: %s, %s", a, b)
	}
	if a, b := NewID("x"), NewID("x"); a == b {
		t.Errorf("%s twice", a)
	}
}
