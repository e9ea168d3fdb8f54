package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"turnpike/internal/affinity"
	"turnpike/internal/health"
	"turnpike/internal/keyring"
	"turnpike/internal/policy"
	"turnpike/internal/provider"
	"turnpike/internal/retry"
	"turnpike/internal/route"
	"turnpike/internal/store"
	"turnpike/internal/throttle"
)

// priority asks in the order of the list.
var priority = route.Settings{Strategy: policy.StrategyPriority}

func fails(status int, body string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) { return reply(status, "application/json", body) }
}

func streams(body string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) { return reply(200, "text/event-stream", body) }
}

// TestFailover: what the first account does, and who is asked then. The second one
// speaks the client's dialect or another.
func TestFailover(t *testing.T) {
	const whole, stream = `{"model":"m"}`, `{"model":"m","stream":true}`
	type answer = func(*http.Request) (*http.Response, error)
	wellWhole, wellStream := said, streams("data: {\"d\":\"second\"}\n\n"+eventEnd)
	torn := func(*http.Request) (*http.Response, error) { return nil, errReset }
	for _, c := range []struct {
		name, body string
		first      answer
		moves      bool
		status     int    // of the client's answer
		want       string // part of it
		class      string // of the first row
	}{
		{"no connection", whole, torn, true, 200, `"said":"x"`, "upstream"},
		{"408", whole, fails(408, `{"error":"late"}`), true, 200, `"said":"x"`, "timeout"},
		{"429", whole, fails(429, `{"error":"slow down"}`), true, 200, `"said":"x"`, "rate"},
		{"500", whole, fails(500, `{"error":"oh"}`), true, 200, `"said":"x"`, "upstream"},
		{"529", stream, fails(529, `{"error":"busy"}`), true, 200, "second", "overloaded"},
		{"our credentials", whole, fails(401, `{"error":"bad key"}`), true, 200, `"said":"x"`, "auth"},
		{"ERR-10 the caller's 400", whole, fails(400, `{"error":"no"}`), false, 400, `{"error":"no"}`, "invalid"},
		{"ERR-10 the caller's 404", stream, fails(404, `{"error":"no"}`), false, 404, `{"error":"no"}`, "not_found"},
		{"ERR-10 the caller's 413", whole, fails(413, `{"error":"no"}`), false, 413, `{"error":"no"}`, "too_large"},
		{"STR-03 an error as the first frame", stream, streams("data: {\"error\":\"busy\"}\n\n"), true, 200, "second", ""},
		{"STR-04 an error behind the start", stream, streams("data: {\"start\":1}\n\ndata: {\"error\":\"busy\"}\n\n"), true, 200, "second", ""},
		{"nothing at all", stream, streams(""), true, 200, "second", "upstream"},
		{"half a frame", stream, streams("data: {\"d"), true, 200, "second", "upstream"},
		{"STR-06 an error behind content", stream, streams(eventD + "data: {\"error\":\"busy\"}\n\n"), false, 200, eventD + "data: {\"error\":\"busy\"}\n\n", ""},
		{"STR-06 broken off behind content", stream, streams(eventD), false, 200, "broke off\"}\n\n", "upstream"},
	} {
		for _, dialects := range [][2]string{{"toy", "toy"}, {"toy", "other"}, {"other", "toy"}, {"other", "other"}} {
			t.Run(c.name+" "+strings.Join(dialects[:], " "), func(t *testing.T) {
				well := wellWhole
				if c.body == stream {
					well = wellStream
				}
				a, b := &toyProvider{name: "a", dialect: dialects[0], answer: c.first}, &toyProvider{name: "b", dialect: dialects[1], answer: well}
				g := newTestGatewayOf(t, several(priority, a, b))
				w := g.post("/toy", c.body)
				if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
					t.Errorf("the client got %d %s", w.Code, w.Body)
				}
				if c.moves && strings.Contains(w.Body.String(), "error") {
					t.Errorf("the client saw something of the first: %s", w.Body)
				}
				rows, served, attempts := g.attempts(), "a", "1"
				if c.moves {
					served, attempts = "b", "2"
				}
				if h := w.Header(); h.Get("X-Turnpike-Provider") != served || h.Get("X-Turnpike-Model") != "m" || h.Get("X-Turnpike-Attempts") != attempts {
					t.Errorf("the head says %v", h)
				}
				if len(rows) != len(a.sent)+len(b.sent) || len(a.sent) != 1 || (len(b.sent) == 1) != c.moves {
					t.Fatalf("%d and %d requests, %d rows", len(a.sent), len(b.sent), len(rows))
				}
				if rows[0].Number != 1 || rows[0].Provider != "a" || c.class != "" && rows[0].ErrorClass != c.class || rows[0].ErrorClass == "" {
					t.Errorf("the first row %+v", rows[0])
				}
				if c.moves && (rows[1].Number != 2 || rows[1].Provider != "b" || rows[1].ErrorClass != "" || rows[1].Status != 200 || rows[1].RequestID != rows[0].RequestID || rows[1].Usage.Output == 0) {
					t.Errorf("the second row %+v", rows[1])
				}
				if n := g.opt.Table.Accounts()[0].Place("m").Inflight(); n != 0 {
					t.Errorf("%d are under way for ever", n)
				}
			})
		}
	}
}

