package main

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestBudget: requests at once over three gateways, one of them killed with -9 at random
// moments, never pass the budget that they share, and all ledgers add up afterwards.
// make money does it for longer.
func TestBudget(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts gateways and kills them")
	}
	binary := built(t)
	for _, c := range []struct{ name, server string }{{"BUD-02 SQLite", ""}, {"BUD-02 PostgreSQL", os.Getenv(serverEnv)}} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			database := ""
			if c.name != "BUD-02 SQLite" {
				database = postgres(ctx, t, c.server)
			}
			figures, err := runBudget(ctx, binary, "interval", database, 1, 400)
			t.Log(figures)
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// postgres is a database of the test's own.
func postgres(ctx context.Context, t *testing.T, server string) string {
	t.Helper()
	switch {
	case server != "":
	case os.Getenv("CI") == "true":
		t.Fatal(serverEnv + " is not set: run the tests by scripts/test.sh")
	default:
		t.Skip(serverEnv + " is not set: scripts/postgres.sh starts a server")
	}
	database, drop, err := newDatabase(ctx, server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := drop(); err != nil {
			t.Error(err)
		}
	})
	return database
}

// built is the gateway under test.
func built(t *testing.T) string {
	t.Helper()
	binary := cmp.Or(os.Getenv("TURNPIKE_BINARY"), filepath.Join(t.TempDir(), "turnpike"))
	if os.Getenv("TURNPIKE_BINARY") == "" {
		cmd := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "./cmd/turnpike")
		cmd.Dir = "../.."
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("the gateway could not be built: %v\n%s", err, out)
		}
	}
	path, err := filepath.Abs(binary)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
