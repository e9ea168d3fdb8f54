package responses

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

// recording is one recorded exchange.
type recording struct{ *llmtest.Exchange }

func (c *recording) streamed() bool { return isStream(c.Response.Text) }

func isStream(body string) bool { return !strings.HasPrefix(strings.TrimSpace(body), "{") }

func corpus(t *testing.T) []*recording {
	t.Helper()
	var out []*recording
	for _, x := range llmtest.Corpus(t, "openai-responses") {
		out = append(out, &recording{x})
	}
	return out
}

// meaning is what an answer says, in a form that any decoder can be compared by.
type meaning struct {
	Text, Thinking, Refusal string
	Calls, Others           []string
	Proofs                  int // OpenAI encrypts anew in every event: not what they are, but that they are
	Status                  string
	Prompt, Output, Cached  int64
}

// plainly reads an answer with encoding/json, without any of the code under test.
// All of a stream is in its last event.
func plainly(t *testing.T, body string) meaning {
	t.Helper()
	type part struct{ Type, Text, Refusal string }
	var r struct {
		Status     string
		Incomplete *struct{ Reason string } `json:"incomplete_details"`
		Output     []struct {
			Type, Name, Arguments, Input string
			Content, Summary             []part
			Proof                        string `json:"encrypted_content"`
		}
		Usage struct {
			Input   int64 `json:"input_tokens"`
			Output  int64 `json:"output_tokens"`
			Details struct {
				Cached int64 `json:"cached_tokens"`
			} `json:"input_tokens_details"`
		}
	}
	text := body
	if found := false; isStream(body) {
		for line := range strings.Lines(body) {
			if data, ok := strings.CutPrefix(line, "data:"); ok && strings.Contains(data, `"response.completed"`) || strings.Contains(data, `"response.incomplete"`) {
				var e struct{ Response json.RawMessage }
				if json.Unmarshal([]byte(data), &e) == nil && e.Response != nil {
					text, found = string(e.Response), true
				}
			}
		}
		if !found {
			t.Fatal("the stream has no last event")
		}
	}
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	m := meaning{Status: r.Status, Prompt: r.Usage.Input, Output: r.Usage.Output, Cached: r.Usage.Details.Cached}
	if r.Incomplete != nil {
		m.Status = r.Incomplete.Reason
	}
	for _, it := range r.Output {
		switch it.Type {
		case "message":
			for _, c := range it.Content {
				m.Text += c.Text
				m.Refusal += c.Refusal
			}
		case "reasoning":
			parts := it.Summary
			if len(parts) == 0 {
				parts = it.Content
			}
			for i, c := range parts {
				if i > 0 {
					m.Thinking += paragraph
				}
				m.Thinking += c.Text
			}
			if it.Proof != "" {
				m.Proofs++
			}
		case "function_call", "custom_tool_call":
			m.Calls = append(m.Calls, it.Name+" "+it.Arguments+it.Input)
		default:
			m.Others = append(m.Others, it.Type)
		}
	}
	return m
}

// meant is the meaning of what was decoded.
func meant(res *llm.Response) meaning {
	var m meaning
	for _, p := range res.Parts {
		switch p := p.(type) {
		case *llm.Text:
			m.Text += p.Text
		case *llm.Thinking:
			m.Thinking += p.Text
			if issuer, _, ok := llm.Unseal(p.Signature); ok && issuer == Issuer {
				m.Proofs++
			}
		case *llm.Refusal:
			m.Refusal += p.Text
		case *llm.ToolCall:
			m.Calls = append(m.Calls, p.Name+" "+string(p.Input)+p.Broken)
		case *llm.Native:
			m.Others = append(m.Others, p.Type)
		}
	}
	m.Status = res.NativeStop
	m.Prompt, m.Output, m.Cached = res.Usage.Prompt(), res.Usage.Output, res.Usage.CacheRead
	return m
}

func decodeStream(t testing.TB, body string, seed uint64, piece int) (*llm.Response, *llm.Error) {
	t.Helper()
	return llmtest.Decode(t, Dialect{}.NewStreamDecoder(), wire.NewSSE(llmtest.Chopped([]byte(body), seed, piece), 0))
}

