package health

import (
	"sync"
	"testing"
	"time"

	"turnpike/internal/llm"
)

// clock is a time that goes on when it is told to.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Unix(1_800_000_000, 0)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func TestClassify(t *testing.T) {
	up := func(kind llm.ErrorKind, status int) *llm.Error {
		return &llm.Error{Kind: kind, Upstream: true, UpstreamStatus: status}
	}
	for name, c := range map[string]struct {
		err  *llm.Error
		want Class
	}{
		"success":                   {nil, Fine},
		"429":                       {up(llm.ErrRate, 429), Rate},
		"429 of an empty account":   {up(llm.ErrBilling, 429), Quota},
		"402":                       {up(llm.ErrBilling, 402), Quota},
		"529":                       {up(llm.ErrOverloaded, 529), Overload},
		"503":                       {up(llm.ErrUnavail, 503), Overload},
		"500":                       {up(llm.ErrUpstream, 500), Failure},
		"500 in the upstream's own": {up(llm.ErrInternal, 500), Failure},
		"502":                       {up(llm.ErrUpstream, 502), Failure},
		"504":                       {up(llm.ErrTimeout, 504), Failure},
		"408":                       {up(llm.ErrTimeout, 408), Failure},
		"no connection":             {up(llm.ErrUpstream, 0), Failure},
		"error in the first frame":  {up(llm.ErrOverloaded, 200), Overload},
		"401":                       {up(llm.ErrAuth, 401), Auth},
		"401 dressed for a client":  {up(llm.ErrUpstream, 401), Auth},
		"a wrong key that is 400":   {up(llm.ErrAuth, 400), Auth},
		"400":                       {up(llm.ErrInvalid, 400), Untold},
		"400 too long":              {up(llm.ErrContext, 400), Untold},
		"403":                       {up(llm.ErrForbidden, 403), Untold},
		"404":                       {up(llm.ErrNotFound, 404), Untold},
		"409":                       {up(llm.ErrConflict, 409), Untold},
		"413":                       {up(llm.ErrTooLarge, 413), Untold},
		"an answer that is none":    {&llm.Error{Kind: llm.ErrUpstream}, Failure},
		"404 of OpenAI's models":    {&llm.Error{Kind: llm.ErrNotFound, Code: "model_not_found", Upstream: true, UpstreamStatus: 404}, Absent},
		"404 of Claude's models":    {&llm.Error{Kind: llm.ErrNotFound, Message: "model: claude-x", Upstream: true, UpstreamStatus: 404}, Absent},
		"404 of Gemini's models":    {&llm.Error{Kind: llm.ErrNotFound, Message: "models/x is not found for API version v1beta", Upstream: true, UpstreamStatus: 404}, Absent},
		"400 of Bedrock's models":   {&llm.Error{Kind: llm.ErrInvalid, Message: "The provided model identifier is invalid.", Upstream: true, UpstreamStatus: 400}, Absent},
		"404 of a file":             {&llm.Error{Kind: llm.ErrNotFound, Message: "No such file: model.pdf", Upstream: true, UpstreamStatus: 404}, Untold},
		"our own 404":               {&llm.Error{Kind: llm.ErrNotFound, Code: "model_not_found"}, Untold},
		"our own 500":               {&llm.Error{Kind: llm.ErrInternal}, Untold},
		"our own 429":               {&llm.Error{Kind: llm.ErrRate}, Untold},
		"nobody to ask":             {&llm.Error{Kind: llm.ErrUnavail}, Untold},
	} {
		if got := Classify(c.err); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// send is one request that ends as told, d after it began.
func send(t *testing.T, p *Place, c *clock, class Class, told, d time.Duration) {
	t.Helper()
	h, ok := p.Begin(c.now, true)
	if !ok {
		t.Fatal("the place did not take a request")
	}
	c.add(d)
	h.End(class, told)
}

func TestCoolDowns(t *testing.T) {
	for _, c := range []struct {
		name  string
		class Class
		told  time.Duration
		times int
		want  time.Duration // of cool-down; 0: none
		all   bool          // also another model of the account
	}{
		{"a success", Fine, 0, 9, 0, false},
		{"what tells nothing", Untold, 0, 99, 0, false},
		{"a 429 without a word", Rate, 0, 1, 2 * time.Second, false},
		{"a 429 with Retry-After", Rate, 20 * time.Second, 1, 20 * time.Second, false},
		{"a 429 that wants a day", Rate, 24 * time.Hour, 1, 10 * time.Minute, false},
		{"an overload", Overload, 0, 1, 3 * time.Second, false},
		{"an overload that wants an hour", Overload, time.Hour, 1, 30 * time.Second, false},
		{"one failure", Failure, 0, 1, 0, false},
		{"four failures", Failure, 0, 4, 0, false},
		{"five failures in a row", Failure, 0, 5, 5 * time.Second, false},
		{"credentials", Auth, 0, 1, 10 * time.Minute, true},
		{"a quota", Quota, 0, 1, 10 * time.Minute, true},
		{"a model that is not there", Absent, 0, 1, time.Minute, false},
		{"a quota until tomorrow", Quota, 20 * time.Hour, 1, 20 * time.Hour, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			clk := newClock()
			var account Breaker
			place, other := NewPlace(&account), NewPlace(&account)
			for range c.times {
				send(t, place, clk, c.class, c.told, 0)
			}
			until, class := place.Cooling()
			if c.want == 0 {
				if place.State(clk.now()) != Closed {
					t.Fatalf("cools until %s for %s", until, class)
				}
				return
			}
			if got := until.Sub(clk.now()); got != c.want || class != c.class || place.State(clk.now()) != Open {
				t.Errorf("cools %s for %s, want %s for %s", got, class, c.want, c.class)
			}
			if got := other.State(clk.now()) == Open; got != c.all {
				t.Errorf("another model of the account cools: %v, want %v", got, c.all)
			}
			clk.add(c.want)
			if place.State(clk.now()) != HalfOpen {
				t.Error("it never comes back")
			}
		})
	}
}

