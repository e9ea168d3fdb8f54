package otel

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"turnpike/internal/llm"
)

// collector is a receiver that reads what it gets by the official types. The
// messages of the two services have the fields of TracesData and MetricsData.
type collector struct {
	*httptest.Server
	t       *testing.T
	mu      sync.Mutex
	traces  []*tracepb.TracesData
	metrics []*metricspb.MetricsData
	headers []http.Header
}

func newCollector(t *testing.T) *collector {
	c := &collector{t: t}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Error(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.headers = append(c.headers, r.Header)
	switch r.Method + " " + r.URL.Path {
	case "POST /otlp/v1/traces":
		var d tracepb.TracesData
		c.read(body, &d)
		c.traces = append(c.traces, &d)
	case "POST /otlp/v1/metrics":
		var d metricspb.MetricsData
		c.read(body, &d)
		c.metrics = append(c.metrics, &d)
	default:
		c.t.Errorf("%s %s", r.Method, r.URL.Path)
		w.WriteHeader(http.StatusNotFound)
	}
}

// read reads strictly: a field the official types do not know is a mistake of ours.
func (c *collector) read(body []byte, m proto.Message) {
	if err := proto.Unmarshal(body, m); err != nil {
		c.t.Error(err)
	}
	again, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil || len(again) != len(body) {
		c.t.Errorf("%d bytes were sent, %d are understood: %v", len(body), len(again), err)
	}
}

func text(v *commonpb.AnyValue) any {
	switch v := v.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return v.StringValue
	case *commonpb.AnyValue_IntValue:
		return v.IntValue
	case *commonpb.AnyValue_DoubleValue:
		return v.DoubleValue
	case *commonpb.AnyValue_BoolValue:
		return v.BoolValue
	case *commonpb.AnyValue_ArrayValue:
		return text(v.ArrayValue.Values[0])
	}
	return nil
}

func attributes(list []*commonpb.KeyValue) map[string]any {
	out := map[string]any{}
	for _, kv := range list {
		out[kv.Key] = text(kv.Value)
	}
	return out
}

func knows(model string) bool { return model == "claude-x" }

func options(c *collector, names string) Options {
	return Options{
		Endpoint: c.URL + "/otlp/", Headers: map[string]string{"authorization": "Bearer collector"}, Percent: 100, Names: names, Service: "edge", Version: "1.2",
		Known: knows, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	}
}

var began = time.Unix(1_800_000_000, 5)

// tell tells of a request that was refused by one account and served by another.
func tell(t *Tracer, h http.Header) (forwarded []http.Header) {
	tr := t.Start(h)
	if tr.Sampled() {
		n, f := int64(64), 0.5
		tr.Ask(&Settings{MaxTokens: &n, Temperature: &f, TopP: &f, TopK: &n, Stop: []string{"END"}, Output: OutputJSON})
	}
	call := func(address string) {
		u, err := url.Parse(address)
		if err != nil {
			panic(err)
		}
		out := http.Header{}
		tr.Call(u, out)
		forwarded = append(forwarded, out)
	}
	call("https://bedrock.example:8443/model")
	tr.Attempt(&Attempt{Number: 1, At: began, Took: time.Second, Provider: "use1", Kind: "bedrock", Model: "claude-x", Status: 429, Error: "rate", Stream: true})
	call("http://api.deepseek.com/v1")
	tr.Attempt(&Attempt{
		Number: 2, At: began.Add(time.Second), Took: 2 * time.Second, FirstContent: time.Second, Provider: "deep", Kind: "openai-compat", Model: "invented",
		Served: "invented-2", Status: 200, Stop: llm.StopEnd, Stream: true,
		Usage: llm.Usage{Known: true, Input: 100, CacheRead: 20, CacheWrite5m: 3, Output: 11, Reasoning: 4},
	})
	tr.End(&Request{
		ID: "req_1", Key: "key_1", Pattern: "POST /v1/messages", Operation: OpChat, Conversation: "talk", Model: "alias", Start: began, Took: 3 * time.Second,
		FirstContent: 2 * time.Second, Chunks: 5, Output: 11, Status: 200,
	})
	return forwarded
}

