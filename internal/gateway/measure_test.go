package gateway

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"turnpike/internal/otel"
	"turnpike/internal/route"
	"turnpike/internal/throttle"
	"turnpike/internal/wire"
)

func (g *testGateway) metrics() string {
	w := httptest.NewRecorder()
	g.ServeHTTP(w, httptest.NewRequestWithContext(g.t.Context(), http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

// TestStreamsAreMeasured, on every way a stream can take.
func TestStreamsAreMeasured(t *testing.T) {
	for _, path := range []string{"/toy", "/other"} {
		t.Run(path, func(t *testing.T) {
			g := newTestGateway(t, &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
				return reply(200, "text/event-stream", strings.Repeat(eventD, 4)+eventEnd)
			}})
			if w := g.post(path, `{"model":"toy/m","stream":true}`); w.Code != 200 {
				t.Fatal(w.Body)
			}
			if w := g.post(path, `{"model":"toy/m","stream":true}`, "Authorization", "Bearer wrong"); w.Code != 401 {
				t.Fatal(w.Body)
			}
			text := g.metrics()
			for _, want := range []string{
				`turnpike_time_to_first_token_seconds_count{model="m",provider="toy"} 1`,
				`turnpike_time_per_chunk_seconds_count{model="m",provider="toy"} 1`,
				`turnpike_attempts_total{model="m",provider="toy"} 1`,
				`turnpike_upstream_responses_total{provider="toy",status="200"} 1`,
				`turnpike_requests_total{model="m",provider="toy",status="200"} 1`,
				`turnpike_requests_total{model="none",provider="none",status="401"} 1`,
				`turnpike_requests_in_flight 0`, `turnpike_provider_health{provider="toy"} 1`, `turnpike_queue_depth{provider="toy"} 0`,
			} {
				if !strings.Contains(text, want+"\n") {
					t.Errorf("no %s", want)
				}
			}
		})
	}
}

func TestRefusalsAreMeasured(t *testing.T) {
	g := newTestGateway(t, &toyProvider{dialect: "toy", answer: func(r *http.Request) (*http.Response, error) {
		if body, _ := io.ReadAll(r.Body); strings.Contains(string(body), "away") {
			return nil, errReset
		}
		return reply(429, "application/json", `{"error":"busy"}`)
	}})
	g.post("/toy", `{"model":"toy/m"}`)
	g.post("/toy", `{"model":"toy/m","say":"away"}`)
	text := g.metrics()
	for _, want := range []string{
		`turnpike_rate_limit_hits_total{limit="upstream",provider="toy"} 1`,
		`turnpike_upstream_responses_total{provider="toy",status="429"} 1`,
		`turnpike_upstream_responses_total{provider="toy",status="none"} 1`,
		`turnpike_attempts_total{model="other",provider="toy"} 2`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
}

// spanList is a collector that keeps spans.
type spanList struct {
	mu    sync.Mutex
	spans []*tracepb.Span
}

func (s *spanList) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var d tracepb.TracesData
	if r.URL.Path == "/v1/traces" {
		if err := proto.Unmarshal(body, &d); err != nil {
			return nil, err
		}
		s.mu.Lock()
		s.spans = append(s.spans, d.ResourceSpans[0].ScopeSpans[0].Spans...)
		s.mu.Unlock()
	}
	return reply(200, "", "")
}

// TestTraces: a request is a span, what went to the upstream one below it, whose
// context the upstream gets; the client's trace goes on.
func TestTraces(t *testing.T) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	var got []string
	up := &toyProvider{dialect: "toy", answer: func(r *http.Request) (*http.Response, error) {
		got = append(got, r.Header.Get("Traceparent"))
		return reply(200, "text/event-stream", eventD+eventD+eventEnd)
	}}
	g := newTestGateway(t, up)
	var spans spanList
	tracer := otel.New(otel.Options{
		Endpoint: "http://collector", Percent: 100, Forward: true, Known: func(string) bool { return true },
		Log: slog.New(slog.DiscardHandler), Now: time.Now, Client: &spans,
	})
	g.opt.Traces = tracer
	g.post("/toy", `{"model":"toy/m","stream":true,"temperature":0.5,"max_tokens":1e300,"prompt_cache_key":"talk"}`, "Traceparent", parent)
	g.post("/toy", `{"model":"toy/m"}`, "Authorization", "Bearer wrong", "Traceparent", "nonsense")
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(spans.spans) != 3 || len(got) != 1 {
		t.Fatalf("%d spans, upstream got %q", len(spans.spans), got)
	}
	root, attempt, refused := spans.spans[0], spans.spans[1], spans.spans[2]
	if root.Name != "POST /toy" || attempt.Name != "chat m" || string(attempt.ParentSpanId) != string(root.SpanId) || refused.ParentSpanId != nil {
		t.Errorf("%v\n%v\n%v", root, attempt, refused)
	}
	sent, ok := otel.From(http.Header{"Traceparent": {got[0]}})
	if !ok || string(sent.Span[:]) != string(attempt.SpanId) || string(sent.Trace[:]) != string(root.TraceId) || !strings.HasPrefix(got[0], parent[:35]) {
		t.Errorf("upstream got %q", got)
	}
	ints, texts := map[string]int64{}, map[string]string{}
	temperature := 0.0
	for _, a := range attempt.Attributes {
		ints[a.Key], texts[a.Key] = a.Value.GetIntValue(), a.Value.GetStringValue()
		temperature = max(temperature, a.Value.GetDoubleValue())
	}
	if _, told := ints["gen_ai.request.max_tokens"]; told || ints["gen_ai.usage.input_tokens"] != 7 || ints["gen_ai.usage.output_tokens"] != 9 ||
		texts["gen_ai.conversation.id"] != "talk" || texts["server.address"] != "toy.invalid" || temperature != 0.5 {
		t.Errorf("attempt has %v", attempt.Attributes)
	}
}

