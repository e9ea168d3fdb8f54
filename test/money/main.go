// Command money kills a gateway under load, again and again, and then asks for the
// bill: every answer that a client got to its end must stand in the ledger once,
// with the very usage the client was told.
//
// Before that three gateways on one database spend a budget together, one of them
// killed again and again: they never pass it. They do so on SQLite and, where a server
// is named, on PostgreSQL.
//
//	go run ./money -kills 20 -rounds 3 -binary ../bin/turnpike
//
// It talks to the sandbox upstream over loopback and needs nothing else beside that.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	kills := flag.Int("kills", 20, "how often the gateway is killed")
	binary := flag.String("binary", "../bin/turnpike", "the gateway")
	clients := flag.Int("clients", 8, "clients at the same time")
	fsync := flag.String("fsync", "interval", "ledger.fsync of the gateway")
	rounds := flag.Int("rounds", 3, "how often three gateways spend a budget together")
	requests := flag.Int("requests", 1000, "requests at once in a round")
	server := flag.String("postgres", os.Getenv(serverEnv), "address of a PostgreSQL server; empty: SQLite alone is tried")
	flag.Parse()
	var all []string
	var err error
	for _, server := range slices.Compact([]string{"", *server}) {
		if *rounds == 0 || err != nil {
			break
		}
		var figures string
		figures, err = budgetFirst(*binary, *fsync, server, *rounds, *requests)
		all = append(all, figures)
	}
	// A kill takes half a second where nothing else runs; a machine in need gets more.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute+10*time.Second*time.Duration(*kills))
	defer cancel()
	if err == nil && *kills > 0 {
		err = run(ctx, *binary, *fsync, *kills, *clients, strings.Join(all, "; "))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "money:", err)
		os.Exit(1)
	}
}

// budgetFirst runs the budget, which has a time of its own.
func budgetFirst(binary, fsync, server string, rounds, requests int) (figures string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+2*rounds)*time.Minute)
	defer cancel()
	database := ""
	if server != "" {
		var drop func() error
		if database, drop, err = newDatabase(ctx, server); err != nil {
			return "", err
		}
		defer func() { err = errors.Join(err, drop()) }()
	}
	if binary, err = filepath.Abs(binary); err != nil {
		return "", err
	}
	figures, err = runBudget(ctx, binary, fsync, database, rounds, requests)
	if figures != "" {
		fmt.Println(figures)
	}
	return figures, err
}

func run(ctx context.Context, binary, fsync string, kills, clients int, before string) error {
	dir, err := os.MkdirTemp("", "turnpike-money-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if binary, err = filepath.Abs(binary); err != nil {
		return err
	}
	g, err := newGateway(binary, dir, fsync)
	if err != nil {
		return err
	}
	began := time.Now()
	bill := newBill()
	for n := range kills {
		if err := life(ctx, g, bill, clients, n); err != nil {
			return fmt.Errorf("kill %d: %w\n%s", n+1, err, g.log())
		}
		if (n+1)%20 == 0 && n+1 < kills {
			fmt.Printf("%d kills, %d answers\n", n+1, bill.answers())
		}
	}
	// The last life ends in order, and everything is looked at once more.
	if err := g.start(ctx); err != nil {
		return fmt.Errorf("%w\n%s", err, g.log())
	}
	if err := g.stop(ctx); err != nil {
		return fmt.Errorf("the orderly end: %w\n%s", err, g.log())
	}
	if err := g.verify(ctx); err != nil {
		return err
	}
	rows, err := g.rows(ctx, 1<<30)
	if err != nil {
		return err
	}
	wrong := bill.check(rows)
	for i, w := range wrong {
		if i == 20 {
			break
		}
		fmt.Println(w)
	}
	fmt.Printf("money: %d kills -9 under load of %d clients in %.0f s: %d complete answers (%d whole, %d streamed), %d of them missing, doubled or different in the ledger; "+
		"%d answers were cut off, %d rows in all; %s\n", kills, clients, time.Since(began).Seconds(), bill.answers(), bill.whole, bill.streamed, len(wrong), bill.cut, len(rows), before)
	switch {
	case len(wrong) > 0:
		return errors.New("the ledger is wrong")
	case bill.whole == 0 || bill.streamed == 0 || bill.cut == 0:
		return errors.New("nothing was tried: the load never met a kill")
	}
	return nil
}

// life is one start of the gateway, load on it, and its death.
func life(ctx context.Context, g *gateway, bill *bill, clients, n int) error {
	if err := g.start(ctx); err != nil {
		return err
	}
	load := startLoad(ctx, g.url, bill, clients)
	if n%4 != 3 { // every fourth dies while it is still busy with what the one before left
		if err := recorded(ctx, g, bill); err != nil {
			state := g.health(ctx)
			g.kill()
			return errors.Join(err, load.stop(), errors.New(state))
		}
	}
	pause(ctx, 10*time.Millisecond+rand.N(200*time.Millisecond)) //nolint:gosec // when it dies is no secret
	if n%2 == 0 {                                                // at the very moment at which a client sees the end of a stream
		load.killer(g.strike)
		pause(ctx, 300*time.Millisecond)
	}
	g.kill()
	if err := load.stop(); err != nil {
		return err
	}
	return g.verify(ctx)
}

// recorded waits until what earlier lives answered is in the database.
func recorded(ctx context.Context, g *gateway, bill *bill) error {
	due := bill.due()
	deadline := time.Now().Add(20 * time.Second)
	for {
		rows, err := g.rows(ctx, 10_000)
		if err != nil {
			return err
		}
		have := map[string]bool{}
		for _, r := range rows {
			have[r.Request] = true
		}
		due = slices.DeleteFunc(due, func(id string) bool {
			if have[id] {
				bill.settled(id)
			}
			return have[id]
		})
		switch {
		case len(due) == 0:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("of earlier lives %d complete answers are not in the database: %s …", len(due), due[0])
		}
		pause(ctx, 100*time.Millisecond)
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
