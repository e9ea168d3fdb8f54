// Package archive keeps exchanges for clients that go on from them by id: sealed
// in the store, each for the key that made it, bounded in age, number and size.
//
// An exchange is there as soon as Keep returns, which waits for nothing: it is in
// memory until it is written, a moment later.
package archive

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/store"
)

// Store is where exchanges are kept.
type Store interface {
	InsertResponses(ctx context.Context, list []store.Response) error
	ResponseChain(ctx context.Context, keyID, id string) ([]store.Response, error)
	Response(ctx context.Context, keyID, id string) (store.Response, error)
	ResponseOfItem(ctx context.Context, keyID, item string) (store.Response, error)
	HasResponse(ctx context.Context, id string) (bool, error)
	HasResponseItem(ctx context.Context, item string) (bool, error)
	DeleteResponse(ctx context.Context, keyID, id string) error
	PruneResponses(ctx context.Context, b store.Bounds) (rows, size int64, err error)
}

// Sealer encrypts what is kept; aad is where it belongs.
type Sealer interface {
	Seal(plaintext []byte, aad string) string
	Unseal(sealed, aad string) ([]byte, error)
}

// Options are what an archive is made of.
type Options struct {
	Store  Store
	Sealer Sealer
	Log    *slog.Logger
	Now    func() time.Time
	Keep   time.Duration // how long after the last use of a conversation
	Rows   int64         // how many exchanges in all
	Bytes  int64         // how much in all, as it lies in the database
}

// Errors that callers tell apart.
var (
	// ErrNotKept says that nothing is kept under an id for a key: it is another
	// key's, or deleted, or something before it is.
	ErrNotKept = errors.New("not kept")
	// ErrUnknown says that nothing was ever kept under an id, as far as is known.
	ErrUnknown = errors.New("unknown")
)

// Bounds of what waits to be written. What comes on top is not kept: that is
// logged, and the client learns it when it goes on.
const (
	maxWaiting      = 1024
	maxWaitingBytes = 64 << 20
)

// ref is an exchange of a key.
type ref struct{ key, id string }

type waiting struct {
	key string
	x   llm.Exchange
}

// Archive is safe for concurrent use.
type Archive struct {
	opt  Options
	wake chan struct{}
	done chan struct{}

	mu     sync.Mutex
	order  []*waiting // not written yet, oldest first
	byID   map[ref]*waiting
	bytes  int
	closed bool
	idle   *sync.Cond // nothing waits

	rows, size int64 // in the store, as far as the writer knows
}

// New makes an archive and starts its writer. Close ends it.
func New(opt Options) *Archive {
	a := &Archive{opt: opt, wake: make(chan struct{}, 1), done: make(chan struct{}), byID: map[ref]*waiting{}}
	a.idle = sync.NewCond(&a.mu)
	go a.run()
	return a
}

func sizeOf(x *llm.Exchange) int { return len(x.Input) + len(x.Answer) + 256 }

// Keep keeps an exchange of a key. What it holds must not change any more.
func (a *Archive) Keep(key string, x llm.Exchange) {
	if x.ID == "" || x.ID == x.Previous {
		a.opt.Log.Warn("an answer is not kept: the upstream gave it no id of its own", "key", key)
		return
	}
	x.At = a.opt.Now()
	w := &waiting{key: key, x: x}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || len(a.order) >= maxWaiting || a.bytes+sizeOf(&x) > maxWaitingBytes {
		a.opt.Log.Error("an answer is not kept: too much waits to be written", "key", key, "response", x.ID, "waiting", len(a.order))
		return
	}
	a.order = append(a.order, w)
	a.byID[ref{key, x.ID}] = w
	a.bytes += sizeOf(&x)
	a.poke()
}

// poke wakes the writer.
func (a *Archive) poke() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// Chain is an exchange with all it goes on from, oldest first. The error is
// ErrNotKept or ErrUnknown where it is not there for the key.
func (a *Archive) Chain(ctx context.Context, key, id string) ([]llm.Exchange, error) {
	list, err := a.chain(ctx, key, id)
	if errors.Is(err, ErrNotKept) { // between two looks it may have come, for this key
		return a.chain(ctx, key, id)
	}
	return list, err
}

