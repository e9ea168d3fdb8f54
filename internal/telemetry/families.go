package telemetry

import (
	"fmt"
	"strings"
)

// prefix stands before the name of every family.
const prefix = "turnpike_"

// Kind is how a family counts.
type Kind string

// Kinds of family.
const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// Family is a group of metrics of one name.
type Family struct {
	Name    string // without the prefix
	Kind    Kind
	Help    string
	Labels  []string
	Buckets []float64 // of a histogram
	read    bool      // its values are read when Prometheus asks, not counted as things happen
}

// The families, as indices of the table.
const (
	requests = iota
	requestDuration
	tokens
	providerHealth
	rateLimitHits
	limitHits
	budgetRefusals
	firstToken
	perChunk
	inFlight
	attempts
	upstreamResponses
	upstreamInFlight
	failovers
	cooldowns
	coolingModels
	affinity
	losses
	queueDepth
	journalLag
	journalBytes
	journalUnsafe
	journalLost
	databaseAway
	cost
	unpriced
	otlpRecords
	redisUp
	redisReplicas
	redisFallbacks
	redisWaiting
	redisLost
	payloadsDropped
	families
)

// durations are buckets in seconds: answers of reasoning models take minutes.
var durations = []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600}

// firsts are buckets of the wait for the first token.
var firsts = []float64{0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2.5, 5, 10, 20, 30, 60, 120, 300}

// chunks are buckets of the time from one chunk to the next.
var chunks = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5}

