package gateway

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"turnpike/internal/provider"
)

const (
	eventD   = "data: {\"d\":\"hi\"}\n\n"
	eventEnd = "data: {\"end\":true,\"in\":7,\"out\":9}\n\n"
)

func TestExpressLaneTouchesNothing(t *testing.T) {
	up := &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
		return reply(200, "application/json", "{ \"said\":\"x\",\n \"unknown\": 1e3 }")
	}}
	g := newTestGateway(t, up)
	w := g.post("/toy", "{ \"say\" : \"é\\u00e9\", \"model\":\"toy/m\" , \"n\":1.0 }")
	if got := w.Body.String(); w.Code != 200 || got != "{ \"said\":\"x\",\n \"unknown\": 1e3 }" {
		t.Errorf("answer %d %q", w.Code, got)
	}
	if got := string(up.sent[0]); got != "{ \"say\" : \"é\\u00e9\", \"model\":\"m\" , \"n\":1.0 }" {
		t.Errorf("upstream got %q", got)
	}
	if w.Header().Get("X-Turnpike-Loss") != "" {
		t.Error("the express lane reports a loss")
	}
}

func TestTranslationReportsLosses(t *testing.T) {
	up := &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
		return reply(200, "application/json", `{"said":"x","in":3,"out":4}`)
	}}
	g := newTestGateway(t, up)
	w := g.post("/other", `{"model":"toy/m","say":"hello"}`)
	if w.Code != 200 || w.Body.String() != `{"said":"x","in":3,"out":4}` {
		t.Errorf("answer %d %s", w.Code, w.Body)
	}
	if got := w.Header().Get("X-Turnpike-Loss"); !strings.Contains(got, "manners") {
		t.Errorf("loss header %q", got)
	}
	a := g.attempts()
	if len(a) != 1 || a[0].Usage.Input != 3 || a[0].Usage.Output != 4 || a[0].Losses != 1 || a[0].KeyID != "key_1" || a[0].Usage.Estimated {
		t.Errorf("attempts %+v", a)
	}
}

func TestStreams(t *testing.T) {
	for _, c := range []struct {
		name, path, body string
		answer           string
		status           int
		want             string
		class            string // of the attempt
	}{
		{"bytes, comments too", "/toy", `{"model":"m","stream":true}`, ": c\n\n" + eventD + eventD + eventEnd, 200, ": c\n\n" + eventD + eventD + eventEnd, ""},
		{"usage kept from who did not ask", "/toy", `{"model":"m","stream":true}`, eventD + "data: {\"usage\":1}\n\n" + eventEnd, 200, eventD + eventEnd, ""},
		{"usage for who asked", "/toy", `{"model":"m","stream":true,"usage":1}`, eventD + "data: {\"usage\":1}\n\n" + eventEnd, 200, eventD + "data: {\"usage\":1}\n\n" + eventEnd, ""},
		{"translated", "/other", `{"model":"m","stream":true}`, eventD + eventEnd, 200, eventD + eventEnd, ""},
		{"STR-03 error first is an HTTP error", "/toy", `{"model":"m","stream":true}`, "data: {\"x\":1}\n\ndata: {\"error\":\"busy\"}\n\n", 529, `{"error":"busy"}`, "overloaded"},
		{"STR-03 error first, translated", "/other", `{"model":"m","stream":true}`, "data: {\"error\":\"busy\"}\n\n", 502, `{"error":"busy"}`, "upstream"},
		{"ERR-11 error later is an event", "/toy", `{"model":"m","stream":true}`, eventD + "data: {\"error\":\"busy\"}\n\n" + eventEnd, 200, eventD + "data: {\"error\":\"busy\"}\n\n", "overloaded"},
		{"ERR-11 error later, translated", "/other", `{"model":"m","stream":true}`, eventD + "data: {\"error\":\"busy\"}\n\n", 200, eventD + "data: {\"error\":\"busy\"}\n\n", "upstream"},
		{"STR-05 broken off between events", "/toy", `{"model":"m","stream":true}`, eventD, 200, eventD + "data: {\"error\":\"the answer of provider toy broke off\"}\n\n", "upstream"},
		{"STR-05 broken off inside an event", "/toy", `{"model":"m","stream":true}`, eventD + "data: {\"d", 200, eventD + "data: {\"error\":\"the answer of provider toy broke off\"}\n\n", "upstream"},
		{"STR-05 translated", "/other", `{"model":"m","stream":true}`, eventD + "data: {\"d", 200, eventD + "data: {\"error\":\"the answer of provider toy broke off\"}\n\n", "upstream"},
		{"never an empty 200", "/toy", `{"model":"m","stream":true}`, "", 502, `{"error":"the answer of provider toy broke off"}`, "upstream"},
		{"never an empty 200, translated", "/other", `{"model":"m","stream":true}`, "", 502, `{"error":"broke off"}`, "upstream"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newTestGateway(t, &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
				return reply(200, "text/event-stream", c.answer)
			}})
			w := g.post(c.path, c.body)
			if w.Code != c.status || w.Body.String() != c.want {
				t.Errorf("got %d %q, want %d %q", w.Code, w.Body, c.status, c.want)
			}
			a := g.attempts()
			if len(a) != 1 || a[0].ErrorClass != c.class {
				t.Errorf("attempts %+v, want class %q", a, c.class)
			}
		})
	}
}

