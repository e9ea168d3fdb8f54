package vault

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func open(t *testing.T) (v *Vault, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), FileName)
	v, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return v, path
}

func TestSealAndUnseal(t *testing.T) {
	v, path := open(t)
	again, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, plain := range []string{"", "x", "sk-secret-é\x00\n", strings.Repeat("long ", 10_000)} {
		sealed := v.Seal([]byte(plain), "providers/1")
		if got, err := again.Unseal(sealed, "providers/1"); err != nil || string(got) != plain {
			t.Errorf("%.20q came back as %.20q, %v", plain, got, err)
		}
		if plain != "" && strings.Contains(sealed, plain) && len(plain) > 1 {
			t.Errorf("sealed value shows %q", plain)
		}
		if !strings.HasPrefix(sealed, "v1."+v.KeyID()+".") {
			t.Errorf("sealed value %.40s", sealed)
		}
	}
}

func TestSealingTwiceDiffers(t *testing.T) {
	v, _ := open(t)
	first, second := v.Seal([]byte("same"), "a"), v.Seal([]byte("same"), "a")
	if first == second {
		t.Error("the nonce repeats")
	}
}

func TestUnsealRefuses(t *testing.T) {
	v, _ := open(t)
	other, _ := open(t)
	sealed := v.Seal([]byte("secret"), "keys/1")
	head, body := sealed[:strings.LastIndexByte(sealed, '.')+1], sealed[strings.LastIndexByte(sealed, '.')+1:]
	tests := []struct {
		name, sealed, aad string
		want              error
	}{
		{"other place", sealed, "keys/2", ErrDamaged},
		{"no place", sealed, "", ErrDamaged},
		{"other key", other.Seal([]byte("secret"), "keys/1"), "keys/1", ErrOtherKey},
		{"other key under this id", head + strings.SplitN(other.Seal([]byte("secret"), "keys/1"), ".", 3)[2], "keys/1", ErrDamaged},
		{"other version", "v3" + sealed[2:], "keys/1", ErrDamaged},
		{"no head", body, "keys/1", ErrDamaged},
		{"no body", head, "keys/1", ErrDamaged},
		{"empty", "", "keys/1", ErrDamaged},
		{"cut", sealed[:len(sealed)-1], "keys/1", ErrDamaged},
		{"longer", sealed + "AAAA", "keys/1", ErrDamaged},
		{"padded", sealed + "=", "keys/1", ErrDamaged},
		{"line break inside", head + body[:4] + "\n" + body[4:], "keys/1", ErrDamaged},
		{"plain text", "sk-plain", "keys/1", ErrDamaged},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := v.Unseal(tt.sealed, tt.aad); !errors.Is(err, tt.want) || got != nil {
				t.Errorf("got %q, %v; want %v", got, err, tt.want)
			}
		})
	}
}

// Every single bit of a sealed value counts.
func TestEveryBitIsProtected(t *testing.T) {
	v, _ := open(t)
	sealed := v.Seal([]byte("secret"), "a")
	cut := strings.LastIndexByte(sealed, '.') + 1
	raw, err := base64.RawURLEncoding.DecodeString(sealed[cut:])
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(raw) * 8 {
		bad := bytes.Clone(raw)
		bad[i/8] ^= 1 << (i % 8)
		if _, err := v.Unseal(sealed[:cut]+base64.RawURLEncoding.EncodeToString(bad), "a"); !errors.Is(err, ErrDamaged) {
			t.Fatalf("bit %d flipped: %v", i, err)
		}
	}
	for i := range len(sealed) {
		bad := []byte(sealed)
		bad[i] ^= 1
		if _, err := v.Unseal(string(bad), "a"); err == nil {
			t.Fatalf("character %d changed and nobody noticed", i)
		}
	}
}

func TestKeyFile(t *testing.T) {
	_, path := open(t)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(content))); err != nil || len(key) != 32 {
		t.Errorf("content %d bytes, %v; want 32 in base64", len(key), err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("%d files in the folder (%v), want the key alone", len(entries), err)
	}
}

func TestKeyFileOpenToOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no permission bits")
	}
	for _, mode := range []os.FileMode{0o644, 0o640, 0o604, 0o620, 0o601} {
		_, path := open(t)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("mode %o: error %v, want one that says chmod 600", mode, err)
		}
	}
	_, path := open(t)
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err != nil {
		t.Errorf("mode 0400: %v", err)
	}
}

func TestBadKeyFiles(t *testing.T) {
	short := base64.StdEncoding.EncodeToString(make([]byte, 31))
	long := base64.StdEncoding.EncodeToString(make([]byte, 33))
	for _, content := range []string{"", "\n", "not base64!", short, long, strings.Repeat("A", 4096)} {
		path := filepath.Join(t.TempDir(), FileName)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "32 bytes in base64") {
			t.Errorf("%.20q: %v", content, err)
		}
		if now, err := os.ReadFile(path); err != nil || string(now) != content {
			t.Errorf("%.20q: the file was changed", content)
		}
	}
	if _, err := Open(t.TempDir()); err == nil {
		t.Error("a folder was taken for a key")
	}
	if _, err := Open(filepath.Join(t.TempDir(), "absent", FileName)); err == nil {
		t.Error("the folder is the caller's to make")
	}
}

// Many processes that start together agree on one key.
func TestOpenTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	ids := make([]string, 16)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			v, err := Open(path)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = v.KeyID()
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("keys %q", ids)
		}
	}
}

func TestCreateInPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	if err := createInPlace(path, encode(random())); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err != nil {
		t.Error(err)
	}
	if err := createInPlace(path, []byte("x")); !errors.Is(err, os.ErrExist) {
		t.Errorf("second: %v, want the first file to stay", err)
	}
}

func TestKeyIsNotPrinted(t *testing.T) {
	key := bytes.Repeat([]byte{0x5a}, keySize)
	v, err := newLocalVault(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if s := fmt.Sprintf(verb, v); s != "vault("+v.KeyID()+")" {
			t.Errorf("%s prints %s", verb, s)
		}
	}
	if strings.Contains(v.KeyID(), "5a5a") {
		t.Errorf("the id %s shows the key", v.KeyID())
	}
}

func FuzzUnseal(f *testing.F) {
	v, err := newLocalVault(bytes.Repeat([]byte{7}, keySize))
	if err != nil {
		f.Fatal(err)
	}
	good := v.Seal([]byte("secret"), "a")
	for _, seed := range []string{good, good[:20], "", "v1", "v1..", "v1." + v.KeyID() + ".", "v1." + v.KeyID() + ".AAAA", "v2.x.y", "v1.0.A"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sealed string) {
		plain, err := v.Unseal(sealed, "a")
		if err == nil && string(plain) != "secret" {
			t.Fatalf("%q opened as %q", sealed, plain)
		}
	})
}

// newLocalVault is a vault of one key alone.
func newLocalVault(raw []byte) (*Vault, error) {
	m, err := newLocal(raw)
	if err != nil {
		return nil, err
	}
	return ofMasters([]Master{m}), nil
}
