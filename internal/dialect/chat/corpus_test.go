package chat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

// corpus is the recorded exchanges with chat upstreams.
func corpus(t *testing.T) []*llmtest.Exchange {
	t.Helper()
	return llmtest.Corpus(t, "openai-chat", "openai-compatible-chat")
}

// meaning is what an answer says, in a form that any decoder can be compared by.
type meaning struct {
	Text, Thinking, Refusal string
	Calls                   []string // name and arguments
	Stop                    string
	Prompt, Output, Cached  int64
}

// plainly reads an answer with encoding/json, without any of the code under test.
func plainly(t *testing.T, body string) meaning {
	t.Helper()
	var m meaning
	type call struct {
		Index    *int
		ID       string
		Function struct {
			Name      string
			Arguments any
		}
	}
	type message struct {
		Content   any
		Refusal   string
		Reasoning string
		Content2  string                            `json:"reasoning_content"`
		ToolCalls []call                            `json:"tool_calls"`
		Function  *struct{ Name, Arguments string } `json:"function_call"`
	}
	type usage struct {
		Prompt  int64 `json:"prompt_tokens"`
		Output  int64 `json:"completion_tokens"`
		Details struct {
			Cached int64 `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
	}
	type choice struct {
		Index   int
		Message message
		Delta   message
		Finish  string `json:"finish_reason"`
	}
	names := map[int]int{}
	add := func(text string) {
		var chunk struct {
			Choices []choice
			Usage   *usage
		}
		if err := json.Unmarshal([]byte(text), &chunk); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if chunk.Usage != nil {
			m.Prompt, m.Output, m.Cached = chunk.Usage.Prompt, chunk.Usage.Output, chunk.Usage.Details.Cached
		}
		for _, c := range chunk.Choices {
			if c.Index != 0 {
				continue
			}
			msg := c.Delta
			if !strings.HasPrefix(body, "data:") && !strings.HasPrefix(body, ":") {
				msg = c.Message
			}
			if s, ok := msg.Content.(string); ok {
				m.Text += s
			}
			m.Refusal += msg.Refusal
			if msg.Content2 != "" {
				m.Thinking += msg.Content2
			} else {
				m.Thinking += msg.Reasoning
			}
			for _, k := range msg.ToolCalls {
				at := len(m.Calls)
				if k.Index != nil {
					if old, ok := names[*k.Index]; ok {
						at = old
					} else {
						names[*k.Index] = at
					}
				}
				if at == len(m.Calls) {
					m.Calls = append(m.Calls, k.Function.Name+" ")
				}
				if s, ok := k.Function.Arguments.(string); ok {
					m.Calls[at] += s
				}
			}
			if f := msg.Function; f != nil && f.Name != "" {
				m.Calls = append(m.Calls, f.Name+" "+f.Arguments)
			}
			if c.Finish != "" {
				m.Stop = c.Finish
			}
		}
	}
	if !strings.HasPrefix(body, "data:") && !strings.HasPrefix(body, ":") {
		add(body)
		return m
	}
	for line := range strings.Lines(body) {
		data, ok := strings.CutPrefix(strings.TrimSpace(line), "data:")
		if data = strings.TrimSpace(data); ok && data != "[DONE]" {
			add(data)
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
		case *llm.Refusal:
			m.Refusal += p.Text
		case *llm.ToolCall:
			m.Calls = append(m.Calls, p.Name+" "+string(p.Input)+p.Broken)
		}
	}
	m.Stop = res.NativeStop
	m.Prompt, m.Output, m.Cached = res.Usage.Prompt(), res.Usage.Output, res.Usage.CacheRead
	return m
}

func compare(t *testing.T, want, got meaning) {
	t.Helper()
	for i := range want.Calls { // an answer that says null for no arguments
		want.Calls[i] = strings.TrimSuffix(want.Calls[i], "null")
	}
	if !reflect.DeepEqual(want, got) {
		t.Errorf("decoded\n%+v\nwant\n%+v", got, want)
	}
}

func decodeStream(t testing.TB, body string, seed uint64, piece int) (*llm.Response, *llm.Error) {
	t.Helper()
	return llmtest.Decode(t, Dialect{}.NewStreamDecoder(), wire.NewSSE(llmtest.Chopped([]byte(body), seed, piece), 0))
}

func TestCorpusAnswers(t *testing.T) {
	for _, c := range corpus(t) {
		t.Run(c.Name, func(t *testing.T) {
			body := c.Response.Text
			stream := strings.HasPrefix(body, "data:") || strings.HasPrefix(body, ":")
			switch {
			case c.Response.Status >= 400:
				e := Dialect{}.DecodeError(c.Response.Status, nil, []byte(body))
				if e.Message == "" || !strings.Contains(body, strings.Split(e.Message, "\n")[0][:5]) {
					t.Errorf("error %+v", e)
				}
			case c.Has("mid-stream-error"):
				_, e := decodeStream(t, body, 1, 100)
				if e == nil || !strings.Contains(body, e.Message[:20]) {
					t.Errorf("error %+v", e)
				}
			case stream:
				for seed := range uint64(4) {
					res, e := decodeStream(t, body, seed, 40)
					if e != nil {
						t.Fatal(e)
					}
					compare(t, plainly(t, body), meant(res))
				}
			default:
				res, err := Dialect{}.DecodeResponse([]byte(body))
				if err != nil {
					t.Fatal(err)
				}
				compare(t, plainly(t, body), meant(res))
			}
		})
	}
}

// What was decoded, written for a client and decoded again, means the same.
func TestCorpusSameDialect(t *testing.T) {
	for _, c := range corpus(t) {
		body := c.Response.Text
		if c.Response.Status >= 400 || c.Has("mid-stream-error") {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			var first *llm.Response
			if strings.HasPrefix(body, "data:") || strings.HasPrefix(body, ":") {
				var e *llm.Error
				if first, e = decodeStream(t, body, 1, 1<<20); e != nil {
					t.Fatal(e)
				}
			} else {
				var err error
				if first, err = (Dialect{}).DecodeResponse([]byte(body)); err != nil {
					t.Fatal(err)
				}
			}
			again(t, first)
		})
	}
}

// again sends an answer to a client, whole and as a stream, and reads it back.
func again(t *testing.T, first *llm.Response) {
	t.Helper()
	want := meant(first)
	req := &llm.Request{Model: "m", StreamUsage: true}
	whole, err := Dialect{}.DecodeResponse(Dialect{}.EncodeResponse(req, first))
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range want.Calls {
		if strings.Count(c, " ") == 1 && strings.HasSuffix(c, " ") {
			want.Calls[i] += "{}" // no arguments are written as an empty object
		}
	}
	check := func(what string, res *llm.Response) {
		got := meant(res)
		got.Stop, want.Stop = "", ""
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
		if res.Stop != first.Stop && finishReason(res.Stop) != finishReason(first.Stop) {
			t.Errorf("%s: stop %q, want %q", what, res.Stop, first.Stop)
		}
	}
	check("whole", whole)
	enc := Dialect{}.NewStreamEncoder(req)
	var out []byte
	if err := first.Replay(func(e *llm.Event) error { out = enc.Append(out, e); return nil }); err != nil {
		t.Fatal(err)
	}
	streamed, e := decodeStream(t, string(out), 3, 30)
	if e != nil {
		t.Fatalf("%v\n%s", e, out)
	}
	check("streamed", streamed)
}

// The meter sees on the untouched bytes what the decoder sees.
func TestCorpusMeter(t *testing.T) {
	for _, c := range corpus(t) {
		body := c.Response.Text
		if c.Response.Status >= 400 {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			m := Dialect{}.NewMeter()
			var want *llm.Response
			var fault *llm.Error
			if strings.HasPrefix(body, "data:") || strings.HasPrefix(body, ":") {
				want, fault = decodeStream(t, body, 1, 1<<20)
				frames := wire.NewSSE(strings.NewReader(body), 0)
				for {
					f, err := frames.Next()
					if err != nil {
						break
					}
					m.Frame(f)
				}
			} else {
				want, _ = Dialect{}.DecodeResponse([]byte(body))
				m.Body([]byte(body))
			}
			got := m.Result()
			if fault != nil {
				if got.Fault == nil || got.Complete || got.Fault.Message != fault.Message {
					t.Errorf("fault %v, want %v", got.Fault, fault)
				}
				return
			}
			if !got.Complete || got.Usage != want.Usage || got.Model != want.Model {
				t.Errorf("%+v, want %+v of %s", got, want.Usage, want.Model)
			}
			if got.Stop != want.Stop && want.Stop != llm.StopOther {
				t.Errorf("stop %q, want %q", got.Stop, want.Stop)
			}
			if said := meant(want); got.OutputBytes < int64(len(said.Text)) {
				t.Errorf("%d bytes of output, the text alone has %d", got.OutputBytes, len(said.Text))
			}
		})
	}
}

// Requests survive being decoded and written again for an upstream.
func TestCorpusRequests(t *testing.T) {
	for _, c := range corpus(t) {
		if len(c.Request.Body) == 0 || string(c.Request.Body) == "null" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			req, err := Dialect{}.DecodeRequest(nil, c.Request.Body)
			if err != nil {
				t.Fatalf("%v in %.300s", err, c.Request.Body)
			}
			for _, compat := range []bool{false, true} {
				body, losses, err := Dialect{}.EncodeRequest(req, &llm.Target{Model: req.Model, Stream: req.Stream, Compat: compat})
				if err != nil {
					t.Fatal(err)
				}
				obeysOrder(t, body)
				back, err := Dialect{}.DecodeRequest(nil, body)
				if err != nil {
					t.Fatalf("%v in %s", err, body)
				}
				if len(losses) == 0 {
					sameRequest(t, req, back)
				}
			}
		})
	}
}

// sameRequest compares what two requests ask, wherever the messages are parted.
func sameRequest(t *testing.T, want, got *llm.Request) {
	t.Helper()
	flat := func(r *llm.Request) string {
		var b strings.Builder
		for _, p := range r.System {
			b.WriteString(p.(*llm.Text).Text)
		}
		for _, t := range llm.Merged(r.Turns) {
			b.WriteString("\n" + string(t.Role))
			for _, p := range t.Parts {
				j, _ := json.Marshal(p)
				b.Write(j)
			}
		}
		for _, x := range r.Tools {
			strict := x.Strict != nil && *x.Strict
			b.WriteString(fmt.Sprint("\n", x.Name, x.Description, strict) + compact(x.Schema))
		}
		if f := r.Format; f != nil {
			b.WriteString("\n" + f.Name + f.Description + compact(f.Schema))
		}
		for _, x := range r.Extra {
			b.WriteString("\n" + x.Name + compact(x.Raw))
		}
		j, _ := json.Marshal([]any{r.Choice, r.MaxTokens, r.Temperature, r.TopP, r.Stop, r.Thinking, r.Parallel, r.User})
		return squash(b.String() + string(j))
	}
	if a, b := flat(want), flat(got); a != b {
		t.Errorf("asks\n%s\nwant\n%s", b, a)
	}
}

func compact(raw []byte) string {
	var b bytes.Buffer
	if len(raw) > 0 && json.Compact(&b, raw) != nil {
		return "not JSON: " + string(raw)
	}
	return b.String()
}

func squash(s string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(s, `\n`, "")), "")
}