// TestUsageOfFailedAttempts: what an attempt took before it failed is a row.
func TestUsageOfFailedAttempts(t *testing.T) {
	for _, c := range []struct {
		name, first string
	}{
		{"toy", "data: {\"start\":1}\n\ndata: {\"error\":\"busy\"}\n\n"},
		{"other", "data: {\"start\":1}\n\ndata: {\"error\":\"busy\"}\n\n"},
		{"toy", "data: {\"start\":1}\n\n"},
		{"other", "data: {\"start\":1}\n\n"},
	} {
		t.Run("USE-19 tokens of failed attempts are rows of their own "+c.name, func(t *testing.T) {
			a, b := &toyProvider{name: "a", dialect: c.name, answer: streams(c.first)}, &toyProvider{name: "b", dialect: "toy", answer: streams(eventD + eventEnd)}
			g := newTestGatewayOf(t, several(priority, a, b))
			g.post("/toy", `{"model":"m","stream":true}`)
			rows := g.attempts()
			if len(rows) != 2 || rows[0].Usage.Input != 11 || rows[0].FirstContent != 0 || rows[1].Usage.Input != 7 || rows[1].Usage.Output != 9 {
				t.Errorf("rows %+v", rows)
			}
		})
	}
}

// An alias's chain is asked in its order once nobody of the step before is left.
func TestFallbackChain(t *testing.T) {
	s := priority
	s.Aliases = policy.Aliases{{Match: "best", To: []string{"only-a", "only-b", "only-c"}}}
	a, b, c := &toyProvider{name: "a", dialect: "toy", answer: fails(503, `{}`)}, &toyProvider{name: "b", dialect: "other", answer: fails(529, `{}`)}, &toyProvider{name: "c", dialect: "toy", answer: said}
	g := newTestGatewayOf(t, several(s, a, b, c))
	w := g.post("/toy", `{"model":"best"}`)
	if w.Code != 200 || w.Header().Get("X-Turnpike-Provider") != "c" || w.Header().Get("X-Turnpike-Model") != "only-c" || w.Header().Get("X-Turnpike-Attempts") != "3" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if got := string(c.sent[0]); got != `{"model":"only-c"}` {
		t.Errorf("the last one was sent %s", got)
	}
}

// A sign of life is no content: behind it somebody else may still be asked.
func TestFailoverBehindAHeartbeat(t *testing.T) {
	for _, second := range []string{"toy", "other"} {
		synctest.Test(t, func(t *testing.T) {
			a := &toyProvider{name: "a", dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
				time.Sleep(20 * time.Second) //nolint:forbidigo // fake clock
				return reply(503, "application/json", `{"error":"busy"}`)
			}}
			b := &toyProvider{name: "b", dialect: second, answer: func(*http.Request) (*http.Response, error) {
				time.Sleep(20 * time.Second) //nolint:forbidigo // fake clock
				return reply(200, "text/event-stream", eventD+eventEnd)
			}}
			g := newTestGatewayOf(t, several(priority, a, b))
			w := g.post("/toy", `{"model":"m","stream":true}`)
			if want := ": still here\n\n: still here\n\n" + eventD + eventEnd; w.Code != 200 || w.Body.String() != want {
				t.Errorf("got %d %q, want %q", w.Code, w.Body, want)
			}
			if h := w.Result().Header; h.Get("X-Turnpike-Provider") != "a" || h.Get("Trailer:X-Turnpike-Provider")+w.Result().Trailer.Get("X-Turnpike-Provider") != "b" {
				t.Errorf("the trailer says who served in the end: %v %v", h, w.Result().Trailer)
			}
			rows := g.attempts()
			if len(rows) != 2 || rows[0].Latency != 20*time.Second || rows[1].Latency != 20*time.Second || rows[1].FirstContent != 20*time.Second {
				t.Errorf("rows %+v", rows)
			}
		})
	}
}

