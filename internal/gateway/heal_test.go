package gateway

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"turnpike/internal/heal"
	"turnpike/internal/learned"
	"turnpike/internal/store"
)

// picky is an upstream that refuses members by name, in OpenAI's words.
func picky(members ...string) *toyProvider {
	up := &toyProvider{dialect: "toy"}
	up.answer = func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		for _, m := range members {
			if strings.Contains(string(body), `"`+m+`":`) {
				return reply(400, "application/json", `{"error":"Unknown parameter: '`+m+`'."}`)
			}
		}
		if strings.Contains(string(body), `"stream":true`) {
			return reply(200, "text/event-stream", eventD+eventEnd)
		}
		return reply(200, "application/json", `{"said":"x","in":3,"out":4}`)
	}
	return up
}

func learning(g *testGateway) *learned.Book {
	g.opt.Learned = learned.New(g.opt.Now)
	return g.opt.Learned
}

func TestHealing(t *testing.T) {
	for _, c := range []struct {
		name, path, body string
		header           []string
		refuses          []string
		status           int
		sent             int    // requests the upstream saw
		last             string // of them
		answer           string // part of it
		loss             string // part of the header
		fixes            int    // learned
	}{
		{"healed on the express lane", "/toy", `{"model":"m", "odd": 1 ,"n":1.0}`, nil, []string{"odd"}, 200, 2, `{"model":"m" ,"n":1.0}`, `"said":"x"`, "odd (the upstream refuses it)", 1},
		{"healed, a stream", "/toy", `{"model":"m","stream":true,"odd":1}`, nil, []string{"odd"}, 200, 2, `{"model":"m","stream":true}`, eventD, "odd", 1},
		{"healed in translation", "/other", `{"model":"m","say":"a"}`, nil, []string{"say"}, 200, 2, `{"model":"m","stream":false}`, `"said":"x"`, "say", 1},
		{"strict: the refusal stands", "/toy", `{"model":"m","odd":1}`, []string{"X-Turnpike-Strict", "true"}, []string{"odd"}, 400, 1, `{"model":"m","odd":1}`, "Unknown parameter: 'odd'", "", 0},
		{"once only, and what was cured is known", "/toy", `{"model":"m","odd":1,"even":2}`, nil, []string{"odd", "even"}, 400, 2, `{"model":"m","even":2}`, "Unknown parameter: 'even'", "odd", 1},
		{"nothing to heal", "/toy", `{"model":"m"}`, nil, []string{"model"}, 400, 1, `{"model":"m"}`, "Unknown parameter: 'model'", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			up := picky(c.refuses...)
			g := newTestGateway(t, up)
			book := learning(g)
			w := g.post(c.path, c.body, c.header...)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.answer) {
				t.Errorf("answer %d %s", w.Code, w.Body)
			}
			if len(up.sent) != c.sent || string(up.sent[len(up.sent)-1]) != c.last {
				t.Errorf("upstream got %q", up.sent)
			}
			if got := w.Header().Get("X-Turnpike-Loss"); !strings.Contains(got, c.loss) {
				t.Errorf("loss %q", got)
			}
			n := 0
			if k := book.At("toy", "m"); k != nil {
				n = len(k.Fixes)
			}
			if n != c.fixes {
				t.Errorf("learned %d fixes", n)
			}
			a := g.attempts()
			if len(a) != c.sent {
				t.Fatalf("%d rows for %d attempts", len(a), c.sent)
			}
			for i := range a {
				if a[i].Number != i+1 || a[i].RequestID != a[0].RequestID {
					t.Errorf("row %d: %+v", i, a[i])
				}
			}
			if c.sent == 2 && (a[0].Status != 400 || a[0].ErrorClass != "invalid" || a[0].Usage.Input != 0 || strings.Contains(a[0].LossReport, c.loss)) {
				t.Errorf("first row %+v", a[0])
			}
			if c.status == 200 && (a[1].Status != 200 || a[1].ErrorClass != "" || !strings.Contains(a[1].LossReport, c.loss)) {
				t.Errorf("second row %+v", a[1])
			}
		})
	}
}

func TestWhatIsLearnedIsDoneBeforeSending(t *testing.T) {
	up := picky("odd", "even")
	g := newTestGateway(t, up)
	learning(g)
	for i, want := range []struct{ status, sent int }{{400, 2}, {200, 4}, {200, 5}} {
		w := g.post("/toy", `{"model":"m","odd":1,"even":2}`)
		if w.Code != want.status || len(up.sent) != want.sent {
			t.Errorf("request %d: %d after %d sendings: %s", i, w.Code, len(up.sent), w.Body)
		}
		if i == 2 && w.Header().Get("X-Turnpike-Loss") != "odd (the upstream refuses it), even (the upstream refuses it)" {
			t.Errorf("losses %q", w.Header().Get("X-Turnpike-Loss"))
		}
	}
	if w := g.post("/toy", `{"model":"m","odd":1}`, "X-Turnpike-Strict", "true"); w.Code != 400 || len(up.sent) != 5 || !strings.Contains(w.Body.String(), "odd") {
		t.Errorf("strict: %d %s, sent %d", w.Code, w.Body, len(up.sent))
	}
	if w := g.post("/toy", `{"model":"other","odd":1}`, "X-Turnpike-Strict", "true"); w.Code != 400 || len(up.sent) != 6 {
		t.Errorf("another model has nothing to do with it: %d", w.Code)
	}
}

