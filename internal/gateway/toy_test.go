package gateway

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"turnpike/internal/keyring"
	"turnpike/internal/ledger"
	"turnpike/internal/ledger/journal"
	"turnpike/internal/llm"
	"turnpike/internal/provider"
	"turnpike/internal/retry"
	"turnpike/internal/route"
	"turnpike/internal/store"
	"turnpike/internal/telemetry"
	"turnpike/internal/wire"
)

// The toy dialect and the toy provider show what it takes to add one of each: a
// folder with these methods, and a line where the binary is wired.
//
// Requests are {"model","stream","say"}; answers {"said","in","out"}; stream
// events {"d":text}, {"end":true,"cut","in","out"} and {"error":text}.
type toy struct{ name string }

func (t toy) Name() string { return t.name }

func (t toy) DecodeRequest(_ http.Header, body []byte) (*llm.Request, error) {
	req := &llm.Request{}
	r := wire.NewReader(body)
	for name := range r.Fields() {
		switch string(name) {
		case "model":
			req.Model = r.Str()
		case "stream":
			req.Stream = r.Bool()
		case "say":
			req.Turns = append(req.Turns, llm.Turn{Role: llm.User, Parts: []llm.Part{&llm.Text{Text: r.Str()}}})
		}
	}
	if err := r.End(); err != nil {
		return nil, &llm.Error{Kind: llm.ErrInvalid, Message: err.Error()}
	}
	return req, nil
}

func (t toy) EncodeRequest(r *llm.Request, target *llm.Target) ([]byte, []llm.Loss, error) {
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("model", target.Model)
	w.BoolField("stream", target.Stream)
	for _, turn := range r.Turns {
		for _, p := range turn.Parts {
			if text, ok := p.(*llm.Text); ok {
				w.StrField("say", text.Text)
			}
		}
	}
	w.EndObject()
	return w.Bytes(), []llm.Loss{{Path: "manners", Reason: "toys have none", Count: 1}}, nil
}

func (t toy) EncodeResponse(_ *llm.Request, res *llm.Response) []byte {
	w := wire.NewWriter(nil)
	w.Object()
	for _, p := range res.Parts {
		if text, ok := p.(*llm.Text); ok {
			w.StrField("said", text.Text)
		}
	}
	w.IntField("in", res.Usage.Input)
	w.IntField("out", res.Usage.Output)
	w.EndObject()
	return w.Bytes()
}

func (t toy) DecodeResponse(body []byte) (*llm.Response, error) {
	res := &llm.Response{Stop: llm.StopEnd}
	r := wire.NewReader(body)
	for name := range r.Fields() {
		switch string(name) {
		case "said":
			res.Parts = append(res.Parts, &llm.Text{Text: r.Str()})
		case "in":
			res.Usage.Known, res.Usage.Input = true, r.Int()
		case "out":
			res.Usage.Output = r.Int()
		}
	}
	return res, r.End()
}

func (t toy) EncodeError(e *llm.Error, _ string) (int, []byte) {
	w := wire.NewWriter(nil)
	w.Object()
	w.StrField("error", e.Message)
	w.EndObject()
	return e.HTTPStatus(), w.Bytes()
}

func (t toy) DecodeError(status int, h http.Header, body []byte) *llm.Error {
	return &llm.Error{Kind: llm.KindOfStatus(status), Status: status, Message: llm.UpstreamMessage(body), RetryAfter: llm.RetryAfter(h, time.Now)}
}

func (t toy) NewStreamEncoder(*llm.Request) llm.StreamEncoder { return &toyEncoder{} }

type toyEncoder struct{ llm.LossList }

func (toyEncoder) Comment(dst []byte, text string) []byte { return wire.AppendComment(dst, text) }

func (toyEncoder) Heartbeat(dst []byte) []byte { return append(dst, ": still here\n\n"...) }

func (toyEncoder) Append(dst []byte, e *llm.Event) []byte {
	w := wire.NewWriter(nil)
	w.Object()
	switch e.Kind {
	case llm.EventDelta:
		w.Key("d")
		w.Text(e.Text)
	case llm.EventFinish:
		w.BoolField("end", true)
		w.IntField("in", e.Usage.Input)
		w.IntField("out", e.Usage.Output)
	case llm.EventFault:
		w.StrField("error", e.Err.Message)
	default:
		return dst
	}
	w.EndObject()
	return wire.AppendSSE(dst, "", w.Bytes())
}

func (t toy) NewStreamDecoder() llm.StreamDecoder { return &toyDecoder{} }

type toyDecoder struct {
	llm.LossList
	started, begun, over bool
}