// TestFirstContent: who has not begun in time is left, signs of life or not.
func TestFirstContent(t *testing.T) {
	for name, sign := range map[string]string{"silent": "", "STR-07 with signs of life": ": alive\n\n"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &toyProvider{name: "a", dialect: "toy", timeouts: provider.Timeouts{FirstContent: 30 * time.Second, Idle: 10 * time.Second}}
				a.answer = func(r *http.Request) (*http.Response, error) {
					return replyFrom(200, "text/event-stream", &pieces{next: func(int) (string, error) {
						wait := 8 * time.Second
						if sign == "" {
							wait = time.Hour
						}
						select {
						case <-time.After(wait):
							return sign, nil
						case <-r.Context().Done():
							return "", r.Context().Err()
						}
					}})
				}
				b := &toyProvider{name: "b", dialect: "toy", answer: streams(eventD + eventEnd)}
				g := newTestGatewayOf(t, several(priority, a, b))
				start := time.Now()
				w := g.post("/toy", `{"model":"m","stream":true}`)
				if got := strings.ReplaceAll(w.Body.String(), ": still here\n\n", ""); w.Code != 200 || got != eventD+eventEnd {
					t.Errorf("got %d %q", w.Code, got)
				}
				if took := time.Since(start); took != 30*time.Second {
					t.Errorf("it took %v", took)
				}
				if rows := g.attempts(); len(rows) != 2 || rows[0].ErrorClass != "timeout" || rows[1].ErrorClass != "" {
					t.Errorf("rows %+v", rows)
				}
			})
		})
	}
}

// Alone, an account is asked again after a while: not before it says, and not
// where it asks for more than a request is held for.
func TestTheSameAgain(t *testing.T) {
	for _, c := range []struct {
		name   string // of the case, and of what it shows
		header http.Header
		least  time.Duration
		sent   int
		status int
	}{
		{"the wait it asks for", http.Header{"Retry-After": {"7"}}, 7 * time.Second, 2, 200},
		{"in milliseconds", http.Header{"Retry-After-Ms": {"2500"}}, 2500 * time.Millisecond, 2, 200},
		{"too long a wait", http.Header{"Retry-After": {"60"}}, 0, 1, 429},
		{"USE-15 it says nothing", http.Header{}, 0, 2, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				up := &toyProvider{name: "a", dialect: "toy"}
				up.answer = func(*http.Request) (*http.Response, error) {
					if len(up.sent) > 1 {
						return said(nil)
					}
					res, err := reply(429, "application/json", `{"error":"slow down"}`)
					maps.Copy(res.Header, c.header)
					return res, err
				}
				g := newTestGatewayOf(t, several(priority, up))
				start := time.Now()
				w := g.post("/toy", `{"model":"m"}`)
				if took := time.Since(start); w.Code != c.status || len(up.sent) != c.sent || took < c.least || took > 10*time.Second {
					t.Errorf("%d after %v, sent %d", w.Code, took, len(up.sent))
				}
				if c.status == 429 && w.Header().Get("Retry-After") != c.header.Get("Retry-After") {
					t.Errorf("the client is told %v", w.Header())
				}
				if c.sent == 2 {
					rows := g.attempts()
					if rows[1].Usage != (store.Usage{Input: 3, Output: 4}) { // what the upstream said, and nothing of a cache
						t.Errorf("rows %+v", rows)
					}
				}
			})
		})
	}
}

