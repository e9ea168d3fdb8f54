package messages

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

// exchange is one recorded exchange with an upstream.
type exchange struct{ *llmtest.Exchange }

func corpus(t *testing.T, kinds ...string) []exchange {
	t.Helper()
	var out []exchange
	for _, x := range llmtest.Corpus(t, kinds...) {
		out = append(out, exchange{x})
	}
	return out
}

// frames reads the recorded stream, cut at random places.
func (x *exchange) frames(seed uint64) wire.FrameReader {
	if len(x.Response.Base64) > 0 {
		return wire.NewEventStream(llmtest.Chopped(x.Response.Base64, seed, 200), 0)
	}
	return wire.NewSSE(llmtest.Chopped([]byte(x.Response.Text), seed, 200), 0)
}

// anything takes every setting of the recordings.
func anything() *llm.Target {
	return &llm.Target{Caps: llm.Caps{MidSystem: true, Strict: true, Structured: true, Cache1h: true}}
}

func TestCorpusRequests(t *testing.T) {
	n := 0
	for _, x := range corpus(t, "anthropic", "vertex-anthropic", "bedrock-invoke", "bedrock-invoke-stream") {
		var want map[string]any
		if json.Unmarshal(x.Request.Body, &want) != nil || want["messages"] == nil || want["max_tokens"] == nil || want["model"] == nil && want["anthropic_version"] == nil {
			continue // other models behind InvokeModel, older forms
		}
		n++
		t.Run(x.Name, func(t *testing.T) {
			req, err := Dialect{}.DecodeRequest(x.RequestHeader(), x.Request.Body)
			if err != nil {
				t.Fatal(err)
			}
			target := anything()
			target.Model, target.Stream = req.Model, req.Stream
			body, losses, err := Dialect{}.EncodeRequest(req, target)
			if err != nil {
				t.Fatal(err)
			}
			if len(losses)+len(req.Losses) > 0 {
				t.Errorf("losses %v %v", req.Losses, losses)
			}
			var got map[string]any
			if err := json.Unmarshal(body, &got); err != nil {
				t.Fatal(err)
			}
			if w, g := plainRequest(want), plainRequest(got); !reflect.DeepEqual(w, g) {
				t.Errorf("got %s\nwant %s", js(g), js(w))
			}
		})
	}
	if n < 50 {
		t.Errorf("only %d requests", n)
	}
}

