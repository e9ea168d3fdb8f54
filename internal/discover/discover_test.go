package discover

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"turnpike/internal/health"
	"turnpike/internal/provider"
	"turnpike/internal/route"
)

// upstream is an account that answers as it is told.
type upstream struct {
	provider.Provider
	asked  atomic.Int64
	answer func(ctx context.Context) ([]provider.Model, error)
}

func (u *upstream) Models(ctx context.Context) ([]provider.Model, error) {
	u.asked.Add(1)
	return u.answer(ctx)
}

func fake(name string, answer func(context.Context) ([]provider.Model, error)) (*upstream, *route.Account) {
	u := &upstream{Provider: provider.Unserved(name, "openai"), answer: answer}
	return u, &route.Account{Provider: u, Weight: 1}
}

func lists(ids ...string) func(context.Context) ([]provider.Model, error) {
	var out []provider.Model
	for _, id := range ids {
		out = append(out, provider.Model{ID: id, Name: "The " + id, Context: 1000})
	}
	return func(context.Context) ([]provider.Model, error) { return out, nil }
}

func fails(err error) func(context.Context) ([]provider.Model, error) {
	return func(context.Context) ([]provider.Model, error) { return nil, err }
}

var quiet = slog.New(slog.DiscardHandler)

// run lets the lists be kept for a while.
func run(t *testing.T, l *Lists, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	l.Run(ctx)
}

func TestRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		good, a := fake("good", lists("m"))
		bad, b := fake("bad", fails(errors.New("away")))
		none, c := fake("none", fails(provider.ErrUnserved))
		off, d := fake("off", lists("m"))
		d.Off = "no key"
		run(t, New([]*route.Account{a, b, c, d}, time.Hour, nil, "", quiet), 10*time.Hour)
		if n := good.asked.Load(); n < 9 || n > 11 {
			t.Errorf("the good one was asked %d times in ten hours", n)
		}
		if n := bad.asked.Load(); n < 12 || n > 17 { // sooner at first
			t.Errorf("the one that fails was asked %d times", n)
		}
		if none.asked.Load() != 1 || off.asked.Load() != 0 {
			t.Errorf("asked %d and %d times", none.asked.Load(), off.asked.Load())
		}
		if len(a.Listed()) != 1 || b.Listed() != nil {
			t.Errorf("listed %v, %v", a.Listed(), b.Listed())
		}
	})
}

// One that hangs holds nobody up, and is not waited for longer than the bound.
func TestOneThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var accounts []*route.Account
		var most, now atomic.Int64
		for range 20 {
			_, a := fake("hangs", func(ctx context.Context) ([]provider.Model, error) {
				n := now.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				<-ctx.Done()
				now.Add(-1)
				return nil, ctx.Err()
			})
			accounts = append(accounts, a)
		}
		var answered time.Duration
		_, good := fake("good", func(context.Context) ([]provider.Model, error) {
			answered = time.Since(start)
			return []provider.Model{{ID: "m"}}, nil
		})
		run(t, New(append(accounts, good), time.Hour, nil, "", quiet), 2*time.Minute)
		if most.Load() > atOnce || answered > 4*askFor || good.Listed() == nil {
			t.Errorf("%d at once, the last one after %s", most.Load(), answered)
		}
	})
}

func TestChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := lists("m")
		u, a := fake("a", func(ctx context.Context) ([]provider.Model, error) { return answer(ctx) })
		l := New([]*route.Account{a}, time.Hour, map[string]Check{"a": {Every: 30 * time.Second, Jitter: 10 * time.Second}}, "", quiet)
		run(t, l, 10*time.Minute)
		if n := u.asked.Load(); n < 14 || n > 21 {
			t.Errorf("asked %d times in ten minutes", n)
		}
		answer = fails(&provider.StatusError{Status: 401})
		run(t, l, time.Second)
		if _, class := a.Breaker().Until(); class != health.Auth {
			t.Errorf("after a 401: %s", class)
		}
		answer = lists("m")
		<-time.After(time.Second)
		run(t, l, time.Second)
		if a.Breaker().State(time.Now()) != health.Closed {
			t.Error("the credentials work again, and nobody notices")
		}
		answer = fails(&provider.StatusError{Status: 404}) // a server without a list
		run(t, l, time.Hour)
		if a.Breaker().State(time.Now()) != health.Closed {
			t.Error("it cools for want of a list")
		}
	})
}