func TestUpstreamErrors(t *testing.T) {
	for _, c := range []struct {
		name, path  string
		status      int
		contentType string
		body        string
		want        int
		wantBody    string
	}{
		{"ERR-12 own dialect untouched", "/toy", 400, "application/json", `{ "error":"thinking field" ,"x":1}`, 400, `{ "error":"thinking field" ,"x":1}`},
		{"ERR-03 529 stays 529", "/toy", 529, "application/json", `{"error":"overloaded"}`, 529, `{"error":"overloaded"}`},
		{"other dialect translated", "/other", 404, "application/json", `{"error":"no such model"}`, 404, `{"error":"no such model"}`},
		{
			"the operator's credentials are not the client's", "/other", 401, "application/json", `{"error":"bad key"}`, 502,
			`{"error":"provider toy refused the credentials it is configured with: bad key"}`,
		},
		{"a page is never passed on", "/toy", 503, "text/html", "<html>secret</html>", 503, `{"error":""}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newTestGateway(t, &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
				return reply(c.status, c.contentType, c.body)
			}})
			w := g.post(c.path, `{"model":"m"}`)
			if w.Code != c.want || w.Body.String() != c.wantBody {
				t.Errorf("got %d %q, want %d %q", w.Code, w.Body, c.want, c.wantBody)
			}
			if w.Header().Get("X-Turnpike-Error-Source") != "upstream" {
				t.Error("the error does not say that it is the upstream's")
			}
		})
	}
}

func TestWhoMayPass(t *testing.T) {
	g := newTestGateway(t, &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
		return reply(200, "application/json", `{}`)
	}})
	for _, c := range []struct {
		name          string
		bearer, xkey  string
		authorization string
		want          int
	}{
		{name: "bearer", bearer: testKey, want: 200},
		{name: "x-api-key", xkey: testKey, want: 200},
		{name: "HDR-07 the same in both", bearer: testKey, xkey: testKey, want: 200},
		{name: "HDR-07 two different keys", bearer: testKey, xkey: "sk-ant-api03_of-somebody-else", want: 401},
		{name: "HDR-07 a placeholder beside the key", bearer: testKey, xkey: "sk-dummy", want: 200},
		{name: "HDR-07 the key beside a placeholder", bearer: "dummy", xkey: testKey, want: 200},
		{name: "HDR-07 two placeholders", bearer: "dummy", xkey: "sk-dummy", want: 401},
		{name: "unknown", bearer: "sk-unknown", want: 401},
		{name: "none", want: 401},
		{name: "another scheme", authorization: "Basic abc", want: 401},
		{
			name: "an AWS SDK with the key as its access key id", want: 200,
			authorization: "AWS4-HMAC-SHA256 Credential=" + testKey + "/20261121/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=0",
		},
		{
			name: "an AWS SDK with other credentials", want: 401,
			authorization: "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=0",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/toy", strings.NewReader(`{"model":"m"}`))
			if c.bearer != "" {
				r.Header.Set("Authorization", "Bearer "+c.bearer)
			}
			if c.authorization != "" {
				r.Header.Set("Authorization", c.authorization)
			}
			if c.xkey != "" {
				r.Header.Set("X-Api-Key", c.xkey)
			}
			w := httptest.NewRecorder()
			g.ServeHTTP(w, r)
			if w.Code != c.want {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, c.want)
			}
			if w.Header().Get("Request-Id") == "" || w.Header().Get("X-Request-Id") == "" {
				t.Error("no request id")
			}
		})
	}
}

func TestBadBodies(t *testing.T) {
	g := newTestGateway(t, &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
		return reply(200, "application/json", `{}`)
	}})
	for name, c := range map[string]struct {
		body string
		want int
		say  string
	}{
		"too large":            {`{"model":"m","say":"` + strings.Repeat("x", 1<<16) + `"}`, 413, "larger"},
		"empty":                {"", 400, "no body"},
		"not JSON":             {"{", 400, "too early"},
		"a list":               {"[]", 400, "object"},
		"model of wrong type":  {`{"model":5}`, 400, "model"},
		"stream of wrong type": {`{"model":"m","stream":"yes"}`, 400, "stream"},
		"model twice":          {`{"model":"cheap","model":"dear"}`, 400, "twice"},
		"model in two cases":   {`{"model":"cheap","Model":"dear"}`, 400, "case"},
		"model with escapes":   {`{"mod\u0065l":"dear"}`, 400, "escapes"},
		"no model":             {`{}`, 400, "model"},
	} {
		t.Run(name, func(t *testing.T) {
			w := g.post("/toy", c.body)
			if w.Code != c.want || !strings.Contains(w.Body.String(), c.say) {
				t.Errorf("got %d %s, want %d with %q", w.Code, w.Body, c.want, c.say)
			}
		})
	}
	if len(g.attempts()) != 0 {
		t.Error("a request that was never sent has an attempt")
	}
}

func TestHeartbeatAndIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &toyProvider{dialect: "toy", timeouts: provider.Timeouts{Idle: 100 * time.Second}}
		up.answer = func(r *http.Request) (*http.Response, error) {
			time.Sleep(40 * time.Second) //nolint:forbidigo // fake clock
			return replyFrom(200, "text/event-stream", &pieces{next: func(i int) (string, error) {
				if i == 0 {
					return eventD, nil
				}
				<-r.Context().Done() // silent from here on
				return "", context.Cause(r.Context())
			}})
		}
		g := newTestGateway(t, up)
		start := time.Now()
		w := g.post("/toy", `{"model":"m","stream":true}`)
		beat := ": still here\n\n"
		// STR-10: before the first byte at 15 s and 30 s; STR-09: and while the
		// upstream is silent, but only until its own deadline passes.
		want := beat + beat + eventD + strings.Repeat(beat, 6) + "data: {\"error\":\"provider toy stopped sending its answer\"}\n\n"
		if got := w.Body.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if took := time.Since(start); took != 140*time.Second {
			t.Errorf("ended after %v, want 140s", took)
		}
		if a := g.attempts(); len(a) != 1 || a[0].ErrorClass != "timeout" || !a[0].Usage.Estimated {
			t.Errorf("attempts %+v", a)
		}
	})
}

func TestErrorAfterAHeartbeatIsAnEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTestGateway(t, &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
			time.Sleep(20 * time.Second) //nolint:forbidigo // fake clock
			return reply(503, "application/json", `{"error":"busy"}`)
		}})
		w := g.post("/toy", `{"model":"m","stream":true}`)
		if want := ": still here\n\ndata: {\"error\":\"busy\"}\n\n"; w.Code != 200 || w.Body.String() != want {
			t.Errorf("got %d %q, want %q", w.Code, w.Body, want)
		}
	})
}

func TestClientLeaves(t *testing.T) {
	leave := func(t *testing.T, path string, silence time.Duration) (*testGateway, time.Duration) {
		ctx, cancel := context.WithCancel(t.Context())
		up := &toyProvider{dialect: "toy"}
		up.answer = func(r *http.Request) (*http.Response, error) {
			return replyFrom(200, "text/event-stream", &pieces{next: func(i int) (string, error) {
				switch i {
				case 0:
					return eventD, nil
				case 1:
					cancel()
					select {
					case <-time.After(silence):
					case <-r.Context().Done():
						return "", context.Cause(r.Context())
					}
					return eventD + eventEnd, nil
				}
				return "", io.EOF
			}})
		}
		g := newTestGateway(t, up)
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader(`{"model":"m","stream":true}`))
		r.Header.Set("Authorization", "Bearer "+testKey)
		start := time.Now()
		g.ServeHTTP(httptest.NewRecorder(), r)
		return g, time.Since(start)
	}
	for _, path := range []string{"/toy", "/other"} {
		t.Run("STR-18 drained for usage "+path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, _ := leave(t, path, 20*time.Second)
				a := g.attempts()
				if len(a) != 1 || a[0].Usage.Input != 7 || a[0].Usage.Output != 9 || a[0].Usage.Estimated {
					t.Errorf("attempts %+v", a)
				}
			})
		})
		t.Run("USE-11 estimated when the drain takes too long "+path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g, took := leave(t, path, time.Hour)
				if took != 30*time.Second {
					t.Errorf("drained for %v, want 30s", took)
				}
				if a := g.attempts(); len(a) != 1 || !a[0].Usage.Estimated || a[0].Usage.Output == 0 {
					t.Errorf("attempts %+v", a)
				}
			})
		})
	}
}

func TestUpstreamThatCannotBeReached(t *testing.T) {
	g := newTestGateway(t, &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) { return nil, errReset }})
	w := g.post("/toy", `{"model":"m"}`)
	if w.Code != 502 || !strings.Contains(w.Body.String(), "could not be reached") || strings.Contains(w.Body.String(), "reset by peer") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestTotalDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &toyProvider{dialect: "toy", timeouts: provider.Timeouts{Total: time.Minute}}
		up.answer = func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		g := newTestGateway(t, up)
		if w := g.post("/toy", `{"model":"m"}`); w.Code != 504 {
			t.Errorf("got %d %s, want 504", w.Code, w.Body)
		}
	})
}

func TestAnswersThatArrangeNothing(t *testing.T) {
	for name, c := range map[string]struct {
		contentType, body, request string
		want                       int
	}{
		"a whole answer for a stream":   {"application/json", `{"said":"x","in":1,"out":2}`, `{"model":"m","stream":true}`, 200},
		"garbage for a stream":          {"application/json", `nonsense`, `{"model":"m","stream":true}`, 502},
		"a stream for a whole":          {"text/event-stream", eventD + eventEnd, `{"model":"m"}`, 502},
		"an answer larger than allowed": {"application/json", strings.Repeat(" ", 1<<17), `{"model":"m"}`, 502},
	} {
		t.Run(name, func(t *testing.T) {
			g := newTestGateway(t, &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
				return reply(200, c.contentType, c.body)
			}})
			if w := g.post("/toy", c.request); w.Code != c.want {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, c.want)
			}
		})
	}
}

func TestABugIsAnErrorAndIsSettled(t *testing.T) {
	g := newTestGateway(t, &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) { panic("oh no") }})
	w := g.post("/toy", `{"model":"m"}`)
	if w.Code != 500 || strings.Contains(w.Body.String(), "oh no") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if a := g.attempts(); len(a) != 1 || a[0].ErrorClass != "internal" {
		t.Errorf("attempts %+v", a)
	}
}

// TestEveryRouteIsGoverned walks the routes: what takes a POST takes the road.
func TestEveryRouteIsGoverned(t *testing.T) {
	g := newTestGateway(t, &toyProvider{dialect: "toy"})
	for _, path := range []string{"/", "/v1/models", "/v1/models/x", "/health", "/health/live", "/health/ready", "/api/hello", "/toy", "/other", "/v1/v1/toy", "/nowhere"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(`{"model":"m"}`))
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		_, pattern := g.mux.Handler(r)
		if w.Code < 400 || g.governed[pattern] != (path == "/toy" || path == "/other") {
			t.Errorf("POST %s without a key: %d by %q", path, w.Code, pattern)
		}
	}
}

func TestClosing(t *testing.T) {
	g := newTestGateway(t, &toyProvider{dialect: "toy"})
	get := func(path string) int {
		w := httptest.NewRecorder()
		g.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return w.Code
	}
	if got := get("/health/ready"); got != 200 {
		t.Errorf("ready: %d", got)
	}
	g.Close()
	if got := get("/health/ready"); got != 503 {
		t.Errorf("ready while closing: %d", got)
	}
	if got := get("/health/live"); got != 200 {
		t.Errorf("live while closing: %d", got)
	}
	if w := g.post("/toy", `{"model":"m"}`); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("request while closing: %d", w.Code)
	}
}

func TestStrictRefusesLosses(t *testing.T) {
	up := &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) { return reply(200, "application/json", `{}`) }}
	g := newTestGateway(t, up)
	w := g.post("/other", `{"model":"toy/m"}`, "X-Turnpike-Strict", "true")
	if w.Code != 400 || !strings.Contains(w.Body.String(), "manners") || w.Header().Get("X-Should-Retry") != "false" {
		t.Errorf("a loss under strict: %d %s", w.Code, w.Body)
	}
	if w := g.post("/toy", `{"model":"toy/m"}`, "X-Turnpike-Strict", "true"); w.Code != 200 {
		t.Errorf("no loss under strict: %d %s", w.Code, w.Body)
	}
	if len(up.sent) != 1 {
		t.Errorf("%d requests were sent, want 1", len(up.sent))
	}
}

func TestExplainSendsNothing(t *testing.T) {
	up := &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
		t.Error("a request was sent")
		return nil, errReset
	}}
	g := newTestGateway(t, up)
	w := g.post("/other", `{"model":"toy/m","say":"hello"}`, "X-Turnpike-Explain", "true")
	for _, want := range []string{
		`"lane":"translate"`, `"why":"named by the model's prefix"`, `"url":"http://toy.invalid/"`,
		`"body":{"model":"m","stream":false,"say":"hello"}`, `"path":"manners"`,
	} {
		if w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("got %d %s, want %s", w.Code, w.Body, want)
		}
	}
	if a := g.attempts(); len(a) != 0 {
		t.Errorf("explain is in the ledger: %+v", a)
	}
}
