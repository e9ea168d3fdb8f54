package limit

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// worker tells Redis all that no request waits for, in order: a request is never said
// to be under way after it was counted out.
type worker struct {
	r       *Redis
	pending []settlement
	probe   time.Duration // until Redis is asked again whether it is back
	back    time.Time     // since when it is
}

func (w *worker) run() {
	r := w.r
	defer close(r.done)
	beat := time.NewTimer(w.next())
	defer beat.Stop()
	for {
		queue := r.queue
		if r.away.Load() != nil || len(w.pending) >= maxBatch {
			queue = nil // they wait until it is back
		}
		select {
		case s := <-queue:
			w.gather(s)
			w.send()
		case <-beat.C:
			w.beat()
			beat.Reset(w.next())
		case <-r.tripped:
			beat.Reset(w.next())
		case <-r.stop:
			w.last()
			return
		}
	}
}

// next is when Redis is spoken to again.
func (w *worker) next() time.Duration {
	if w.r.away.Load() == nil {
		return beatEvery
	}
	d := w.probe
	w.probe = min(2*w.probe, beatEvery)
	return d
}

// beat says that this replica is alive. Where Redis was away, this is how it is found
// to be back.
func (w *worker) beat() {
	r := w.r
	ctx, cancel := context.WithTimeout(context.Background(), behind)
	defer cancel()
	n, err := beatScript.Run(ctx, r.client, []string{tag + "replicas"}, r.clock(), r.id, goneAfter.Milliseconds()).Int64()
	if err != nil {
		r.trip(err)
		if c, ok := r.client.(*redis.ClusterClient); ok {
			c.ReloadState(ctx) // another node may have taken over: the library would look after a minute only
		}
		return
	}
	if r.away.Load() != nil {
		w.back = r.opt.Now()
	}
	if r.opt.Now().Sub(w.back) < goneAfter { // it may have been emptied: the others have not all been heard of again
		n = max(n, r.replicas.Load())
	}
	r.replicas.Store(max(1, n))
	if err := w.renew(ctx); err != nil {
		r.trip(err)
		return
	}
	since := r.away.Swap(nil)
	if since == nil { // it has stayed: one that comes and goes is asked ever more seldom
		w.probe = firstProbe
	} else {
		r.opt.Log.Info("redis is back: limits hold for all replicas together", "away", r.opt.Now().Sub(*since).Round(time.Millisecond), "replicas", n)
	}
	w.send()
}

// renew says which requests are still under way.
func (w *worker) renew(ctx context.Context) error {
	r := w.r
	now := r.opt.Now()
	var long []*Ticket
	r.mu.Lock()
	for _, t := range r.held {
		if now.Sub(t.born) >= renewAfter {
			long = append(long, t)
		}
	}
	r.mu.Unlock()
	for len(long) > 0 {
		n := min(len(long), maxBatch)
		err := pipelined(ctx, r.client, renewScript, n, func(i int) ([]string, []any) {
			return long[i].sets(), []any{r.clock(), long[i].id, lease.Milliseconds()}
		}, nil)
		if err != nil {
			return err
		}
		long = long[n:]
	}
	return nil
}

// sets are the keys of the sorted sets a ticket is in.
func (t *Ticket) sets() (sets []string) {
	for i, k := range t.keys() {
		if i%2 == 1 && (i == 1 || t.Claims[i/2].max[Concurrent] >= 0) {
			sets = append(sets, k)
		}
	}
	return sets
}

// gather takes what waits beside the first.
func (w *worker) gather(s settlement) {
	w.pending = append(w.pending, s)
	for len(w.pending) < maxBatch {
		select {
		case s := <-w.r.queue:
			w.pending = append(w.pending, s)
		default:
			return
		}
	}
}

// send settles what is pending. What Redis did not take is tried again: it settles a
// request once only, however often it is told.
func (w *worker) send() {
	r := w.r
	if len(w.pending) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), behind)
	defer cancel()
	batch, failed := w.pending, 0
	var again []settlement
	err := pipelined(ctx, r.client, settleScript, len(batch), func(i int) ([]string, []any) {
		batch[i].args[0] = r.clock()
		return batch[i].keys, batch[i].args
	}, func(i int, err error) {
		if err != nil {
			failed++
		}
		if s := batch[i]; err != nil && s.tries+1 < maxTries {
			s.tries++
			again = append(again, s)
			return
		}
		r.waiting.Add(-1)
		if err != nil {
			r.lost.Add(1)
		}
	})
	w.pending = append(w.pending[:0], again...)
	if failed == len(batch) {
		r.trip(err)
	}
}

// flush settles what there is.
func (w *worker) flush() {
	w.send()
	for w.r.away.Load() == nil {
		select {
		case s := <-w.r.queue:
			w.gather(s)
			w.send()
		default:
			return
		}
	}
}

// last settles what there is at the end, and takes leave.
func (w *worker) last() {
	w.flush()
	ctx, cancel := context.WithTimeout(context.Background(), behind)
	defer cancel()
	_ = w.r.client.ZRem(ctx, tag+"replicas", w.r.id).Err() // else it is gone after goneAfter
}

// pipelined runs a script many times in one journey. each is told how every one went.
func pipelined(ctx context.Context, c redis.UniversalClient, s *redis.Script, n int, call func(int) ([]string, []any), each func(int, error)) error {
	run := func() ([]redis.Cmder, error) {
		return c.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := range n {
				keys, args := call(i)
				s.EvalSha(ctx, p, keys, args...)
			}
			return nil
		})
	}
	cmds, err := run()
	if redis.HasErrorPrefix(err, "NOSCRIPT") { // then for all of them
		if err = s.Load(ctx, c).Err(); err == nil {
			cmds, err = run()
		}
	}
	if each != nil {
		for i := range n {
			e := err
			if i < len(cmds) {
				e = cmds[i].Err()
			}
			each(i, e)
		}
	}
	return err
}
