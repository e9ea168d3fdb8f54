package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// load is clients that ask nginx for one answer after the other, streams and whole ones by turns.
type load struct {
	cancel context.CancelFunc
	over   chan struct{} // closed: ask no more, and let come to its end what is under way
	wg     sync.WaitGroup

	mu sync.Mutex
	tally
	ids map[string]bool // of requests that were answered to their end
}

type tally struct {
	streams, whole int
	torn           int   // streams that did not come to their end
	failed         int   // anything else but an answer
	first          error // of the failures
}

// slow is a stream of one and a half seconds: at any time most clients have one under way.
const slow = "[[sandbox n=30 delay=50ms]] The quick brown fox"

func startLoad(ctx context.Context, url, key string, clients int) *load {
	ctx, cancel := context.WithCancel(ctx)
	l := &load{cancel: cancel, over: make(chan struct{}), ids: map[string]bool{}}
	for i := range clients {
		l.wg.Go(func() {
			c := &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}
			defer c.CloseIdleConnections()
			for n := i; ctx.Err() == nil; n++ {
				select {
				case <-l.over:
					return
				default:
				}
				l.count(ask(ctx, c, url, key, n%3 != 0))
			}
		})
	}
	return l
}

// finish lets what is under way come to its end.
func (l *load) finish() {
	select {
	case <-l.over:
	default:
		close(l.over)
	}
	l.wg.Wait()
}

// stop breaks off.
func (l *load) stop() {
	l.cancel()
	l.wg.Wait()
}

func (l *load) sum() tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tally
}

var errTorn = errors.New("a stream broke off")

func (l *load) count(id string, stream bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case errors.Is(err, context.Canceled):
		return
	case errors.Is(err, errTorn):
		l.torn++
	case err != nil:
		l.failed++
	case stream:
		l.streams++
	default:
		l.whole++
	}
	if err != nil {
		if l.first == nil {
			l.first = err
		}
		return
	}
	l.ids[id] = true
}

// ask asks once and looks whether the answer is whole.
func ask(ctx context.Context, c *http.Client, url, key string, stream bool) (id string, streamed bool, err error) {
	say := "Hello!"
	if stream {
		say = slow
	}
	body := fmt.Sprintf(`{"model":"sandbox","stream":%t,"messages":[{"role":"user","content":%q}]}`, stream, say)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		return "", stream, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	res, err := c.Do(req)
	if err != nil {
		return "", stream, err
	}
	defer func() { _ = res.Body.Close() }()
	id = res.Header.Get("X-Request-Id")
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	switch {
	case res.StatusCode != http.StatusOK:
		return id, stream, fmt.Errorf("%d %s", res.StatusCode, text)
	case !strings.Contains(string(text), `"finish_reason":"stop"`), stream && !strings.HasSuffix(string(text), "data: [DONE]\n\n"):
		return id, stream, fmt.Errorf("%w after %d bytes: %w", errTorn, len(text), errors.Join(err, io.ErrUnexpectedEOF))
	}
	return id, stream, err
}