func (d *toyDecoder) Frame(f wire.Frame, yield llm.Yield) error {
	if !d.started && !strings.Contains(string(f.Data), "error") {
		d.started = true
		start := &llm.Event{Kind: llm.EventStart}
		if strings.Contains(string(f.Data), `"start"`) {
			start.Usage = llm.Usage{Known: true, Input: 11}
			return yield(start)
		}
		if err := yield(start); err != nil {
			return err
		}
	}
	if !d.begun && strings.Contains(string(f.Data), `"d"`) {
		d.begun = true
		if err := yield(&llm.Event{Kind: llm.EventPartStart, Part: &llm.Text{}}); err != nil {
			return err
		}
	}
	e := llm.Event{}
	r := wire.NewReader(f.Data)
	for name := range r.Fields() {
		switch string(name) {
		case "d":
			e.Kind, e.Delta, e.Text = llm.EventDelta, llm.DeltaText, r.Bytes()
		case "end":
			e.Kind, e.Stop, e.Usage.Known = llm.EventFinish, llm.StopEnd, true
			r.Skip()
		case "cut":
			e.Stop = llm.StopLength
			r.Skip()
		case "in":
			e.Usage.Input = r.Int()
		case "out":
			e.Usage.Output = r.Int()
		case "joke":
			d.Lose("joke", "nobody else laughs")
			r.Skip()
		case "error":
			e.Kind, e.Err = llm.EventFault, &llm.Error{Kind: llm.ErrUpstream, Upstream: true, Message: r.Str()}
		}
	}
	if err := r.End(); err != nil {
		return err
	}
	if e.Kind == llm.EventFinish {
		d.over = true
	}
	if d.over && d.begun {
		if err := yield(&llm.Event{Kind: llm.EventPartEnd}); err != nil {
			return err
		}
	}
	return yield(&e)
}

func (d *toyDecoder) End(yield llm.Yield) error {
	if d.over {
		return nil
	}
	return yield(&llm.Event{Kind: llm.EventFault, Err: &llm.Error{Kind: llm.ErrUpstream, Message: "broke off"}})
}

func (t toy) NewMeter() llm.Meter { return &toyMeter{} }

type toyMeter struct{ res llm.MeterResult }

func (m *toyMeter) Body(body []byte) {
	m.res.Complete = true
	if res, err := (toy{}).DecodeResponse(body); err == nil {
		m.res.Usage = res.Usage
	}
}

func (m *toyMeter) Frame(f wire.Frame) llm.FrameClass {
	s := string(f.Data)
	switch {
	case strings.Contains(s, `"error"`):
		m.res.Fault = &llm.Error{Kind: llm.ErrOverloaded, Upstream: true, Message: llm.UpstreamMessage(f.Data)}
		return llm.FrameError
	case strings.Contains(s, `"end"`):
		m.res.Complete = true
		m.res.Usage = llm.Usage{Known: true, Input: 7, Output: 9}
		return llm.FrameEnd
	case strings.Contains(s, `"usage"`):
		return llm.FrameUsage
	case strings.Contains(s, `"start"`):
		m.res.Usage = llm.Usage{Known: true, Input: 11}
	case strings.Contains(s, `"d"`):
		m.res.OutputBytes += int64(len(s))
		return llm.FrameContent
	}
	return llm.FrameOther
}

func (m *toyMeter) Result() llm.MeterResult { return m.res }

func (t toy) Pass(body wire.Object, _ http.Header, target *llm.Target) ([]wire.Edit, []llm.Loss, bool) {
	return []wire.Edit{{Name: "model", Value: wire.AppendString(nil, target.Model)}}, nil, true
}

func (t toy) AsksUsage(body wire.Object) bool { return body.Get("usage") != nil }

var (
	_ llm.Front  = toy{}
	_ llm.Passer = toy{}
)

// toyProvider answers with whatever the test scripts.
type toyProvider struct {
	name     string // empty: toy
	dialect  string
	reframed bool // its answers come in another framing than its clients take
	timeouts provider.Timeouts
	answer   func(*http.Request) (*http.Response, error)

	mu   sync.Mutex
	sent [][]byte
}

func (p *toyProvider) Name() string { return cmp.Or(p.name, "toy") }
func (p *toyProvider) Kind() string { return "toybox" }
func (p *toyProvider) Surface(context.Context, string) (provider.Surface, error) {
	return provider.Surface{Dialect: p.dialect, Reframed: p.reframed}, nil
}

func (p *toyProvider) NewRequest(ctx context.Context, c *provider.Call) (*http.Request, error) {
	p.mu.Lock()
	p.sent = append(p.sent, append([]byte(nil), c.Body.Bytes()...))
	p.mu.Unlock()
	return http.NewRequestWithContext(ctx, http.MethodPost, "http://toy.invalid/", c.Body.NewReader())
}