// TestBounds: attempts, the whole time and the budget bound what is done.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &toyProvider{name: "a", dialect: "toy", answer: fails(500, `{"error":"oh"}`)}
		g := newTestGatewayOf(t, several(priority, up))
		if w := g.post("/toy", `{"model":"m"}`); w.Code != 500 || len(up.sent) != retry.Default.Attempts || w.Body.String() != `{"error":"oh"}` || w.Header().Get("X-Turnpike-Attempts") != "4" {
			t.Errorf("%d %v after %d", w.Code, w.Header(), len(up.sent))
		}
		s := priority
		s.Budget = retry.NewBudget(0, 0, time.Now)
		up = &toyProvider{name: "a", dialect: "toy", answer: fails(500, `{"error":"oh"}`)}
		g2 := newTestGatewayOf(t, several(s, up, &toyProvider{name: "b", dialect: "toy", answer: said}))
		if w := g2.post("/toy", `{"model":"m"}`); w.Code != 500 || len(up.sent) != 1 {
			t.Errorf("without a budget: %d after %d", w.Code, len(up.sent))
		}
		s = priority
		s.Retry = retry.Plan{Attempts: 4, Total: 10 * time.Second, MaxWait: time.Second, Base: time.Second}
		slow := func(*http.Request) (*http.Response, error) {
			time.Sleep(11 * time.Second) //nolint:forbidigo // fake clock
			return nil, errReset
		}
		up = &toyProvider{name: "a", dialect: "toy", answer: slow}
		g3 := newTestGatewayOf(t, several(s, up, &toyProvider{name: "b", dialect: "toy", answer: said}))
		if w := g3.post("/toy", `{"model":"m"}`); w.Code != 502 || len(up.sent) != 1 {
			t.Errorf("too late: %d after %d", w.Code, len(up.sent))
		}
		for _, g := range []*testGateway{g, g2, g3} {
			g.attempts()
		}
	})
}

// A target that cannot take the request is passed over: nothing was sent.
func TestWhoCannotTakeItIsPassedOver(t *testing.T) {
	a, b := &toyProvider{name: "a", dialect: "other", answer: said}, &toyProvider{name: "b", dialect: "toy", answer: said}
	g := newTestGatewayOf(t, several(priority, a, b))
	w := g.post("/toy", `{"model":"m"}`, "X-Turnpike-Strict", "true") // the translation loses manners
	if w.Code != 200 || len(a.sent) != 0 || w.Header().Get("X-Turnpike-Provider") != "b" || w.Header().Get("X-Turnpike-Attempts") != "1" || w.Header().Get("X-Turnpike-Loss") != "" {
		t.Errorf("%d %v, %d sent", w.Code, w.Header(), len(a.sent))
	}
	b.dialect = "other"
	if w := g.post("/toy", `{"model":"m"}`, "X-Turnpike-Strict", "true"); w.Code != 400 || len(b.sent) != 1 {
		t.Errorf("nobody can: %d %s", w.Code, w.Body)
	}
	if rows := g.attempts(); len(rows) != 1 || rows[0].Provider != "b" || rows[0].Number != 1 {
		t.Errorf("rows %+v", rows)
	}
}

// TestOwnLimits: an account at its limit is passed over; where nobody else is left,
// the error is ours and says so.
func TestOwnLimits(t *testing.T) {
	a, b := &toyProvider{name: "a", dialect: "toy", answer: said}, &toyProvider{name: "b", dialect: "toy", answer: said}
	table := several(priority, a, b)
	for _, acc := range table.Accounts() {
		acc.Limits = []route.Limit{{Match: "*", Gate: throttle.NewGate(acc.Provider.Name(), throttle.Limits{RPM: 1}, time.Now)}}
	}
	g := newTestGatewayOf(t, table)
	for i, want := range []string{"a", "b"} {
		if w := g.post("/toy", `{"model":"m"}`); w.Code != 200 || w.Header().Get("X-Turnpike-Provider") != want {
			t.Errorf("request %d: %d %v", i, w.Code, w.Header())
		}
	}
	w := g.post("/toy", `{"model":"m"}`)
	if page := g.get("/metrics").Body.String(); !strings.Contains(page, `turnpike_rate_limit_hits_total{limit="account",provider="a"} 1`) || strings.Contains(page, `limit="upstream"`) {
		t.Errorf("the metrics do not say whose limit it was: %s", page)
	}
	t.Run("ERR-08 our own 429 says that it is ours", func(t *testing.T) {
		if h := w.Header(); w.Code != 429 || h.Get("X-Turnpike-Error-Source") != "gateway" || h.Get("Retry-After") == "" || h.Get("X-Turnpike-Upstream-Status") != "" {
			t.Errorf("%d %v %s", w.Code, h, w.Body)
		}
		up := &toyProvider{dialect: "toy", answer: fails(429, `{"error":"slow down"}`)}
		for _, path := range []string{"/toy", "/other"} {
			if h := newTestGateway(t, up).post(path, `{"model":"m"}`).Header(); h.Get("X-Turnpike-Error-Source") != "upstream" {
				t.Errorf("an upstream's: %v", h)
			}
		}
	})
	t.Run("ERR-09 that nobody is free is no fault of an account", func(t *testing.T) {
		if rows := g.attempts(); len(rows) != 2 {
			t.Errorf("%d rows: what was not sent is no attempt", len(rows))
		}
		for _, acc := range table.Accounts() {
			if s := acc.Place("m").State(time.Now()); s != health.Closed {
				t.Errorf("%s is unwell: %d", acc.Provider.Name(), s)
			}
		}
	})
}

