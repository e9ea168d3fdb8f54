package main

import (
	"time"

	"turnpike/bench/internal/answer"
	"turnpike/bench/internal/load"
	"turnpike/bench/internal/mock"
	"turnpike/bench/internal/prompt"
)

// The targets, in the order in which they stand in a table.
const (
	direct   = "direct"
	nginx    = "nginx"
	proxy    = "proxy"
	turnpike = "turnpike"

	// The gateway twice more, to see what accounting costs it: without any of it, and with
	// limits and budgets of a key, its team and the organisation.
	bare      = "bare"
	accounted = "accounted"
)

// turnpikeKey is the key that the gateway is configured with.
const turnpikeKey = "sk-bench-0123456789abcdef"

// group is one kind of load, which several entries bear in turn.
type group struct {
	id, title string
	api       prompt.API
	large     bool // the prompt of 100 KB
	stream    bool
	conns     int // of a closed loop; 0: hold slow streams
	direct    bool
	accounts  bool    // the gateway without accounting, as it is, and with limits and budgets
	open      bool    // requests come by the clock, whether others are answered or not
	routes    []route // which upstreams the gateway is asked for
}

// route is an upstream of the gateway.
type route struct{ name, prefix string }

var (
	toOpenAI    = route{"openai", "oa/"}
	toAnthropic = route{"anthropic", "an/claude-"}
	toInvoke    = route{"bedrock invoke", "bi/anthropic.claude-"}
	toConverse  = route{"bedrock converse", "bc/amazon.nova-"}
)

// translated reports whether the upstream speaks another API than the client.
func (g group) translated(r route) bool {
	if g.api == prompt.Chat {
		return r != toOpenAI
	}
	return r != toAnthropic
}

// allGroups is the benchmark.
func allGroups() []group {
	chatRoutes := []route{toOpenAI, toAnthropic, toConverse}
	messagesRoutes := []route{toAnthropic, toOpenAI, toInvoke}
	return []group{
		{
			id: "latency-chat", title: "Chat completions, 1 KB prompt, 1 connection: what is added to one request",
			api: prompt.Chat, conns: 1, direct: true, routes: []route{toOpenAI},
		},
		{
			id: "unary-1k-chat", title: "Chat completions, 1 KB prompt, 16 connections",
			api: prompt.Chat, conns: 16, direct: true, routes: chatRoutes,
		},
		{
			id: "unary-1k-messages", title: "Messages, 1 KB prompt, 16 connections",
			api: prompt.Messages, conns: 16, routes: messagesRoutes,
		},
		{
			id: "unary-100k-chat", title: "Chat completions, 100 KB prompt, 16 connections",
			api: prompt.Chat, large: true, conns: 16, direct: true, routes: []route{toOpenAI, toAnthropic},
		},
		{
			id: "unary-100k-messages", title: "Messages, 100 KB prompt, 16 connections",
			api: prompt.Messages, large: true, conns: 16, routes: []route{toAnthropic, toInvoke},
		},
		{
			id: "stream-chat", title: "Chat completions, streams of 200 chunks without pause, 16 connections",
			api: prompt.Chat, stream: true, conns: 16, direct: true, routes: chatRoutes,
		},
		{
			id: "stream-messages", title: "Messages, streams of 200 chunks without pause, 16 connections",
			api: prompt.Messages, stream: true, conns: 16, routes: messagesRoutes,
		},
		{
			id: "hold", title: "Chat completions, slow streams held open at once, 50 ms between chunks",
			api: prompt.Chat, stream: true, routes: []route{toOpenAI},
		},
		{
			id: "accounts", title: "Chat completions, 1 KB prompt, 16 connections: what limits, budgets and the journal cost",
			api: prompt.Chat, conns: 16, accounts: true, routes: []route{toOpenAI},
		},
		{
			id: "accounts-open", title: "The same, as many requests a second as stand in the table, whether others are answered or not",
			api: prompt.Chat, conns: openConns, accounts: true, open: true, routes: []route{toOpenAI},
		},
	}
}

const (
	// openConns are enough connections for requests that come by the clock.
	openConns = 128
	// openRate is how many come in a second, where the machine can offer it: else half of
	// what the slowest row takes.
	openRate = 5000
)

// entry is one row of a group's table: a target, and for the gateway a route through it.
type entry struct {
	target string
	route  string // "" for the yardsticks
	prefix string // before the mock's model name
	key    string
}

func (e entry) String() string {
	if e.route == "" {
		return e.target
	}
	return e.target + " → " + e.route
}

// entries are the group's rows for the targets that take part.
func (g group) entries(wanted func(target string) bool) []entry {
	plain := ""
	if g.api == prompt.Messages {
		plain = "claude-"
	}
	var list []entry
	for _, target := range []string{direct, nginx, proxy} {
		if !g.accounts && wanted(target) && (target != direct || g.direct) {
			list = append(list, entry{target: target, prefix: plain, key: mock.UpstreamKey})
		}
	}
	switch {
	case g.accounts && wanted(turnpike):
		for _, target := range []string{bare, turnpike, accounted} {
			list = append(list, entry{target: target, route: g.routes[0].name, prefix: g.routes[0].prefix, key: turnpikeKey})
		}
	case wanted(turnpike):
		for _, r := range g.routes {
			list = append(list, entry{target: turnpike, route: r.name, prefix: r.prefix, key: turnpikeKey})
		}
	}
	return list
}

// size is how long and how often everything runs.
type size struct {
	rounds     int
	window     time.Duration // of a closed loop
	holdRounds int
	streams    int // held at once
	holdChunks int
	ramp       time.Duration // over which the held streams start
}

var (
	fullSize  = size{rounds: 3, window: 1500 * time.Millisecond, holdRounds: 2, streams: 1000, holdChunks: 200, ramp: time.Second}
	shortSize = size{rounds: 1, window: 600 * time.Millisecond, holdRounds: 1, streams: 1000, holdChunks: 60, ramp: time.Second}
)

const (
	streamChunks = 200
	holdDelay    = 50 * time.Millisecond
)

// job is the request of an entry.
func (g group) job(e entry, addr string, s size) load.Job {
	j := load.Job{Addr: addr, Key: e.key, API: g.api, Prompt: prompt.Small(), Prefix: e.prefix, Stream: g.stream}
	if g.large {
		j.Prompt = prompt.Large()
	}
	switch {
	case g.conns == 0:
		j.Orders = answer.Orders{Chunks: s.holdChunks, Delay: holdDelay}
	case g.stream:
		j.Orders = answer.Orders{Chunks: streamChunks}
	default:
		j.Orders = answer.Orders{Chunks: answer.DefaultChunks}
	}
	return j
}

// checked is the job with the mock checking the request and every event decoded.
func checked(j load.Job) load.Job {
	j.Orders.Delay = 0
	j.Orders.Checked, j.Orders.Checksum = true, uint32(j.Prompt.Checksum())
	return j
}
