package store

import (
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// children are what a test runs in another process, on the database at path.
var children = map[string]func(t *testing.T, path string){
	"revoke": func(t *testing.T, path string) {
		if _, err := openAt(t, path).RevokeKey(t.Context(), "key_1", day); err != nil {
			t.Fatal(err)
		}
	},
	// Taking the whole file must fail while the parent has it open.
	"exclusive": func(t *testing.T, path string) {
		db, err := sql.Open("sqlite", fileURI(path)+"?_pragma=busy_timeout(0)")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		db.SetMaxOpenConns(1)
		for _, statement := range []string{`PRAGMA locking_mode = EXCLUSIVE`, `BEGIN EXCLUSIVE`} {
			if _, err = db.ExecContext(t.Context(), statement); err != nil {
				break
			}
		}
		if err == nil || !strings.Contains(err.Error(), "locked") {
			t.Fatalf("took the lock: %v", err)
		}
	},
}

// inChild runs one of children in another process.
func inChild(t *testing.T, name, path string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, "-test.run=^TestChild$", "-test.v") //nolint:gosec // This test itself.
	cmd.Env = append(os.Environ(), "STORE_TEST_CHILD="+name, "STORE_TEST_PATH="+path)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestChild") {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// TestChild does nothing unless inChild started it.
func TestChild(t *testing.T) {
	name := os.Getenv("STORE_TEST_CHILD")
	if name == "" {
		t.Skip("runs as a child of other tests")
	}
	children[name](t, os.Getenv("STORE_TEST_PATH"))
}

// Another process, as the command line is beside the server, revokes a key.
func TestAnotherProcessIsNoticed(t *testing.T) {
	s, path := newStore(t)
	addKeys(t, s, key("key_1", "n", "p", day))
	before, err := s.DataVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	inChild(t, "revoke", path)
	after, err := s.DataVersion(t.Context())
	if err != nil || after == before {
		t.Errorf("version %d before, %d after, %v", before, after, err)
	}
	if keys, err := s.Keys(t.Context()); err != nil || len(keys) != 0 {
		t.Errorf("keys %+v, %v", keys, err)
	}
}

// Opening and closing the same database again in one process must not drop
// the locks of the first, see private.
func TestSecondOpenKeepsTheLocks(t *testing.T) {
	sqliteOnly(t, "it is about the file")
	s, path := newStore(t)
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	second, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	inChild(t, "exclusive", path)
}

func TestMigrationLock(t *testing.T) {
	sqliteOnly(t, "it is about the file")
	path := filepath.Join(t.TempDir(), "x.lock")
	unlock, err := lockMigration(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := private(path); err != nil {
		t.Fatal(err)
	}
	inChild(t, "exclusive", path)
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	again, err := lockMigration(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := again(); err != nil {
		t.Error(err)
	}
}

func TestCreateInPlace(t *testing.T) {
	sqliteOnly(t, "it is about the file")
	path := filepath.Join(t.TempDir(), "x")
	if err := createInPlace(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, create := range []func(string) error{createInPlace, createEmpty} {
		if err := create(path); err != nil {
			t.Error(err)
		}
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "kept" {
		t.Errorf("content %q, %v", content, err)
	}
}
