package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// upstream plays every provider. What it answers is told beforehand, by play,
// under an id that the client's model name carries through the gateway.
type upstream struct {
	url    string
	server *httptest.Server
	mu     sync.Mutex
	plays  map[string]*play
}

// play is what the upstream answers to one model, and what reached it.
type play struct {
	serve func(w http.ResponseWriter, r *http.Request)
	mu    sync.Mutex
	got   []*received
}

// received is a request as it reached the upstream.
type received struct {
	method, host, uri string
	path              string // unescaped
	header            http.Header
	body              []byte
}

// requests are those that came so far.
func (p *play) requests() []*received {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clip(p.got)
}

func newUpstream() *upstream {
	u := &upstream{plays: map[string]*play{}}
	u.server = httptest.NewUnstartedServer(http.HandlerFunc(u.answer))
	u.server.Config.ErrorLog = log.New(io.Discard, "", 0) // answers are broken on purpose
	u.server.Start()
	u.url = u.server.URL
	return u
}

func (u *upstream) close() {
	u.server.CloseClientConnections()
	u.server.Close()
}

// play tells the upstream what to answer under an id, for as long as the test runs.
func (u *upstream) play(t *testing.T, id string, serve func(http.ResponseWriter, *http.Request)) *play {
	t.Helper()
	p := &play{serve: serve}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.plays[id] != nil {
		t.Fatalf("two plays have the id %q", id)
	}
	u.plays[id] = p
	t.Cleanup(func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.plays, id)
	})
	return p
}

// caseMark stands between a model's name and the id of a play.
const caseMark = "-case-"

// playID finds the id at the end of a model's name.
var playID = regexp.MustCompile(caseMark + `([0-9a-z][0-9a-z-]*)$`)

func (u *upstream) answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<20))
	if err != nil {
		return
	}
	model := modelOf(r.URL.Path, body)
	var p *play
	if m := playID.FindStringSubmatch(model); m != nil {
		u.mu.Lock()
		p = u.plays[m[1]]
		u.mu.Unlock()
	}
	if p == nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprintf(w, `{"error":{"message":"nothing is played for %s %s","type":"not_found_error"}}`, r.Method, r.URL.Path)
		return
	}
	p.mu.Lock()
	p.got = append(p.got, &received{r.Method, r.Host, r.RequestURI, r.URL.Path, r.Header.Clone(), body})
	p.mu.Unlock()
	p.serve(w, r)
}

// modelOf finds the model where the provider's API has it: in the path on
// Bedrock, else in the body.
func modelOf(path string, body []byte) string {
	if rest, ok := strings.CutPrefix(path, "/model/"); ok {
		if i := strings.LastIndexByte(rest, '/'); i > 0 {
			return rest[:i]
		}
	}
	var b struct {
		Model string `json:"model"`
	}
	_ = json.Unmarshal(body, &b) // a body that is none has no model
	return b.Model
}

// pieces writes a body in random pieces, each flushed by itself.
func pieces(w http.ResponseWriter, body []byte, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 7)) //nolint:gosec // repeatable on purpose
	flush := http.NewResponseController(w)
	most := max(2, len(body)/12)
	for len(body) > 0 {
		n := min(len(body), 1+rnd.IntN(most))
		if rnd.IntN(4) == 0 {
			n = min(len(body), 1+rnd.IntN(7))
		}
		if _, err := w.Write(body[:n]); err != nil {
			return
		}
		if flush.Flush() != nil {
			return
		}
		body = body[n:]
	}
}

// escaped is a model's id as it stands in a Bedrock path.
func escaped(model string) string { return strings.ReplaceAll(url.QueryEscape(model), "+", "%20") }