// TestTryNow: somebody says that it works again: one request tries, and what it finds holds.
func TestTryNow(t *testing.T) {
	clk := newClock()
	p := NewPlace(new(Breaker))
	if p.TryNow(clk.now()) {
		t.Error("a cool-down ended that was none")
	}
	send(t, p, clk, Overload, 0, 0)
	clk.add(time.Second)
	if p.State(clk.now()) != Open || !p.TryNow(clk.now()) || p.State(clk.now()) != HalfOpen {
		t.Fatal(p.State(clk.now()))
	}
	probe, ok := p.Begin(clk.now, false)
	if !ok {
		t.Fatal("nobody may try")
	}
	if _, ok := p.Begin(clk.now, false); ok {
		t.Error("two try at once")
	}
	clk.add(time.Second)
	probe.End(Overload, 0)
	if p.State(clk.now()) != Open {
		t.Error("it does not open again")
	}
}

func TestOneRequestTries(t *testing.T) {
	clk := newClock()
	p := NewPlace(new(Breaker))
	send(t, p, clk, Overload, 0, 0)
	clk.add(3 * time.Second)
	probe, ok := p.Begin(clk.now, false)
	if !ok {
		t.Fatal("nobody may try")
	}
	if _, ok := p.Begin(clk.now, false); ok || p.State(clk.now()) != Open {
		t.Fatal("two try at once")
	}
	clk.add(time.Second)
	probe.End(Untold, 0) // its client left: another one may try at once
	if probe, ok = p.Begin(clk.now, false); !ok {
		t.Fatal("a probe that told nothing is in the way")
	}
	clk.add(time.Second)
	probe.End(Overload, 0)
	if until, _ := p.Cooling(); until.Sub(clk.now()) != 6*time.Second {
		t.Errorf("the second cool-down is %s", until.Sub(clk.now()))
	}
	clk.add(6 * time.Second)
	if _, ok = p.Begin(clk.now, false); !ok { // a probe that never ends
		t.Fatal("nobody may try")
	}
	clk.add(probeFor)
	send(t, p, clk, Fine, 0, time.Second)
	if p.State(clk.now()) != Closed {
		t.Error("a success does not close it")
	}
	if p.Inflight() != 1 {
		t.Errorf("in flight %d", p.Inflight())
	}
}

