package route

import (
	"testing"
	"time"

	"turnpike/internal/health"
)

func TestSummaries(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	now := func() time.Time { return at }
	a, off := account("a", "openai"), account("off", "openai")
	off.Off = "disabled"
	table := New([]*Account{a, off}, "", "").With(Settings{Now: now})
	end := func(model string, c health.Class) {
		h, ok := a.Place(model).Begin(now, true)
		if !ok {
			t.Fatal("not let in")
		}
		at = at.Add(time.Millisecond)
		h.End(c, 0)
	}
	check := func(what string, healthy bool, cooling int, cooldowns map[string]int64) {
		t.Helper()
		list := table.Summaries()
		if len(list) != 1 || list[0].Provider != "a" {
			t.Fatalf("%s: %+v", what, list)
		}
		s := list[0]
		n := 0
		for _, m := range s.Cooling {
			n += m
		}
		if s.Healthy != healthy || n != cooling || len(s.Cooldowns) != len(cooldowns) || s.Inflight != 0 || s.Waiting != 0 {
			t.Errorf("%s: %+v", what, s)
		}
		for reason, want := range cooldowns {
			if s.Cooldowns[reason] != want {
				t.Errorf("%s: %d times %s, want %d", what, s.Cooldowns[reason], reason, want)
			}
		}
	}
	check("nothing asked", true, 0, nil)
	end("m", health.Fine)
	end("n", health.Rate)
	check("one of two models cools", true, 1, map[string]int64{"rate limit": 1})
	end("m", health.Rate)
	check("both do", false, 2, map[string]int64{"rate limit": 2})
	at = at.Add(time.Hour)
	check("an hour later", true, 0, map[string]int64{"rate limit": 2})
	end("m", health.Auth)
	check("the account does", false, 2, map[string]int64{"rate limit": 2, "credentials refused": 1})
}
