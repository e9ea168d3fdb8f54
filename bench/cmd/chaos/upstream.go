package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// mood is how an upstream is.
type mood int

const (
	fine mood = iota
	half      // every other request fails, each time in another way
	dead      // nobody listens
)

// upstream is a provider that speaks chat completions.
type upstream struct {
	mood  mood
	think time.Duration
	addr  string
	asked atomic.Int64
	http  *http.Server
}

func newUpstream(m mood, think time.Duration) (*upstream, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	u := &upstream{mood: m, think: think, addr: l.Addr().String()}
	if m == dead {
		return u, l.Close()
	}
	u.http = &http.Server{Handler: http.HandlerFunc(u.serve), ReadHeaderTimeout: time.Minute}
	go func() { _ = u.http.Serve(l) }() // until it is closed
	return u, nil
}

func (u *upstream) close() {
	if u.http != nil {
		_ = u.http.Close()
	}
}

// What the upstream says. Each answer holds the same word, so that one of two
// halves shows.
const (
	word   = "steadfast"
	whole  = `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"` + word + `"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}`
	chunk  = `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{%s},"finish_reason":%s}]}` + "\n\n"
	done   = "data: [DONE]\n\n"
	refuse = `{"error":{"message":"chaos","type":"server_error","param":null,"code":null}}`
)

var (
	begin  = fmt.Sprintf(chunk, `"role":"assistant","content":""`, "null")
	middle = fmt.Sprintf(chunk, `"content":"`+word+`"`, "null")
	end    = fmt.Sprintf(chunk, ``, `"stop"`)
)

func (u *upstream) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil || r.Method != http.MethodPost {
		http.NotFound(w, r) // its list of models: it has none
		return
	}
	n := u.asked.Add(1)
	streamed := strings.Contains(string(body), `"stream":true`)
	if u.mood == half && n%2 == 0 {
		u.fail(w, n/2, streamed)
		return
	}
	time.Sleep(u.think)
	if !streamed {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, whole)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = io.WriteString(w, begin+middle+end+done)
}

// fail fails in one way after the other, all of them before any content.
func (u *upstream) fail(w http.ResponseWriter, n int64, streamed bool) {
	statuses := []int{500, 502, 503, 529, 408, 429}
	ways := int64(len(statuses) + 3)
	switch way := n % ways; {
	case way < int64(len(statuses)):
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(statuses[way])
		_, _ = io.WriteString(w, refuse)
	case streamed && way == ways-3: // an error as the first frame
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: "+refuse+"\n\n")
	case streamed && way == ways-2: // half a frame
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, begin[:len(begin)/2])
	default:
		panic(http.ErrAbortHandler) // torn
	}
}