func finish(t *testing.T, tr *Tracer) {
	t.Helper()
	if err := tr.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestSpans(t *testing.T) {
	c := newCollector(t)
	opt := options(c, Stable)
	opt.Forward = true
	tr := New(opt)
	out := tell(tr, http.Header{"Traceparent": {parent}, "Tracestate": {"v=1"}, "Baggage": {"user=me"}})
	finish(t, tr)
	if len(c.traces) != 1 || len(c.traces[0].ResourceSpans) != 1 {
		t.Fatalf("%d messages", len(c.traces))
	}
	if got := c.headers[0].Get("Authorization") + c.headers[0].Get("Content-Type"); got != "Bearer collectorapplication/x-protobuf" {
		t.Errorf("headers %v", c.headers[0])
	}
	res := c.traces[0].ResourceSpans[0]
	if a := attributes(res.Resource.Attributes); a["service.name"] != "edge" || a["service.version"] != "1.2" {
		t.Errorf("resource %v", a)
	}
	spans := res.ScopeSpans[0].Spans
	if len(spans) != 3 || res.ScopeSpans[0].Scope.Name != "turnpike" || res.SchemaUrl == "" {
		t.Fatalf("%v", res)
	}
	root, first, second := spans[0], spans[1], spans[2]
	models := map[any]bool{}
	for _, m := range c.metrics[0].ResourceMetrics[0].ScopeMetrics[0].Metrics {
		for _, p := range m.GetHistogram().GetDataPoints() {
			models[attributes(p.Attributes)["gen_ai.response.model"]] = true
		}
	}
	if !models[otherModel] || !models[nil] || models["invented-2"] { // one that nobody knows; the refused attempt has none
		t.Errorf("metrics tell of the models %v", models)
	}
	ctx, _ := From(http.Header{"Traceparent": {parent}})
	if root.Kind != tracepb.Span_SPAN_KIND_SERVER || root.Name != "POST /v1/messages" || string(root.TraceId) != string(ctx.Trace[:]) ||
		string(root.ParentSpanId) != string(ctx.Span[:]) || root.TraceState != "v=1" || root.Status != nil {
		t.Errorf("root %v", root)
	}
	for i, s := range []*tracepb.Span{first, second} {
		if s.Kind != tracepb.Span_SPAN_KIND_CLIENT || string(s.ParentSpanId) != string(root.SpanId) || string(s.TraceId) != string(root.TraceId) || s.Flags&1 == 0 {
			t.Errorf("attempt %v", s)
		}
		sent, ok := From(out[i])
		if !ok || string(sent.Span[:]) != string(s.SpanId) || sent.State != "v=1" || out[i]["Baggage"] != nil {
			t.Errorf("upstream got %v", out[i])
		}
	}
	if first.Status.GetCode() != tracepb.Status_STATUS_CODE_ERROR || first.EndTimeUnixNano-first.StartTimeUnixNano != 1e9 {
		t.Errorf("first attempt %v", first)
	}
	for _, w := range []struct {
		span *tracepb.Span
		want map[string]any
	}{
		{root, map[string]any{
			"http.route": "/v1/messages", "http.request.method": "POST", "http.response.status_code": int64(200), "gen_ai.conversation.id": "talk",
			"turnpike.request.id": "req_1", "turnpike.key.id": "key_1", "turnpike.model": "alias",
		}},
		{first, map[string]any{
			"gen_ai.operation.name": "chat", "gen_ai.provider.name": "aws.bedrock", "gen_ai.request.model": "claude-x", "turnpike.provider": "use1",
			"turnpike.attempt": int64(1), "gen_ai.conversation.id": "talk", "server.address": "bedrock.example", "server.port": int64(8443),
			"http.response.status_code": int64(429), "error.type": "rate", "gen_ai.request.stream": true,
			"gen_ai.request.max_tokens": int64(64), "gen_ai.request.temperature": 0.5, "gen_ai.request.top_p": 0.5, "gen_ai.request.top_k": int64(64),
			"gen_ai.request.stop_sequences": "END", "gen_ai.output.type": "json",
		}},
		{second, map[string]any{
			"gen_ai.operation.name": "chat", "gen_ai.provider.name": "deepseek", "gen_ai.request.model": "invented", "turnpike.provider": "deep",
			"turnpike.attempt": int64(2), "gen_ai.conversation.id": "talk", "server.address": "api.deepseek.com", "server.port": int64(80),
			"http.response.status_code": int64(200), "gen_ai.request.stream": true, "gen_ai.response.time_to_first_chunk": 1.0,
			"gen_ai.request.max_tokens": int64(64), "gen_ai.request.temperature": 0.5, "gen_ai.request.top_p": 0.5, "gen_ai.request.top_k": int64(64),
			"gen_ai.request.stop_sequences": "END", "gen_ai.output.type": "json", "gen_ai.response.finish_reasons": "stop",
			"gen_ai.response.model": "invented-2", "gen_ai.usage.input_tokens": int64(123), "gen_ai.usage.output_tokens": int64(11),
			"gen_ai.usage.cache_read.input_tokens": int64(20), "gen_ai.usage.cache_creation.input_tokens": int64(3),
			"gen_ai.usage.reasoning.output_tokens": int64(4),
		}},
	} {
		if got := attributes(w.span.Attributes); !maps.Equal(got, w.want) {
			t.Errorf("%s has\n%v, want\n%v", w.span.Name, got, w.want)
		}
	}
}

// told gathers points as "name{attributes}": value, of a histogram its count and sum.
func (c *collector) told() map[string]float64 {
	out := map[string]float64{}
	for _, m := range c.metrics[len(c.metrics)-1].ResourceMetrics[0].ScopeMetrics[0].Metrics {
		key := func(list []*commonpb.KeyValue) string {
			a := attributes(list)
			return m.Name + "{" + fmtAttr(a["gen_ai.request.model"]) + " " + fmtAttr(a["gen_ai.token.type"]) + " " + fmtAttr(a["error.type"]) + "}"
		}
		for _, p := range m.GetHistogram().GetDataPoints() {
			var n uint64
			for _, b := range p.BucketCounts {
				n += b
			}
			if n != p.Count || len(p.BucketCounts) != len(p.ExplicitBounds)+1 {
				c.t.Errorf("%s: %d in buckets, %d in all", m.Name, n, p.Count)
			}
			out[key(p.Attributes)+" n"], out[key(p.Attributes)] = float64(p.Count), *p.Sum
		}
		for _, p := range m.GetSum().GetDataPoints() {
			if !m.GetSum().IsMonotonic {
				c.t.Errorf("%s may fall", m.Name)
			}
			out[key(p.Attributes)] = float64(p.GetAsInt())
		}
	}
	return out
}

func fmtAttr(v any) string {
	s, _ := v.(string)
	return s
}

func TestMetrics(t *testing.T) {
	server := map[string]float64{
		"gen_ai.server.request.duration{other  }": 6, "gen_ai.server.request.duration{other  } n": 2,
		"gen_ai.server.time_to_first_token{other  }": 4, "gen_ai.server.time_to_first_token{other  } n": 2,
		"gen_ai.server.time_per_output_token{other  }": 0.2, "gen_ai.server.time_per_output_token{other  } n": 2,
	}
	for names, want := range map[string]map[string]float64{
		Stable: {
			"gen_ai.client.operation.duration{claude-x  rate}": 2, "gen_ai.client.operation.duration{claude-x  rate} n": 2,
			"gen_ai.client.operation.duration{other  }": 4, "gen_ai.client.operation.duration{other  } n": 2,
			"gen_ai.client.operation.time_to_first_chunk{other  }": 2, "gen_ai.client.operation.time_to_first_chunk{other  } n": 2,
			"gen_ai.client.operation.time_per_output_chunk{other  }": 0.5, "gen_ai.client.operation.time_per_output_chunk{other  } n": 2,
			"gen_ai.client.token.usage{claude-x input }": 0, "gen_ai.client.token.usage{claude-x input } n": 2,
			"gen_ai.client.token.usage{claude-x output }": 0, "gen_ai.client.token.usage{claude-x output } n": 2,
			"gen_ai.client.token.usage{other input }": 246, "gen_ai.client.token.usage{other input } n": 2,
			"gen_ai.client.token.usage{other output }": 22, "gen_ai.client.token.usage{other output } n": 2,
		},
		Latest: {
			"gen_ai.client.inference.duration{claude-x  rate}": 2, "gen_ai.client.inference.duration{claude-x  rate} n": 2,
			"gen_ai.client.inference.duration{other  }": 4, "gen_ai.client.inference.duration{other  } n": 2,
			"gen_ai.client.inference.time_to_first_chunk{other  }": 2, "gen_ai.client.inference.time_to_first_chunk{other  } n": 2,
			"gen_ai.client.inference.time_per_output_chunk{other  }": 0.5, "gen_ai.client.inference.time_per_output_chunk{other  } n": 2,
			"gen_ai.client.inference.operation.input_tokens{claude-x  }": 0, "gen_ai.client.inference.operation.input_tokens{claude-x  } n": 2,
			"gen_ai.client.inference.operation.output_tokens{claude-x  }": 0, "gen_ai.client.inference.operation.output_tokens{claude-x  } n": 2,
			"gen_ai.client.inference.operation.input_tokens{other  }": 246, "gen_ai.client.inference.operation.input_tokens{other  } n": 2,
			"gen_ai.client.inference.operation.output_tokens{other  }": 22, "gen_ai.client.inference.operation.output_tokens{other  } n": 2,
			"gen_ai.client.inference.usage.input_tokens{other  }": 246, "gen_ai.client.inference.usage.output_tokens{other  }": 22,
			"gen_ai.client.inference.usage.cache_read.input_tokens{other  }": 40, "gen_ai.client.inference.usage.cache_write.input_tokens{other  }": 6,
			"gen_ai.client.inference.usage.reasoning.output_tokens{other  }": 8,
		},
	} {
		t.Run(names, func(t *testing.T) {
			c := newCollector(t)
			tr := New(options(c, names))
			tell(tr, nil)
			tell(tr, nil)
			finish(t, tr)
			maps.Copy(want, server)
			if got := c.told(); !maps.Equal(got, want) {
				for _, k := range slices.Sorted(maps.Keys(got)) {
					if w, ok := want[k]; !ok || w != got[k] {
						t.Errorf("%s: %v, want %v", k, got[k], w)
					}
				}
				for k := range want {
					if _, ok := got[k]; !ok {
						t.Errorf("no %s", k)
					}
				}
			}
		})
	}
}

// TestOperationOfEmbeddings: the latest names keep the old one for what infers nothing.
func TestEmbeddings(t *testing.T) {
	c := newCollector(t)
	tr := New(options(c, Latest))
	one := tr.Start(nil)
	one.Attempt(&Attempt{Number: 1, At: began, Took: time.Second, Kind: "openai", Model: "claude-x", Status: 200})
	one.End(&Request{Operation: OpEmbeddings, Start: began, Took: time.Second, Status: 200})
	finish(t, tr)
	if got := c.told(); got["gen_ai.client.operation.duration{claude-x  }"] != 1 {
		t.Errorf("%v", got)
	}
}

func TestSampling(t *testing.T) {
	off := parent[:len(parent)-1] + "0"
	for _, c := range []struct {
		name    string
		percent int
		header  string
		spans   bool
	}{
		{"all", 100, "", true},
		{"none", 0, "", false},
		{"the client wants it", 0, parent, true},
		{"the client does not", 100, off, false},
	} {
		col := newCollector(t)
		opt := options(col, Stable)
		opt.Percent = c.percent
		tr := New(opt)
		tell(tr, http.Header{"Traceparent": {c.header}})
		finish(t, tr)
		if got := len(col.traces) > 0; got != c.spans {
			t.Errorf("%s: spans %v", c.name, got)
		}
		if len(col.metrics) == 0 {
			t.Errorf("%s: no metrics", c.name)
		}
	}
}

// TestForwardAlone: without a collector the client's own context goes on as it is.
func TestForwardAlone(t *testing.T) {
	if New(Options{}) != nil {
		t.Error("there is something to do")
	}
	tr := New(Options{Forward: true})
	if out := tell(tr, http.Header{"Traceparent": {parent}}); out[0].Get("Traceparent") != parent {
		t.Errorf("%v", out)
	}
	if out := tell(tr, nil); len(out[0]) != 0 {
		t.Errorf("%v", out)
	}
	if _, _, _, ok := tr.Counts(); ok {
		t.Error("somebody is told")
	}
	finish(t, tr)
}

// TestNotForwarded is the default.
func TestNotForwarded(t *testing.T) {
	c := newCollector(t)
	tr := New(options(c, Stable))
	if out := tell(tr, http.Header{"Traceparent": {parent}}); len(out[0]) != 0 {
		t.Errorf("%v", out)
	}
	finish(t, tr)
}

func TestOffCostsNothing(t *testing.T) {
	var tr *Tracer
	h, u := http.Header{"Traceparent": {parent}}, &url.URL{Host: "h"}
	if n := testing.AllocsPerRun(100, func() {
		one := tr.Start(h)
		one.Call(u, h)
		one.Attempt(nil)
		one.End(nil)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	finish(t, tr)
}

// script answers as it is told, without a network.
type script struct {
	mu      sync.Mutex
	answers []int // 0: no answer
	paths   []string
	hold    chan struct{}
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.paths = append(s.paths, r.URL.Path)
	status := 200
	if len(s.answers) > 0 {
		status, s.answers = s.answers[0], s.answers[1:]
	}
	hold := s.hold
	s.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if status == 0 {
		return nil, errors.New("no connection")
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {"2"}}, Body: http.NoBody}, nil
}

func scripted(s *script) *Tracer {
	return New(Options{Endpoint: "http://c", Percent: 100, Known: knows, Log: slog.New(slog.DiscardHandler), Now: time.Now, Client: s})
}

func TestRetries(t *testing.T) {
	for _, c := range []struct {
		name         string
		answers      []int
		calls        int
		sent, failed int64
	}{
		{"taken", nil, 1, 1, 0},
		{"taken at last", []int{503, 0, 200}, 3, 1, 0},
		{"never taken", []int{503, 503, 429}, 3, 0, 1},
		{"not to be sent again", []int{400}, 1, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{answers: c.answers}
				tr := scripted(s)
				tell(tr, nil)
				time.Sleep(batchFor + 30*time.Second) //nolint:forbidigo // fake clock
				synctest.Wait()
				if sent, dropped, failed, _ := tr.Counts(); len(s.paths) != c.calls || sent != c.sent || failed != c.failed || dropped != 0 {
					t.Errorf("calls %v, sent %d, dropped %d, failed %d", s.paths, sent, dropped, failed)
				}
				if err := tr.Close(context.Background()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestFullQueue: a collector that hangs makes nobody wait; what has no room is
// dropped and counted, and a shutdown ends in its time.
func TestFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{hold: make(chan struct{})}
		tr := scripted(s)
		begun := time.Now()
		for range maxBatch {
			tell(tr, nil)
		}
		synctest.Wait() // the batch is full and hangs
		for range maxQueue + 10 {
			tell(tr, nil)
		}
		if time.Since(begun) != 0 {
			t.Error("somebody waited")
		}
		if _, dropped, _, _ := tr.Counts(); dropped != 10 {
			t.Errorf("%d dropped", dropped)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := tr.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if time.Since(begun) != time.Second {
			t.Errorf("closed after %s", time.Since(begun))
		}
	})
}

// TestBatches: however many there are, no message holds more than a batch.
func TestBatches(t *testing.T) {
	c := newCollector(t)
	tr := New(options(c, Stable))
	n := maxBatch + rand.IntN(maxBatch)
	for range n {
		tell(tr, nil)
	}
	finish(t, tr)
	total := 0
	for _, d := range c.traces {
		spans := len(d.ResourceSpans[0].ScopeSpans[0].Spans)
		if spans > 3*maxBatch {
			t.Errorf("%d spans in a message", spans)
		}
		total += spans
	}
	if sent, _, _, _ := tr.Counts(); total != 3*n || sent != int64(n) {
		t.Errorf("%d spans of %d requests, %d sent", total, n, sent)
	}
}

func TestSeriesAreBounded(t *testing.T) {
	m := &meter{names: namings[Stable], known: func(string) bool { return true }, series: map[labels]*series{}}
	for i := range 2 * maxSeries {
		m.take(&Request{Operation: OpChat, attempts: []Attempt{{Kind: "openai", Model: strings.Repeat("m", i+1)}}})
	}
	if len(m.series) > maxSeries+10 {
		t.Errorf("%d series", len(m.series))
	}
}

func TestSystem(t *testing.T) {
	for _, c := range [][3]string{
		{"bedrock", "x", "aws.bedrock"},
		{"openai-compat", "api.groq.com", "groq"},
		{"openai-compat", "notx.ai", "openai-compat"},
		{"openai-compat", "x.ai", "x_ai"},
		{"sandbox", "", "sandbox"},
	} {
		if got := system(c[0], c[1]); got != c[2] {
			t.Errorf("%v: %s", c, got)
		}
	}
}
