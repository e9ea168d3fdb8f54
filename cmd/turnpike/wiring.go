package main

import (
	"net/http"
	"os"
	"time"

	"turnpike/console"
	"turnpike/internal/catalog"
	"turnpike/internal/config"
	"turnpike/internal/dialect/chat"
	"turnpike/internal/dialect/codewhisperer"
	"turnpike/internal/dialect/completions"
	"turnpike/internal/dialect/converse"
	"turnpike/internal/dialect/gemini"
	"turnpike/internal/dialect/messages"
	"turnpike/internal/dialect/responses"
	"turnpike/internal/fetch"
	"turnpike/internal/gateway"
	"turnpike/internal/llm"
)

// fronts is the explicit list of client APIs.
var fronts = []gateway.Front{
	{Path: "/v1/chat/completions", Dialect: chat.Dialect{}},
	{Path: "/v1/completions", Dialect: completions.Dialect{}},
	{Path: "/v1/messages", Dialect: messages.Dialect{}},
	{Path: "/v1/messages/count_tokens", Dialect: messages.Dialect{}, Ask: gateway.Counts("input_tokens")},
	{Path: "/v1beta/models/{call...}", Dialect: gemini.Dialect{}, Ask: geminiAsk},
	{Path: "/v1/models/{call...}", Dialect: gemini.Dialect{}, Ask: geminiAsk}, // some of Google's libraries
	{Path: "/v1/embeddings", Dialect: chat.Dialect{}, Ask: gateway.Told(gateway.Embed)},
	{Path: "/openai/deployments/{model}/chat/completions", Dialect: chat.Dialect{}, Ask: gateway.Deployed(gateway.Generate)},
	{Path: "/openai/deployments/{model}/completions", Dialect: completions.Dialect{}, Ask: gateway.Deployed(gateway.Generate)},
	{Path: "/openai/deployments/{model}/embeddings", Dialect: chat.Dialect{}, Ask: gateway.Deployed(gateway.Embed)},
	{Path: "/model/{model}/converse", Dialect: converse.Dialect{}, Ask: gateway.InPath(gateway.Generate, false)},
	{Path: "/model/{model}/converse-stream", Dialect: converse.Dialect{}, Ask: gateway.InPath(gateway.Generate, true)},
	{Path: "/model/{model}/invoke", Dialect: messages.Invoke{}, Ask: gateway.InPath(gateway.Generate, false)},
	{Path: "/model/{model}/invoke-with-response-stream", Dialect: messages.Invoke{}, Ask: gateway.InPath(gateway.Generate, true)},
	{Path: "/model/{model}/count-tokens", Dialect: converse.Dialect{}, Ask: bedrockCount},
	{Path: "/v1/responses", Dialect: responses.Dialect{}},
	{Path: "/v1/responses/input_tokens", Dialect: responses.Dialect{}, Ask: gateway.Counts("responses")},
	{Path: "/v1/responses/compact", Dialect: responses.Dialect{}, Ask: gateway.Told(gateway.Compact)},
	{Method: "GET", Path: "/v1/responses/{id}", Dialect: responses.Dialect{}, Ask: gateway.OfKept(gateway.Show)},
	{Method: "GET", Path: "/v1/responses/{id}/input_items", Dialect: responses.Dialect{}, Ask: gateway.OfKept(gateway.Inputs)},
	{Method: "DELETE", Path: "/v1/responses/{id}", Dialect: responses.Dialect{}, Ask: gateway.OfKept(gateway.Forget)},
	{Path: "/v1/responses/{id}/cancel", Dialect: responses.Dialect{}, Ask: gateway.OfKept(gateway.Cancel)},
}

// bedrockCount reads Bedrock's CountTokens, whose body holds one of either API.
func bedrockCount(r *http.Request) (gateway.Ask, bool) {
	ask, ok := gateway.InPath(gateway.Count, false)(r)
	ask.Count, ask.Invoke = "inputTokens", messages.Invoke{}
	return ask, ok
}

// geminiAsk reads Gemini's paths: models/{model}:method.
func geminiAsk(r *http.Request) (gateway.Ask, bool) {
	ask, ok := geminiMethods(r)
	if ask.Stream && r.URL.Query().Get("alt") != "sse" {
		ask.Front = gemini.Array{}
	}
	return ask, ok
}

var geminiMethods = gateway.AfterColon(map[string]gateway.Ask{
	"generateContent":       {},
	"streamGenerateContent": {Stream: true},
	"countTokens":           {Op: gateway.Count, Count: "totalTokens"},
})

// backs is the explicit list of dialects spoken to upstreams.
var backs = map[string]llm.Back{
	"chat":        chat.Dialect{},
	"completions": completions.Dialect{},
	"messages":    messages.Dialect{},
	"converse":    converse.Dialect{},
	"responses":   responses.Dialect{},
	"gemini":      gemini.Dialect{},

	"codewhisperer": codewhisperer.Dialect{},
	chat.PiecesName: chat.Pieces{},
}

const (
	maxAnswer = 128 << 20
	drainFor  = 60 * time.Second // an answer whose client has left
)

// replica names this gateway among those that share a database.
func replica(address string) string {
	host, err := os.Hostname()
	if err != nil {
		return address
	}
	return host + " " + address
}

func newGateway(a *app) *gateway.Gateway {
	gw := gateway.New(gateway.Options{
		Routes: fronts, Backs: backs, Caps: a.models.Lookup, Betas: a.models.Betas, Spell: catalog.Dashes, Learned: a.known,
		Policy: a.cfg.Policy, Rules: a.rules, Fetch: newFetcher(a.cfg.Media), Table: a.table,
		Keys: a.ring, Proxies: a.cfg.Server.Proxies(), Limits: a.limits,
		Ledger: a.ledger, Archive: a.archive, Payloads: a.payloads, Follow: a.follow, Price: a.prices,
		Log: a.log, Metrics: a.metrics, Traces: a.tracer,
		Now: time.Now, Version: version, Started: time.Now(),
		Budgets: a.budgets, AssumeOutput: int64(a.cfg.Budgets.AssumeOutput),
		Replica: replica(a.address()),
		Hide:    a.hidden.alone,
		MaxBody: int64(a.cfg.Server.MaxBody), MaxAnswer: maxAnswer, Heartbeat: a.cfg.Server.Heartbeat, Drain: drainFor,
		Misconfigured: a.misconfigured, Operator: a.operator, Scrapes: a.mayScrape(),
	})
	gw.Handle("/ui/", strict(a.cfg.Server.Proxies(), console.Handler()))
	a.admin.handle(gw, a.cfg.Server.Proxies())
	gw.Handle("GET /{$}", http.RedirectHandler("/ui/", http.StatusFound))
	return gw
}

// newFetcher makes what fetches media by URL, nil if that is off.
func newFetcher(m config.Media) *fetch.Fetcher {
	if m.Fetch == nil || !*m.Fetch {
		return nil
	}
	return fetch.New(fetch.Options{
		AllowPrivate: m.AllowPrivate != nil && *m.AllowPrivate, MaxBytes: int64(m.MaxBytes), Timeout: m.Timeout,
		AllowHosts: m.AllowHosts, DenyHosts: m.DenyHosts, UserAgent: "turnpike/" + version,
	})
}

// knownModel tells whether a model is one that the catalogue or a provider's own
// list names, so that metrics may name it too.
func (a *app) knownModel(model string) bool {
	if a.models.Lookup(model).Family != "" {
		return true
	}
	for _, account := range a.table.Accounts() {
		if _, ok := account.Listed()[model]; ok {
			return true
		}
	}
	return false
}
