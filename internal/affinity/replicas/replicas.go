// Package replicas keeps the pins of conversations in Redis, for several gateways. It
// is a help and never a need: one that is slow or away costs a request a few
// milliseconds, a few times, and then nothing.
package replicas

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"turnpike/internal/affinity"
)

const (
	prefix = "turnpike:pin:"     // and the conversation's digest
	gone   = "turnpike:unpinned" // a hash: what was let go, and when

	patience   = 5 * time.Millisecond // of a request, for a look
	behind     = time.Second          // of what no request waits for
	listen     = time.Second          // how often it is asked what was let go
	maxFails   = 3                    // in a row; then it is left alone
	restFor    = 5 * time.Second
	maxWaiting = 4096 // writes
	maxBatch   = 128
	longest    = time.Hour // that a pin lives
)

// Store is what replicas have in common.
type Store struct {
	client redis.UniversalClient
	log    *slog.Logger
	now    func() time.Time

	fails  atomic.Int64
	rests  atomic.Int64 // until then (Unix nanoseconds) it is left alone
	lost   atomic.Int64 // writes there was no room for
	writes chan write
}

// write is something to be told.
type write struct {
	key, value string
	ttl        time.Duration // 0: it goes; below: it is a release
	at         time.Time
}

// New makes a store of a client, which stays the caller's. Nothing is sent before Run.
func New(client redis.UniversalClient, log *slog.Logger, now func() time.Time) *Store {
	return &Store{client: client, log: log, now: now, writes: make(chan write, maxWaiting)}
}

// Shared is the store as affinity wants it.
func (s *Store) Shared() *affinity.Shared {
	return &affinity.Shared{Get: s.get, Set: s.set, Release: s.release}
}

// get looks a conversation up, within patience.
func (s *Store) get(conversation string) (p affinity.Pin, made time.Time, ok bool) {
	if s.resting() {
		return p, made, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	text, err := s.client.Get(ctx, prefix+conversation).Result()
	if err == redis.Nil { //nolint:errorlint // the library returns it as it is
		s.fails.Store(0)
		return p, made, false
	}
	if s.failed(err) {
		return p, made, false
	}
	return parse(text)
}

func (s *Store) resting() bool { return s.now().UnixNano() < s.rests.Load() }

// failed notes how a call went. After a few failures in a row nobody asks for a while.
func (s *Store) failed(err error) bool {
	if err == nil {
		s.fails.Store(0)
		return false
	}
	if s.fails.Add(1) >= maxFails {
		s.fails.Store(0)
		s.rests.Store(s.now().Add(restFor).UnixNano())
		s.log.Debug("conversations are not looked up in Redis for a while", "error", err, "rest", restFor)
	}
	return true
}

func (s *Store) set(conversation string, p affinity.Pin, made time.Time, ttl time.Duration) {
	s.tell(write{key: prefix + conversation, value: text(p, made), ttl: min(ttl, longest)})
}

func (s *Store) release(what string, at time.Time) { s.tell(write{key: what, ttl: -1, at: at}) }

// tell leaves a write to the one who writes; where there is no room it is dropped, for
// no request waits.
func (s *Store) tell(w write) {
	select {
	case s.writes <- w:
	default:
		s.lost.Add(1)
	}
}

// Lost is the number of writes that were dropped.
func (s *Store) Lost() int64 { return s.lost.Load() }

// Run writes what is to be told and tells pins what was let go elsewhere, until ctx
// ends.
func (s *Store) Run(ctx context.Context, pins *affinity.Pins) {
	tick := time.NewTicker(listen)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case w := <-s.writes:
			s.write(ctx, w)
		case <-tick.C:
			s.hear(ctx, pins)
		}
	}
}

// write sends a write and those that wait behind it, together. What a Redis that is
// away did not take is forgotten: the next request of the conversation tells it anew.
func (s *Store) write(ctx context.Context, w write) {
	if s.resting() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, behind)
	defer cancel()
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for n := 1; ; n++ {
			w.add(ctx, p)
			if n == maxBatch {
				return nil
			}
			select {
			case w = <-s.writes:
			default:
				return nil
			}
		}
	})
	s.failed(err)
}

func (w *write) add(ctx context.Context, p redis.Pipeliner) {
	switch {
	case w.ttl > 0:
		p.Set(ctx, w.key, w.value, w.ttl)
	case w.ttl == 0:
		p.Del(ctx, w.key)
	default:
		p.HSet(ctx, gone, w.key, w.at.UnixMilli()+1) // pins are told in whole milliseconds as well
		p.Expire(ctx, gone, 2*longest)
	}
}

// hear asks what was let go, and forgets what no pin is old enough for any more.
func (s *Store) hear(ctx context.Context, pins *affinity.Pins) {
	if s.resting() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, behind)
	defer cancel()
	all, err := s.client.HGetAll(ctx, gone).Result()
	if s.failed(err) {
		return
	}
	released := make(map[string]time.Time, len(all))
	var old []string
	for what, at := range all {
		ms, err := strconv.ParseInt(at, 10, 64)
		if err != nil || s.now().Sub(time.UnixMilli(ms)) > longest {
			old = append(old, what)
			continue
		}
		released[what] = time.UnixMilli(ms)
	}
	pins.Released(released)
	if len(old) > 0 {
		s.failed(s.client.HDel(ctx, gone, old...).Err())
	}
}

// text is a pin as it is kept: words with a byte between them that no name holds.
func text(p affinity.Pin, made time.Time) string {
	return strings.Join([]string{p.Provider, p.Model, strconv.FormatFloat(p.TTFT, 'f', 0, 64), strconv.FormatInt(made.UnixMilli(), 10)}, between)
}

const between = "\x00"

// parse reads a pin; one that is damaged is none.
func parse(text string) (p affinity.Pin, made time.Time, ok bool) {
	words := strings.Split(text, between)
	if len(words) != 4 || words[0] == "" {
		return p, made, false
	}
	ttft, err := strconv.ParseFloat(words[2], 64)
	if err != nil {
		return p, made, false
	}
	ms, err := strconv.ParseInt(words[3], 10, 64)
	if err != nil {
		return p, made, false
	}
	return affinity.Pin{Provider: words[0], Model: words[1], TTFT: ttft}, time.UnixMilli(ms), true
}
