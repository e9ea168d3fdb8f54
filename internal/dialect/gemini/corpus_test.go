package gemini

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

// harmless are losses of recorded requests that are known and right.
var harmless = []string{"thinking", "schema", "response_format", "messages: tool call"}

// TestCorpusRequests: what clients sent decodes, and encodes for the same API to
// what means the same.
func TestCorpusRequests(t *testing.T) {
	n := 0
	for _, x := range llmtest.Corpus(t, "gemini", "gemini-count-tokens") {
		if len(x.Request.Body) < 3 {
			continue
		}
		n++
		t.Run(x.Name, func(t *testing.T) {
			req := decode(t, string(x.Request.Body))
			llmtest.NoLoss(t, req.Lost(""))
			caps := flash()
			caps.Thinking = "" // whatever was recorded is passed on
			v, losses := encode(t, req, caps)
			for _, l := range losses {
				known := false
				for _, h := range harmless {
					known = known || strings.HasPrefix(l.Path, h) || strings.HasSuffix(l.Path, h)
				}
				if !known {
					t.Errorf("lost %+v", l)
				}
			}
			var recorded map[string]any
			if err := json.Unmarshal(x.Request.Body, &recorded); err != nil {
				t.Fatal(err)
			}
			want, got := meaning(recorded), meaning(v)
			for k := range want {
				if !reflect.DeepEqual(got[k], want[k]) {
					t.Errorf("%s: got %s\nwant %s", k, js(got[k]), js(want[k]))
				}
			}
		})
	}
	if n < 30 {
		t.Errorf("only %d requests", n)
	}
}

// meaning brings what can be said in two ways into one, and leaves out what is
// not passed on: reasoning nobody signed, and who says a thing.
func meaning(m map[string]any) map[string]any {
	m, _ = spelled(m).(map[string]any)
	out := map[string]any{"safetySettings": m["safetySettings"]}
	var system []string
	list, _ := llmtest.At(m, "systemInstruction.parts").([]any)
	for _, p := range list {
		if s, ok := llmtest.At(p, "text").(string); ok {
			system = append(system, s)
		}
	}
	out["system"] = system
	var parts []any
	contents, _ := m["contents"].([]any)
	for _, c := range contents {
		list, _ := llmtest.At(c, "parts").([]any)
		for _, p := range list {
			part, _ := p.(map[string]any)
			if part["thought"] == true || strings.TrimSpace(js(part["text"])) == `""` {
				continue
			}
			delete(part, "thought")
			for _, k := range []string{"functionCall", "functionResponse"} {
				if f, ok := part[k].(map[string]any); ok {
					delete(f, "id")
					delete(f, "parts") // beside, for models that take none inside
					if r, ok := f["response"].(map[string]any); ok {
						f["response"] = returned(r)
					}
				}
			}
			switch {
			case part["functionResponse"] != nil:
				parts = append(parts, part["functionResponse"])
			case part["inlineData"] == nil && part["fileData"] == nil: // media of results have moved
				parts = append(parts, part)
			}
		}
	}
	out["parts"] = parts
	g, _ := m["generationConfig"].(map[string]any)
	for _, k := range []string{"temperature", "topP", "topK", "maxOutputTokens", "stopSequences", "seed", "responseModalities", "logprobs"} {
		out[k] = g[k]
	}
	return out
}

// returned is what a function returned, whatever it was wrapped in.
func returned(r map[string]any) any {
	parts, failed := responseParts([]byte(js(r)))
	if len(parts) == 0 {
		return failed
	}
	var v any
	text := parts[0].(*llm.Text).Text
	if json.Unmarshal([]byte(text), &v) != nil {
		v = text
	}
	return []any{v, failed}
}

// spelled writes every member's name in one spelling, but for those inside data.
func spelled(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range x {
			key := camel([]byte(k))
			switch key {
			case "args", "response", "parameters", "responseSchema", "responseJsonSchema":
				out[key] = e
			default:
				if e != nil {
					out[key] = spelled(e)
				}
			}
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = spelled(e)
		}
		return out
	}
	return v
}

// chunks are the recorded chunks as a server with alt=sse would send them.
func chunks(t *testing.T, x *llmtest.Exchange) []string {
	t.Helper()
	if !strings.HasPrefix(strings.TrimSpace(x.Response.Text), "[") {
		var out []string
		frames := wire.NewSSE(strings.NewReader(x.Response.Text), 0)
		for {
			f, err := frames.Next()
			if err != nil {
				return out
			}
			out = append(out, string(f.Data))
		}
	}
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(x.Response.Text), &list); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range list {
		out = append(out, compact(t, c))
	}
	return out
}