// What clients and we ourselves do wrong says nothing of an account; what it does
// wrong itself keeps requests away.
func TestHealthIsFed(t *testing.T) {
	answer := fails(400, `{"error":"no"}`)
	a := &toyProvider{name: "a", dialect: "toy", answer: func(r *http.Request) (*http.Response, error) { return answer(r) }}
	b := &toyProvider{name: "b", dialect: "toy", answer: said}
	g := newTestGatewayOf(t, several(priority, a, b))
	t.Run("ERR-10 a caller's errors do not move the traffic", func(t *testing.T) {
		for range 20 {
			g.post("/toy", `{"model":"m"}`)
		}
		if len(a.sent) != 20 {
			t.Errorf("%d were sent", len(a.sent))
		}
	})
	t.Run("ERR-10 an upstream's do", func(t *testing.T) {
		answer = fails(500, `{"error":"oh"}`)
		for range 20 {
			if w := g.post("/toy", `{"model":"m"}`); w.Code != 200 {
				t.Errorf("answered %d", w.Code)
			}
		}
		if n := len(a.sent) - 20; n < 3 || n > 10 {
			t.Errorf("%d of 20 were sent to who fails", n)
		}
	})
	w := g.post("/toy", `{"model":"m"}`, "X-Turnpike-Explain", "true")
	for _, part := range []string{`"strategy":"priority"`, `"excluded":[{"provider":"a","model":"m","reason":"cooling: failing","until":"`} {
		if !strings.Contains(w.Body.String(), part) {
			t.Errorf("%s is missing in %s", part, w.Body)
		}
	}
}

// A conversation leaves a place that answers, but slowly.
func TestSlownessMovesConversations(t *testing.T) {
	t.Run("CACHE-16 a conversation leaves a slow account", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := priority
			s.Pins = affinity.New(1000, time.Now, nil)
			wait := 100 * time.Millisecond
			late := func(d *time.Duration) func(*http.Request) (*http.Response, error) {
				return func(*http.Request) (*http.Response, error) {
					time.Sleep(*d) //nolint:forbidigo // fake clock
					return reply(200, "text/event-stream", eventD+eventEnd)
				}
			}
			quick := 100 * time.Millisecond
			a, b := &toyProvider{name: "a", dialect: "toy", answer: late(&wait)}, &toyProvider{name: "b", dialect: "toy", answer: late(&quick)}
			g := newTestGatewayOf(t, several(s, a, b))
			ask := func() { g.post("/toy", `{"model":"m","stream":true}`, "Session-Id", "s") }
			ask()
			ask()
			wait = 20 * time.Second
			ask()
			if len(a.sent) != 3 {
				t.Errorf("%d were sent before it was known to be slow", len(a.sent))
			}
			ask()
			ask()
			if len(a.sent) != 3 || len(b.sent) != 2 {
				t.Errorf("%d and %d were sent", len(a.sent), len(b.sent))
			}
			g.attempts()
		})
	})
}

// A conversation goes back to where it was served, not to where it was first sent:
// that is where its cache is.
func TestConversationsStayWhereTheyWereServed(t *testing.T) {
	s := priority
	s.Pins = affinity.New(1000, time.Now, nil)
	answer := fails(503, `{"error":"busy"}`)
	a := &toyProvider{name: "a", dialect: "toy", answer: func(r *http.Request) (*http.Response, error) { return answer(r) }}
	b := &toyProvider{name: "b", dialect: "toy", answer: said}
	g := newTestGatewayOf(t, several(s, a, b))
	g.post("/toy", `{"model":"m"}`, "Session-Id", "s")
	answer = said
	g.opt.Table.Account("a").Place("m").Reset()
	g.post("/toy", `{"model":"m"}`, "Session-Id", "s")
	g.post("/toy", `{"model":"m"}`, "Session-Id", "other")
	if len(a.sent) != 2 || len(b.sent) != 2 || s.Pins.Len() != 2 {
		t.Errorf("%d and %d requests, %d pins", len(a.sent), len(b.sent), s.Pins.Len())
	}
	if g.post("/toy", `{"model":"only-b"}`, "Session-Id", "third"); s.Pins.Len() != 2 {
		t.Error("a pin where there is nothing to choose")
	}
}

