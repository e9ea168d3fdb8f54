package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"
)

// databaseAway stops the database as a power loss would, and starts it again.
func databaseAway(ctx context.Context, f *fleet) (string, error) {
	before := f.load.sum()
	if err := f.pg.stop(ctx); err != nil {
		return "", err
	}
	_, err := until(ctx, time.Minute, "a hundred answers without a database", func() bool { return f.load.sum().streams > before.streams+100 })
	if err != nil {
		return "", err
	}
	most := 0.0
	for _, g := range f.gateways {
		most = max(most, g.metric(ctx, "turnpike_journal_lag_records"))
		if !g.ready(ctx) {
			return "", errors.New("a gateway is not ready without its database, though it serves")
		}
	}
	if err := f.pg.start(ctx); err != nil {
		return "", err
	}
	back, err := f.caughtUp(ctx)
	if err != nil {
		return "", err
	}
	return f.unnoticed(before, fmt.Sprintf("%d streams meanwhile, up to %.0f attempts waited at one gateway, all in the database %.1f s after", f.load.sum().streams-before.streams, most, back.Seconds()))
}

// caughtUp waits until the journals are in the database, as far as a load that goes on lets them.
func (f *fleet) caughtUp(ctx context.Context) (time.Duration, error) {
	return until(ctx, time.Minute, "the journals are in the database", func() bool {
		return !slices.ContainsFunc(f.gateways, func(g *gateway) bool {
			away := g.metric(ctx, "turnpike_database_away_seconds")
			lag := g.metric(ctx, "turnpike_journal_lag_records")
			return away != 0 || lag < 0 || lag > 20
		})
	})
}

func (f *fleet) unnoticed(before tally, told string) (string, error) {
	after := f.load.sum()
	told += fmt.Sprintf(", %d failed", after.failed-before.failed)
	if after.failed > before.failed || after.torn > before.torn {
		return "", fmt.Errorf("%s, %d torn: %w", told, after.torn-before.torn, after.first)
	}
	return told, nil
}

// leaderKilled kills -9 whoever sums and tells, lets its lease run out, and waits for another to take over. Its clients
// see torn streams: they are not counted, for there is nothing that could help them.
func leaderKilled(ctx context.Context, f *fleet) (string, error) {
	holder := ""
	_, err := until(ctx, 90*time.Second, "somebody leads", func() bool {
		text, err := f.pg.query(ctx, "SELECT holder FROM leases WHERE name = 'usage'")
		holder = text
		return err == nil && text != ""
	})
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(f.gateways, func(g *gateway) bool { return strings.HasSuffix(holder, fmt.Sprintf(":%d", g.port)) })
	if i < 0 {
		return "", fmt.Errorf("nobody here is %q", holder)
	}
	leader := f.gateways[i]
	before := f.load.sum()
	had, err := f.pg.query(ctx, "SELECT string_agg(name, ', ' ORDER BY name) FROM leases WHERE holder = '"+quoted(holder)+"'")
	if err != nil {
		return "", err
	}
	if err := leader.end(ctx, syscall.SIGKILL); err != nil {
		return "", err
	}
	// Three minutes are what a lease lasts: here they are over.
	if _, err := f.pg.query(ctx, "UPDATE leases SET until = 0 WHERE holder = '"+quoted(holder)+"'"); err != nil {
		return "", err
	}
	took, err := until(ctx, 100*time.Second, "others do all that it did: "+had, func() bool {
		text, err := f.pg.query(ctx, "SELECT count(*) FROM leases WHERE holder = '"+quoted(holder)+"'")
		return err == nil && text == "0"
	})
	if err != nil {
		return "", err
	}
	after := f.load.sum()
	if err := f.start(ctx, leader, f.o.binary, 0); err != nil {
		return "", err
	}
	torn := f.load.forgive(before, replicas*f.o.clients)
	return fmt.Sprintf("others do its work (%s) %.0f s after its lease and gave %d streams meanwhile, %d were torn with it", had, took.Seconds(), after.streams-before.streams, torn), nil
}

func quoted(s string) string { return strings.ReplaceAll(s, "'", "''") }

// forgive takes away what was torn since then, if it is no more than could have been under way.
func (l *load) forgive(before tally, most int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	torn := l.torn - before.torn + l.failed - before.failed
	if torn <= most {
		l.torn, l.failed, l.first = before.torn, before.failed, before.first
	}
	return torn
}

// databaseReplaced ends the database for good; its copy takes its place.
func databaseReplaced(ctx context.Context, f *fleet) (string, error) {
	before := f.load.sum()
	_, err := until(ctx, 30*time.Second, "the copy has all that the first one has", func() bool {
		text, err := f.pg.query(ctx, "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn() OR replay_lag < interval '100 ms'")
		return err == nil && text == "1"
	})
	if err != nil {
		return "", err
	}
	if err := f.pg.stop(ctx); err != nil {
		return "", err
	}
	if err := f.pg.promote(ctx); err != nil {
		return "", err
	}
	// A key made now is in the copy, and known everywhere. The first try may meet a connection that is dead.
	secret := ""
	back, err := until(ctx, time.Minute, "a key can be made", func() bool {
		_, made, err := f.newKey(ctx, "after the failover")
		secret = made
		return err == nil
	})
	if err != nil {
		return "", err
	}
	if err := f.known(ctx, secret); err != nil {
		return "", err
	}
	if _, err := f.caughtUp(ctx); err != nil {
		return "", err
	}
	return f.unnoticed(before, fmt.Sprintf("a key was made at the copy %.1f s after, and known everywhere", back.Seconds()))
}

// wrongClocks restarts two of the three with clocks half a minute early and late, and tries keys, limits and budgets again.
func wrongClocks(ctx context.Context, f *fleet) (string, error) {
	before := f.load.sum()
	for i, skew := range []int{0, 30, -30} {
		if skew == 0 {
			continue
		}
		if err := f.gateways[i].stop(ctx); err != nil {
			return "", err
		}
		if err := f.start(ctx, f.gateways[i], f.o.skewed, skew); err != nil {
			return "", err
		}
	}
	var told []string
	for _, try := range []func(context.Context, *fleet) (string, error){revokedKeys, limits, budgets} {
		text, err := try(ctx, f)
		if err != nil {
			return "", err
		}
		told = append(told, text)
	}
	return f.unnoticed(before, strings.Join(told, ", "))
}

// ledger ends the load and compares: each answer that a client has had whole is in the ledger, once.
func ledger(ctx context.Context, f *fleet) (string, error) {
	f.load.finish()
	if _, err := f.caughtUp(ctx); err != nil {
		return "", err
	}
	// In order: what is in memory is written.
	for _, g := range f.gateways {
		if err := g.stop(ctx); err != nil {
			return "", err
		}
	}
	out, err := f.cli(ctx, "ledger", "list", "--json", "--limit", "1000000")
	if err != nil {
		return "", err
	}
	var rows []struct{ Request string }
	if err := json.Unmarshal(out, &rows); err != nil {
		return "", err
	}
	times := map[string]int{}
	for _, r := range rows {
		times[r.Request]++
	}
	missing, doubled := 0, 0
	f.load.mu.Lock()
	defer f.load.mu.Unlock()
	for id := range f.load.ids {
		switch n := times[id]; {
		case n == 0:
			missing++
		case n > 1:
			doubled++
		}
	}
	told := fmt.Sprintf("%d answers, %d rows, %d missing, %d doubled", len(f.load.ids), len(rows), missing, doubled)
	if missing > 0 || doubled > 0 {
		return "", errors.New(told)
	}
	return told, nil
}
