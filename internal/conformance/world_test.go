package conformance

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"turnpike/internal/archive"
	"turnpike/internal/catalog"
	"turnpike/internal/dialect/chat"
	"turnpike/internal/dialect/codewhisperer"
	"turnpike/internal/dialect/completions"
	"turnpike/internal/dialect/converse"
	"turnpike/internal/dialect/gemini"
	"turnpike/internal/dialect/messages"
	"turnpike/internal/dialect/responses"
	"turnpike/internal/fetch"
	"turnpike/internal/gateway"
	"turnpike/internal/keyring"
	"turnpike/internal/learned"
	"turnpike/internal/ledger"
	"turnpike/internal/limit"
	"turnpike/internal/llm"
	"turnpike/internal/policy"
	"turnpike/internal/price"
	"turnpike/internal/provider"
	"turnpike/internal/provider/anthropic"
	"turnpike/internal/provider/bedrock"
	aistudio "turnpike/internal/provider/gemini"
	"turnpike/internal/provider/openai"
	"turnpike/internal/retry"
	"turnpike/internal/route"
	"turnpike/internal/rules"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

// Client APIs.
const (
	chatAPI     = "chat"
	messagesAPI = "messages"
	answersAPI  = "responses"
	invokeAPI   = "invoke"
	converseAPI = "converse"
	geminiAPI   = "gemini"
)

// Accounts of every world, each the only one of its kind.
const (
	openaiUp    = "openai"
	compatUp    = "compat"
	anthropicUp = "anthropic"
	invokeUp    = "invoke"   // Bedrock, pinned to InvokeModel
	converseUp  = "converse" // Bedrock, pinned to Converse
	bedrockUp   = "bedrock"  // Bedrock, which chooses by the model
	answersUp   = "answers"  // OpenAI, pinned to Responses
	geminiUp    = "gemini"   // AI Studio
)

// Groups of accounts that are spoken to in the same shape.
const (
	chatUps   = openaiUp + " " + compatUp
	claudeUps = anthropicUp + " " + invokeUp
	allUps    = chatUps + " " + claudeUps + " " + converseUp
)

var clientPaths = map[string]string{chatAPI: "/v1/chat/completions", messagesAPI: "/v1/messages", answersAPI: "/v1/responses"}

// A client's key, and nobody's credentials at AWS.
const (
	clientKey   = "sk-conformance-client"
	otherKey    = "sk-conformance-other"
	upstreamKey = "sk-conformance-upstream"
	awsKeyID    = "AKIDEXAMPLE"
	awsSecret   = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	awsRegion   = "us-east-1"
)

// patience bounds every wait for an answer.
const patience = 20 * time.Second

// setup is what differs between worlds.
type setup struct {
	heartbeat, idle, drain time.Duration
	twin                   bool // a second account of each kind, behind the first
	routing                *route.Settings
	accounts               []*route.Account // nil: one of each kind
	fetch                  *fetch.Fetcher
	rules                  *rules.Book
	policy                 policy.Policy
	archive                *archive.Archive
	price                  *price.Current
	chain                  tenancy.Chain // of the client's key
}

// world is a gateway with everything around it.
type world struct {
	t     *testing.T
	gw    *gateway.Gateway
	table *route.Table
	url   string
	up    *upstream
	rec   *ledger.Recorder
	rows  *rows
	log   *journal
	once  sync.Once
	gone  chan struct{} // a client has left, and the gateway can know
}

