package main

import (
	"context"
	"strconv"
	"time"
)

// What one gateway lets go of conversations, the others on its database hear of by
// its settings, where they have no Redis in common.

const (
	// unpinned begins the names of these settings; the rest is what was let go.
	unpinned = "unpinned "
	// longestPin is how long a pin lives at most: what was let go before is settled.
	longestPin = time.Hour
	unpinWait  = 5 * time.Second
)

// tellUnpinned tells the others. Who cannot be told keeps conversations where they
// are, until their caches end.
func (a *app) tellUnpinned(what string, at time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), unpinWait)
	defer cancel()
	err := a.store.SetSetting(ctx, unpinned+what, strconv.FormatInt(at.UnixNano(), 10))
	if err != nil {
		a.log.Warn("other gateways could not be told which conversations were let go", "error", err)
		return
	}
	all, err := a.store.Settings(ctx, unpinned)
	if err != nil {
		return
	}
	for what, at := range all {
		if _, ok := lately(at); !ok {
			_ = a.store.DropSetting(ctx, unpinned+what) // another time will do
		}
	}
}

// hearUnpinned takes over what all gateways have let go.
func (a *app) hearUnpinned(ctx context.Context) error {
	pins := a.table.Pins()
	if pins == nil || a.pins != nil {
		return nil
	}
	all, err := a.store.Settings(ctx, unpinned)
	if err != nil {
		return err
	}
	released := map[string]time.Time{}
	for what, at := range all {
		if t, ok := lately(at); ok {
			released[what] = t
		}
	}
	pins.Released(released)
	return nil
}

// lately reads a time; false for one before which no pin that lives was made.
func lately(at string) (time.Time, bool) {
	n, err := strconv.ParseInt(at, 10, 64)
	t := time.Unix(0, n)
	return t, err == nil && time.Since(t) < longestPin
}
