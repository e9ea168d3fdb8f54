package fetch

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Want is a file to fetch.
type Want struct {
	URL  string
	Kind Kind
	Max  int64 // bytes the upstream takes, 0 if it sets no limit of its own
}

// Failure is a file that could not be had; Reason is for clients to read.
type Failure struct {
	Index  int // of the want
	Reason string
}

// Error is the reason.
func (e *Failure) Error() string { return e.Reason }

// Batch fetches for one request: what two parts or two attempts name is fetched once.
type Batch struct {
	f     *Fetcher
	have  map[Want]File
	total int64
}

// NewBatch begins a request.
func (f *Fetcher) NewBatch() *Batch { return &Batch{f: f, have: map[Want]File{}} }

// tripFor bounds the wait for all files of a request, in times of one.
const tripFor = 3

// Get fetches all of wants, in their order. The first failure ends it.
func (b *Batch) Get(ctx context.Context, wants []Want) ([]File, *Failure) {
	missing, first := b.missing(wants)
	if len(b.have)+len(missing) > MaxFiles {
		return nil, &Failure{Index: first[min(len(first)-1, max(0, MaxFiles-len(b.have)))], Reason: fmt.Sprintf("a request may name at most %d files by URL", MaxFiles)}
	}
	ctx, cancel := context.WithTimeout(ctx, tripFor*b.f.opt.Timeout)
	defer cancel()
	if fail := b.all(ctx, cancel, missing, first); fail != nil {
		return nil, fail
	}
	out := make([]File, len(wants))
	for i, w := range wants {
		out[i] = b.have[w]
	}
	return out, nil
}

// missing lists what is not there yet, each once, and where it is first wanted.
func (b *Batch) missing(wants []Want) (list []Want, first []int) {
	seen := map[Want]bool{}
	for i, w := range wants {
		if _, ok := b.have[w]; ok || seen[w] {
			continue
		}
		seen[w] = true
		list, first = append(list, w), append(first, i)
	}
	return list, first
}

var errTotal = fmt.Errorf("the files of a request may be %d MiB together", maxTotal>>20)

// all fetches a list, a few at a time.
func (b *Batch) all(ctx context.Context, cancel func(), list []Want, first []int) *Failure {
	var (
		mu   sync.Mutex
		fail *Failure
		wg   sync.WaitGroup
	)
	next := make(chan int)
	for range min(atOnce, len(list)) {
		wg.Go(func() {
			for i := range next {
				file, err := b.one(ctx, list[i])
				mu.Lock()
				if b.total += int64(len(file.Data)); err == nil && b.total > maxTotal {
					err = errTotal
				}
				switch {
				case err == nil:
					b.have[list[i]] = file
				case fail == nil:
					fail = &Failure{first[i], err.Error()}
					cancel()
				}
				mu.Unlock()
			}
		})
	}
	for i := range list {
		next <- i // the workers end with ctx: this does not wait for long
	}
	close(next)
	wg.Wait()
	return fail
}

var errBusy = errors.New("the gateway fetches too many files at the moment: try again")

func (b *Batch) one(ctx context.Context, w Want) (File, error) {
	select {
	case b.f.slots <- struct{}{}:
		defer func() { <-b.f.slots }()
	case <-ctx.Done():
		return File{}, errBusy
	}
	limit := b.f.opt.MaxBytes
	if w.Max > 0 {
		limit = min(limit, w.Max)
	}
	return b.f.get(ctx, w, limit)
}