func js(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// plainRequest brings what can be said in two ways into one.
func plainRequest(m map[string]any) map[string]any {
	delete(m, "anthropic_version")
	delete(m, "model")
	if s, ok := m["system"].(string); ok {
		m["system"] = []any{map[string]any{"type": "text", "text": s}}
	}
	if s, ok := m["system"].([]any); ok && len(s) == 0 {
		delete(m, "system")
	}
	if m["stream"] == false {
		delete(m, "stream")
	}
	if t, ok := m["tools"].([]any); ok && len(t) == 0 {
		delete(m, "tools")
	}
	if f, ok := m["output_format"]; ok {
		delete(m, "output_format")
		m["output_config"] = map[string]any{"format": f}
	}
	var turns []any
	for _, turn := range list(m["messages"]) {
		content, _ := plainContent(turn["content"]).([]any)
		if n := len(turns); n > 0 && turns[n-1].(map[string]any)["role"] == turn["role"] {
			last := turns[n-1].(map[string]any)
			last["content"] = append(last["content"].([]any), content...)
			continue
		}
		turns = append(turns, map[string]any{"role": turn["role"], "content": content})
	}
	m["messages"] = turns
	if c, ok := m["tool_choice"].(map[string]any); ok && c["disable_parallel_tool_use"] == false {
		delete(c, "disable_parallel_tool_use")
	}
	for _, tool := range list(m["tools"]) {
		if tool["description"] == "" {
			delete(tool, "description")
		}
		if s, ok := tool["input_schema"].(map[string]any); ok {
			if s["type"] == nil {
				s["type"] = "object"
			}
			if s["properties"] == nil {
				s["properties"] = map[string]any{}
			}
		}
	}
	return m
}

func plainContent(v any) any {
	if s, ok := v.(string); ok {
		return []any{map[string]any{"type": "text", "text": s}}
	}
	for _, b := range list(v) {
		if b["type"] == nil {
			b["type"] = "text"
		}
		if b["type"] == "tool_use" {
			delete(b, "caller")
		}
		if b["type"] == "tool_result" {
			b["content"] = plainContent(b["content"])
			if b["is_error"] == false {
				delete(b, "is_error")
			}
		}
		for k, member := range b {
			if member == nil {
				delete(b, k)
			}
		}
	}
	return v
}

func TestCorpusAnswers(t *testing.T) {
	n := 0
	for _, x := range corpus(t, "anthropic", "vertex-anthropic", "bedrock-invoke", "response-only/anthropic") {
		var want map[string]any
		if x.Response.Status != 200 || json.Unmarshal([]byte(x.Response.Text), &want) != nil || want["type"] != "message" {
			continue
		}
		n++
		t.Run(x.Name, func(t *testing.T) {
			res, err := Dialect{}.DecodeResponse([]byte(x.Response.Text))
			if err != nil {
				t.Fatal(err)
			}
			m := Dialect{}.NewMeter()
			m.Body([]byte(x.Response.Text))
			sameMeasure(t, m.Result(), res)
			var got map[string]any
			if err := json.Unmarshal(Dialect{}.EncodeResponse(&llm.Request{Model: res.Model}, res), &got); err != nil {
				t.Fatal(err)
			}
			if w, g := plainAnswer(want), plainAnswer(got); !reflect.DeepEqual(w, g) {
				t.Errorf("got %s\nwant %s", js(g), js(w))
			}
		})
	}
	if n < 30 {
		t.Errorf("only %d answers", n)
	}
}

// sameMeasure compares a meter with the decoder.
func sameMeasure(t *testing.T, m llm.MeterResult, res *llm.Response) {
	t.Helper()
	if !m.Complete || m.Fault != nil || m.Stop != res.Stop || m.Model != res.Model {
		t.Errorf("metered %+v, decoded %s %s", m, res.Stop, res.Model)
	}
	if u := res.Usage; m.Usage.Input < u.Input || m.Usage.Output < u.Output || m.Usage.CacheRead != u.CacheRead || m.Usage.CacheWrite() != u.CacheWrite() {
		t.Errorf("metered %+v, decoded %+v", m.Usage, u)
	}
}

// plainAnswer leaves out what is told in two ways, and what the canonical form
// does not hold: who made a call, and counts of server tools. A call makes the
// reason to stop tool_use.
func plainAnswer(m map[string]any) map[string]any {
	if len(ids2(m, "tool_use", "id")) > 0 && m["stop_reason"] == "end_turn" {
		m["stop_reason"] = "tool_use"
	}
	if m["stop_details"] == nil {
		delete(m, "stop_details")
	}
	if m["context_management"] == nil {
		delete(m, "context_management")
	}
	for _, b := range list(m["content"]) {
		if b["type"] == "tool_use" {
			delete(b, "caller")
		}
		if c, ok := b["citations"].([]any); !ok || len(c) == 0 {
			delete(b, "citations")
		}
	}
	u, _ := m["usage"].(map[string]any)
	for _, k := range []string{"server_tool_use", "inference_geo", "iterations", "speed"} {
		delete(u, k)
	}
	for _, k := range []string{"cache_creation_input_tokens", "cache_read_input_tokens"} {
		if u[k] == 0.0 {
			delete(u, k)
		}
	}
	if c, ok := u["cache_creation"].(map[string]any); ok && c["ephemeral_1h_input_tokens"] == 0.0 {
		delete(u, "cache_creation") // all of it for five minutes, which is also what an untold lifetime means
	}
	if d, ok := u["output_tokens_details"].(map[string]any); ok && d["thinking_tokens"] == 0.0 {
		delete(u, "output_tokens_details")
	}
	if u["service_tier"] == nil {
		delete(u, "service_tier")
	}
	return m
}

func TestCorpusStreams(t *testing.T) {
	n := 0
	for _, x := range corpus(t, "anthropic", "vertex-anthropic", "bedrock-invoke-stream", "response-only/anthropic") {
		if x.Response.Status != 200 || !x.isMessagesStream() {
			continue
		}
		n++
		t.Run(x.Name, func(t *testing.T) {
			want, fault := llmtest.Decode(t, Dialect{}.NewStreamDecoder(), x.frames(1))
			if fault != nil {
				t.Fatal(fault)
			}
			for seed := range uint64(10) {
				got, _ := llmtest.Decode(t, Dialect{}.NewStreamDecoder(), x.frames(seed+2))
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("seed %d: %+v, first %+v", seed, got, want)
				}
			}
			x.through(t, want)
		})
	}
	if n < 25 {
		t.Errorf("only %d streams", n)
	}
}

