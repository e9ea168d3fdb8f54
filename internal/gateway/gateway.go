package gateway

import (
	"bytes"
	"cmp"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"turnpike/internal/archive"
	"turnpike/internal/background"
	"turnpike/internal/budget"
	"turnpike/internal/fetch"
	"turnpike/internal/keyring"
	"turnpike/internal/learned"
	"turnpike/internal/ledger"
	"turnpike/internal/limit"
	"turnpike/internal/llm"
	"turnpike/internal/otel"
	"turnpike/internal/payload"
	"turnpike/internal/peer"
	"turnpike/internal/policy"
	"turnpike/internal/price"
	"turnpike/internal/promptcache"
	"turnpike/internal/route"
	"turnpike/internal/rules"
	"turnpike/internal/store"
	"turnpike/internal/telemetry"
)

// Options are what a gateway is made of.
type Options struct {
	Routes []Front             // client APIs by path
	Backs  map[string]llm.Back // dialects spoken to upstreams, by name
	// Misconfigured is why the configuration that was read last is not in force, for
	// operators; empty where it is.
	Misconfigured func() string
	Caps          func(model string) llm.Caps
	Betas         func(model string) []string // beta flags Bedrock takes for a model
	Spell         func(model string) string   // a Claude model's name as Anthropic writes it; nil: as the client does
	Learned       *learned.Book               // what upstreams have taught; nil: nothing is learned
	Policy        policy.Policy               // what holds where neither key nor provider says otherwise
	Rules         *rules.Book                 // output rules that policies may name; nil: none
	Fetch         *fetch.Fetcher              // of media given by URL, for upstreams that take content only; nil: off
	Table         *route.Table
	Keys          *keyring.Ring
	Proxies       peer.Proxies // whose word on a client's address is believed
	Ledger        *ledger.Recorder
	Archive       *archive.Archive    // keeps answers for clients that go on from them; nil: nothing is kept
	Payloads      *payload.Recorder   // keeps what requests say, of keys that ask for it; nil: of none
	Follow        *background.Tracker // of answers made in the background; nil: there are none
	Price         *price.Current      // what attempts cost; nil: nobody asks
	Budgets       *budget.Keeper      // what may be spent; nil: nobody asks
	Log           *slog.Logger
	Metrics       *telemetry.Metrics // nil: nothing is counted
	Limits        *limit.Limiter     // of keys and whom they belong to; nil: nobody is limited
	Traces        *otel.Tracer       // nil: no collector is told, and upstreams get no trace context
	Now           func() time.Time
	Version       string
	Replica       string // the name of this gateway among those that share a database
	Started       time.Time

	// Operator tells whether whoever asks how the gateway stands may hear of its
	// accounts; nil: nobody.
	Operator func(*http.Request) bool
	// Scrapes tells who may read /metrics; nil: everybody.
	Scrapes func(*http.Request) bool

	// Hide takes the operator's secrets out of what an upstream says in an error:
	// some repeat what they were sent. Nil leaves all as it is.
	Hide func([]byte) []byte

	MaxBody   int64 // of a request
	MaxAnswer int64 // of an answer that is not a stream

	// AssumeOutput is how long an answer is supposed to become, for budgets, where
	// neither the request nor what is known of the model tells.
	AssumeOutput int64

	Heartbeat time.Duration // of silence before a sign of life
	Drain     time.Duration // how long an upstream is read on after its client has left
}

// Gateway serves clients.
type Gateway struct {
	opt       Options
	mux       *http.ServeMux
	governed  map[string]bool // patterns that take the road
	memory    *promptcache.Memory
	treatment atomic.Pointer[treatment]
	inflight  atomic.Int64
	closing   atomic.Bool
	warned    sync.Map // names of rules that keys ask for and nobody wrote
}

// New makes a gateway.
func New(opt Options) *Gateway {
	g := &Gateway{opt: opt, mux: http.NewServeMux(), governed: map[string]bool{}, memory: promptcache.NewMemory()}
	g.Treat(opt.Policy, opt.Rules)
	if opt.Follow != nil {
		opt.Follow.ChargeBy(func(row *store.Background, a *store.Attempt) {
			g.chargeLater(row, a, llm.Usage{Input: a.Usage.Input, Estimated: true})
		})
	}
	for _, f := range opt.Routes {
		pattern := cmp.Or(f.Method, http.MethodPost) + " " + f.Path
		g.governed[pattern] = true
		g.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { g.serve(&f, w, r) })
	}
	g.mux.HandleFunc("GET /v1/responses", g.upgrade)
	g.mux.HandleFunc("GET /v1/models", g.models)
	g.mux.HandleFunc("GET /v1/models/{id...}", g.models)
	g.mux.HandleFunc("GET /v1beta/models", g.models)
	g.mux.HandleFunc("GET /v1beta/models/{id...}", g.models)
	g.mux.HandleFunc("GET /health", g.health)
	g.mux.HandleFunc("GET /health/live", g.live)
	g.mux.HandleFunc("GET /health/ready", g.health)
	if opt.Metrics != nil {
		g.mux.Handle("GET /metrics", g.scraped(opt.Metrics.Handler()))
		opt.Metrics.Read(g.reading)
	}
	g.mux.HandleFunc("HEAD /{$}", g.hello)
	g.mux.HandleFunc("HEAD /api/hello", g.hello)
	g.mux.HandleFunc("GET /api/hello", g.hello)
	g.mux.HandleFunc("/", g.lost)
	return g
}

