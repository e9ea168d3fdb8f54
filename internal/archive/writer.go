package archive

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"turnpike/internal/llm"
	"turnpike/internal/store"
)

const (
	pruneEvery = time.Hour        // for what has become too old
	writeLimit = 30 * time.Second // of one write
	retryWait  = time.Second
	maxTries   = 30
	batchLen   = 64
)

// run writes what waits, and keeps the store within its bounds.
func (a *Archive) run() {
	defer close(a.done)
	a.prune()
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		select {
		case <-a.wake:
		case <-tick.C:
			a.prune()
		}
		for batch := a.next(); len(batch) > 0; batch = a.next() {
			a.write(batch)
			a.written(len(batch))
		}
		if a.over() {
			return
		}
	}
}

// next is what is written together: it stays where it is found meanwhile.
func (a *Archive) next() []*waiting {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.order[:min(len(a.order), batchLen):min(len(a.order), batchLen)]
}

func (a *Archive) written(n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, w := range a.order[:n] {
		a.bytes -= sizeOf(&w.x)
		if r := (ref{w.key, w.x.ID}); a.byID[r] == w {
			delete(a.byID, r)
		}
	}
	a.order = append([]*waiting(nil), a.order[n:]...)
	a.idle.Broadcast()
}

func (a *Archive) over() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.closed && len(a.order) == 0
}

func (a *Archive) write(batch []*waiting) {
	rows := make([]store.Response, 0, len(batch))
	size := int64(0)
	for _, w := range batch {
		r := store.Response{KeyID: w.key, ID: w.x.ID, Previous: w.x.Previous, Home: w.x.Home, At: w.x.At, Items: w.x.Items}
		r.Body = a.opt.Sealer.Seal(pack(&w.x), SealPlace(w.key, w.x.ID))
		size += int64(len(r.Body))
		rows = append(rows, r)
	}
	for try := 1; ; try++ {
		ctx, cancel := context.WithTimeout(context.Background(), writeLimit)
		err := a.opt.Store.InsertResponses(ctx, rows)
		cancel()
		if err == nil {
			break
		}
		if try == maxTries {
			a.opt.Log.Error("answers could not be kept", "answers", len(rows), "error", err)
			return
		}
		a.opt.Log.Warn("answers could not be kept; trying again", "answers", len(rows), "try", try, "error", err)
		timer := time.NewTimer(retryWait)
		<-timer.C
	}
	a.rows += int64(len(rows))
	a.size += size
	if a.rows > a.opt.Rows || a.size > a.opt.Bytes {
		a.prune()
	}
}

// prune forgets what is over the bounds, and a tenth more where there was too
// much, so that it is not done for every answer.
func (a *Archive) prune() {
	b := store.Bounds{UsedSince: a.opt.Now().Add(-a.opt.Keep), Rows: a.opt.Rows, Bytes: a.opt.Bytes}
	if a.rows > b.Rows {
		b.Rows -= b.Rows / 10
	}
	if a.size > b.Bytes {
		b.Bytes -= b.Bytes / 10
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeLimit)
	defer cancel()
	rows, size, err := a.opt.Store.PruneResponses(ctx, b)
	if err != nil {
		a.opt.Log.Warn("kept answers could not be pruned", "error", err)
		return
	}
	a.rows, a.size = rows, size
}

// SealPlace is where a sealed exchange belongs: copied to another key or id it does
// not open.
func SealPlace(key, id string) string { return "responses/" + key + "/" + id }

// pack is an exchange as it is sealed: the length of the input, the input, the
// answer.
func pack(x *llm.Exchange) []byte {
	out := make([]byte, 0, 8+len(x.Input)+len(x.Answer))
	out = binary.BigEndian.AppendUint64(out, uint64(len(x.Input)))
	return append(append(out, x.Input...), x.Answer...)
}

var errPacked = errors.New("a kept answer is damaged")

// open makes an exchange of a row.
func (a *Archive) open(r *store.Response) (llm.Exchange, error) {
	b, err := a.opt.Sealer.Unseal(r.Body, SealPlace(r.KeyID, r.ID))
	if err != nil {
		return llm.Exchange{}, err
	}
	if len(b) < 8 {
		return llm.Exchange{}, errPacked
	}
	n, b := binary.BigEndian.Uint64(b), b[8:]
	if n > uint64(len(b)) {
		return llm.Exchange{}, errPacked
	}
	return llm.Exchange{ID: r.ID, Previous: r.Previous, Home: r.Home, Input: b[:n:n], Answer: b[n:], At: r.At}, nil
}
