package conformance

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"turnpike/internal/health"
	"turnpike/internal/provider"
	"turnpike/internal/route"
)

// fault is what an account does wrong, on a real socket.
type fault struct {
	name         string
	whole        func(tongue) script // asked for a whole answer; nil: it is not
	stream       func(tongue) script // asked for a stream
	nobody, once bool                // nobody listens; a stream fares as a whole answer
	waits        bool                // until a bound of the account is reached
	bounds       provider.Timeouts   // its bounds, where they are not the short ones
	place        func(*testing.T) *wireUp
}

// refuses answers with an error.
func refuses(status int, kind, message string, header ...string) func(tongue) script {
	return func(s tongue) script {
		return func(c *line, _ int) {
			c.head(status, "application/json", header...)
			c.say(s.refuse(kind, message))
		}
	}
}

// sends opens a stream, says something, and goes on.
func sends(what func(tongue) string, then func(*line)) func(tongue) script {
	return func(s tongue) script {
		return func(c *line, _ int) {
			c.head(200, "text/event-stream")
			c.say(what(s))
			then(c)
		}
	}
}

var (
	stops = func(*line) {}
	holds = (*line).hold
	torn  = (*line).reset
)

// faults are in the order of an answer's life.
var faults = []fault{
	{name: "no connection", nobody: true, once: true},
	{
		name: "a connection that nobody takes (`timeouts.connect`)", nobody: true, once: true, waits: true, place: newFullUp,
		bounds: provider.Timeouts{Connect: 600 * time.Millisecond, Total: patience},
	},
	{
		name: "a handshake that does not come (`timeouts.tls`)", nobody: true, once: true, waits: true, place: newMuteUp,
		bounds: provider.Timeouts{Connect: 5 * time.Second, TLS: 600 * time.Millisecond, Total: patience},
	},
	{name: "a reset before the head", once: true, whole: func(tongue) script { return func(c *line, _ int) { c.reset() } }},
	{name: "the connection ends before the head", once: true, whole: func(tongue) script { return func(*line, int) {} }},
	{name: "no head (`timeouts.first_byte`)", waits: true, once: true, whole: func(tongue) script { return func(c *line, _ int) { c.hold() } }},
	{name: "a head that trickles (`timeouts.first_byte`)", waits: true, once: true, whole: func(tongue) script {
		return func(c *line, _ int) {
			c.say("HTTP/1.1 200 OK\r\nX-Slow: ")
			for range 1000 {
				if _, err := c.Write([]byte("z")); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond) //nolint:forbidigo // a slow upstream
			}
		}
	}},
	{name: "no HTTP", once: true, whole: func(tongue) script { return func(c *line, _ int) { c.say("SSH-2.0-x\r\n") } }},
	{name: "a body that stops (`timeouts.idle`)", waits: true, whole: func(s tongue) script {
		return func(c *line, _ int) {
			c.head(200, "application/json", "Content-Length", "4096")
			c.say(s.whole[:20])
			c.hold()
		}
	}},
	{name: "a body that is torn", whole: func(s tongue) script {
		return func(c *line, _ int) {
			c.head(200, "application/json", "Content-Length", "4096")
			c.say(s.whole[:20])
			c.reset()
		}
	}},
	{name: "a body that is cut short", whole: func(s tongue) script {
		return func(c *line, _ int) { c.head(200, "application/json", "Content-Length", "4096"); c.say(s.whole[:20]) }
	}},
	{name: "200 and an empty stream", stream: sends(func(tongue) string { return "" }, stops)},
	{name: "200, then silence (`timeouts.first_content`)", waits: true, stream: sends(func(tongue) string { return "" }, holds)},
	{name: "200, signs of life and nothing else (`timeouts.first_content`)", waits: true, stream: func(tongue) script {
		return func(c *line, _ int) {
			c.head(200, "text/event-stream")
			for range 1000 {
				if _, err := c.Write([]byte(": alive\n\n")); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond) //nolint:forbidigo // a slow upstream
			}
		}
	}},
	{name: "200, then a reset", stream: sends(func(tongue) string { return "" }, torn)},
	{name: "200, then an error as the first frame", stream: sends(func(s tongue) string { return s.fault }, stops)},
	{name: "a start, then an error", stream: sends(func(s tongue) string { return s.start + s.fault }, stops)},
	{name: "a start, then silence (`timeouts.idle`)", waits: true, stream: sends(func(s tongue) string { return s.start }, holds)},
	{name: "a start, then a reset", stream: sends(func(s tongue) string { return s.start }, torn)},
	{name: "half a frame", stream: sends(func(s tongue) string { return s.start[:len(s.start)/2] }, stops)},
	{name: "frames that are no JSON", stream: sends(func(tongue) string { return "data: {nonsense\n\n" }, stops)},
	{name: "content, then an error", stream: sends(func(s tongue) string { return s.start + s.content + s.fault }, stops)},
	{name: "content, then silence (`timeouts.idle`)", waits: true, stream: sends(func(s tongue) string { return s.start + s.content }, holds)},
	{name: "content, then a reset", stream: sends(func(s tongue) string { return s.start + s.content }, torn)},
	{name: "content, then half a frame", stream: sends(func(s tongue) string { return s.start + s.content + s.rest[:len(s.rest)/3] }, stops)},
	{
		name: "content without an end (`timeouts.total`)", waits: true, bounds: provider.Timeouts{Connect: 5 * time.Second, Total: time.Second},
		stream: sends(func(s tongue) string { return s.start + s.content }, func(c *line) {
			for range 1000 {
				if _, err := c.Write([]byte(": alive\n\n")); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond) //nolint:forbidigo // an upstream that goes on and on
			}
		}),
	},
	{name: "a stream that trickles", stream: func(s tongue) script {
		return func(c *line, _ int) {
			c.head(200, "text/event-stream")
			for _, b := range []byte(s.start + s.content + s.rest) {
				c.say(string(b))
				time.Sleep(time.Millisecond) //nolint:forbidigo // a slow upstream
			}
		}
	}},
	{name: "400", whole: refuses(400, "invalid_request_error", "no such thing")},
	{name: "401", whole: refuses(401, "authentication_error", "bad key")},
	{name: "403", whole: refuses(403, "permission_error", "not this model")},
	{name: "404", whole: refuses(404, "not_found_error", "no such file")},
	{name: "404, it has no such model", whole: refuses(404, "not_found_error", "model: m")},
	{name: "408", whole: refuses(408, "timeout_error", "too late")},
	{name: "413", whole: refuses(413, "request_too_large", "too large")},
	{name: "429", whole: refuses(429, "rate_limit_error", "slow down")},
	{name: "429, `Retry-After: 7`", whole: refuses(429, "rate_limit_error", "slow down", "Retry-After", "7")},
	{name: "429, `Retry-After: 7.9`", whole: refuses(429, "rate_limit_error", "slow down", "Retry-After", "7.9")},
	{name: "429, `Retry-After-Ms: 9000`", whole: refuses(429, "rate_limit_error", "slow down", "Retry-After-Ms", "9000", "Retry-After", "1")},
	{name: "429, `Retry-After:` a date 20 s after its `Date`", whole: refuses(429, "rate_limit_error", "slow down",
		"Date", "Fri, 02 Jan 2026 10:00:00 GMT", "Retry-After", "Fri, 02 Jan 2026 10:00:20 GMT")},
	{name: "429, `Retry-After: soon`", whole: refuses(429, "rate_limit_error", "slow down", "Retry-After", "soon")},
	{name: "429, the money is spent", whole: refuses(429, "insufficient_quota", "no credit")},
	{name: "500", whole: refuses(500, "api_error", "oh")},
	{name: "502, a page", whole: func(tongue) script {
		return func(c *line, _ int) { c.head(502, "text/html"); c.say("<html>bad gateway</html>") }
	}},
	{name: "503", whole: refuses(503, "api_error", "not ready")},
	{name: "529", whole: refuses(529, "overloaded_error", "too busy")},
}