func newWorld(t *testing.T, change ...func(*setup)) *world {
	t.Helper()
	s := setup{heartbeat: 15 * time.Second, idle: time.Minute, drain: 30 * time.Second}
	for _, c := range change {
		c(&s)
	}
	if s.routing == nil {
		s.routing = &route.Settings{Retry: retry.Plan{Attempts: 1}} // what one account says is what is looked at
	}
	w := &world{t: t, up: newUpstream(t), rows: &rows{}, log: &journal{}, gone: make(chan struct{}, 1)}
	log := slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	w.rec, err = ledger.Open(ledger.Options{Dir: t.TempDir(), Fsync: "never", MaxBytes: 1 << 30, OnFull: ledger.Refuse, Log: log}, w.rows)
	if err != nil {
		t.Fatal(err)
	}
	if s.accounts == nil {
		s.accounts = accounts(t, w.up.URL, s)
	}
	w.table = route.New(s.accounts, "", "").With(*s.routing)
	w.gw = gateway.New(gateway.Options{
		Routes: append(answersRoutes(),
			gateway.Front{Path: clientPaths[chatAPI], Dialect: chat.Dialect{}},
			gateway.Front{Path: clientPaths[messagesAPI], Dialect: messages.Dialect{}},
			gateway.Front{Path: completionsPath, Dialect: completions.Dialect{}},
			gateway.Front{Path: "/v1/messages/count_tokens", Dialect: messages.Dialect{}, Ask: gateway.Counts("input_tokens")},
			gateway.Front{Path: "/model/{model}/invoke", Dialect: messages.Invoke{}, Ask: gateway.InPath(gateway.Generate, false)},
			gateway.Front{Path: "/model/{model}/invoke-with-response-stream", Dialect: messages.Invoke{}, Ask: gateway.InPath(gateway.Generate, true)},
			gateway.Front{Path: "/model/{model}/converse", Dialect: converse.Dialect{}, Ask: gateway.InPath(gateway.Generate, false)},
			gateway.Front{Path: "/model/{model}/converse-stream", Dialect: converse.Dialect{}, Ask: gateway.InPath(gateway.Generate, true)},
			gateway.Front{Path: "/v1beta/models/{call...}", Dialect: gemini.Dialect{}, Ask: gateway.AfterColon(map[string]gateway.Ask{
				"generateContent": {}, "streamGenerateContent": {Stream: true},
			})},
		),
		Backs: map[string]llm.Back{"chat": chat.Dialect{}, "completions": completions.Dialect{}, "messages": messages.Dialect{}, "converse": converse.Dialect{}, "responses": responses.Dialect{}, "gemini": gemini.Dialect{}, "codewhisperer": codewhisperer.Dialect{}, chat.PiecesName: chat.Pieces{}},
		Fetch: s.fetch, Policy: s.policy, Rules: s.rules,
		Caps: catalog.Lookup, Betas: catalog.BedrockBetas, Spell: catalog.Dashes, Learned: learned.New(time.Now),
		Table: w.table,
		Keys: keyring.New(time.Now, keyring.Entry{Hash: keyring.Hash(clientKey), Principal: keyring.Principal{KeyID: "key_1", Chain: s.chain}},
			keyring.Entry{Hash: keyring.Hash(otherKey), Principal: keyring.Principal{KeyID: "key_2"}}),
		Ledger: w.rec, Archive: s.archive, Price: s.price, Limits: limit.New(time.Now, nil), Log: log, Now: time.Now, Version: "test", Started: time.Now(),
		MaxBody: 32 << 20, MaxAnswer: 32 << 20, Heartbeat: s.heartbeat, Drain: s.drain,
	})
	server := httptest.NewServer(http.HandlerFunc(w.serve))
	w.url = server.URL
	t.Cleanup(func() {
		w.attempts()
		server.Close()
	})
	return w
}

// serve lets the gateway answer and tells when a client leaves before its end.
func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	stop := context.AfterFunc(r.Context(), func() {
		select {
		case w.gone <- struct{}{}:
		default:
		}
	})
	defer stop()
	w.gw.ServeHTTP(rw, r)
}

// accounts makes one account of every kind, all at the same upstream.
func accounts(t *testing.T, url string, s setup) []*route.Account {
	t.Helper()
	var list []*route.Account
	names := []string{openaiUp, compatUp, anthropicUp, invokeUp, converseUp, bedrockUp, answersUp, geminiUp}
	for i := 0; i < len(names); i++ {
		name := names[i]
		opt := provider.Options{
			Name: name, BaseURL: url + "/" + name, APIKey: upstreamKey, UserAgent: "turnpike/test",
			Timeouts: provider.Timeouts{Connect: 10 * time.Second, FirstByte: time.Minute, Idle: s.idle, Total: 5 * time.Minute},
		}
		p, err := account(strings.TrimSuffix(name, "-twin"), opt)
		if err != nil {
			t.Fatal(err)
		}
		a := &route.Account{Provider: p}
		a.SetListed([]provider.Model{{ID: "listed-by-" + strings.TrimSuffix(name, "-twin")}})
		list = append(list, a)
		if s.twin && !strings.HasSuffix(name, "-twin") {
			names = append(names, name+"-twin")
		}
	}
	return list
}

func account(kind string, opt provider.Options) (provider.Provider, error) {
	aws := bedrock.Options{Options: opt, Region: awsRegion, AccessKeyID: awsKeyID, SecretAccessKey: awsSecret}
	switch kind {
	case openaiUp:
		return openai.New(opt, false, provider.Choice{Only: catalog.OnlyAPI})
	case compatUp:
		return openai.New(opt, true, provider.Choice{})
	case answersUp:
		return openai.New(opt, false, provider.Choice{Pinned: "responses"})
	case anthropicUp:
		return anthropic.New(opt)
	case geminiUp:
		return aistudio.New(opt)
	case invokeUp:
		aws.Choice.Pinned = bedrock.Invoke
	case converseUp:
		aws.Choice.Pinned = bedrock.Converse
	}
	return bedrock.New(aws)
}