// isMessagesStream tells Claude's streams from those of other models.
func (x *exchange) isMessagesStream() bool {
	if len(x.Response.Base64) == 0 && !strings.Contains(x.Response.Text, "data:") {
		return false
	}
	f, err := x.frames(0).Next()
	if err != nil {
		return false
	}
	var buf []byte
	data, err := unwrap(f, &buf)
	return err == nil && strings.Contains(string(data), `"message_start"`)
}

// through sends a recorded stream through decoder and encoder and reads the
// result again, native blocks and their deltas included.
func (x *exchange) through(t *testing.T, want *llm.Response) {
	d, enc, m := Dialect{}.NewStreamDecoder(), Dialect{}.NewStreamEncoder(&llm.Request{Model: want.Model}), Dialect{}.NewMeter()
	var out []byte
	natives, content := 0, false
	frames := x.frames(3)
	for {
		f, err := frames.Next()
		if err != nil {
			break
		}
		content = m.Frame(f) == llm.FrameContent || content
		if err := d.Frame(f, func(e *llm.Event) error {
			if e.Kind == llm.EventDelta && e.Delta == llm.DeltaNative {
				natives++
			}
			out = enc.Append(out, e)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	sameMeasure(t, m.Result(), want)
	if !content && len(want.Parts) > 0 {
		t.Error("the meter saw no content")
	}
	got, fault := decodeStream(t, out)
	if fault != nil {
		t.Fatal(fault)
	}
	if want.ID != got.ID && messageID(want.ID) != got.ID {
		t.Errorf("id %s, want %s", got.ID, want.ID)
	}
	got.ID, got.NativeStop = want.ID, want.NativeStop
	got.Usage.LifeUntold = want.Usage.LifeUntold // what we write tells it always
	for i := range got.Parts {                   // names and ids that the API would not have given
		if c, ok := got.Parts[i].(*llm.ToolCall); ok {
			if w, ok := want.Parts[i].(*llm.ToolCall); ok && llm.ShortID(w.ID, 64) == c.ID {
				c.ID = w.ID
			}
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %s\nwant %s", js(got), js(want))
	}
	recorded := 0
	if x.Response.Text != "" {
		recorded = strings.Count(x.Response.Text, `citations_delta"`) + strings.Count(x.Response.Text, `compaction_delta"`)
	}
	if natives < recorded {
		t.Errorf("%d native deltas, recorded %d", natives, recorded)
	}
}

func TestCorpusErrors(t *testing.T) {
	n := 0
	for _, x := range corpus(t, "anthropic", "bedrock-invoke", "bedrock-invoke-stream") {
		if x.Response.Status < 400 || x.Response.Text == "" {
			continue
		}
		n++
		t.Run(x.Name, func(t *testing.T) {
			e := Dialect{}.DecodeError(x.Response.Status, x.ResponseHeader(), []byte(x.Response.Text))
			if e.Message == "" || !strings.Contains(x.Response.Text, e.Message) || e.UpstreamStatus != x.Response.Status {
				t.Errorf("got %+v", e)
			}
			if status, _ := (Dialect{}).EncodeError(e, ""); status/100 != x.Response.Status/100 {
				t.Errorf("status %d of %d", status, x.Response.Status)
			}
		})
	}
	if n < 8 {
		t.Errorf("only %d errors", n)
	}
}