// outcome is what came of a request.
type outcome struct {
	client, asked, ledger, then string
}

// play sends one request to two accounts, the first of which does something wrong.
func (f *fault) play(t *testing.T, stream bool, from, first, second string) outcome {
	t.Helper()
	what := f.whole
	if stream && f.stream != nil {
		what = f.stream
	}
	var bad script
	if !f.nobody {
		bad = what(tongueOf(first, "first"))
	}
	patient := provider.Timeouts{Connect: 5 * time.Second, Total: patience}
	one := newWireUp(t, bad)
	if f.place != nil {
		one = f.place(t)
	}
	two := newWireUp(t, well(tongueOf(second, "second")))
	bounds := patient
	switch {
	case f.bounds != (provider.Timeouts{}):
		bounds = f.bounds
	case f.waits:
		bounds = short
	}
	a, b := wireAccount(t, "first", first, 2, one, bounds, stream), wireAccount(t, "second", second, 1, two, patient, stream)
	w := newWorld(t, func(s *setup) { s.routing, s.accounts = &byWeight, []*route.Account{a, b} })
	body := `{"model":"m","max_tokens":100,"messages":[{"role":"user","content":"q"}]}`
	if stream {
		body = streamed(body)
	}
	r := w.do(http.MethodPost, clientPaths[from], body)
	o := outcome{client: seen(t, from, r, stream), asked: "nobody else"}
	if two.asked.Load() > 0 {
		o.asked = "the second"
	}
	place := a.Place("m")
	if until, class := place.Cooling(); !until.IsZero() {
		o.then = fmt.Sprintf("left alone, %s, %d s", class, (time.Until(until)+time.Second-1)/time.Second)
	} else if place.State(time.Now()) == health.Closed {
		o.then = "asked again"
	}
	o.ledger = ledgerOf(w)
	return o
}