// TestQueueDepth: the metrics tell how many requests wait for room at an account.
func TestQueueDepth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := several(priority, &toyProvider{name: "a", dialect: "toy", answer: said})
		gate := throttle.NewGate("a", throttle.Limits{Concurrency: 1, Queue: 5, Wait: time.Minute}, time.Now)
		table.Account("a").Limits = []route.Limit{{Match: "*", Gate: gate}}
		g := newTestGatewayOf(t, table)
		pass, full := gate.Enter(t.Context(), "key_1", 0)
		if full != nil {
			t.Fatal(full)
		}
		done := make(chan int)
		go func() { done <- g.post("/toy", `{"model":"m"}`).Code }()
		synctest.Wait()
		if page := g.get("/metrics").Body.String(); !strings.Contains(page, `turnpike_queue_depth{provider="a"} 1`) || !strings.Contains(page, "turnpike_requests_in_flight 1") {
			t.Errorf("one waits, and the metrics say %s", page)
		}
		pass.Leave(0)
		if code := <-done; code != 200 {
			t.Errorf("then it was answered %d", code)
		}
		if page := g.get("/metrics").Body.String(); !strings.Contains(page, `turnpike_queue_depth{provider="a"} 0`) {
			t.Errorf("nobody waits, and the metrics say %s", page)
		}
	})
}

