package gateway

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"turnpike/internal/provider"
)

// operator is a toy that also counts and gives embeddings.
type operator struct {
	*toyProvider
	countAPI, embedForm string
	bodies              []string
}

func (o *operator) CountAPI(provider.Surface) string { return o.countAPI }
func (o *operator) EmbedForm() string                { return o.embedForm }
func (o *operator) ErrorDialect() string             { return "toy" }

func (o *operator) NewCountRequest(ctx context.Context, _ string, body []byte, _ http.Header) (*http.Request, error) {
	return o.request(ctx, body)
}

func (o *operator) NewEmbedRequest(ctx context.Context, _ string, body []byte) (*http.Request, error) {
	return o.request(ctx, body)
}

func (o *operator) request(ctx context.Context, body []byte) (*http.Request, error) {
	o.bodies = append(o.bodies, string(body))
	return http.NewRequestWithContext(ctx, http.MethodPost, "http://toy.invalid/", strings.NewReader(string(body)))
}

var (
	_ provider.Counter  = (*operator)(nil)
	_ provider.Embedder = (*operator)(nil)
)

func operate(t *testing.T, o *operator, op Op) *testGateway {
	t.Helper()
	g := newTestGateway(t, o.toyProvider)
	g.opt.Table.Accounts()[0].Provider = o
	ask := Told(op)
	if op == Count {
		ask = Counts("input_tokens")
	}
	f := Front{Path: "/op", Dialect: toy{"toy"}, Ask: ask}
	g.mux.HandleFunc("POST /op", func(w http.ResponseWriter, r *http.Request) { g.serve(&f, w, r) })
	return g
}

func TestCount(t *testing.T) {
	for _, c := range []struct {
		name      string
		status    int
		answer    string
		want      int
		body      string
		estimated bool
	}{
		{"CNT-01 the upstream's own count", 200, `{"input_tokens":42}`, 200, `{"input_tokens":42}`, false},
		{"CNT-04 a model it does not count is estimated, and marked", 404, `{"error":"not supported"}`, 200, "", true},
		{"an upstream that is down does not keep a client from counting", 503, `{"error":"busy"}`, 200, "", true},
		{"ERR-06 what is wrong with the request is said in the upstream's words", 400, `{"error":"messages: empty"}`, 400, `{"error":"messages: empty"}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := &operator{countAPI: "input_tokens", toyProvider: &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
				return reply(c.status, "application/json", c.answer)
			}}}
			g := operate(t, o, Count)
			w := g.post("/op", `{"model":"m","say":"hello there"}`)
			if w.Code != c.want || c.body != "" && w.Body.String() != c.body || (w.Header().Get("X-Turnpike-Estimated") == "true") != c.estimated {
				t.Errorf("got %d %s %v", w.Code, w.Body, w.Header())
			}
			var n struct {
				Tokens int `json:"input_tokens"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &n); c.want == 200 && (err != nil || n.Tokens < 2) {
				t.Errorf("count %s", w.Body)
			}
			if a := g.attempts(); len(a) != 0 {
				t.Errorf("counting is in the ledger: %+v", a)
			}
		})
	}
}

func TestCountWithoutACounter(t *testing.T) {
	g := newTestGateway(t, &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
		t.Error("a request was sent")
		return nil, io.ErrUnexpectedEOF
	}})
	f := Front{Path: "/op", Dialect: toy{"toy"}, Ask: Counts("totalTokens")}
	g.mux.HandleFunc("POST /op", func(w http.ResponseWriter, r *http.Request) { g.serve(&f, w, r) })
	w := g.post("/op", `{"model":"m","say":"hello there"}`)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"totalTokens"`) || w.Header().Get("X-Turnpike-Estimated") != "true" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestEmbeddings(t *testing.T) {
	const floats = `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1]}],"model":"up","usage":{"prompt_tokens":3,"total_tokens":3}, "x":1}`
	for _, c := range []struct {
		name, form, model, body, answer string
		status                          int
		want                            int
		same                            bool   // the answer passes byte for byte
		say                             string // else what it says
		calls                           int
	}{
		{"OpenAI's form passes", "openai", "m", `{"model":"m", "input":"a","encoding_format":"float"}`, floats, 200, 200, true, "", 1},
		{"floats for who asked for base64 are encoded", "openai", "m", `{"model":"m","input":"a","encoding_format":"base64"}`, floats, 200, 200, false, `"AAAAPwAAgL8="`, 1},
		{
			"Titan takes one text a call", "bedrock", "amazon.titan-embed-text-v2:0", `{"model":"amazon.titan-embed-text-v2:0","input":["a","b","c"]}`,
			`{"embedding":[0.5,-1],"inputTextTokenCount":2}`, 200, 200, false, `"prompt_tokens":6`, 3,
		},
		{"a model that gives none", "bedrock", "meta.llama", `{"model":"toy/meta.llama","input":"a"}`, "", 200, 400, false, "gives no embeddings", 0},
		{"an error of the upstream", "openai", "m", `{"model":"m","input":"a"}`, `{"error":"too many"}`, 429, 429, false, "too many", 1},
		{"too few vectors", "openai", "m", `{"model":"m","input":["a","b"],"encoding_format":"float"}`, floats, 200, 502, false, "", 1},
		{"no input", "openai", "m", `{"model":"m"}`, "", 200, 400, false, "input", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := &operator{embedForm: c.form, toyProvider: &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
				return reply(c.status, "application/json", c.answer)
			}}}
			g := operate(t, o, Embed)
			w := g.post("/op", c.body)
			if w.Code != c.want || c.same && w.Body.String() != c.answer || !strings.Contains(w.Body.String(), c.say) {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
			if len(o.bodies) != c.calls {
				t.Errorf("%d calls, want %d: %q", len(o.bodies), c.calls, o.bodies)
			}
			if a := g.attempts(); c.want == 200 && (len(a) != 1 || a[0].Usage.Input == 0 || a[0].Surface != "embeddings") {
				t.Errorf("attempts %+v", a)
			}
		})
	}
}
