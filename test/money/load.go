package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
)

// load is clients that ask for one answer after the other.
type load struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup

	kill atomic.Pointer[func()] // called when a stream has come to its end

	mu  sync.Mutex
	err error // an answer that no kill explains
}

// killer sets what the next client does that sees the end of a stream.
func (l *load) killer(kill func()) { l.kill.Store(&kill) }

// startLoad starts clients. They go on, whether they get an answer or not, until
// they are stopped.
func startLoad(ctx context.Context, url string, bill *bill, clients int) *load {
	ctx, cancel := context.WithCancel(ctx)
	l := &load{cancel: cancel}
	for range clients {
		l.wg.Go(func() {
			t := &http.Transport{}
			defer t.CloseIdleConnections()
			for ctx.Err() == nil {
				if err := l.ask(ctx, t, url, bill); err != nil {
					if errors.Is(err, errRefused) {
						l.mu.Lock()
						l.err = err
						l.mu.Unlock()
					}
					return // the connection is gone, and so is the gateway
				}
			}
		})
	}
	return l
}

func (l *load) stop() error {
	// The gateway is dead by now: all that is under way breaks off by itself.
	l.wg.Wait()
	l.cancel()
	return l.err
}

var errRefused = errors.New("the gateway did not answer as it should")

// ask asks for one answer and puts it on the bill if it comes to its end.
func (l *load) ask(ctx context.Context, t *http.Transport, url string, bill *bill) error {
	api := apis[rand.N(len(apis))] //nolint:gosec // no secret
	streamed := rand.N(2) == 0     //nolint:gosec // no secret
	// What is said, and with that its price, differs from request to request; a part takes its time.
	say := strings.Repeat("word ", 1+rand.N(60)) //nolint:gosec // no secret
	switch rand.N(4) {                           //nolint:gosec // no secret
	case 0:
		say = "[[sandbox n=20 delay=2ms]] " + say
	case 1:
		say = "[[sandbox n=60]] " + say
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+api.path, strings.NewReader(fmt.Sprintf(api.body, streamed, say)))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+clientKey)
	res, err := t.RoundTrip(req)
	if err != nil {
		bill.cutOff()
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 1000))
		return fmt.Errorf("%w: %d %s", errRefused, res.StatusCode, text)
	}
	read := readWhole
	if streamed {
		read = readStream
	}
	m, err := read(res.Body, api.end)
	if err != nil {
		bill.cutOff()
		return err
	}
	if kill := l.kill.Load(); kill != nil && streamed {
		(*kill)()
	}
	bill.complete(res.Header.Get("X-Request-Id"), api.usage(m), streamed)
	return nil
}

// readWhole reads an answer that is complete when all of its bytes are there.
func readWhole(r io.Reader, _ string) (m message, err error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(b, &m)
}

// readStream reads an answer that is complete with its last event. Clients do not
// wait for the end of the connection, so neither is it waited for here.
func readStream(r io.Reader, end string) (m message, err error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		switch {
		case !ok:
			continue
		case strings.Contains(data, end):
			return m, nil
		}
		if err := json.Unmarshal([]byte(data), &m); err != nil { // later figures replace earlier ones
			return m, err
		}
	}
	return m, errors.Join(lines.Err(), io.ErrUnexpectedEOF)
}

// message is what is read of an answer or an event. All APIs asked tell the whole
// usage at its end.
type message struct {
	Usage *figures `json:"usage"`
}

type figures struct {
	PromptTokens     int64 `json:"prompt_tokens"`
	CompletionTokens int64 `json:"completion_tokens"`
	PromptDetails    struct {
		CachedTokens int64 `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
	InputTokens  int64 `json:"input_tokens"`
	OutputTokens int64 `json:"output_tokens"`
	CacheRead    int64 `json:"cache_read_input_tokens"`
	CacheWrite   int64 `json:"cache_creation_input_tokens"`
}

// apis are those that are asked.
var apis = []struct {
	path, body, end string
	usage           func(message) usage
}{
	{
		"/v1/chat/completions", `{"model":"sandbox","stream":%t,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"%s"}]}`, "[DONE]",
		func(m message) usage {
			u := m.Usage
			if u == nil {
				return usage{}
			}
			return usage{Input: u.PromptTokens - u.PromptDetails.CachedTokens, Output: u.CompletionTokens, CacheRead: u.PromptDetails.CachedTokens}
		},
	},
	{
		"/v1/messages", `{"model":"sandbox","stream":%t,"max_tokens":1000,"messages":[{"role":"user","content":"%s"}]}`, `"message_stop"`,
		func(m message) usage {
			u := m.Usage
			if u == nil {
				return usage{}
			}
			return usage{Input: u.InputTokens, Output: u.OutputTokens, CacheRead: u.CacheRead, CacheWrite5m: u.CacheWrite}
		},
	},
}