// ServeHTTP takes any request. Base URLs are set with and without /v1, so
// /v1/v1 means /v1. Clients set up for Azure OpenAI put /openai or /openai/v1
// before OpenAI's paths; only its deployments have paths of their own.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, azure) && !strings.HasPrefix(r.URL.Path, azure+"deployments/") {
		r.URL.Path = "/v1/" + r.URL.Path[len(azure):]
		if r.URL.RawPath != "" {
			r.URL.RawPath = "/v1/" + strings.TrimPrefix(r.URL.RawPath, azure)
		}
	}
	for strings.HasPrefix(r.URL.Path, "/v1/v1/") {
		r.URL.Path = r.URL.Path[len("/v1"):]
		r.URL.RawPath = strings.TrimPrefix(r.URL.RawPath, "/v1")
	}
	g.mux.ServeHTTP(w, r)
}

const azure = "/openai/"

// Handle adds a route that is no client API: the console, health of others.
func (g *Gateway) Handle(pattern string, h http.Handler) { g.mux.Handle(pattern, h) }

// Refuse answers a request that is not let in, in the dialect of its path.
func (g *Gateway) Refuse(w http.ResponseWriter, r *http.Request, e *llm.Error) {
	writeError(w, g.dialectOf(r), e, ledger.NewID("req"))
}

// KeyOf is the id of the valid key that a request bears, "" where it bears none.
func (g *Gateway) KeyOf(r *http.Request) string {
	who, err := g.principal(r)
	if err != nil {
		return ""
	}
	return who.KeyID
}

// Close makes the gateway say that it is not ready any more. What is under way goes on.
func (g *Gateway) Close() { g.closing.Store(true) }

// Inflight is the number of requests under way.
func (g *Gateway) Inflight() int64 { return g.inflight.Load() }

// dialectOf guesses what a caller of a path that is no client API speaks: by the
// path, else by the headers that Anthropic's clients send.
func (g *Gateway) dialectOf(r *http.Request) llm.Front {
	for _, f := range g.opt.Routes {
		if strings.HasPrefix(r.URL.Path, f.Path) {
			return f.Dialect
		}
	}
	if r.Header.Get("Anthropic-Version") != "" || r.Header.Get("X-Api-Key") != "" {
		for _, f := range g.opt.Routes {
			if f.Dialect.Name() == "messages" {
				return f.Dialect
			}
		}
	}
	return g.opt.Routes[0].Dialect
}

func (g *Gateway) lost(w http.ResponseWriter, r *http.Request) {
	e := &llm.Error{Kind: llm.ErrNotFound, Message: "there is nothing at " + r.Method + " " + r.URL.Path, NoRetry: true}
	for _, f := range g.opt.Routes {
		if f.Path == r.URL.Path {
			e = &llm.Error{Kind: llm.ErrInvalid, Status: http.StatusMethodNotAllowed, Message: "use POST for " + r.URL.Path, NoRetry: true}
		}
	}
	writeError(w, g.dialectOf(r), e, ledger.NewID("req"))
}

// upgrade answers those who want a websocket: Codex tries one first, and takes 426
// as the word to go on with plain requests at once.
func (g *Gateway) upgrade(w http.ResponseWriter, r *http.Request) {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		g.lost(w, r)
		return
	}
	writeError(w, g.dialectOf(r), &llm.Error{
		Kind: llm.ErrInvalid, Status: http.StatusUpgradeRequired, NoRetry: true,
		Message: "there is no websocket here: use POST for " + r.URL.Path,
	}, ledger.NewID("req"))
}

func (g *Gateway) hello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
}

// Wait waits until nothing is under way, at most the given time.
func (g *Gateway) Wait(limit time.Duration) {
	over := time.NewTimer(limit)
	defer over.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for g.inflight.Load() > 0 {
		select {
		case <-over.C:
			return
		case <-tick.C:
		}
	}
}

// hide is an upstream's words without the operator's secrets.
func (g *Gateway) hide(words []byte) []byte {
	if g.opt.Hide == nil {
		return words
	}
	return g.opt.Hide(words)
}

// tells tells whether an upstream's words hold a secret of the operator's.
func (g *Gateway) tells(words []byte) bool {
	return g.opt.Hide != nil && !bytes.Equal(g.opt.Hide(words), words)
}