func TestExplainTellsWhatWasLearned(t *testing.T) {
	up := picky("odd")
	g := newTestGateway(t, up)
	learning(g).Learn("toy", "m", heal.Fix{Do: "drop", To: "odd"}, "")
	w := g.post("/toy", `{"model":"m","odd":1}`, "X-Turnpike-Explain", "true")
	for _, part := range []string{`"learned":["drop odd"]`, `"expected":{"input_tokens":`, `"body":{"model":"m"}`, `"path":"odd"`} {
		if !strings.Contains(w.Body.String(), part) {
			t.Errorf("%s is missing in %s", part, w.Body)
		}
	}
	if len(g.attempts()) != 0 {
		t.Error("explaining is no attempt")
	}
}

func TestLessonsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := picky("odd")
		g := newTestGateway(t, up)
		learning(g)
		for range 2 {
			g.post("/toy", `{"model":"m","odd":1}`)
		}
		if len(up.sent) != 3 {
			t.Fatalf("sent %d", len(up.sent))
		}
		time.Sleep(learned.Keep) //nolint:forbidigo // fake clock
		if g.post("/toy", `{"model":"m","odd":1}`); len(up.sent) != 5 {
			t.Errorf("sent %d", len(up.sent))
		}
		g.attempts()
	})
}

func TestNothingIsHealedThatIsNoRefusal(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
	}{
		{"a client's own fault", 400, `{"error":"messages.0.content: Field required"}`},
		{"not a 400", 403, `{"error":"Unknown parameter: 'odd'."}`},
		{"too fast", 429, `{"error":"Unknown parameter: 'odd'."}`},
		{"broken", 500, `{"error":"Unknown parameter: 'odd'."}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			up := &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
				return reply(c.status, "application/json", c.body)
			}}
			g := newTestGateway(t, up)
			book := learning(g)
			w := g.post("/toy", `{"model":"m","odd":1}`)
			if w.Code != c.status || w.Body.String() != c.body || len(up.sent) != 1 || book.At("toy", "m") != nil {
				t.Errorf("%d %s after %d sendings", w.Code, w.Body, len(up.sent))
			}
		})
	}
}

// Once a heartbeat has opened the stream nothing is sent again.
func TestNoHealingBehindAnOpenStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := picky("odd")
		quick := up.answer
		up.answer = func(r *http.Request) (*http.Response, error) {
			time.Sleep(20 * time.Second) //nolint:forbidigo // fake clock
			return quick(r)
		}
		g := newTestGateway(t, up)
		learning(g)
		w := g.post("/toy", `{"model":"m","stream":true,"odd":1}`)
		if len(up.sent) != 1 || !strings.Contains(w.Body.String(), "Unknown parameter") {
			t.Errorf("sent %d: %s", len(up.sent), w.Body)
		}
		g.attempts()
	})
}

// A fault of one request alone is healed every time and never learned.
func TestFaultsOfOneRequestAreNotLearned(t *testing.T) {
	up := &toyProvider{dialect: "toy"}
	up.answer = func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "signature") {
			return reply(400, "application/json", `{"error":"messages.0.content.0: Invalid signature in thinking block"}`)
		}
		return reply(200, "application/json", `{}`)
	}
	g := newTestGateway(t, up)
	book := learning(g)
	w := g.post("/toy", `{"model":"m","messages":[{"role":"assistant","content":[{"type":"thinking","signature":"s"},{"type":"text","text":"b"}]}]}`)
	if w.Code != 200 || len(up.sent) != 2 || book.At("toy", "m") != nil {
		t.Errorf("%d after %d sendings", w.Code, len(up.sent))
	}
	if !strings.Contains(w.Header().Get("X-Turnpike-Loss"), "thinking") {
		t.Errorf("losses %q", w.Header().Get("X-Turnpike-Loss"))
	}
}

func TestFixesKeepTheClientsBody(t *testing.T) {
	up := picky("odd")
	g := newTestGateway(t, up)
	learning(g).Learn("toy", "m", heal.Fix{Do: "drop", To: "odd"}, "")
	g.post("/toy", "{ \"say\":\"é\\u00e9\" , \"odd\":1, \"model\":\"m\" ,\"n\":1.0 }")
	if want := "{ \"say\":\"é\\u00e9\", \"model\":\"m\" ,\"n\":1.0 }"; len(up.sent) != 1 || string(up.sent[0]) != want {
		t.Errorf("upstream got %q", up.sent)
	}
	if !slices.ContainsFunc(g.attempts(), func(a store.Attempt) bool { return a.Losses == 1 }) {
		t.Error("the loss is not in the ledger")
	}
}