// seen is what the client got, in words.
func seen(t *testing.T, from string, r *reply, stream bool) string {
	t.Helper()
	var out string
	switch {
	case r.status != http.StatusOK:
		doc := decoded(string(r.body))
		msg, _ := at(doc, "error.message")
		out = fmt.Sprintf("%d “%v”", r.status, msg)
		if wait := r.header.Get("Retry-After"); wait != "" {
			out += ", `Retry-After: " + wait + "`"
		}
		return out
	case !stream:
		return "200, the answer of the " + namedIn(from, decoded(string(r.body)))
	}
	answer, failed, err := heard(from, r.body)
	if err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
	if failed == nil {
		return "200, the answer of the " + namedIn(from, answer)
	}
	if bytes.Contains(r.body, []byte("second")) {
		t.Errorf("two answers in one: %s", r.body)
	}
	return fmt.Sprintf("200, what the first said, then the error “%s” in the stream", text(failed, "message"))
}

func namedIn(from string, answer object) string {
	path := "choices.0.message.content"
	if from == messagesAPI {
		path = "content.0.text"
	}
	v, _ := at(answer, path)
	return fmt.Sprint(v)
}

// ledgerOf is what the ledger holds, row by row.
func ledgerOf(w *world) string {
	var rows []string
	for _, a := range w.attempts() {
		row := a.Provider + ":"
		if a.Status != 0 {
			row += fmt.Sprintf(" %d", a.Status)
		}
		if a.ErrorClass != "" {
			row += " " + a.ErrorClass
		}
		if a.Usage.Input+a.Usage.Output > 0 {
			row += fmt.Sprintf(" %d→%d", a.Usage.Input, a.Usage.Output)
			if a.Usage.Estimated {
				row += " estimated"
			}
		}
		rows = append(rows, row)
	}
	return strings.Join(rows, "; ")
}

const (
	routingDoc  = "../../docs/routing.md"
	beginFaults = "<!-- faults: written by go test ./internal/conformance -run TestFaults -update -->\n"
	endFaults   = "<!-- end of faults -->\n"
	beginAlone  = "<!-- alone: written by go test ./internal/conformance -run TestAlone -update -->\n"
	endAlone    = "<!-- end of alone -->\n"
)

