package signin

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Quota remembers when there is something again for an account that has spent all.
type Quota struct {
	mu    sync.Mutex
	until time.Time
	asked time.Time
}

// Bounds of asking when a quota begins anew.
const (
	quotaWait  = 5 * time.Second
	quotaEvery = 10 * time.Minute
)

// Tell puts on a refusal how long it holds, where the account can be asked and the
// service has not said so itself: so it is not asked again before.
func (q *Quota) Tell(ctx context.Context, h http.Header, now time.Time, usage func(context.Context) (Usage, error)) {
	if h.Get("Retry-After") != "" {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if now.Sub(q.asked) >= quotaEvery {
		q.asked = now
		ask, cancel := context.WithTimeout(ctx, quotaWait)
		defer cancel()
		if u, err := usage(ask); err == nil {
			q.until = u.Reset
		}
	}
	if rest := q.until.Sub(now); rest > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64(rest/time.Second)+1, 10))
	}
}

// Forget is for another login, whose quota is another one.
func (q *Quota) Forget() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.until, q.asked = time.Time{}, time.Time{}
}