// decoded reads the answer of a recording.
func decoded(t *testing.T, c *recording, seed uint64) *llm.Response {
	t.Helper()
	if c.streamed() {
		res, e := decodeStream(t, c.Response.Text, seed, 40)
		if e != nil {
			t.Fatal(e)
		}
		return res
	}
	res, err := Dialect{}.DecodeResponse([]byte(c.Response.Text))
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// putOff tells whether an answer was asked for in the background.
func (c *recording) putOff() bool {
	return strings.Contains(c.Response.Text, `"status":"queued"`) || strings.Contains(c.Response.Text, `"status": "queued"`)
}

func TestCorpusAnswers(t *testing.T) {
	for _, c := range corpus(t) {
		t.Run(c.Name, func(t *testing.T) {
			body := c.Response.Text
			switch {
			case c.Response.Status >= 400:
				e := Dialect{}.DecodeError(c.Response.Status, nil, []byte(body))
				if e.Message == "" || e.HTTPStatus() != c.Response.Status {
					t.Errorf("error %+v", e)
				}
			case c.putOff():
				if _, err := (Dialect{}).DecodeResponse([]byte(body)); err == nil {
					t.Error("an answer that is none yet")
				}
			default:
				want := plainly(t, body)
				for seed := range uint64(4) {
					if got := meant(decoded(t, c, seed)); !reflect.DeepEqual(got, want) {
						t.Errorf("decoded\n%+v\nwant\n%+v", got, want)
					}
				}
			}
		})
	}
}

// TestCorpusSameDialect: what was decoded, written for a client and decoded again,
// means the same.
func TestCorpusSameDialect(t *testing.T) {
	for _, c := range corpus(t) {
		if c.Response.Status >= 400 || c.putOff() {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			first := decoded(t, c, 1)
			req := &llm.Request{Model: "m"}
			want := meant(first)
			want.Proofs = 0 // unsigned reasoning gets a seal of ours
			for _, p := range first.Parts {
				if _, ok := p.(*llm.Thinking); ok {
					want.Proofs++
				}
			}
			for i, call := range want.Calls {
				if strings.HasSuffix(call, " ") {
					want.Calls[i] += "{}"
				}
			}
			whole, err := Dialect{}.DecodeResponse(Dialect{}.EncodeResponse(req, first))
			if err != nil {
				t.Fatal(err)
			}
			body := send(req, first)
			stream(t, body)
			streamed, e := decodeStream(t, body, 3, 30)
			if e != nil {
				t.Fatal(e)
			}
			for what, res := range map[string]*llm.Response{"whole": whole, "streamed": streamed} {
				if got := meant(res); !reflect.DeepEqual(got, want) || res.Stop != first.Stop {
					t.Errorf("%s\n%+v\nwant\n%+v", what, got, want)
				}
			}
		})
	}
}

// TestCorpusMeter: the meter sees on the untouched bytes what the decoder sees.
func TestCorpusMeter(t *testing.T) {
	for _, c := range corpus(t) {
		if c.Response.Status >= 400 || c.putOff() {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			want := decoded(t, c, 1)
			m := Dialect{}.NewMeter()
			if c.streamed() {
				_, res := classes(t, c.Response.Text)
				said := 0
				for _, p := range want.Parts {
					if p, ok := p.(*llm.Text); ok {
						said += len(p.Text)
					}
				}
				if res.OutputBytes < int64(said) {
					t.Errorf("%d bytes, the text alone has %d", res.OutputBytes, said)
				}
				frames := wire.NewSSE(strings.NewReader(c.Response.Text), 0)
				for {
					f, err := frames.Next()
					if err != nil {
						break
					}
					m.Frame(f)
				}
			} else {
				m.Body([]byte(c.Response.Text))
			}
			res := m.Result()
			if res.Usage != want.Usage || res.Stop != want.Stop || !res.Complete || res.Fault != nil || res.Model == "" {
				t.Errorf("%+v, decoded %+v", res, want)
			}
		})
	}
}

