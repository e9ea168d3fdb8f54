package main

import (
	"context"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"turnpike/bench/internal/mock"
	"turnpike/bench/internal/prompt"
)

func TestMedian(t *testing.T) {
	for _, tc := range []struct {
		v    []float64
		want float64
	}{{[]float64{3, 1, 2}, 2}, {[]float64{4, 1, 2, 3}, 2.5}, {[]float64{7}, 7}} {
		if got := median(tc.v); got != tc.want {
			t.Errorf("median of %v is %v", tc.v, got)
		}
	}
	if !math.IsNaN(median(nil)) {
		t.Error("median of nothing")
	}
}

func TestFormats(t *testing.T) {
	for got, want := range map[string]string{
		count(999): "999", count(1234567.4): "1,234,567", duration(0.0000127): "13 µs", duration(0.00123): "1.2 ms", duration(1.5): "1500 ms",
		ratio(3, 2): "1.50×", ratio(1, 0): "–", ratio(1, math.NaN()): "–", megabytes(3 << 20): "3", clean("a|b\nc"): "a¦b c",
		cell(column{metric: cpu, format: three}, 0.2, 0.1, 0.4): "0.200 (2.00× / 0.50×)", cell(column{format: three}, math.NaN(), 1, 1): "–",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// withFigures is a row whose runs all have the same figure.
func withFigures(e entry, m metric, v float64) *row {
	var f figures
	f[m] = v
	return &row{entry: e, runs: []figures{f}}
}

func TestVerdict(t *testing.T) {
	g := group{id: "unary-1k-chat", api: prompt.Chat, conns: 16, routes: []route{toOpenAI, toAnthropic, toConverse}}
	hold := group{id: "hold", api: prompt.Chat, stream: true, routes: []route{toOpenAI}}
	text := verdict([]outcome{
		{g, []*row{
			withFigures(entry{target: proxy}, cpu, 0.1),
			withFigures(entry{target: turnpike, route: "openai"}, cpu, 0.149),
			withFigures(entry{target: turnpike, route: "anthropic"}, cpu, 0.251),
		}},
		{hold, []*row{withFigures(entry{target: proxy}, peak, 100<<20), withFigures(entry{target: turnpike, route: "openai"}, peak, 130<<20)}},
	})
	for _, want := range []string{
		"| unary-1k-chat | openai | CPU-s per 1,000 | 0.149 | 0.100 | 1.49× | ≤ 1.5× | pass |",
		"| unary-1k-chat | anthropic | CPU-s per 1,000 | 0.251 | 0.100 | 2.51× | ≤ 2.5× | **miss** |",
		"| unary-1k-chat | bedrock converse | CPU-s per 1,000 | – | – | – | ≤ 2.5× | not measured |",
		"| hold | openai | RSS MB held | 130 | 100 | 1.30× | ≤ 1.3× | pass |",
		"2 pass, 1 miss, 1 not measured.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("missing: %s\nin:\n%s", want, text)
		}
	}
}

// The limits are those the project set itself.
func TestGoals(t *testing.T) {
	want := map[string]float64{
		"unary-1k-chat openai": 1.5, "unary-1k-chat anthropic": 2.5, "unary-1k-chat bedrock converse": 2.5,
		"unary-1k-messages anthropic": 1.5, "unary-1k-messages openai": 2.5, "unary-1k-messages bedrock invoke": 2.5,
		"unary-100k-chat openai": 0.7, "unary-100k-messages anthropic": 0.7,
		"stream-chat openai": 1.2, "stream-chat anthropic": 3, "stream-chat bedrock converse": 3,
		"stream-messages anthropic": 1.2, "stream-messages openai": 3, "stream-messages bedrock invoke": 3,
		"hold openai": 1.3,
	}
	all := goals(allGroups())
	for _, g := range all {
		if want[g.group+" "+g.route] != g.limit {
			t.Errorf("%s %s: %v", g.group, g.route, g.limit)
		}
	}
	if len(all) != len(want) {
		t.Errorf("%d goals, want %d", len(all), len(want))
	}
}

func TestEntries(t *testing.T) {
	g := group{api: prompt.Messages, conns: 1, routes: []route{toAnthropic, toInvoke}}
	var names []string
	for _, e := range g.entries(func(string) bool { return true }) {
		j := g.job(e, "", shortSize)
		names = append(names, e.String()+" "+j.Prefix+j.Orders.Model())
	}
	want := []string{"nginx claude-mock-n40", "proxy claude-mock-n40", "turnpike → anthropic an/claude-mock-n40", "turnpike → bedrock invoke bi/anthropic.claude-mock-n40"}
	if !slices.Equal(names, want) {
		t.Errorf("got %q", names)
	}
}

func TestEntriesOfAccounts(t *testing.T) {
	for _, g := range allGroups() {
		if !g.accounts {
			continue
		}
		var names []string
		for _, e := range g.entries(func(string) bool { return true }) {
			names = append(names, e.String())
		}
		if want := []string{"bare → openai", "turnpike → openai", "accounted → openai"}; !slices.Equal(names, want) {
			t.Errorf("%s: %q", g.id, names)
		}
		if list := g.entries(func(target string) bool { return target != turnpike }); len(list) != 0 {
			t.Errorf("%s without the gateway: %v", g.id, list)
		}
	}
}

func TestAdded(t *testing.T) {
	at := func(target string, m metric, v float64) *row {
		return withFigures(entry{target: target, route: toOpenAI.name}, m, v)
	}
	closed := outcome{group{id: "accounts", routes: []route{toOpenAI}}, []*row{at(bare, cpu, .100), at(accounted, cpu, .120)}}
	open := outcome{group{id: "accounts-open", routes: []route{toOpenAI}}, []*row{at(bare, p99, .003), at(accounted, p99, .0045)}}
	text := added([]outcome{closed, open})
	for _, want := range []string{
		"| accounts | CPU a request | 120 µs | 100 µs | 20 µs | ≤ 25 µs | pass |",
		"| accounts-open | p99 | 4.5 ms | 3.0 ms | 1.5 ms | ≤ 1.0 ms | **miss** |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("missing: %s\nin:\n%s", want, text)
		}
	}
	if added(nil) != "" {
		t.Error("goals of what was not measured")
	}
}