func TestTheLogTellsOfAttempts(t *testing.T) {
	var log bytes.Buffer
	g := newTestGatewayOf(t, several(priority, &toyProvider{name: "a", dialect: "toy", answer: fails(529, `{"error":"busy"}`)}, &toyProvider{name: "b", dialect: "toy", answer: said}))
	g.opt.Log = slog.New(slog.NewTextHandler(&log, nil))
	g.post("/toy", `{"model":"m"}`)
	if want := `attempts=2 failed="a/m: overloaded 529 (another provider may serve it)"`; !strings.Contains(log.String(), want) {
		t.Errorf("%s is missing in %s", want, log.String())
	}
}

// A client that leaves while its request waits for another try gets no other try.
func TestNothingForWhoHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		up := &toyProvider{name: "a", dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
			time.AfterFunc(time.Second, cancel)
			res, err := reply(429, "application/json", `{"error":"slow down"}`)
			res.Header.Set("Retry-After", "9")
			return res, err
		}}
		g := newTestGatewayOf(t, several(priority, up))
		start := time.Now()
		g.postIn(ctx, "/toy", `{"model":"m"}`)
		if len(up.sent) != 1 || time.Since(start) != time.Second {
			t.Errorf("%d sent in %v", len(up.sent), time.Since(start))
		}
		if rows := g.attempts(); len(rows) != 1 || rows[0].ErrorClass != "rate" {
			t.Errorf("rows %+v", rows)
		}
	})
}

// The client's body is there for every attempt, also where it is sent as it came.
func TestTheBodyIsSentWholeEachTime(t *testing.T) {
	ups := []*toyProvider{}
	for _, name := range []string{"a", "b", "c", "d"} {
		up := &toyProvider{name: name, dialect: "toy"}
		up.answer = func(r *http.Request) (*http.Response, error) {
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				return nil, err
			}
			if name == "d" {
				return streams(eventD + eventEnd)(r)
			}
			return replyFrom(200, "text/event-stream", &pieces{next: func(i int) (string, error) {
				if i == 0 {
					return ": hello\n\n", nil
				}
				return "", errors.New("reset")
			}})
		}
		ups = append(ups, up)
	}
	g := newTestGatewayOf(t, several(priority, ups...))
	body := `{ "say":"é", "model":"m", "stream":true ,"n":1.0 }`
	if w := g.post("/toy", body); w.Body.String() != eventD+eventEnd {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for _, up := range ups {
		if !slices.Equal(up.sent[0], []byte(body)) {
			t.Errorf("%s was sent %s", up.name, up.sent[0])
		}
	}
}

// A whole answer that falls silent is left like a stream, and one that comes slowly
// is not.
func TestSilentBodies(t *testing.T) {
	for name, c := range map[string]struct {
		wait time.Duration
		by   string
		took time.Duration
	}{"silent": {time.Hour, "b", 10 * time.Second}, "slow": {9 * time.Second, "a", 18 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &toyProvider{name: "a", dialect: "toy", timeouts: provider.Timeouts{Idle: 10 * time.Second, Total: time.Minute}}
				a.answer = func(r *http.Request) (*http.Response, error) {
					return replyFrom(200, "application/json", &pieces{next: func(i int) (string, error) {
						if i == 2 {
							return "", io.EOF
						}
						select {
						case <-time.After(c.wait):
							return []string{`{"said":`, `"x"}`}[i], nil
						case <-r.Context().Done():
							return "", r.Context().Err()
						}
					}})
				}
				g := newTestGatewayOf(t, several(priority, a, &toyProvider{name: "b", dialect: "toy", answer: said}))
				start := time.Now()
				w := g.post("/toy", `{"model":"m"}`)
				if took := time.Since(start); w.Code != 200 || took != c.took || w.Header().Get("X-Turnpike-Provider") != c.by {
					t.Errorf("%d by %s after %v", w.Code, w.Header().Get("X-Turnpike-Provider"), took)
				}
				g.attempts()
			})
		})
	}
}