// TestFaults plays what upstreams do wrong against two accounts, and holds the table
// of docs/routing.md to what comes of it. It is the same whichever dialects are
// spoken.
func TestFaults(t *testing.T) {
	lines := make([][2]string, len(faults)) // whole, stream
	t.Run("faults", func(t *testing.T) {
		for i := range faults {
			f := &faults[i]
			for k, stream := range []bool{false, true} {
				if !f.nobody && (stream && f.stream == nil && !f.once || !stream && f.whole == nil) {
					continue
				}
				t.Run(fmt.Sprintf("%s, streamed: %t", f.name, stream), func(t *testing.T) {
					t.Parallel()
					o := f.play(t, stream, chatAPI, chatAPI, messagesAPI)
					lines[i][k] = fmt.Sprintf(" | %s | %s | %s | %s |\n", o.client, o.asked, o.ledger, o.then)
					for i, other := range [][3]string{{messagesAPI, messagesAPI, chatAPI}, {chatAPI, messagesAPI, chatAPI}, {messagesAPI, chatAPI, chatAPI}} {
						if f.waits && i > 0 {
							break
						}
						p := f.play(t, stream, other[0], other[1], other[2])
						if p.asked != o.asked || strings.HasPrefix(p.client, "200, the") != strings.HasPrefix(o.client, "200, the") {
							t.Errorf("%v: %+v\nelse %+v", other, p, o)
						}
					}
				})
			}
		}
	})
	if t.Failed() {
		return
	}
	var rows strings.Builder
	for i, l := range lines {
		name := "| " + faults[i].name
		if l[0] == l[1] {
			rows.WriteString(name + " | either" + l[0])
			continue
		}
		for k, as := range []string{" | whole", " | stream"} {
			if l[k] != "" {
				rows.WriteString(name + as + l[k])
			}
		}
	}
	table := "| the first account's answer | asked for | the client gets | who is asked next | the ledger (input→output tokens) | the first account is then |\n|---|---|---|---|---|---|\n" + rows.String()
	checkDoc(t, beginFaults, endFaults, table)
}

// checkDoc compares a part of docs/routing.md, or writes it.
func checkDoc(t *testing.T, begin, end, want string) {
	t.Helper()
	doc, err := os.ReadFile(routingDoc)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(doc), begin)
	now, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("docs/routing.md has no place between %q and %q", begin, end)
	}
	if now == want {
		return
	}
	if !*update {
		t.Fatalf("docs/routing.md says otherwise (go test -run %s -update writes it):\n%s", t.Name(), diffLines(now, want))
	}
	if err := os.WriteFile(routingDoc, []byte(before+begin+want+end+after), 0o644); err != nil { //nolint:gosec // a document
		t.Fatal(err)
	}
}

// diffLines are the lines that only one of two texts has.
func diffLines(was, is string) string {
	var out strings.Builder
	for sign, pair := range map[string][2]string{"-": {was, is}, "+": {is, was}} {
		for l := range strings.Lines(pair[0]) {
			if !strings.Contains(pair[1], l) {
				out.WriteString(sign + l)
			}
		}
	}
	return out.String()
}