func TestParse(t *testing.T) {
	o, err := parse([]string{"-short", "-rounds", "2", "-targets", "proxy", "-groups", "hold"})
	if err != nil || o.size.rounds != 2 || o.size.window != shortSize.window || !slices.Equal(o.targets, []string{"proxy"}) || !o.groups.MatchString("hold") {
		t.Errorf("%+v, %v", o, err)
	}
	for _, args := range [][]string{{"-targets", "apache"}, {"-groups", "("}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%q was taken", args)
		}
	}
}

// own is a process that is this test itself, with a mock listening in it.
func own(t *testing.T) *process {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- mock.New().Serve(ctx, ln) }()
	t.Cleanup(func() { cancel(); <-done })
	return &process{name: "own", addr: ln.Addr().String(), family: []int{os.Getpid()}}
}

func TestRun(t *testing.T) {
	p := own(t)
	b := &bench{size: size{rounds: 2, window: 10 * time.Millisecond}, running: map[string]*process{"mock": p, proxy: p}, progress: io.Discard}
	g := group{id: "test", api: prompt.Chat, stream: true, conns: 2}
	entries := []entry{{target: proxy, key: mock.UpstreamKey}, {target: proxy, route: "bad", key: "another"}}
	rows, err := b.run(t.Context(), g, entries)
	if err != nil {
		t.Fatal(err)
	}
	m := rows[0].median()
	if len(rows[0].runs) != 2 || rows[0].wrong != 0 || m[rate] <= 0 || m[p50] <= 0 || m[first50] <= 0 || m[peak] <= 0 {
		t.Errorf("runs %v, faults %q", rows[0].runs, rows[0].faults)
	}
	if rows[1].wrong != 1 || len(rows[1].runs) != 0 {
		t.Errorf("a target that answers wrongly was measured: %+v", rows[1])
	}
	o := outcome{g, rows}
	if err := wrongAnswers([]outcome{o}); err == nil || !strings.Contains(err.Error(), "proxy → bad: 1 wrong") {
		t.Errorf("wrong answers: %v", err)
	}
	text := report([]outcome{o}, b.size, time.Now(), 1, "go")
	if !strings.Contains(text, "**1 wrong**") || !strings.Contains(text, "| proxy |") {
		t.Error(text)
	}
}

func TestProcessThatFails(t *testing.T) {
	p := &process{name: "x", addr: "127.0.0.1:1", ready: "/", argv: []string{"/bin/sh", "-c", "echo no such option >&2; exit 3"}, log: filepath.Join(t.TempDir(), "log")}
	err := p.start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "ended before it was ready") || !strings.Contains(err.Error(), "no such option") {
		t.Errorf("got %v", err)
	}
}

func TestConfigs(t *testing.T) {
	s := settings{bin: "/b", out: t.TempDir(), turnpike: "/b/turnpike"}
	all, err := processes(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{nginx, turnpike, bare} {
		p := all[name]
		if err := p.prepare(); err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(p.argv, regexp.MustCompile(`\.(conf|yaml)$`).MatchString)
		b, err := os.ReadFile(p.argv[i])
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(p.addr)
		if !strings.Contains(string(b), port) || !strings.Contains(string(b), all["mock"].addr) || strings.Contains(string(b), "%!") {
			t.Errorf("%s: %s", name, b)
		}
	}
}