// TestTracesOfFailover: each attempt is a child of its own, and its upstream gets that
// child's context, whether it failed or served.
func TestTracesOfFailover(t *testing.T) {
	contexts := map[string]string{}
	listening := func(name string, answer func(*http.Request) (*http.Response, error)) *toyProvider {
		return &toyProvider{name: name, dialect: "toy", answer: func(r *http.Request) (*http.Response, error) {
			contexts[name] = r.Header.Get("Traceparent")
			return answer(r)
		}}
	}
	g := newTestGatewayOf(t, several(priority, listening("a", fails(529, `{"error":"busy"}`)), listening("b", said)))
	var spans spanList
	tracer := otel.New(otel.Options{
		Endpoint: "http://collector", Percent: 100, Forward: true, Known: func(string) bool { return true },
		Log: slog.New(slog.DiscardHandler), Now: time.Now, Client: &spans,
	})
	g.opt.Traces = tracer
	if w := g.post("/toy", `{"model":"m"}`); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(spans.spans) != 3 {
		t.Fatalf("%d spans", len(spans.spans))
	}
	root := spans.spans[0]
	for i, account := range []string{"a", "b"} {
		span := spans.spans[i+1]
		sent, ok := otel.From(http.Header{"Traceparent": {contexts[account]}})
		if !ok || string(sent.Span[:]) != string(span.SpanId) || string(sent.Trace[:]) != string(root.TraceId) || string(span.ParentSpanId) != string(root.SpanId) {
			t.Errorf("%s got %q, its span is %v", account, contexts[account], span)
		}
		of, number := "", int64(0)
		for _, a := range span.Attributes {
			switch a.Key {
			case "turnpike.provider":
				of = a.Value.GetStringValue()
			case "turnpike.attempt":
				number = a.Value.GetIntValue()
			}
		}
		if failed := span.Status != nil; of != account || number != int64(i+1) || failed != (account == "a") {
			t.Errorf("attempt %d of %s, failed %t: %v", number, of, failed, span)
		}
	}
}

func TestSettings(t *testing.T) {
	for body, want := range map[string][2]float64{
		`{"max_tokens":5,"temperature":1}`:                                            {5, 1},
		`{"max_completion_tokens":6}`:                                                 {6, -1},
		`{"generationConfig":{"maxOutputTokens":7,"temperature":0.5}}`:                {7, 0.5},
		`{"inferenceConfig":{"maxTokens":8},"max_tokens":9}`:                          {8, -1},
		`{"max_tokens":"many","temperature":{}}`:                                      {-1, -1},
		`{"generationConfig":[],"max_output_tokens":4,"max_tokens":null,"top_k":1.5}`: {4, -1},
	} {
		s := settings(parse(t, body))
		got := [2]float64{-1, -1}
		if s.MaxTokens != nil {
			got[0] = float64(*s.MaxTokens)
		}
		if s.Temperature != nil {
			got[1] = *s.Temperature
		}
		if got != want {
			t.Errorf("%s: %v, want %v", body, got, want)
		}
	}
}

// TestSettingsOfOutput: where each API says when to stop and of which form the answer
// is to be.
func TestSettingsOfOutput(t *testing.T) {
	for body, want := range map[string]string{
		`{"stop":"END","response_format":{"type":"json_schema","json_schema":{}}}`:           "[END] json",
		`{"stop":["a","b",3,null],"response_format":{"type":"text"}}`:                        "[a b] text",
		`{"stop_sequences":["c"],"output_config":{"format":{"type":"json_schema"}}}`:         "[c] json",
		`{"text":{"format":{"type":"json_object"}}}`:                                         "[] json",
		`{"generationConfig":{"stopSequences":["d"],"responseMimeType":"application/json"}}`: "[d] json",
		`{"inferenceConfig":{"stopSequences":["e"]}}`:                                        "[e] ",
		`{"stop":7,"text":"plain","response_format":[],"output_config":{"format":5}}`:        "[] ",
		`{"stop":[` + strings.Repeat(`"x",`, 40) + `"x"]}`:                                   "[" + strings.TrimSpace(strings.Repeat("x ", 16)) + "] ",
	} {
		if s := settings(parse(t, body)); fmt.Sprint(s.Stop, " ", s.Output) != want {
			t.Errorf("%.90s: %v %s, want %s", body, s.Stop, s.Output, want)
		}
	}
}

func parse(t *testing.T, body string) wire.Object {
	t.Helper()
	o, err := wire.ParseObject([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return o
}