func TestCorpusAnswers(t *testing.T) {
	n := 0
	for _, x := range llmtest.Corpus(t, "gemini", "response-only/gemini") {
		if x.Response.Status != 200 {
			continue
		}
		n++
		t.Run(x.Name, func(t *testing.T) {
			var res *llm.Response
			if body := x.Response.Text; strings.Contains(x.Name, "/stream-") {
				var fault *llm.Error
				if res, fault = stream(t, chunks(t, x)...); fault != nil {
					t.Fatal(fault)
				}
			} else {
				res = answered(t, compact(t, []byte(body)))
			}
			if !res.Usage.Known && strings.Contains(x.Response.Text, "promptTokenCount") || res.Stop == "" {
				t.Errorf("%+v", res)
			}
			again(t, x, res)
		})
	}
	if n < 25 {
		t.Errorf("only %d answers", n)
	}
}

// again sends the answer to a client of the same API and reads it back.
func again(t *testing.T, x *llmtest.Exchange, res *llm.Response) {
	t.Helper()
	want := *res
	want.Losses, want.Tier, want.Created, want.StopDetails = nil, "", 0, nil
	if want.Stop == llm.StopFilter && want.NativeStop == "SAFETY" || stopOf(want.NativeStop) == want.Stop || want.Stop == llm.StopTool {
		want.NativeStop = ""
	}
	enc := Dialect{}.NewStreamEncoder(&llm.Request{Model: res.Model})
	var out []byte
	if err := res.Replay(func(e *llm.Event) error { out = enc.Append(out, e); return nil }); err != nil {
		t.Fatal(err)
	}
	got, fault := llmtest.Decode(t, Dialect{}.NewStreamDecoder(), wire.NewSSE(llmtest.Chopped(out, 9, 80), 0))
	if fault != nil {
		t.Fatal(fault)
	}
	got.NativeStop, got.StopDetails = want.NativeStop, nil
	if res.ID == "" {
		got.ID = ""
	}
	if !reflect.DeepEqual(got, &want) {
		t.Errorf("got %s\nwant %s", js(got), js(want))
	}
}

func TestCorpusErrors(t *testing.T) {
	n := 0
	for _, x := range llmtest.Corpus(t, "gemini", "response-only/gemini") {
		if x.Response.Status < 400 {
			continue
		}
		n++
		t.Run(x.Name, func(t *testing.T) {
			e := Dialect{}.DecodeError(x.Response.Status, http.Header{}, []byte(x.Response.Text))
			if e.Message == "" || strings.Contains(e.Message, "not JSON") || e.Type == "" {
				t.Errorf("got %+v", e)
			}
			if strings.Contains(x.Response.Text, "retryDelay") != (e.RetryAfter > 0) {
				t.Errorf("retry after %v", e.RetryAfter)
			}
			if status, _ := (Dialect{}).EncodeError(e, ""); status/100 != x.Response.Status/100 {
				t.Errorf("status %d of %d", status, x.Response.Status)
			}
		})
	}
	if n < 5 {
		t.Errorf("only %d errors", n)
	}
}

// TestRecordedClients: what real clients of this API sent decodes without loss,
// and encodes for both generations of models.
func TestRecordedClients(t *testing.T) {
	root := os.Getenv("TURNPIKE_CLIENT_REQUESTS")
	if root == "" {
		root = "../../../../shared/client-requests"
	}
	n := 0
	for _, kind := range []string{"gemini-cli-*", "sdk-genai", "sdk-ai-google"} {
		files, _ := filepath.Glob(filepath.Join(root, kind, "*.json"))
		for _, f := range files {
			n++
			t.Run(filepath.Base(filepath.Dir(f))+"/"+filepath.Base(f), func(t *testing.T) {
				data, err := os.ReadFile(f) //nolint:gosec // a test's own files
				if err != nil {
					t.Fatal(err)
				}
				var x struct {
					Body json.RawMessage `json:"body"`
				}
				if err := json.Unmarshal(data, &x); err != nil {
					t.Fatal(err)
				}
				req := decode(t, string(x.Body))
				llmtest.NoLoss(t, req.Lost(""))
				if strings.Contains(f, "count") {
					return
				}
				for _, caps := range []llm.Caps{flash(), pro3()} {
					v, _ := encode(t, req, caps)
					if len(req.Tools) > 0 && llmtest.At(v, "tools.0.functionDeclarations.0.name") == nil {
						t.Error("the tools are gone")
					}
				}
				if _, _, ok := (Dialect{}).Pass(object(t, string(x.Body)), nil, &llm.Target{}); !ok {
					t.Error("it must pass as it is")
				}
			})
		}
	}
	if n == 0 {
		if os.Getenv("CI") != "" {
			t.Fatalf("no recorded requests in %s: set TURNPIKE_CLIENT_REQUESTS", root)
		}
		t.Skipf("no recorded requests in %s: set TURNPIKE_CLIENT_REQUESTS to run this", root)
	}
}