func (a *Archive) chain(ctx context.Context, key, id string) ([]llm.Exchange, error) {
	head := id
	var recent []llm.Exchange // newest first
	a.mu.Lock()
	for w := a.byID[ref{key, id}]; w != nil && len(recent) <= maxWaiting; w = a.byID[ref{key, id}] {
		recent = append(recent, w.x)
		id = w.x.Previous
	}
	a.mu.Unlock()
	var past []llm.Exchange
	if id != "" {
		rows, err := a.opt.Store.ResponseChain(ctx, key, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil, a.missing(ctx, head, a.opt.Store.HasResponse, func(x *llm.Exchange) bool { return x.ID == head })
		}
		if err != nil {
			return nil, err
		}
		for i := range rows {
			x, err := a.open(&rows[i])
			if err != nil {
				return nil, err
			}
			past = append(past, x)
		}
	}
	slices.Reverse(recent)
	return append(past, recent...), nil
}

// missing tells why something is not there: it may be another key's.
func (a *Archive) missing(ctx context.Context, id string, stored func(context.Context, string) (bool, error), is func(*llm.Exchange) bool) error {
	a.mu.Lock()
	waits := slices.ContainsFunc(a.order, func(w *waiting) bool { return is(&w.x) })
	a.mu.Unlock()
	if waits {
		return ErrNotKept
	}
	has, err := stored(ctx, id)
	switch {
	case err != nil:
		return err
	case has:
		return ErrNotKept
	}
	return ErrUnknown
}

// Get is an exchange by itself.
func (a *Archive) Get(ctx context.Context, key, id string) (llm.Exchange, error) {
	a.mu.Lock()
	w := a.byID[ref{key, id}]
	a.mu.Unlock()
	if w != nil {
		return w.x, nil
	}
	row, err := a.opt.Store.Response(ctx, key, id)
	if err != nil {
		return llm.Exchange{}, notKept(err)
	}
	return a.open(&row)
}

// OfItem is the exchange of a key whose answer holds an item, with the errors of
// Chain.
func (a *Archive) OfItem(ctx context.Context, key, item string) (llm.Exchange, error) {
	x, err := a.ofItem(ctx, key, item)
	if errors.Is(err, ErrNotKept) {
		return a.ofItem(ctx, key, item)
	}
	return x, err
}

func (a *Archive) ofItem(ctx context.Context, key, item string) (llm.Exchange, error) {
	a.mu.Lock()
	for _, w := range slices.Backward(a.order) {
		if w.key == key && slices.Contains(w.x.Items, item) {
			a.mu.Unlock()
			return w.x, nil
		}
	}
	a.mu.Unlock()
	row, err := a.opt.Store.ResponseOfItem(ctx, key, item)
	if errors.Is(err, store.ErrNotFound) {
		return llm.Exchange{}, a.missing(ctx, item, a.opt.Store.HasResponseItem, func(x *llm.Exchange) bool { return slices.Contains(x.Items, item) })
	}
	if err != nil {
		return llm.Exchange{}, err
	}
	return a.open(&row)
}

// Forget removes an exchange.
func (a *Archive) Forget(ctx context.Context, key, id string) error {
	if err := a.settle(ctx); err != nil {
		return err
	}
	return notKept(a.opt.Store.DeleteResponse(ctx, key, id))
}

// settle waits until what was kept before has been written.
func (a *Archive) settle(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.idle.Broadcast()
	})
	defer stop()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.order) == 0 {
		return nil
	}
	last := a.order[len(a.order)-1]
	for slices.Contains(a.order, last) && ctx.Err() == nil {
		a.idle.Wait()
	}
	return ctx.Err()
}

func notKept(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return ErrNotKept
	}
	return err
}

// Close writes what is waiting, until ctx ends.
func (a *Archive) Close(ctx context.Context) error {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.poke()
	select {
	case <-a.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
