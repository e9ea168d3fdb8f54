// Package pgtest gives tests databases of their own on the PostgreSQL server that
// scripts/postgres.sh starts.
package pgtest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Env names the server: the address of a database that others can be made from.
const Env = "TURNPIKE_TEST_POSTGRES"

// EnvPooler names the host and port of a pgbouncer in transaction mode before it.
const EnvPooler = "TURNPIKE_TEST_PGBOUNCER"

// Server returns the server's address. Where there is none the test is skipped;
// in continuous integration it fails.
func Server(t testing.TB) string {
	t.Helper()
	server := os.Getenv(Env)
	switch {
	case server != "":
	case os.Getenv("CI") == "true":
		t.Fatal(Env + " is not set: run the tests by scripts/test.sh")
	default:
		t.Skip(Env + " is not set: scripts/postgres.sh go test ./... starts a server")
	}
	return server
}

// idle are databases whose tests have ended: emptying one is quicker than making
// another. They go with the server.
var (
	mu   sync.Mutex
	idle []string
)

// New returns the address of an empty database that is the test's alone.
func New(t testing.TB) string {
	t.Helper()
	address, err := url.Parse(Server(t))
	if err != nil {
		t.Fatal(err)
	}
	name := take()
	if name == "" {
		name = "t_" + strings.ToLower(rand.Text())
		Exec(t, address.String(), `CREATE DATABASE `+name)
	}
	address.Path = "/" + name
	own := address.String()
	t.Cleanup(func() {
		Exec(t, own, `SET lock_timeout = '10s'; DROP SCHEMA public CASCADE; CREATE SCHEMA public`)
		mu.Lock()
		defer mu.Unlock()
		idle = append(idle, name)
	})
	return own
}

func take() (name string) {
	mu.Lock()
	defer mu.Unlock()
	if n := len(idle) - 1; n >= 0 {
		name, idle = idle[n], idle[:n]
	}
	return name
}

// Exec runs statements on a connection of its own.
func Exec(t testing.TB, address, statements string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, statements); err != nil {
		t.Fatal(err)
	}
}
