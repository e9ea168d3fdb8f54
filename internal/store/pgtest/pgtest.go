// Package pgtest gives tests databases of their own on the PostgreSQL server that
// scripts/postgres.sh starts.
package pgtest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Env names the server: the address of a database that others can be made from.
const Env = "TURNPIKE_TEST_POSTGRES"

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

// New makes an empty database, gone when the test ends, and returns its address.
func New(t testing.TB) string {
	t.Helper()
	address, err := url.Parse(Server(t))
	if err != nil {
		t.Fatal(err)
	}
	name := "t_" + strings.ToLower(rand.Text())
	Exec(t, address.String(), `CREATE DATABASE `+name)
	t.Cleanup(func() { Exec(t, address.String(), `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`) })
	own := *address
	own.Path = "/" + name
	return own.String()
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
