package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// serverEnv names the server that scripts/postgres.sh starts.
const serverEnv = "TURNPIKE_TEST_POSTGRES"

// newDatabase makes an empty database on a server; drop removes it, whoever still uses it.
func newDatabase(ctx context.Context, server string) (address string, drop func() error, err error) {
	own, err := url.Parse(server)
	if err != nil {
		return "", nil, fmt.Errorf("the address of PostgreSQL: %w", err)
	}
	name := "money_" + strings.ToLower(rand.Text())
	if err := execute(ctx, server, "CREATE DATABASE "+name); err != nil {
		return "", nil, err
	}
	own.Path = "/" + name
	return own.String(), func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		return execute(ctx, server, "DROP DATABASE "+name+" WITH (FORCE)")
	}, nil
}

func execute(ctx context.Context, server, statement string) error {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("PostgreSQL: %w", err)
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}