// TestAlone plays refusals of the only account there is, which answers well when it
// is asked again.
func TestAlone(t *testing.T) {
	type alone struct {
		name   string
		status int
		kind   string
		header []string
		least  time.Duration // that is waited
		wait   string
	}
	list := []alone{
		{"429, `Retry-After: 1`", 429, "rate_limit_error", []string{"Retry-After", "1"}, time.Second, "1 s and up to a quarter more"},
		{"429, `Retry-After: 0.3`", 429, "rate_limit_error", []string{"Retry-After", "0.3"}, 300 * time.Millisecond, "0.3 s and up to a quarter more"},
		{"429, `Retry-After-Ms: 300`", 429, "rate_limit_error", []string{"Retry-After-Ms", "300", "Retry-After", "60"}, 300 * time.Millisecond, "0.3 s and up to a quarter more"},
		{
			"429, `Retry-After:` a date 1 s after its `Date`", 429, "rate_limit_error",
			[]string{"Date", "Fri, 02 Jan 2026 10:00:00 GMT", "Retry-After", "Fri, 02 Jan 2026 10:00:01 GMT"},
			time.Second, "1 s and up to a quarter more",
		},
		{"429, `Retry-After: 60`", 429, "rate_limit_error", []string{"Retry-After", "60"}, 0, "none: longer than `routing.max_wait`"},
		{"429, `Retry-After: soon`", 429, "rate_limit_error", []string{"Retry-After", "soon"}, 0, "at random, up to 0.5 s"},
		{"429, `Retry-After: -5`", 429, "rate_limit_error", []string{"Retry-After", "-5"}, 0, "at random, up to 0.5 s"},
		{"429", 429, "rate_limit_error", nil, 0, "at random, up to 0.5 s"},
		{"429, the money is spent", 429, "insufficient_quota", nil, 0, "none: it would not help"},
		{"500", 500, "server_error", nil, 0, "at random, up to 0.5 s"},
		{"503, `Retry-After: 1`", 503, "overloaded", []string{"Retry-After", "1"}, time.Second, "1 s and up to a quarter more"},
		{"529", 529, "overloaded", nil, 0, "at random, up to 0.5 s"},
		{"401", 401, "invalid_api_key", nil, 0, "none: it would not help"},
		{"400", 400, "invalid_request_error", nil, 0, "none: it would not help"},
	}
	lines := make([]string, len(list))
	t.Run("refusals", func(t *testing.T) {
		for i, c := range list {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				s := chatTongue("account")
				up := newWireUp(t, func(l *line, n int) {
					if n > 1 {
						well(s)(l, n)
						return
					}
					refuses(c.status, c.kind, "no", c.header...)(s)(l, n)
				})
				a := wireAccount(t, "account", chatAPI, 1, up, provider.Timeouts{Total: patience}, false)
				w := newWorld(t, func(s *setup) { s.routing, s.accounts = &byWeight, []*route.Account{a} })
				start := time.Now()
				r := w.do(http.MethodPost, clientPaths[chatAPI], `{"model":"m","messages":[{"role":"user","content":"q"}]}`)
				if took := time.Since(start); took < c.least {
					t.Errorf("asked again after %v", took)
				}
				lines[i] = fmt.Sprintf("| %s | %s | %s | %s |\n", c.name, c.wait, seen(t, chatAPI, r, false), ledgerOf(w))
			})
		}
	})
	if t.Failed() {
		return
	}
	checkDoc(t, beginAlone, endAlone, "| the account's answer | the wait before it is asked again | the client gets | the ledger (input→output tokens) |\n|---|---|---|---|\n"+strings.Join(lines, ""))
}

// TestFlapping has an account that fails every other time, and one that is well:
// no client sees anything of it.
func TestFlapping(t *testing.T) {
	s := chatTongue("first")
	up := newWireUp(t, func(l *line, n int) {
		if n%2 == 0 {
			l.reset()
			return
		}
		well(s)(l, n)
	})
	two := newWireUp(t, well(claudeTongue("second")))
	bounds := provider.Timeouts{Total: patience}
	a, b := wireAccount(t, "first", chatAPI, 2, up, bounds, false), wireAccount(t, "second", messagesAPI, 1, two, bounds, false)
	w := newWorld(t, func(s *setup) { s.routing, s.accounts = &byWeight, []*route.Account{a, b} })
	const n = 60
	for range n {
		if r := w.do(http.MethodPost, clientPaths[chatAPI], `{"model":"m","messages":[{"role":"user","content":"q"}]}`); r.status != http.StatusOK {
			t.Fatalf("answered %d %s", r.status, r.body)
		}
	}
	first, second := int(up.asked.Load()), int(two.asked.Load())
	if first < 6 || first > n/2 || len(w.attempts()) != first+second {
		t.Errorf("%d and %d requests, %d rows: half of its requests fail, so it must be left alone", first, second, len(w.attempts()))
	}
}