// The first content of a probe is enough: its stream may last for minutes.
func TestFirstContentCloses(t *testing.T) {
	clk := newClock()
	p := NewPlace(new(Breaker))
	send(t, p, clk, Overload, 0, 0)
	clk.add(3 * time.Second)
	probe, _ := p.Begin(clk.now, false)
	clk.add(time.Second)
	probe.FirstContent(time.Second)
	if _, ok := p.Begin(clk.now, false); !ok || p.State(clk.now()) != Closed {
		t.Error("the others wait for the end of the probe's stream")
	}
	probe.End(Failure, 0) // it broke later on: one failure
	if p.State(clk.now()) != Closed {
		t.Error("one failure opened it")
	}
}

// What was under way when a cool-down began neither ends it nor makes it longer.
func TestLateEnds(t *testing.T) {
	clk := newClock()
	p := NewPlace(new(Breaker))
	var late [4]Handle
	for i := range late {
		late[i], _ = p.Begin(clk.now, false)
	}
	clk.add(time.Second)
	late[0].End(Rate, 10*time.Second)
	until, _ := p.Cooling()
	clk.add(time.Second)
	late[1].End(Fine, 0)
	late[2].End(Rate, 0)
	if again, _ := p.Cooling(); !again.Equal(until) || p.State(clk.now()) != Open {
		t.Errorf("until %s became %s", until, again)
	}
	late[3].End(Rate, 20*time.Second)
	if again, _ := p.Cooling(); !again.Equal(clk.now().Add(20 * time.Second)) {
		t.Errorf("a longer wait that was asked for: %s", again)
	}
}

func TestErrorRateOpens(t *testing.T) {
	clk := newClock()
	p := NewPlace(new(Breaker))
	for i := range 20 {
		class := Fine
		if i%2 == 1 {
			class = Failure // never two in a row
		}
		send(t, p, clk, class, 0, 100*time.Millisecond)
		if p.State(clk.now()) == Open {
			return
		}
	}
	t.Error("half of all failed and nothing happened")
}

func TestFlappingCoolsLonger(t *testing.T) {
	clk := newClock()
	p := NewPlace(new(Breaker))
	var last time.Duration
	for i := range 6 {
		for range maxRow {
			send(t, p, clk, Failure, 0, 0)
			if p.State(clk.now()) == Open {
				break
			}
		}
		until, _ := p.Cooling()
		d := until.Sub(clk.now())
		if i > 0 && d != min(2*last, rules[Failure].most) {
			t.Errorf("cool-down %d is %s after %s", i, d, last)
		}
		last = d
		clk.add(d)
		send(t, p, clk, Fine, 0, time.Second)
	}
	clk.add(forgetAfter + time.Hour)
	send(t, p, clk, Rate, 0, 0)
	if until, _ := p.Cooling(); until.Sub(clk.now()) != rules[Rate].first {
		t.Errorf("old troubles are not forgotten: %s", until.Sub(clk.now()))
	}
}

func TestDone(t *testing.T) {
	for _, c := range []struct {
		err  *llm.Error
		gone bool
		want Class
	}{
		{nil, false, Fine},
		{nil, true, Fine},
		{&llm.Error{Kind: llm.ErrRate, Upstream: true, UpstreamStatus: 429, RetryAfter: time.Minute}, true, Fine},
		{&llm.Error{Kind: llm.ErrRate, Upstream: true, UpstreamStatus: 429, RetryAfter: time.Minute}, false, Rate},
		{&llm.Error{Kind: llm.ErrInvalid, Upstream: true, UpstreamStatus: 400}, false, Fine},
	} {
		clk := newClock()
		p := NewPlace(new(Breaker))
		h, _ := p.Begin(clk.now, false)
		h.Done(c.err, c.gone)
		until, class := p.Cooling()
		if class != c.want || class == Rate && until.Sub(clk.now()) != time.Minute || p.Inflight() != 0 {
			t.Errorf("%v, gone %v: %s until %s", c.err, c.gone, class, until)
		}
	}
}

