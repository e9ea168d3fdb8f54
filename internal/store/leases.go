package store

import (
	"context"
	"fmt"
	"time"
)

// The database's own clock in milliseconds since 1970: gateways need not agree
// about the time.
const (
	sqliteClock   = `CAST(unixepoch('subsec') * 1000 AS INTEGER)`
	postgresClock = `CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)`
)

func (s *Store) clock() string {
	if s.postgres {
		return postgresClock
	}
	return sqliteClock
}

// TakeLease takes the work of that name for so long, or prolongs it for who has it
// already. It tells false while somebody else has it. A holder that cannot prolong
// must stop in time, counted from before it asked.
func (s *Store) TakeLease(ctx context.Context, name, holder string, hold time.Duration) (bool, error) {
	now := s.clock()
	//nolint:gosec // constants only
	res, err := s.writer.ExecContext(ctx, `INSERT INTO leases (name, holder, until) VALUES (?, ?, `+now+` + CAST(? AS INTEGER))
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
		WHERE leases.holder = excluded.holder OR leases.until <= `+now, name, holder, hold.Milliseconds())
	if err != nil {
		return false, fmt.Errorf("take the lease %s: %w", name, err)
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// DropLease gives the work back, so that another need not wait.
func (s *Store) DropLease(ctx context.Context, name, holder string) error {
	if _, err := s.writer.ExecContext(ctx, `DELETE FROM leases WHERE name = ? AND holder = ?`, name, holder); err != nil {
		return fmt.Errorf("drop the lease %s: %w", name, err)
	}
	return nil
}

// Elect runs work if nobody else runs it, with a context that ends when the lease
// is lost. It tells whether work ran. The lease is prolonged three times in its
// length; a holder that is killed has a successor after one.
func (s *Store) Elect(ctx context.Context, name, holder string, hold time.Duration, work func(context.Context)) (bool, error) {
	asked := time.Now()
	taken, err := s.TakeLease(ctx, name, holder, hold)
	if err != nil || !taken {
		return false, err
	}
	ctx, stop := context.WithCancel(ctx)
	lost := time.AfterFunc(time.Until(asked.Add(hold)), stop)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		s.prolong(ctx, name, holder, hold, lost)
	}()
	defer func() {
		stop()
		<-kept
		lost.Stop()
		drop, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseDrop)
		defer cancel()
		_ = s.DropLease(drop, name, holder) // else it runs out
	}()
	work(ctx)
	return true, nil
}

const leaseDrop = 2 * time.Second

// prolong keeps a lease until ctx ends or somebody else has it.
func (s *Store) prolong(ctx context.Context, name, holder string, hold time.Duration, lost *time.Timer) {
	tick := time.NewTicker(hold / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		asked := time.Now()
		try, cancel := context.WithTimeout(ctx, hold/3)
		taken, err := s.TakeLease(try, name, holder, hold)
		cancel()
		switch {
		case err == nil && !taken:
			lost.Reset(0)
			return
		case err == nil:
			// Stopped only where the lease has run out meanwhile: it stays lost then.
			if !lost.Stop() {
				return
			}
			lost.Reset(time.Until(asked.Add(hold)))
		}
	}
}
