package main

import (
	"context"
	"fmt"
	"os"
)

// migrate brings the schema of the database up to date and ends: what starts gateways by
// the dozen does it once before, so that none of them waits for another.
func migrate(args []string) error {
	s := newSettings("migrate")
	wait := s.flags.Duration("wait", serveWait, "how long a database that does not answer is waited for")
	cfg, err := s.load(args, 0)
	if err != nil {
		return err
	}
	db, err := openStoreWithin(context.Background(), cfg, *wait, func(err error) {
		fmt.Fprintln(os.Stderr, "the database does not answer yet:", err)
	})
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	fmt.Println("The schema of the database is up to date.")
	return nil
}
