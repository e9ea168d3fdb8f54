package ledger

import (
	"log/slog"
	"sync"
	"sync/atomic"

	"turnpike/internal/store"
)

// maxStranded bounds what is kept in memory while the journal takes nothing.
const maxStranded = 4096

// stranded are attempts that the journal did not take: the disk is full, or gone.
// They wait in memory for the database, or for the journal to take them after all.
type stranded struct {
	log *slog.Logger

	mu    sync.Mutex
	list  []store.Attempt
	any   atomic.Bool
	count atomic.Int64
	lost  atomic.Int64
}

func (s *stranded) add(a store.Attempt, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) >= maxStranded {
		s.lost.Add(1)
		logLost(s.log, "neither the journal nor the database takes it", &a)
		return
	}
	if len(s.list) == 0 {
		s.log.Error("the journal does not take attempts: they wait in memory, where a crash loses them", "error", why)
	}
	s.list = append(s.list, a)
	s.note()
}

func (s *stranded) note() {
	s.any.Store(len(s.list) > 0)
	s.count.Store(int64(len(s.list)))
}

// some returns those that have waited longest.
func (s *stranded) some(most int) []store.Attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list[:min(most, len(s.list)):min(most, len(s.list))]
}

// saved takes out the first of them. What some returned stays as it was.
func (s *stranded) saved(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = s.list[n:]
	if len(s.list) == 0 {
		s.list = nil
		s.log.Info("all attempts that waited in memory are recorded")
	}
	s.note()
}

// give gives up on all of them.
func (s *stranded) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.list {
		s.lost.Add(1)
		logLost(s.log, "neither the journal nor the database takes it", &s.list[i])
	}
	s.list = nil
	s.note()
}

// logLost makes of the log the last record of an attempt.
func logLost(log *slog.Logger, why string, a *store.Attempt) {
	log.Error("an attempt is lost", "why", why, "request", a.RequestID, "key", a.KeyID, "provider", a.Provider,
		"served", a.ServedModel, "input", a.Usage.Input, "output", a.Usage.Output,
		"cache_read", a.Usage.CacheRead, "cache_write", a.Usage.CacheWrite5m+a.Usage.CacheWrite1h)
}