func TestReset(t *testing.T) {
	clk := newClock()
	var account Breaker
	p := NewPlace(&account)
	send(t, p, clk, Auth, 0, 0)
	account.Reset()
	if p.State(clk.now()) != Closed {
		t.Error("new credentials are not tried")
	}
	send(t, p, clk, Rate, time.Minute, 0)
	p.Reset()
	if p.State(clk.now()) != Closed {
		t.Error("a reset place still cools")
	}
}

func TestLive(t *testing.T) {
	clk := newClock()
	p := NewPlace(new(Breaker))
	h, _ := p.Begin(clk.now, false)
	h.FirstContent(200 * time.Millisecond)
	if l := p.Live(clk.now()); l.Inflight != 1 || l.Asked != 1 || l.TTFT < 199 || l.TTFT > 201 || l.Limited != 0 {
		t.Errorf("%+v", l)
	}
	h.End(Rate, 0)
	if l := p.Live(clk.now()); l.Limited != 1 || l.Inflight != 0 {
		t.Errorf("%+v", l)
	}
	before := 1.0
	for range 9 {
		clk.add(30 * time.Second)
		now := p.Live(clk.now()).Limited
		if now >= before || now <= 0 {
			t.Errorf("a 429 went from %v to %v: it fades", before, now)
		}
		before = now
	}
	clk.add(30 * time.Second)
	if l := p.Live(clk.now()); l.Limited != 0 || l.Asked != 0 {
		t.Errorf("after five minutes: %+v", l)
	}
}

// Slow is noticed within a few requests, and forgiven with time.
func TestTTFT(t *testing.T) {
	clk := newClock()
	p := NewPlace(new(Breaker))
	note := func(d time.Duration) { p.noteTTFT(d, clk.now()) }
	note(100 * time.Millisecond)
	note(10 * time.Second)
	if v := p.TTFT(clk.now()); v < 1000 || v > 5000 {
		t.Errorf("one slow answer alone makes it %v ms", v)
	}
	for range 5 {
		note(10 * time.Second)
	}
	if v := p.TTFT(clk.now()); v < 8000 || v > 10000 {
		t.Errorf("after six slow ones %v ms", v)
	}
	slow := p.TTFT(clk.now())
	clk.add(staleAfter + 2*staleHalf)
	if v := p.TTFT(clk.now()); v > slow/3 {
		t.Errorf("not forgiven: %v ms", v)
	}
}

func TestManyAtOnce(t *testing.T) {
	clk := newClock()
	p := NewPlace(new(Breaker))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 1000 {
				if h, ok := p.Begin(clk.now, false); ok {
					h.FirstContent(time.Duration(i) * time.Millisecond)
					h.End([]Class{Fine, Fine, Rate, Failure, Untold}[i%5], 0)
				}
				p.Live(clk.now())
				clk.add(time.Millisecond)
			}
		})
	}
	wg.Wait()
	if p.Inflight() != 0 {
		t.Errorf("in flight %d", p.Inflight())
	}
}

// The count in a window never passes what was added, and all of it is there
// while it is recent.
func TestWindow(t *testing.T) {
	clk := newClock()
	var w window
	for range 500 {
		w.add(clk.now(), time.Minute)
		clk.add(100 * time.Millisecond)
	}
	if n := w.count(clk.now(), time.Minute); n < 440 || n > 500 {
		t.Errorf("counted %v of 500 within 50 s", n)
	}
	clk.add(2 * time.Minute)
	if n := w.count(clk.now(), time.Minute); n != 0 {
		t.Errorf("%v are left of long ago", n)
	}
}

func TestClassNames(t *testing.T) {
	for c := range rules {
		if Class(c).String() == "" {
			t.Errorf("class %d has no name", c)
		}
	}
}

func BenchmarkLive(b *testing.B) {
	p, now := NewPlace(new(Breaker)), time.Now()
	p.noteTTFT(time.Second, now)
	for b.Loop() {
		p.Live(now)
	}
}