// attempts waits for all requests to end and returns what was recorded.
func (w *world) attempts() []store.Attempt {
	w.t.Helper()
	w.once.Do(func() {
		w.gw.Wait(patience)
		if n := w.gw.Inflight(); n != 0 {
			w.t.Errorf("%d requests do not end", n)
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(w.t.Context()), 10*time.Second)
		defer cancel()
		if err := w.rec.Close(ctx); err != nil {
			w.t.Errorf("ledger: %v", err)
		}
	})
	return w.rows.list
}

// attempt is the only one that was recorded.
func (w *world) attempt() store.Attempt {
	w.t.Helper()
	list := w.attempts()
	if len(list) != 1 {
		w.t.Fatalf("%d attempts were recorded, not one: %+v", len(list), list)
	}
	return list[0]
}

// rows is a ledger sink that remembers.
type rows struct{ list []store.Attempt }

func (r *rows) InsertAttempts(_ context.Context, a []store.Attempt) error {
	r.list = append(r.list, a...) // read only after the recorder has closed
	return nil
}

// journal keeps what was logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// reply is what a client got.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r *reply) losses() string { return r.header.Get("X-Turnpike-Loss") }

// send sends a request to the gateway, with headers in pairs: an empty value
// takes one away.
func (w *world) send(ctx context.Context, method, path, body string, header ...string) (*http.Response, error) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+clientKey)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			r.Header.Del(header[i])
		}
	}
	client := &http.Client{
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return client.Do(r)
}

// open sends a request that is answered; the caller closes the body.
func (w *world) open(ctx context.Context, method, path, body string, header ...string) *http.Response {
	w.t.Helper()
	res, err := w.send(ctx, method, path, body, header...)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	return res
}

// do sends a request and reads the whole answer.
func (w *world) do(method, path, body string, header ...string) *reply {
	w.t.Helper()
	res := w.open(w.t.Context(), method, path, body, header...)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatalf("%s %s: %v after %q", method, path, err, b)
	}
	return &reply{res.StatusCode, res.Header, b}
}

// ask sends a body to a client API, for a model at an account.
func (w *world) ask(from, to, model, body string, header ...string) *reply {
	w.t.Helper()
	return w.do(http.MethodPost, clientPaths[from], clientBody(from, to, model, body), header...)
}

// defaultModels are asked for where a case names none.
var defaultModels = map[string]string{
	copilotClaude: claude45, copilotOld: "claude-sonnet-4-20250514", copilotGPT: "gpt-5.2", copilotPlain: "gpt-4o", copilotGemini: "gemini-3-pro",
	answersUp: gptThinks, geminiUp: "gemini-3-pro-preview",
	openaiUp: "gpt-4o", compatUp: "house-model", anthropicUp: claude45, invokeUp: claude45, converseUp: claude45, bedrockUp: claude45,
}

// Claude models as Anthropic names them, by what sets them apart.
const (
	claude37  = "claude-3-7-sonnet-20250219" // thinks with a budget; no structured output
	claude45  = "claude-sonnet-4-5"          // thinks with a budget; temperature or top_p; an hour of cache
	claude46  = "claude-opus-4-6"            // budget or adaptive; does not take prefill
	claude47  = "claude-opus-4-7"            // adaptive only; no sampling settings
	claude48  = "claude-opus-4-8"            // system turns inside the conversation
	nova      = "amazon.nova-lite-v1:0"
	gptThinks = "gpt-5"
)

// upstreamModel is a model's id at an account.
func upstreamModel(to, model string) string {
	if model == "" {
		model = defaultModels[to]
	}
	if strings.HasPrefix(model, "claude-") && (to == invokeUp || to == converseUp || to == bedrockUp) {
		return "us.anthropic." + model + "-v1:0"
	}
	return model
}

// clientBody completes a body with what every request must have.
func clientBody(from, to, model, body string) string {
	head := `{"model":"` + to + "/" + upstreamModel(to, model) + `",`
	if from == messagesAPI && !strings.Contains(body, `"max_tokens":`) {
		head += `"max_tokens":1000,`
	}
	return head + strings.TrimPrefix(body, "{")
}

// streamed asks for a stream.
func streamed(body string) string { return `{"stream":true,` + strings.TrimPrefix(body, "{") }