func (p *toyProvider) RoundTrip(r *http.Request) (*http.Response, error) {
	defer func() { _ = r.Body.Close() }()
	return p.answer(r)
}

func (p *toyProvider) Frames(_ *provider.Call, body io.Reader) wire.FrameReader {
	return wire.NewSSE(body, 0)
}
func (p *toyProvider) Models(context.Context) ([]provider.Model, error) { return nil, nil }
func (p *toyProvider) Timeouts() provider.Timeouts                      { return p.timeouts }

// reply makes an upstream answer.
func reply(status int, contentType, body string) (*http.Response, error) {
	return replyFrom(status, contentType, io.NopCloser(strings.NewReader(body)))
}

func replyFrom(status int, contentType string, body io.ReadCloser) (*http.Response, error) {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {contentType}}, Body: body, ContentLength: -1}, nil
}

// rows is a ledger sink that remembers.
type rows struct {
	mu   sync.Mutex
	list []store.Attempt
	err  error // of all that is inserted
}

func (s *rows) set(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *rows) InsertAttempts(_ context.Context, a []store.Attempt) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	s.list = append(s.list, a...)
	return nil
}

const testKey = "sk-test-key-of-a-client"

// bench is a gateway with a toy upstream.
type testGateway struct {
	*Gateway
	t    *testing.T
	up   *toyProvider
	rows *rows
	rec  *ledger.Recorder
	once sync.Once
}

func newTestGateway(t *testing.T, up *toyProvider) *testGateway {
	t.Helper()
	once := route.Settings{Retry: retry.Plan{Attempts: 1}}
	g := newTestGatewayOf(t, route.New([]*route.Account{{Provider: up}}, "toy", "").With(once))
	g.up = up
	return g
}

func newTestGatewayOf(t *testing.T, table *route.Table) *testGateway {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	g := &testGateway{t: t, rows: &rows{}}
	g.keep(ledger.Options{MaxBytes: 1 << 30, OnFull: ledger.Refuse})
	ring := keyring.New(time.Now, keyring.Entry{Hash: keyring.Hash(testKey), Principal: keyring.Principal{KeyID: "key_1"}})
	g.Gateway = New(Options{
		Routes: []Front{{Path: "/toy", Dialect: toy{"toy"}}, {Path: "/other", Dialect: toy{"other"}}},
		Backs:  map[string]llm.Back{"toy": toy{"toy"}, "other": toy{"other"}},
		Caps:   func(string) llm.Caps { return llm.Caps{} }, Betas: func(string) []string { return nil },
		Table: table, Keys: ring, Ledger: g.rec, Log: log, Now: time.Now,
		Metrics: telemetry.New(func(model string) bool { return model == "m" }),
		MaxBody: 1 << 16, MaxAnswer: 1 << 16, Heartbeat: 15 * time.Second, Drain: 30 * time.Second,
	})
	t.Cleanup(func() { g.attempts() })
	return g
}

// keep opens a ledger.
func (g *testGateway) keep(opt ledger.Options) {
	g.t.Helper()
	opt.Dir, opt.Fsync, opt.Log = g.t.TempDir(), journal.Never, slog.New(slog.DiscardHandler)
	var err error
	if g.rec, err = ledger.Open(opt, g.rows); err != nil {
		g.t.Fatal(err)
	}
}

// refill puts another ledger in the place of the first.
func (g *testGateway) refill(opt ledger.Options) {
	g.t.Helper()
	if err := g.rec.Close(g.t.Context()); err != nil {
		g.t.Fatal(err)
	}
	g.keep(opt)
	g.opt.Ledger = g.rec
}

// attempts closes the ledger and returns what was recorded.
func (g *testGateway) attempts() []store.Attempt {
	g.once.Do(func() {
		if err := g.rec.Close(context.WithoutCancel(g.t.Context())); err != nil {
			g.t.Error(err)
		}
	})
	return g.rows.list
}

func (g *testGateway) post(path, body string, header ...string) *httptest.ResponseRecorder {
	return g.postIn(g.t.Context(), path, body, header...)
}

func (g *testGateway) postIn(ctx context.Context, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+testKey)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

// pieces is a body whose reads the test scripts one by one.
type pieces struct {
	next func(i int) (string, error)
	i    int
	rest string
}

func (p *pieces) Read(b []byte) (int, error) {
	for p.rest == "" {
		s, err := p.next(p.i)
		p.i++
		if err != nil {
			return 0, err
		}
		p.rest = s
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func (p *pieces) Close() error { return nil }

var errReset = errors.New("connection reset by peer")
