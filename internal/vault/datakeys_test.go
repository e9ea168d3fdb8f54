package vault

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"turnpike/internal/store"
)

// safehouse is a database and a key file, as one installation has them.
type safehouse struct {
	t    *testing.T
	db   *store.Store
	path string
	now  time.Time
}

func newSafehouse(t *testing.T) *safehouse {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(t.Context(), filepath.Join(dir, store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return &safehouse{t, db, filepath.Join(dir, FileName), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
}

// open opens the vault as another process would.
func (s *safehouse) open() *Vault {
	s.t.Helper()
	v, err := New(s.t.Context(), Options{
		Store: s.db, Now: func() time.Time { return s.now },
		Masters: func(context.Context) ([]Master, error) { return File(s.path, true) },
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

func (s *safehouse) opens(v *Vault, sealed, want string) {
	s.t.Helper()
	if got, err := v.Unseal(sealed, "here"); err != nil || string(got) != want {
		s.t.Errorf("%.40s opens as %q, %v; want %q", sealed, got, err, want)
	}
}

func TestDataKeys(t *testing.T) {
	s := newSafehouse(t)
	first := s.open()
	sealed := first.Seal([]byte("secret"), "here")
	if !strings.HasPrefix(sealed, "v2."+first.Sealing()+".") || !first.Current(sealed) {
		t.Errorf("sealed %.40s", sealed)
	}
	second := s.open()
	s.opens(second, sealed, "secret")
	if first.Sealing() != second.Sealing() {
		t.Error("two gateways on one database have two data keys")
	}
	if _, err := second.Unseal(sealed, "there"); !errors.Is(err, ErrDamaged) {
		t.Errorf("it opens elsewhere: %v", err)
	}
	keys, err := s.db.DataKeys(t.Context())
	if err != nil || len(keys) != 1 || strings.Contains(keys[0].Wrapped, "secret") || keys[0].Master != first.KeyID() {
		t.Errorf("%+v, %v", keys, err)
	}
}

// What a gateway has sealed before there were data keys still opens.
func TestOldValues(t *testing.T) {
	s := newSafehouse(t)
	old, err := Open(s.path)
	if err != nil {
		t.Fatal(err)
	}
	sealed := old.Seal([]byte("from before"), "here")
	if !strings.HasPrefix(sealed, "v1.") {
		t.Fatal(sealed)
	}
	s.opens(s.open(), sealed, "from before")
}

// Many gateways that start together agree on one data key.
func TestOpenDataKeysTogether(t *testing.T) {
	s := newSafehouse(t)
	vaults := make([]*Vault, 8)
	var wg sync.WaitGroup
	for i := range vaults {
		wg.Go(func() { vaults[i] = s.open() })
	}
	wg.Wait()
	for _, v := range vaults {
		if v == nil || v.Sealing() != vaults[0].Sealing() {
			t.Fatal("several data keys")
		}
	}
}

// A rotation is followed by other gateways, and opens what they seal meanwhile.
func TestRotate(t *testing.T) {
	s := newSafehouse(t)
	a, b := s.open(), s.open()
	before := a.Seal([]byte("before"), "here")
	id, err := a.Rotate(t.Context())
	if err != nil || a.Sealing() != id {
		t.Fatal(id, err)
	}
	after, meanwhile := a.Seal([]byte("after"), "here"), b.Seal([]byte("meanwhile"), "here")
	s.opens(b, after, "after") // it asks the store
	s.opens(a, meanwhile, "meanwhile")
	s.opens(a, before, "before")
	if b.Sealing() == id {
		t.Error("nobody told the other one yet")
	}
	if err := b.Reload(t.Context()); err != nil || b.Sealing() != id {
		t.Errorf("after a reload it seals with %s, %v", b.Sealing(), err)
	}
	if a.Current(before) || !a.Current(after) {
		t.Error("which values are current is wrong")
	}
	s.now = s.now.Add(-time.Hour) // a clock that is late
	if id, err = b.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.Reload(t.Context()); err != nil || a.Sealing() != id {
		t.Errorf("a key made by a clock that is late is not the newest: %v", err)
	}
	if err := a.Forget(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if _, err := s.open().Unseal(a.Seal([]byte("x"), "here"), "here"); !errors.Is(err, ErrOtherKey) {
		t.Errorf("a forgotten key opens: %v", err)
	}
}

// A new master key in the file wraps the data keys anew while gateways run.
func TestNewMaster(t *testing.T) {
	s := newSafehouse(t)
	running := s.open()
	sealed := running.Seal([]byte("secret"), "here")
	was := running.KeyID()
	if err := Renew(s.path); err != nil {
		t.Fatal(err)
	}
	command := s.open()
	if command.KeyID() == was {
		t.Fatal("the new master key is not the first")
	}
	if n, err := command.Rewrap(t.Context()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := command.Rewrap(t.Context()); n != 0 || err != nil {
		t.Errorf("the second time %d, %v", n, err)
	}
	id, err := command.Rotate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(time.Minute)
	if err := running.Reload(t.Context()); err != nil || running.Sealing() != id || running.KeyID() == was {
		t.Errorf("the gateway that runs seals with %s under %s, %v", running.Sealing(), running.KeyID(), err)
	}
	s.opens(running, sealed, "secret")
	// The old master is not needed any more, but for values of before data keys.
	text, err := os.ReadFile(s.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path, append(bytes.Fields(text)[0], '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	s.opens(s.open(), sealed, "secret")
}

// A gateway with another key file makes a data key of its own and says what is missing.
func TestOtherMaster(t *testing.T) {
	s := newSafehouse(t)
	first := s.open()
	sealed := first.Seal([]byte("secret"), "here")
	s.path = filepath.Join(t.TempDir(), FileName)
	second := s.open()
	if _, err := second.Unseal(sealed, "here"); !errors.Is(err, ErrOtherKey) {
		t.Errorf("%v", err)
	}
	if ids, err := second.Foreign(t.Context()); err != nil || len(ids) != 1 || ids[0] != first.KeyID() {
		t.Errorf("%v, %v", ids, err)
	}
	if _, err := second.Rewrap(t.Context()); !errors.Is(err, ErrOtherKey) {
		t.Errorf("rewrap: %v", err)
	}
	if second.Sealing() == first.Sealing() {
		t.Error("one data key")
	}
}

func TestTenants(t *testing.T) {
	s := newSafehouse(t)
	ctx := t.Context()
	a, b := s.open(), s.open()
	sealed, err := a.SealFor(ctx, "team/1", []byte("prompt"), "here")
	if err != nil {
		t.Fatal(err)
	}
	again, err := b.SealFor(ctx, "team/1", []byte("prompt"), "here")
	if err != nil || strings.Split(again, ".")[1] != strings.Split(sealed, ".")[1] {
		t.Errorf("two data keys of one tenant: %v", err)
	}
	if got, err := b.UnsealFor(ctx, "team/1", sealed, "here"); err != nil || string(got) != "prompt" {
		t.Errorf("%q, %v", got, err)
	}
	for name, try := range map[string]func() ([]byte, error){
		"another tenant":    func() ([]byte, error) { return a.UnsealFor(ctx, "team/2", sealed, "here") },
		"another place":     func() ([]byte, error) { return a.UnsealFor(ctx, "team/1", sealed, "there") },
		"the gateway's own": func() ([]byte, error) { return a.Unseal(sealed, "here") },
	} {
		if _, err := try(); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrOtherKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Renew(s.path); err != nil {
		t.Fatal(err)
	}
	if n, err := s.open().Rewrap(ctx); err != nil || n != 2 {
		t.Errorf("rewrapped %d, %v", n, err)
	}
	s.now = s.now.Add(time.Minute)
	if got, err := b.UnsealFor(ctx, "team/1", sealed, "here"); err != nil || string(got) != "prompt" {
		t.Errorf("after another master key: %q, %v", got, err)
	}
	id := strings.Split(sealed, ".")[1]
	if err := s.db.DeleteDataKey(ctx, id); err != nil {
		t.Fatal(err)
	}
	for _, v := range []*Vault{a, b} {
		if _, err := v.UnsealFor(ctx, "team/1", sealed, "here"); !errors.Is(err, ErrForgotten) {
			t.Errorf("shredded, and: %v", err)
		}
	}
	if _, err := a.SealFor(ctx, "team/1", []byte("new"), "here"); err != nil {
		t.Errorf("the tenant goes on: %v", err)
	}
}

func TestMasters(t *testing.T) {
	word := func(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)) }
	list, err := Masters([]byte(word(1) + "\n" + word(2) + "\n"))
	if err != nil || len(list) != 2 || list[0].ID() == list[1].ID() {
		t.Errorf("%v, %v", list, err)
	}
	for _, bad := range []string{"", "x", word(1)[:40], strings.Repeat(word(1)+"\n", maxMasters+1)} {
		if _, err := Masters([]byte(bad)); !errors.Is(err, ErrKeyText) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

func FuzzMasters(f *testing.F) {
	f.Add([]byte(base64.StdEncoding.EncodeToString(make([]byte, 32)) + "\nAAAA"))
	f.Add([]byte(""))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := Masters(text)
		if (err == nil) != (len(list) > 0) {
			t.Fatalf("%d masters, %v", len(list), err)
		}
	})
}
