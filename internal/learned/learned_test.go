package learned

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"turnpike/internal/heal"
	"turnpike/internal/llm"
	"turnpike/internal/store"
)

func fixed() time.Time { return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC) }

func TestBook(t *testing.T) {
	now := fixed()
	b := New(func() time.Time { return now })
	if b.At("p", "m") != nil {
		t.Error("an empty book knows something")
	}
	drop := heal.Fix{Do: "drop", To: "odd"}
	b.Learn("p", "m", drop, "no odd")
	b.Learn("p", "m", drop, "no odd")
	b.Learn("p", "m", heal.Fix{Do: "unflag"}, "invalid beta flag")
	b.Learn("p", "m", heal.Fix{Do: "unsign"}, "once")
	b.Learn("p", "m", heal.Fix{Do: "explode"}, "never")
	b.Learn("p", strings.Repeat("m", 300), drop, "a made-up model")
	if k := b.At("p", "m"); k == nil || len(k.Fixes) != 2 {
		t.Fatalf("known: %+v", k)
	}
	if b.At("q", "m") != nil || b.At("p", "n") != nil || b.At("p", strings.Repeat("m", 300)) != nil {
		t.Error("known where it was not learned")
	}
	now = now.Add(time.Hour)
	if k := b.At("p", "m"); k == nil || len(k.Fixes) != 1 || k.Fixes[0] != drop {
		t.Errorf("after an hour: %+v", k)
	}
	now = now.Add(Keep)
	if k := b.At("p", "m"); k != nil {
		t.Errorf("after all: %+v", k)
	}
	var none *Book
	none.Learn("p", "m", drop, "")
	if none.At("p", "m") != nil {
		t.Error("a nil book knows something")
	}
}

func TestCapabilitiesAreLearned(t *testing.T) {
	b := New(fixed)
	b.Set([]store.Learned{
		Row("p", "m", "sampling", `"none"`, "", fixed()),
		Row("p", "m", "efforts", `["low"]`, "", fixed()),
		Row("p", "m", "betas", `["a-2025-01-01"]`, "", fixed()),
		Row("p", "m", "no_such_thing", `true`, "", fixed()),
		Row("p", "m", "no_tools", `"not a boolean"`, "", fixed()),
		{Provider: "p", Model: "old", What: "no_tools", Value: "true", ExpiresAt: fixed()},
	})
	caps := llm.Caps{Family: "claude", Sampling: llm.SamplingOne}
	b.At("p", "m").Refine(&caps)
	if caps.Sampling != llm.SamplingNone || len(caps.Efforts) != 1 || len(caps.Betas) != 1 || caps.Family != "claude" || caps.NoTools {
		t.Errorf("caps %+v", caps)
	}
	if b.At("p", "old") != nil {
		t.Error("an expired row holds")
	}
	var none *Known
	none.Refine(&caps)
}

func TestBounds(t *testing.T) {
	b := New(fixed)
	for i := range maxFixes + 5 {
		b.Learn("p", "m", heal.Fix{Do: "drop", To: fmt.Sprint("a", i)}, "")
	}
	if n := len(b.At("p", "m").Fixes); n != maxFixes {
		t.Errorf("%d fixes of one model", n)
	}
	for i := range maxPlaces + 5 {
		b.Learn("p", fmt.Sprint("m", i), heal.Fix{Do: "drop", To: "a"}, "")
	}
	if n := len(*b.page.Load()); n != maxPlaces {
		t.Errorf("%d models", n)
	}
	if r := Row("p", "m", "drop", "a", strings.Repeat("é", 300), fixed()); len(r.Evidence) > maxEvidence+3 {
		t.Errorf("%d bytes of evidence", len(r.Evidence))
	}
}

// shelf is a store in memory that counts changes of other processes.
type shelf struct {
	mu      sync.Mutex
	rows    []store.Learned
	version int64
	away    bool
}

func (s *shelf) DataVersion(context.Context) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return 0, errors.New("away")
	}
	return s.version, nil
}

func (s *shelf) Learned(context.Context, time.Time) ([]store.Learned, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]store.Learned(nil), s.rows...), nil
}

func (s *shelf) SaveLearned(_ context.Context, _ time.Time, rows ...store.Learned) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return errors.New("away")
	}
	s.rows = append(s.rows, rows...)
	return nil
}

func (s *shelf) byAnother(rows ...store.Learned) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows = rows
	s.version++
}

func TestSharing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &shelf{}
		b := New(time.Now)
		go b.Run(ctx, s, slog.New(slog.DiscardHandler))
		b.Learn("p", "m", heal.Fix{Do: "drop", To: "a"}, "no a")
		synctest.Wait()
		if rows, _ := s.Learned(ctx, time.Now()); len(rows) != 1 || rows[0].Evidence != "no a" || rows[0].ExpiresAt.Sub(rows[0].LearnedAt) != Keep {
			t.Errorf("kept %+v", rows)
		}
		s.byAnother(Row("p", "m", "drop", "b", "", time.Now()))
		time.Sleep(2 * pollEvery) //nolint:forbidigo // fake clock
		if k := b.At("p", "m"); k == nil || len(k.Fixes) != 1 || k.Fixes[0].To != "b" {
			t.Errorf("after another process's change: %+v", k)
		}
		s.mu.Lock()
		s.away = true
		s.mu.Unlock()
		b.Learn("p", "m", heal.Fix{Do: "drop", To: "c"}, "")
		time.Sleep(2 * pollEvery) //nolint:forbidigo // fake clock
		if k := b.At("p", "m"); k == nil || len(k.Fixes) != 2 {
			t.Errorf("without a store: %+v", k)
		}
		cancel()
		synctest.Wait()
	})
}

// Rows hold fixes and capabilities alike: no name may be both.
func TestWordsAreNotShared(t *testing.T) {
	for _, member := range []string{"betas", "sampling", "thinking", "efforts", "no_prefill", "structured", "strict", "mid_system", "cache_1h", "no_tools"} {
		if (heal.Fix{Do: member}).Check() == nil {
			t.Errorf("%q is a fix and a capability", member)
		}
	}
}
