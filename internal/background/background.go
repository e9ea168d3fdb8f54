// Package background follows answers that upstreams make in the background, until
// what they cost is in the ledger.
//
// The attempt that begins one counts no tokens, for nobody knows them yet; its stop
// is "background". The attempt that follows it, with the next number of the same
// request, tells all of them, and is written once: by whoever sees the end first, a
// client that asks or the follower here. Its id is chosen at the beginning, so that
// even a crash between ledger and table cannot make two of it. Where the end is
// never seen, that attempt is written all the same, by estimate and marked so.
package background

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/store"
)

// Stop is why the attempt ended that only began an answer.
const Stop = "background"

// Words for answers whose end was not seen, where else the upstream's status stands.
const (
	Lost    = "lost"    // the upstream does not know it any more, or did not tell in time
	Deleted = "deleted" // its client deleted it
)

// Store is where answers are remembered.
type Store interface {
	SaveBackground(ctx context.Context, b store.Background) error
	SweepBackground(ctx context.Context, before time.Time, rows int) error
	Background(ctx context.Context, keyID, id string) (store.Background, error)
	HasBackground(ctx context.Context, id string) (bool, error)
	OpenBackground(ctx context.Context, limit int) ([]store.Background, error)
	CountOpenBackground(ctx context.Context) (int, error)
}

// Ledger takes attempts.
type Ledger interface{ Add(a *store.Attempt) }

// Options are what a tracker is made of.
type Options struct {
	Store  Store
	Ledger Ledger
	Log    *slog.Logger
	Now    func() time.Time
	// Adopt tells whether this gateway takes up what others began and left behind,
	// for so long; nil is always. Of several on one database one is told yes.
	Adopt func(ctx context.Context, hold time.Duration) (bool, error)
}

// Bounds of what is remembered.
const (
	keepFor  = 30 * 24 * time.Hour // as long as OpenAI keeps answers (API reference: store)
	keepRows = 100_000
	maxOpen  = 10_000 // not settled yet; more are not begun
	maxJobs  = 256    // followed at once; the others wait for their turn
)

// storeLimit bounds a read or write of one row.
const storeLimit = 5 * time.Second

// ErrUnknown says that a key has no such answer.
var ErrUnknown = errors.New("no such background answer")

// ref is an answer of a key.
type ref struct{ key, id string }

// job is an answer that is followed.
type job struct {
	row    store.Background
	due    time.Time
	wait   time.Duration
	missed int  // times one after another that the upstream did not know it
	held   bool // the request that began it is still under way
	busy   bool // it is being asked for
	saved  bool // it is in the store
}

// Tracker is safe for concurrent use.
type Tracker struct {
	opt  Options
	wake chan struct{}

	settling sync.Mutex // one at a time

	charge func(*store.Background, *store.Attempt) // prices an estimate; nil: nobody does

	mu   sync.Mutex
	jobs map[ref]*job
	open int  // not settled, in all
	more bool // there are some that are not in jobs
}

// New makes a tracker of what the store holds.
func New(ctx context.Context, opt Options) (*Tracker, error) {
	n, err := opt.Store.CountOpenBackground(ctx)
	if err != nil {
		return nil, err
	}
	return &Tracker{opt: opt, wake: make(chan struct{}, 1), jobs: map[ref]*job{}, open: n, more: n > 0}, nil
}

// ChargeBy sets what prices the attempts that are written by estimate. It is for
// before the first answer.
func (t *Tracker) ChargeBy(charge func(*store.Background, *store.Attempt)) { t.charge = charge }

// Room tells whether one more may be begun.
func (t *Tracker) Room() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.open < maxOpen
}

// Begin remembers an answer. It is held until the attempt that began it is in the
// ledger: Release says so.
func (t *Tracker) Begin(row store.Background) {
	j := &job{row: row, held: true}
	t.mu.Lock()
	t.open++
	followed := len(t.jobs) < maxJobs
	if followed {
		t.jobs[ref{row.KeyID, row.ID}] = j
	}
	t.mu.Unlock()
	err := t.save(row)
	if err != nil {
		t.opt.Log.Warn("a background answer could not be remembered", "response", row.ID, "error", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case followed:
		j.saved = err == nil
	case err == nil:
		t.more = true
	default: // nobody would ever see its end
		t.open--
		a := t.estimate(&row, llm.ErrInternal)
		t.opt.Ledger.Add(&a)
	}
}

// Release lets an answer be followed.
func (t *Tracker) Release(row store.Background) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if j := t.jobs[ref{row.KeyID, row.ID}]; j != nil && j.held {
		j.held = false
		j.wait = firstWait
		j.due = t.opt.Now().Add(j.wait)
		t.poke()
	}
}

