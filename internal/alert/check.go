package alert

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"turnpike/internal/store"
)

// How an alert stands. What was begun and not told yet is told again after a restart.
const (
	raised = "raised" // the threshold is passed, nobody was told
	told   = "told"   // somebody was told
	ended  = "ended"  // it is over, nobody was told
	quiet  = "quiet"  // it is over
)

const (
	// maxMessages bounds what is told in one look; the rest waits for the next.
	maxMessages = 100
	// forgetAfter is how long the end of an alert is remembered at least.
	forgetAfter = 90 * 24 * time.Hour
)

// subject is what a state is kept for.
type subject struct{ rule, name string }

// Check looks once at all figures and tells what there is to tell.
func (w *Watch) Check(ctx context.Context) error {
	if len(w.now.Load().rules) == 0 {
		return nil
	}
	err := w.check(ctx, &w.local, (*Rule).local)
	if w.opt.Leads != nil && !w.opt.Leads() {
		return err
	}
	return errors.Join(err, w.check(ctx, w.opt.Store, func(r *Rule) bool { return !r.local() }))
}

// local tells whether each replica tells for itself: of its own journal, of providers as it
// finds them, and of budgets that came to a percentage here, which no other hears of.
func (r *Rule) local() bool {
	return r.Kind == JournalLag || r.Kind == Budget || r.Kind == ProviderDown
}

// check looks at the rules that are meant.
func (w *Watch) check(ctx context.Context, states Store, means func(*Rule) bool) error {
	list, err := states.Alerts(ctx)
	if err != nil {
		return err
	}
	known := make(map[subject]store.AlertState, len(list))
	for _, s := range list {
		known[subject{s.Name, s.Subject}] = s
	}
	c := round{w: w, duty: w.now.Load(), states: states, known: known, left: maxMessages}
	longest := forgetAfter
	for i := range c.duty.rules {
		if r := &c.duty.rules[i]; means(r) {
			longest = max(longest, 2*r.Cooldown)
			c.rule(ctx, r)
		}
	}
	c.failed(states.ForgetAlerts(ctx, quiet, w.opt.Now().Add(-longest)))
	return errors.Join(c.problems...)
}

// round is one look.
type round struct {
	w        *Watch
	duty     *duty
	states   Store
	known    map[subject]store.AlertState
	left     int // of maxMessages
	problems []error
}

func (c *round) failed(err error) {
	if err != nil {
		c.problems = append(c.problems, err)
	}
}

func (c *round) rule(ctx context.Context, r *Rule) {
	readings, err := c.w.opt.Gauges.read(ctx, r, c.w.opt.Now())
	if err != nil {
		c.failed(fmt.Errorf("%s: %w", r.Name, err))
		return
	}
	// Those of which nothing is read any more are over: a new day has begun.
	for s := range c.known {
		if _, ok := readings[s.name]; s.rule == r.Name && !ok {
			readings[s.name] = reading{}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(readings)) {
		if c.left == 0 {
			return
		}
		if c.move(ctx, r, name, readings[name]) {
			c.left--
		}
	}
}

// move brings one alert to where its figure says it should be. It tells whether there
// was something to tell.
func (c *round) move(ctx context.Context, r *Rule, name string, value reading) bool {
	s := c.known[subject{r.Name, name}]
	was := s.State
	s.Name, s.Subject = r.Name, name
	step(&s, r, value.enough && value.n > r.Above, c.w.opt.Now())
	if s.State != was {
		if ok, err := c.states.MoveAlert(ctx, s, was); err != nil || !ok {
			c.failed(err)
			return false // somebody else does it
		}
	}
	next := map[string]string{raised: told, ended: quiet}[s.State]
	if next == "" {
		return false
	}
	if err := c.tell(ctx, r, &s, value); err != nil {
		c.failed(fmt.Errorf("%s: %w", r.Name, err))
		return true
	}
	before := s.State
	s.State = next
	_, err := c.states.MoveAlert(ctx, s, before)
	c.failed(err)
	return true
}

// step is what becomes of an alert by its figure.
func step(s *store.AlertState, r *Rule, above bool, now time.Time) {
	switch {
	case above && (s.State == "" || s.State == quiet && now.Sub(s.ChangedAt) >= r.Cooldown):
		s.State, s.ChangedAt = raised, now
	case above && s.State == ended: // nobody was told that it is over, and it is not
		s.State = told
	case !above && s.State == raised: // nobody was told of it
		s.State, s.ChangedAt = quiet, now
	case !above && s.State == told:
		s.State, s.ChangedAt = ended, now
	}
}

// tell sends a message by all channels of a rule. It fails where none takes it.
func (c *round) tell(ctx context.Context, r *Rule, s *store.AlertState, value reading) error {
	m := &Message{
		ID: fmt.Sprintf("%s/%s/%s/%d", s.Name, s.Subject, s.State, s.ChangedAt.UnixNano()), Alert: r.Name, Kind: r.Kind, Subject: s.Subject, State: "firing",
		Value: r.figure(value.n), Above: r.figure(r.Above), At: s.ChangedAt.UTC(),
	}
	m.Text = fmt.Sprintf("%s: %s of %s is %s, above %s", m.Alert, r.what(), m.Subject, m.Value, m.Above)
	if s.State == ended {
		m.State = "over"
		m.Text = fmt.Sprintf("%s is over: %s of %s is %s, not above %s", m.Alert, r.what(), m.Subject, m.Value, m.Above)
	}
	var failed []error
	for _, name := range r.Channels {
		if err := c.duty.channels[name].Send(ctx, m); err != nil {
			failed = append(failed, fmt.Errorf("channel %s: %w", name, err))
		}
	}
	if len(failed) == len(r.Channels) {
		return errors.Join(failed...)
	}
	for _, err := range failed {
		c.w.opt.Log.Error("an alert was not told by all its channels", "alert", r.Name, "subject", s.Subject, "error", err)
	}
	return nil
}

// words are how people are told of a kind, and of its figures.
var words = map[Kind]struct {
	what   string
	figure func(n int64) string
}{
	Spend:        {"what was spent this ", func(n int64) string { return "$" + dollars(n) }},
	Errors:       {"the share of errors within an hour", percent},
	Unpriced:     {"the number of today's attempts without a price", func(n int64) string { return strconv.FormatInt(n, 10) }},
	JournalLag:   {"the time for which attempts have not reached the database", func(n int64) string { return time.Duration(n).Round(time.Second).String() }},
	ProviderDown: {"the time for which nothing was served", func(n int64) string { return time.Duration(n).Round(time.Second).String() }},
	Budget:       {"the part that is spent", percent},
}

func percent(n int64) string { return strconv.FormatInt(n, 10) + " %" }

// what says what a rule watches.
func (r *Rule) what() string { return words[r.Kind].what + r.Per }

// figure writes a figure with its unit.
func (r *Rule) figure(n int64) string { return words[r.Kind].figure(n) }

// nanos are the nano-dollars of a dollar.
const nanos = 1_000_000_000

// dollars writes nano-dollars as dollars, to the cent at least.
func dollars(n int64) string {
	text := fmt.Sprintf("%d.%09d", n/nanos, n%nanos)
	short := strings.TrimRight(text, "0")
	return text[:max(len(short), len(text)-7)]
}
