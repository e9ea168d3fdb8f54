package background

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/store"
)

const (
	firstWait = 2 * time.Second  // until an answer is asked for the first time
	lastWait  = time.Minute      // the longest between two times
	giveUp    = time.Hour        // after that its end is not waited for
	lookLimit = 30 * time.Second // of one question
	maxLooks  = 8                // at the same time
	maxMissed = 3                // times that the upstream may say it does not know it
	tick      = time.Minute      // the longest that the follower rests
	sweepEach = time.Hour
	adoptEach = 5 * time.Minute // how often it is looked whether another gateway left answers behind
)

// Look asks an upstream for an answer once. An end that it sees it settles. ErrGone
// says that the upstream does not know the answer.
type Look func(ctx context.Context, row store.Background) error

// ErrGone says that an upstream does not know an answer.
var ErrGone = errors.New("the upstream does not know the answer")

// Run follows answers until ctx ends. Those that an earlier process began are taken
// up again.
func (t *Tracker) Run(ctx context.Context, look Look) {
	var looks sync.WaitGroup
	defer looks.Wait()
	slots := make(chan struct{}, maxLooks)
	var swept time.Time
	adopted := t.opt.Now() // New has counted what is there
	for {
		now := t.opt.Now()
		if now.Sub(swept) >= sweepEach {
			swept = now
			t.sweep(ctx)
		}
		if now.Sub(adopted) >= adoptEach {
			adopted = now
			t.adopt(ctx)
		}
		t.load(ctx)
		for _, j := range t.dueJobs() {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
				return
			}
			looks.Go(func() {
				defer func() { <-slots }()
				t.visit(ctx, look, j)
			})
		}
		timer := time.NewTimer(t.rest())
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-t.wake:
			timer.Stop()
		case <-timer.C:
		}
	}
}

func (t *Tracker) sweep(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	if err := t.opt.Store.SweepBackground(ctx, t.opt.Now().Add(-keepFor), keepRows); err != nil && ctx.Err() == nil {
		t.opt.Log.Warn("old background answers could not be forgotten", "error", err)
	}
}

// adopt takes up what nobody may follow any more: the gateway that began it may have
// been killed. One that follows it all the same sees that it is settled.
func (t *Tracker) adopt(ctx context.Context) {
	if t.opt.Adopt != nil {
		ctx, cancel := context.WithTimeout(ctx, storeLimit)
		defer cancel()
		if mine, err := t.opt.Adopt(ctx, 2*adoptEach); err != nil || !mine {
			return
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.more = true
}

// load takes up answers that are not followed, as far as there is room.
func (t *Tracker) load(ctx context.Context) {
	t.mu.Lock()
	room := t.more && len(t.jobs) < maxJobs
	t.mu.Unlock()
	if !room {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	rows, err := t.opt.Store.OpenBackground(ctx, maxJobs)
	if err != nil {
		if ctx.Err() == nil {
			t.opt.Log.Warn("background answers could not be read", "error", err)
		}
		return
	}
	now := t.opt.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.more = len(rows) == maxJobs
	for i := range rows {
		r := ref{rows[i].KeyID, rows[i].ID}
		switch {
		case t.jobs[r] != nil:
		case len(t.jobs) < maxJobs:
			t.jobs[r] = &job{row: rows[i], wait: firstWait, due: now.Add(rand.N(firstWait)), saved: true} //nolint:gosec // spreads load
		default:
			t.more = true
		}
	}
}

// dueJobs are the answers to be asked for now.
func (t *Tracker) dueJobs() (due []*job) {
	now := t.opt.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, j := range t.jobs {
		if !j.held && !j.busy && !j.due.After(now) {
			j.busy = true
			due = append(due, j)
		}
	}
	return due
}

// rest is how long there is nothing to do.
func (t *Tracker) rest() time.Duration {
	now, d := t.opt.Now(), tick
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, j := range t.jobs {
		if !j.held && !j.busy {
			d = min(d, j.due.Sub(now))
		}
	}
	return max(d, time.Millisecond)
}

// visit asks for an answer once and says when to ask again.
func (t *Tracker) visit(ctx context.Context, look Look, j *job) {
	t.saveLate(j)
	within, cancel := context.WithTimeout(ctx, lookLimit)
	err := look(within, j.row)
	cancel()
	if ctx.Err() != nil {
		return // the next start asks again
	}
	if err != nil {
		t.opt.Log.Debug("a background answer could not be asked for", "response", j.row.ID, "provider", j.row.Provider, "error", err)
	}
	if why := t.again(j, errors.Is(err, ErrGone)); why != "" {
		t.GiveUp(j.row, Lost, why)
	}
}

// saveLate keeps an answer that the store did not take when it was begun.
func (t *Tracker) saveLate(j *job) {
	if j.saved {
		return
	}
	if err := t.save(j.row); err != nil {
		t.opt.Log.Warn("a background answer could not be remembered; trying again", "response", j.row.ID, "error", err)
		return
	}
	j.saved = true
}

// again says when to ask again, or why not to.
func (t *Tracker) again(j *job, gone bool) llm.ErrorKind {
	now := t.opt.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.jobs[ref{j.row.KeyID, j.row.ID}] != j { // settled
		return ""
	}
	if j.missed++; !gone {
		j.missed = 0
	}
	switch {
	case j.missed >= maxMissed:
		return llm.ErrNotFound
	case now.Sub(j.row.At) >= giveUp:
		return llm.ErrTimeout
	}
	j.busy = false
	j.wait = min(2*j.wait, lastWait)
	j.due = now.Add(max(firstWait, j.wait-rand.N(j.wait/2))) //nolint:gosec // spreads load
	if end := j.row.At.Add(giveUp); j.due.After(end) {
		j.due = end
	}
	t.poke()
	return ""
}