// TestCorpusRequests: every request decodes, unless it refers to something kept,
// and asks the same when it is encoded for a server of this API.
func TestCorpusRequests(t *testing.T) {
	for _, c := range corpus(t) {
		if c.Request.Body == nil || c.Request.Recorded != nil {
			continue
		}
		t.Run(c.Name, func(t *testing.T) { requestAgain(t, c.Request.Body) })
	}
}

// TestClientRequests reads what real clients sent.
func TestClientRequests(t *testing.T) {
	n := 0
	for _, f := range llmtest.Files(t, "TURNPIKE_CLIENT_REQUESTS", "client-requests", "*/*.json") {
		var c struct {
			Path string
			Body json.RawMessage
		}
		if err := json.Unmarshal(f.Data, &c); err != nil || c.Path != "/v1/responses" || len(c.Body) == 0 || c.Body[0] != '{' {
			continue // an index, or another API's
		}
		n++
		t.Run(f.Name, func(t *testing.T) { requestAgain(t, c.Body) })
	}
	if n < 40 {
		t.Errorf("%d requests", n)
	}
}

func requestAgain(t *testing.T, body []byte) {
	t.Helper()
	req, err := Dialect{}.DecodeRequest(nil, body)
	if err != nil {
		e, ok := errors.AsType[*llm.Error](err)
		if !ok || e.Param != "previous_response_id" || !strings.Contains(string(body), `"previous_response_id"`) {
			t.Fatal(err)
		}
		return
	}
	if len(req.Losses) > 0 && llmtest.DumpLosses(req.Lost("")) != "background" {
		t.Errorf("losses %s", llmtest.DumpLosses(req.Lost("")))
	}
	out, losses, err := Dialect{}.EncodeRequest(req, &llm.Target{Model: req.Model, Stream: req.Stream})
	if err != nil {
		t.Fatal(err)
	}
	again, err := Dialect{}.DecodeRequest(nil, out)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(losses) > 0 {
		t.Logf("losses %s", llmtest.DumpLosses(losses))
		return
	}
	obeysOrder(t, out)
	sameRequest(t, req, again)
}

// sameRequest compares what two requests ask.
func sameRequest(t *testing.T, want, got *llm.Request) {
	t.Helper()
	flat := func(r *llm.Request) string {
		var b strings.Builder
		if len(r.System) > 0 {
			for _, p := range r.System {
				b.WriteString("\n\n" + p.(*llm.Text).Text)
			}
		}
		for _, t := range llm.Merged(r.Turns) {
			b.WriteString("\n" + string(t.Role) + " " + llmtest.DumpParts(t.Parts))
		}
		for _, x := range r.Tools {
			home := ""
			if x.Home != nil {
				home = x.Home.Group + "/" + x.Home.Name
			}
			b.WriteString("\n" + x.Name + x.Description + string(x.Schema) + home)
			if x.Native != nil {
				b.Write(x.Native.Raw)
			}
		}
		extras := slices.SortedFunc(slices.Values(r.Extra), func(a, b llm.Extra) int { return strings.Compare(a.Name, b.Name) })
		for _, x := range extras {
			b.WriteString("\n" + x.Name + string(x.Raw))
		}
		if r.Format != nil {
			b.WriteString(r.Format.Name + string(r.Format.Schema))
		}
		j, _ := json.Marshal([]any{r.Choice, r.MaxTokens, r.Temperature, r.TopP, r.Parallel, r.User, r.Format != nil, r.Thinking.Effort})
		s := strings.ReplaceAll(b.String()+string(j), " auto)", ")") // OpenAI's default detail of a picture
		return strings.Join(strings.Fields(strings.ReplaceAll(s, `\n`, "")), "")
	}
	a, b := flat(want), flat(got)
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Fatalf("asks …%.300s\nwant …%.300s", b[max(0, i-100):], a[max(0, i-100):])
		}
	}
	if len(a) != len(b) {
		t.Errorf("asks %d bytes, want %d", len(b), len(a))
	}
}