// Embeddings move on to another account of the model, and never to another model of
// a chain: its vectors mean something else.
func TestEmbeddingsMoveOn(t *testing.T) {
	const vectors = `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1]}],"model":"up","usage":{"prompt_tokens":3,"total_tokens":3}}`
	s := priority
	s.Aliases = policy.Aliases{{Match: "chain", To: []string{"only-a", "only-b"}}}
	a := &operator{embedForm: "openai", toyProvider: &toyProvider{name: "a", dialect: "toy", answer: fails(503, `{"error":"busy"}`)}}
	b := &operator{embedForm: "openai", toyProvider: &toyProvider{name: "b", dialect: "toy", answer: fails(200, vectors)}}
	s.Retry = retry.Plan{Attempts: 2, MaxWait: time.Millisecond, Base: time.Millisecond}
	table := several(s, a.toyProvider, b.toyProvider)
	table.Accounts()[0].Provider, table.Accounts()[1].Provider = a, b
	g := newTestGatewayOf(t, table)
	f := Front{Path: "/op", Dialect: toy{"toy"}, Ask: Told(Embed)}
	g.mux.HandleFunc("POST /op", func(w http.ResponseWriter, r *http.Request) { g.serve(&f, w, r) })
	if w := g.post("/op", `{"model":"m","input":"x","encoding_format":"float","stream":true}`); w.Code != 200 || w.Body.String() != vectors || w.Header().Get("X-Turnpike-Provider") != "b" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	if w := g.post("/op", `{"model":"chain","input":"x"}`); w.Code != 503 || len(b.bodies) != 1 {
		t.Errorf("another model: %d %s after %d", w.Code, w.Body, len(b.bodies))
	}
	if rows := g.attempts(); len(rows) != 4 || rows[0].ErrorClass != "unavailable" || rows[1].Usage.Input != 3 {
		t.Errorf("rows %+v", rows)
	}
}

// What a key may use holds on the way to the next account, too.
func TestKeysAreKeptWithin(t *testing.T) {
	a, b, c := &toyProvider{name: "a", dialect: "toy", answer: said}, &toyProvider{name: "b", dialect: "toy", answer: fails(503, `{}`)}, &toyProvider{name: "c", dialect: "toy", answer: said}
	g := newTestGatewayOf(t, several(priority, a, b, c))
	g.opt.Keys = keyring.New(time.Now, keyring.Entry{Hash: keyring.Hash(testKey), Principal: keyring.Principal{KeyID: "key_1", Policy: policy.Policy{Routing: &policy.Routing{
		Providers: []string{"b", "c"}, Aliases: policy.Aliases{{Match: "mine", To: []string{"m"}}}, Models: []string{"m", "mine"},
	}}}})
	if w := g.post("/toy", `{"model":"mine"}`); w.Code != 200 || w.Header().Get("X-Turnpike-Provider") != "c" || len(a.sent) != 0 {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := g.post("/toy", `{"model":"only-c"}`); w.Code != 403 || !strings.Contains(w.Body.String(), "may not use it") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// What happens on the way is counted.
func TestFailoverIsCounted(t *testing.T) {
	s := priority
	s.Pins = affinity.New(100, time.Now, nil)
	a := &toyProvider{name: "a", dialect: "toy", answer: fails(529, `{"error":"busy"}`)}
	g := newTestGatewayOf(t, several(s, a, &toyProvider{name: "b", dialect: "toy", answer: said}))
	for range 2 {
		g.post("/toy", `{"model":"m"}`, "Session-Id", "s")
	}
	g.opt.Table.Account("b").Breaker().Check(health.Auth, time.Now(), time.Now())
	g.opt.Table.Account("a").Place("m").Reset()
	a.answer = said
	g.post("/toy", `{"model":"m"}`, "Session-Id", "s")
	w := httptest.NewRecorder()
	g.opt.Metrics.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	for _, line := range []string{
		`turnpike_failovers_total{provider="a",reason="overloaded"} 1`, `turnpike_affinity_total{result="new"} 1`,
		`turnpike_affinity_total{result="hit"} 1`, `turnpike_affinity_total{result="moved"} 1`,
	} {
		if !strings.Contains(w.Body.String(), line) {
			t.Errorf("%s is missing in %s", line, w.Body)
		}
	}
}
