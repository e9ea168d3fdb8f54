package main

import (
	"fmt"
	"sync"
)

// usage is what an answer cost, in the ledger's classes.
type usage struct {
	Input        int64 `json:"input"`
	Output       int64 `json:"output"`
	CacheRead    int64 `json:"cache_read"`
	CacheWrite5m int64 `json:"cache_write_5m"`
	CacheWrite1h int64 `json:"cache_write_1h"`
	Reasoning    int64 `json:"reasoning"`
	Estimated    bool  `json:"estimated"`
}

// bill is what clients were told, by the id of the request.
type bill struct {
	mu              sync.Mutex
	told            map[string]usage
	open            map[string]bool // not yet seen in the database
	whole, streamed int
	cut             int // answers that did not come to their end
}

func newBill() *bill { return &bill{told: map[string]usage{}, open: map[string]bool{}} }

func (b *bill) complete(id string, u usage, streamed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told[id], b.open[id] = u, true
	if streamed {
		b.streamed++
	} else {
		b.whole++
	}
}

func (b *bill) cutOff() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.cut++
}

func (b *bill) answers() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.told)
}

// due are the requests answered so far whose rows have not been seen.
func (b *bill) due() (ids []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id := range b.open {
		ids = append(ids, id)
	}
	return ids
}

func (b *bill) settled(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, id)
}

// check compares the bill with the ledger.
func (b *bill) check(rows []row) (wrong []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	byRequest := map[string][]usage{}
	ids := map[string]bool{}
	for _, r := range rows {
		byRequest[r.Request] = append(byRequest[r.Request], r.Usage)
		if ids[r.ID] {
			wrong = append(wrong, fmt.Sprintf("attempt %s is there twice", r.ID))
		}
		ids[r.ID] = true
	}
	for id, told := range b.told {
		switch got := byRequest[id]; {
		case len(got) != 1:
			wrong = append(wrong, fmt.Sprintf("request %s has %d rows", id, len(got)))
		case got[0] != told:
			wrong = append(wrong, fmt.Sprintf("request %s: the client was told %+v, the ledger says %+v", id, told, got[0]))
		}
	}
	for id, got := range byRequest {
		if len(got) > 1 {
			wrong = append(wrong, fmt.Sprintf("request %s has %d rows", id, len(got)))
		}
	}
	return wrong
}