// Find returns an answer of a key.
func (t *Tracker) Find(ctx context.Context, key, id string) (store.Background, error) {
	t.mu.Lock()
	j := t.jobs[ref{key, id}]
	t.mu.Unlock()
	if j != nil {
		return j.row, nil
	}
	row, err := t.opt.Store.Background(ctx, key, id)
	if errors.Is(err, store.ErrNotFound) {
		return row, ErrUnknown
	}
	return row, err
}

// Others tells whether an answer is another key's.
func (t *Tracker) Others(ctx context.Context, key, id string) (bool, error) {
	t.mu.Lock()
	for r := range t.jobs {
		if r.id == id && r.key != key {
			t.mu.Unlock()
			return true, nil
		}
	}
	t.mu.Unlock()
	if _, err := t.Find(ctx, key, id); !errors.Is(err, ErrUnknown) {
		return false, err
	}
	return t.opt.Store.HasBackground(ctx, id)
}

// Attempt is the attempt that tells what an answer cost, as far as it is known from
// the beginning.
func (t *Tracker) Attempt(row *store.Background) store.Attempt {
	return store.Attempt{
		ID: row.AttemptID, RequestID: row.RequestID, KeyID: row.KeyID, TeamID: row.TeamID, UserID: row.UserID, Tags: row.Tags, Number: row.Number, At: row.At, Dialect: row.Dialect,
		Provider: row.Provider, Surface: row.Surface, RequestedModel: row.RequestedModel, ServedModel: row.ServedModel,
		Latency: t.opt.Now().Sub(row.At),
	}
}

// Settle writes what an answer cost to the ledger, unless that was done before.
func (t *Tracker) Settle(row store.Background, status string, a store.Attempt) bool {
	t.settling.Lock()
	defer t.settling.Unlock()
	if t.settled(row) {
		t.leave(row, true)
		return false
	}
	a.ID, a.At = row.AttemptID, row.At // what a row is known by
	t.opt.Ledger.Add(&a)
	t.leave(row, false)
	t.mark(row, status)
	return true
}

// leave follows an answer no more. One that others have settled counts as open here
// only if it is followed here.
func (t *Tracker) leave(row store.Background, others bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := ref{row.KeyID, row.ID}
	if others && t.jobs[r] == nil {
		return
	}
	delete(t.jobs, r)
	t.open = max(0, t.open-1)
	t.poke()
}

// settled tells whether an answer has been accounted for: here or by another
// gateway on the same database. Where the store cannot tell, what is followed here
// has not.
func (t *Tracker) settled(row store.Background) bool {
	t.mu.Lock()
	followed := t.jobs[ref{row.KeyID, row.ID}] != nil
	t.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), storeLimit)
	defer cancel()
	now, err := t.opt.Store.Background(ctx, row.KeyID, row.ID)
	if err != nil {
		return !followed
	}
	return now.Settled
}

// estimate is the attempt for an answer whose end was not seen: the request is
// counted by estimate, the answer cannot be.
func (t *Tracker) estimate(row *store.Background, why llm.ErrorKind) store.Attempt {
	a := t.Attempt(row)
	a.Stop, a.ErrorClass = Stop, string(why)
	a.Usage = store.Usage{Input: row.Input, Estimated: true}
	if t.charge != nil {
		t.charge(row, &a)
	}
	return a
}

// GiveUp settles an answer whose end was not seen.
func (t *Tracker) GiveUp(row store.Background, status string, why llm.ErrorKind) {
	if t.Settle(row, status, t.estimate(&row, why)) {
		t.opt.Log.Warn("a background answer is accounted for by estimate: its end was not seen",
			"response", row.ID, "request", row.RequestID, "provider", row.Provider, "status", status)
	}
}

// Forget notes that a client has deleted its answer.
func (t *Tracker) Forget(row store.Background) {
	t.GiveUp(row, Deleted, "")
	t.mark(row, Deleted)
}

// mark notes in the store that an answer is settled. Where it cannot, the answer is
// seen once more later, and what it cost written with the same id.
func (t *Tracker) mark(row store.Background, status string) {
	row.Status, row.Settled = status, true
	if err := t.save(row); err != nil {
		t.opt.Log.Warn("a background answer could not be marked as settled", "response", row.ID, "error", err)
	}
}

func (t *Tracker) save(row store.Background) error {
	ctx, cancel := context.WithTimeout(context.Background(), storeLimit)
	defer cancel()
	return t.opt.Store.SaveBackground(ctx, row)
}

// poke wakes the follower.
func (t *Tracker) poke() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}
