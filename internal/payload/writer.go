package payload

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"turnpike/internal/store"
)

const (
	batchLen   = 16
	pruneEvery = time.Hour
	writeLimit = 30 * time.Second
	maxRecord  = 256 << 20 // of a record that is unpacked
)

// dropped is what the row of a request says whose texts there was no room for.
const dropped = "too much was waiting to be written"

// run writes what waits, and keeps the store within its bounds.
func (r *Recorder) run() {
	defer close(r.done)
	r.prune()
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		select {
		case <-r.wake:
		case <-tick.C:
			r.prune()
		}
		for batch := r.next(); len(batch) > 0; batch = r.next() {
			r.write(batch)
		}
		r.mu.Lock()
		over := r.closed && len(r.queue) == 0
		r.mu.Unlock()
		if over {
			return
		}
	}
}

func (r *Recorder) next() []*Draft {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(len(r.queue), batchLen)
	batch := r.queue[:n:n]
	r.queue = append([]*Draft(nil), r.queue[n:]...)
	for _, d := range batch {
		if d.part > 0 {
			r.full--
			r.bytes -= d.size()
		}
	}
	return batch
}

func (r *Recorder) write(batch []*Draft) {
	ctx, cancel := context.WithTimeout(context.Background(), writeLimit)
	defer cancel()
	rows := make([]store.Payload, 0, len(batch))
	for _, d := range batch {
		row := store.Payload{RequestID: d.Request, KeyID: d.Key, Scope: d.Scope, At: r.opt.Now()}
		if d.part == 0 {
			row.Dropped = dropped
			rows = append(rows, row)
			continue
		}
		text, err := pack(r.record(d))
		if err == nil {
			row.Body, err = r.opt.Sealer.SealFor(ctx, d.Scope, text, place(d.Request))
		}
		if err != nil {
			r.opt.Log.Error("a payload could not be sealed", "request", d.Request, "error", err)
			r.opt.Dropped()
			row.Body, row.Dropped = "", "it could not be sealed"
		}
		r.size += int64(len(row.Body))
		rows = append(rows, row)
	}
	if err := r.opt.Store.InsertPayloads(ctx, rows); err != nil {
		for range rows {
			r.opt.Dropped()
		}
		r.opt.Log.Error("payloads could not be kept", "payloads", len(rows), "error", err)
		return
	}
	if r.size > r.opt.Bytes {
		r.prune()
	}
}

// prune forgets what is too old or too much.
func (r *Recorder) prune() {
	most := r.opt.Bytes
	if r.size > most {
		most -= most / 10 // so that it is not done for every request
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeLimit)
	defer cancel()
	size, err := r.opt.Store.PrunePayloads(ctx, r.opt.Now().Add(-r.opt.Keep), most)
	if err != nil {
		r.opt.Log.Warn("payloads could not be pruned", "error", err)
		return
	}
	r.size = size
}

// place is where a sealed payload belongs: it opens for no other request.
func place(request string) string { return "payloads/" + request }

func pack(rec Record) ([]byte, error) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	err := json.NewEncoder(z).Encode(rec)
	err = errors.Join(err, z.Close())
	return out.Bytes(), err
}

// Reader shows payloads.
type Reader struct {
	Store  Store
	Sealer Sealer
}

// Read is what was kept of a request, with its row: store.ErrNotFound where there is
// nothing, vault.ErrForgotten where its data key is gone. A row that says why nothing
// was kept has a zero Record.
func (r Reader) Read(ctx context.Context, request string) (row store.Payload, rec Record, err error) {
	row, err = r.Store.Payload(ctx, request)
	if err != nil || row.Dropped != "" {
		return row, rec, err
	}
	text, err := r.Sealer.UnsealFor(ctx, row.Scope, row.Body, place(request))
	if err != nil {
		return row, rec, fmt.Errorf("the payload of %s: %w", request, err)
	}
	rec, err = unpack(text)
	return row, rec, err
}

func unpack(text []byte) (rec Record, err error) {
	z, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		return rec, fmt.Errorf("a payload is damaged: %w", err)
	}
	if err = json.NewDecoder(io.LimitReader(z, maxRecord)).Decode(&rec); err != nil {
		return rec, fmt.Errorf("a payload is damaged: %w", err)
	}
	return rec, nil
}