// table names every family. docs/metrics.md is made of it.
var table = [families]Family{
	requests: {
		Name: "requests_total", Kind: Counter, Labels: []string{"provider", "model", "status"},
		Help: "Requests by the status of their answer; 499 is a client that left before it had one.",
	},
	requestDuration: {
		Name: "request_duration_seconds", Kind: Histogram, Labels: []string{"provider", "model"}, Buckets: durations,
		Help: "Time from the head of a request to the end of its answer.",
	},
	tokens: {
		Name: "tokens_total", Kind: Counter, Labels: []string{"provider", "model", "type"},
		Help: "Tokens by type: input, output, cache_read, cache_write_5m, cache_write_1h, reasoning. Reasoning is part of output, the other types are disjoint.",
	},
	providerHealth: {
		Name: "provider_health", Kind: Gauge, Labels: []string{"provider"}, read: true,
		Help: "1 while a provider takes requests, 0 while it, or every model that was asked of it, is left alone; none for one that is not in use.",
	},
	rateLimitHits: {
		Name: "rate_limit_hits_total", Kind: Counter, Labels: []string{"limit", "provider"},
		Help: "Times a rate limit was hit, by whose: upstream (it answered 429), account (the limits set for a provider), key (provider is none).",
	},
	limitHits: {
		Name: "limit_hits_total", Kind: Counter, Labels: []string{"scope", "rule"},
		Help: "Requests that were refused for a limit of this gateway, by whose it is (key, user, tag, team, organisation) and which (rpm, tpm, concurrent).",
	},
	budgetRefusals: {
		Name: "budget_refusals_total", Kind: Counter, Labels: []string{"scope", "reason"},
		Help: "Requests that were refused for a budget, by whose it is (key, user, tag, team, organisation) and why: blocked (it is 0), spent, " +
			"held (what is left is reserved), away (the database could not be asked).",
	},
	firstToken: {
		Name: "time_to_first_token_seconds", Kind: Histogram, Labels: []string{"provider", "model"}, Buckets: firsts,
		Help: "Time from the head of a streamed request to the first content sent to its client.",
	},
	perChunk: {
		Name: "time_per_chunk_seconds", Kind: Histogram, Labels: []string{"provider", "model"}, Buckets: chunks,
		Help: "Mean time from one chunk of content to the next, one observation for each streamed answer.",
	},
	inFlight: {
		Name: "requests_in_flight", Kind: Gauge, read: true,
		Help: "Requests under way.",
	},
	attempts: {
		Name: "attempts_total", Kind: Counter, Labels: []string{"provider", "model"},
		Help: "Calls to upstreams for requests: the first of each, retries, failovers, rounds of a continued answer.",
	},
	upstreamResponses: {
		Name: "upstream_responses_total", Kind: Counter, Labels: []string{"provider", "status"},
		Help: "Attempts by the status the upstream answered with; none where there was no answer.",
	},
	upstreamInFlight: {
		Name: "upstream_requests_in_flight", Kind: Gauge, Labels: []string{"provider"}, read: true,
		Help: "Attempts under way.",
	},
	failovers: {
		Name: "failovers_total", Kind: Counter, Labels: []string{"provider", "reason"},
		Help: "Requests that went on to another account, by the one that failed and why.",
	},
	cooldowns: {
		Name: "cooldowns_total", Kind: Counter, Labels: []string{"provider", "reason"}, read: true,
		Help: "Cool-downs that began, of a model at a provider or of the provider.",
	},
	coolingModels: {
		Name: "cooling_models", Kind: Gauge, Labels: []string{"provider", "reason"}, read: true,
		Help: "Models that are left alone at a provider now.",
	},
	affinity: {
		Name: "affinity_total", Kind: Counter, Labels: []string{"result"},
		Help: "Requests of conversations, by whether they were served where the conversation was (hit), elsewhere (moved), or it was new (new).",
	},
	losses: {
		Name: "losses_total", Kind: Counter, Labels: []string{"kind"},
		Help: "Things that translation dropped, changed or added.",
	},
	queueDepth: {
		Name: "queue_depth", Kind: Gauge, Labels: []string{"provider"}, read: true,
		Help: "Requests that wait for room within a provider's own limits.",
	},
	journalLag: {
		Name: "journal_lag_records", Kind: Gauge, read: true,
		Help: "Attempts that are journalled and not in the database yet.",
	},
	journalBytes: {
		Name: "journal_size_bytes", Kind: Gauge, read: true,
		Help: "Size of the journal on the disk.",
	},
	journalUnsafe: {
		Name: "journal_memory_records", Kind: Gauge, read: true,
		Help: "Attempts that only the memory has, because the journal took none.",
	},
	journalLost: {
		Name: "journal_lost_records_total", Kind: Counter, read: true,
		Help: "Attempts that could neither be journalled nor recorded; the log has their figures.",
	},
	databaseAway: {
		Name: "database_away_seconds", Kind: Gauge, read: true,
		Help: "How long the database has been failing; 0 while it does not.",
	},
	cost: {
		Name: "cost_dollars_total", Kind: Counter, Labels: []string{"provider", "model"},
		Help: "Cost of attempts in US dollars, as the ledger has it.",
	},
	unpriced: {
		Name: "unpriced_attempts_total", Kind: Counter, Labels: []string{"provider", "model"},
		Help: "Attempts that used tokens and have no price: their cost is not known.",
	},
	otlpRecords: {
		Name: "otlp_records_total", Kind: Counter, Labels: []string{"result"}, read: true,
		Help: "Requests for the OpenTelemetry collector: sent, dropped (the queue was full), failed (it did not take them).",
	},
	redisUp: {
		Name: "redis_up", Kind: Gauge, read: true,
		Help: "1 while limits are counted in Redis for all replicas together, 0 while it is slow or away; none without Redis.",
	},
	redisReplicas: {
		Name: "redis_replicas", Kind: Gauge, read: true,
		Help: "Replicas that were last known to be alive, this one among them.",
	},
	redisFallbacks: {
		Name: "redis_fallbacks_total", Kind: Counter, read: true,
		Help: "Requests that were admitted or refused by this replica's share of the limits, because Redis was slow or away.",
	},
	redisWaiting: {
		Name: "redis_settlements_waiting", Kind: Gauge, read: true,
		Help: "Requests that are over, of which Redis does not know yet what they used.",
	},
	redisLost: {
		Name: "redis_settlements_lost_total", Kind: Counter, read: true,
		Help: "Requests of which Redis will never know what they used: the estimate stands there.",
	},
	payloadsDropped: {
		Name: "payloads_dropped_total", Kind: Counter,
		Help: "Requests whose payload was to be kept and is not: too much was waiting, or it could not be written.",
	},
}

// Markdown is docs/metrics.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString(`# Metrics

` + "`GET /metrics`" + ` is for Prometheus. This page is made from the table in ` + "`internal/telemetry/families.go`" + ` (` + "`go test ./internal/telemetry -update`" + `).

Labels are bounded. ` + "`provider`" + ` is an account's name in the configuration; ` + "`model`" + ` is the model as it was asked of the provider, where the
catalogue or the provider's own list knows it and it has been served, at most ` + fmt.Sprint(maxModels) + ` of them, else ` + "`other`" + `. Requests that
reached no provider have ` + "`none`" + ` for both. Keys, users and conversations are in the log and the ledger, not here.

| name | kind | labels | what it is |
|---|---|---|---|
`)
	for _, f := range table {
		labels := "`" + strings.Join(f.Labels, "`, `") + "`"
		if len(f.Labels) == 0 {
			labels = ""
		}
		fmt.Fprintf(&b, "| `%s%s` | %s | %s | %s |\n", prefix, f.Name, f.Kind, labels, f.Help)
	}
	b.WriteString("\nBeside them stand the Go runtime's (`go_*`) and the process's (`process_*`).\n")
	return b.String()
}