// TestPause: gateways that started together do not ask together.
func TestPause(t *testing.T) {
	l := New(nil, time.Hour, nil, "", quiet)
	for _, c := range []struct {
		check       Check
		failures    int
		least, most time.Duration
	}{
		{Check{}, 0, time.Hour, time.Hour + 12*time.Minute},
		{Check{Every: 30 * time.Second, Jitter: 10 * time.Second}, 0, 30 * time.Second, 40 * time.Second},
		{Check{Every: 30 * time.Second}, 0, 30 * time.Second, 36 * time.Second},
		{Check{}, 1, retryFirst, retryFirst * 6 / 5},
	} {
		seen := map[time.Duration]bool{}
		for range 100 {
			d := l.pause(c.check, c.failures)
			if seen[d] = true; d < c.least || d > c.most {
				t.Errorf("%+v after %d failures: %v, want between %v and %v", c.check, c.failures, d, c.least, c.most)
			}
		}
		if len(seen) < 50 {
			t.Errorf("%+v: %d different pauses of 100", c.check, len(seen))
		}
	}
}

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		err  error
		want health.Class
	}{
		{nil, health.Fine},
		{&provider.StatusError{Status: 401}, health.Auth},
		{&provider.StatusError{Status: 403}, health.Untold},
		{&provider.StatusError{Status: 429}, health.Untold},
		{&provider.StatusError{Status: 503}, health.Failure},
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, health.Failure},
		{context.DeadlineExceeded, health.Failure},
		{errors.New("the list is not what it should be"), health.Untold},
	} {
		if got := classify(c.err); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
}

func TestLastGoodLists(t *testing.T) {
	file := filepath.Join(t.TempDir(), FileName)
	synctest.Test(t, func(t *testing.T) {
		_, a := fake("a", lists("m", "n"))
		_, b := fake("b", lists("x"))
		run(t, New([]*route.Account{a, b}, time.Hour, nil, file, quiet), time.Minute)
	})
	away := fails(errors.New("away"))
	_, a := fake("a", away)
	_, b := fake("b", away)
	b.Provider = provider.Unserved("b", "anthropic") // another kind under the old name
	_, c := fake("c", away)
	if err := New([]*route.Account{a, b, c}, time.Hour, nil, file, quiet).Load(); err != nil {
		t.Fatal(err)
	}
	if m := a.Listed()["n"]; m.Name != "The n" || m.Context != 1000 || len(a.Listed()) != 2 || b.Listed() != nil || c.Listed() != nil {
		t.Errorf("%v %v %v", a.Listed(), b.Listed(), c.Listed())
	}
	// One account's answer does not lose the other's last good list.
	synctest.Test(t, func(t *testing.T) {
		_, a := fake("a", lists("new"))
		_, b := fake("b", away)
		l := New([]*route.Account{a, b}, time.Hour, nil, file, quiet)
		if err := l.Load(); err != nil {
			t.Fatal(err)
		}
		run(t, l, time.Second)
		if _, ok := a.Listed()["new"]; !ok || len(b.Listed()) != 1 {
			t.Errorf("%v %v", a.Listed(), b.Listed())
		}
	})
	text, err := os.ReadFile(file) //nolint:gosec // the test's own
	if err != nil || !strings.Contains(string(text), `"new"`) || !strings.Contains(string(text), `"x"`) {
		t.Errorf("%v %s", err, text)
	}
	left, _ := filepath.Glob(file + ".*")
	if len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

// Some accounts are asked for a list in parts: half of it does not push out the
// whole one.
func TestPartOfAList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := lists("whole")
		half := func(context.Context) ([]provider.Model, error) {
			return []provider.Model{{ID: "half"}}, errors.New("the rest is away")
		}
		_, a := fake("a", func(ctx context.Context) ([]provider.Model, error) { return answer(ctx) })
		_, b := fake("b", half)
		l := New([]*route.Account{a, b}, time.Hour, nil, "", quiet)
		run(t, l, time.Second)
		answer = half
		run(t, l, time.Second)
		if _, ok := a.Listed()["whole"]; !ok || len(b.Listed()) != 1 {
			t.Errorf("%v %v", a.Listed(), b.Listed())
		}
	})
}

func TestLoadProblems(t *testing.T) {
	_, a := fake("a", lists())
	file := filepath.Join(t.TempDir(), FileName)
	l := New([]*route.Account{a}, time.Hour, nil, file, quiet)
	if err := l.Load(); err != nil {
		t.Errorf("no file: %v", err)
	}
	for _, text := range []string{"", "[]", `{"version":9}`, `{"version":1,"providers":{"a":{"kind":"openai","models":[{}]}}}`} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := l.Load(); err == nil || a.Listed() != nil {
			t.Errorf("%q was taken", text)
		}
	}
	if err := New(nil, time.Hour, nil, "", quiet).Load(); err != nil {
		t.Errorf("nowhere: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"version":1,"providers":{"a":{"kind":"openai","models":[{"ID":"m"}]}}}`))
	f.Add([]byte(`{"version":1,"providers":{"a":null}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := decode(text)
		if err != nil {
			return
		}
		for _, r := range doc.Providers {
			_, a := fake("a", lists())
			a.SetListed(r.Models)
			route.New([]*route.Account{a}, "", "").List(nil)
		}
	})
}
