package converse

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"turnpike/internal/llm"
)

func decode(t testing.TB, body string) *llm.Response {
	t.Helper()
	res, err := Dialect{}.DecodeResponse([]byte(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return res
}

// answer wraps content blocks into a whole answer.
func answer(blocks, stop string) string {
	return `{"metrics":{"latencyMs":1},"output":{"message":{"role":"assistant","content":[` + blocks + `]}},"stopReason":"` + stop + `","usage":{"inputTokens":3,"outputTokens":2,"totalTokens":5}}`
}

func TestDecodeBlocks(t *testing.T) {
	cases := []struct {
		name, blocks string
		want         []llm.Part
	}{
		{"text", `{"text":"a\nb"},{"text":""}`, []llm.Part{text("a\nb")}},
		{
			"THK-02 reasoning stands in reasoningText", `{"reasoningContent":{"reasoningText":{"text":"hm","signature":"s"}}},{"text":"a"}`,
			[]llm.Part{&llm.Thinking{Text: "hm", Signature: "s"}, text("a")},
		},
		{"THK-03 a signature alone", `{"reasoningContent":{"reasoningText":{"text":"","signature":"s"}}}`, []llm.Part{&llm.Thinking{Signature: "s"}}},
		{"THK-01 THK-06 redacted", `{"reasoningContent":{"redactedContent":"UlhWUg=="}}`, []llm.Part{&llm.Thinking{Redacted: "UlhWUg=="}}},
		{"empty reasoning", `{"reasoningContent":{}}`, nil},
		{"tool use", `{"toolUse":{"toolUseId":"t1","name":"f","input":{"a": 1}}}`, []llm.Part{&llm.ToolCall{ID: "t1", Name: "f", Input: []byte(`{"a": 1}`)}}},
		{"tool use without input", `{"toolUse":{"toolUseId":"t1","name":"f"}}`, []llm.Part{&llm.ToolCall{ID: "t1", Name: "f"}}},
		{"TOOL-18 input that is no object", `{"toolUse":{"toolUseId":"t1","name":"f","input":[1]}}`, []llm.Part{&llm.ToolCall{ID: "t1", Name: "f", Broken: `[1]`}}},
		{"input as text", `{"toolUse":{"toolUseId":"t1","name":"f","input":"{\"a\":1}"}}`, []llm.Part{&llm.ToolCall{ID: "t1", Name: "f", Input: []byte(`{"a":1}`)}}},
		{
			"a server tool is no call of ours", `{"toolUse":{"toolUseId":"t1","name":"g","type":"server_tool_use","input":{}}},{"toolResult":{"toolUseId":"t1","content":[]}}`,
			[]llm.Part{
				&llm.Native{Dialect: "converse", Type: "toolUse", Raw: []byte(`{"toolUse":{"toolUseId":"t1","name":"g","type":"server_tool_use","input":{}}}`)},
				&llm.Native{Dialect: "converse", Type: "toolResult", Raw: []byte(`{"toolResult":{"toolUseId":"t1","content":[]}}`)},
			},
		},
		{
			"citations with text", `{"citationsContent":{"content":[{"text":"a"},{"text":"b"}],"citations":[{"title":"T"}]}}`,
			[]llm.Part{&llm.Text{Text: "ab", Citations: cites(`[{"title":"T"}]`)}},
		},
		{
			"citations behind the text", `{"text":"a"},{"citationsContent":{"citations":[{"n":1}]}},{"citationsContent":{"citations":[{"n":2}]}}`,
			[]llm.Part{&llm.Text{Text: "a", Citations: cites(`[{"n":1},{"n":2}]`)}},
		},
		{"citations that are no list", `{"citationsContent":{"content":[{"text":"a"}],"citations":3}}`, []llm.Part{&llm.Text{Text: "a"}}},
		{
			"empty lists of citations", `{"text":"a"},{"citationsContent":{"citations":[ ]}},{"citationsContent":{"citations":[ 1 ]}},{"citationsContent":{"citations":[]}}`,
			[]llm.Part{&llm.Text{Text: "a", Citations: cites(`[1]`)}},
		},
		{"citations of nothing", `{"citationsContent":{"citations":[]}}`, []llm.Part{&llm.Native{Dialect: "converse", Type: "citationsContent", Raw: []byte(`{"citationsContent":{"citations":[]}}`)}}},
		{"an image", `{"image":{"format":"png","source":{"bytes":"AAAA"}}}`, []llm.Part{&llm.Media{Kind: llm.Image, MIME: "image/png", Data: "AAAA"}}},
		{"what comes next year", `{"hologram":{"x":1}}`, []llm.Part{&llm.Native{Dialect: "converse", Type: "hologram", Raw: []byte(`{"hologram":{"x":1}}`)}}},
		{"nothing", ``, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := decode(t, answer(c.blocks, "end_turn")).Parts; !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %s, want %s", mustJSON(got), mustJSON(c.want))
			}
		})
	}
}

func TestDecodeStop(t *testing.T) {
	cases := []struct {
		name, native, blocks string
		want                 llm.Stop
	}{
		{"end", "end_turn", "", llm.StopEnd},
		{"tool", "tool_use", `{"toolUse":{"toolUseId":"a","name":"f"}}`, llm.StopTool},
		{"STOP-07 a call with another reason", "end_turn", `{"toolUse":{"toolUseId":"a","name":"f"}}`, llm.StopTool},
		{"length", "max_tokens", "", llm.StopLength},
		{"STOP-03 context", "model_context_window_exceeded", "", llm.StopContext},
		{"STOP-05 guardrail", "guardrail_intervened", "", llm.StopFilter},
		{"STOP-05 filtered", "content_filtered", "", llm.StopFilter},
		{"sequence", "stop_sequence", "", llm.StopSequence},
		{"STOP-06 unknown", "cosmic_ray", "", llm.StopOther},
		{"STOP-06 none", "", "", llm.StopEnd},
		{"STOP-08 a call with an unknown reason", "cosmic_ray", `{"toolUse":{"toolUseId":"a","name":"f"}}`, llm.StopTool},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			res := decode(t, answer(c.blocks, c.native))
			if res.Stop != c.want || res.NativeStop != c.native {
				t.Errorf("got %q, %q, want %q", res.Stop, res.NativeStop, c.want)
			}
		})
	}
	t.Run("STOP-10 the sequence that matched", func(t *testing.T) {
		res := decode(t, `{"additionalModelResponseFields":{"stop_sequence":"END"},"output":{"message":{"content":[{"text":"a"}]}},"stopReason":"stop_sequence","usage":{}}`)
		if res.StopSequence != "END" || res.Stop != llm.StopSequence {
			t.Errorf("got %q, %q", res.Stop, res.StopSequence)
		}
	})
}

func TestDecodeUsage(t *testing.T) {
	cases := []struct {
		name, usage string
		want        llm.Usage
	}{
		{
			"USE-20 input excludes the cache", `{"inputTokens":3,"outputTokens":121,"totalTokens":2072,"cacheReadInputTokens":1712,"cacheWriteInputTokens":236}`,
			llm.Usage{Known: true, Input: 3, Output: 121, CacheRead: 1712, CacheWrite5m: 236, LifeUntold: true},
		},
		{
			"USE-07 writes by lifetime", `{"inputTokens":1,"outputTokens":1,"cacheWriteInputTokens":300,"cacheDetails":[{"ttl":"1h","inputTokens":200},{"ttl":"5m","inputTokens":100}]}`,
			llm.Usage{Known: true, Input: 1, Output: 1, CacheWrite5m: 100, CacheWrite1h: 200},
		},
		{
			"USE-07 details without a sum", `{"inputTokens":1,"cacheDetails":[{"ttl":"1h","inputTokens":200},{"ttl":"5m","inputTokens":100}]}`,
			llm.Usage{Known: true, Input: 1, CacheWrite5m: 100, CacheWrite1h: 200},
		},
		{
			"details above the sum", `{"inputTokens":1,"cacheWriteInputTokens":50,"cacheDetails":[{"ttl":"1h","inputTokens":200}]}`,
			llm.Usage{Known: true, Input: 1, CacheWrite1h: 50},
		},
		{"USE-10 a measured zero", `{"inputTokens":0,"outputTokens":0}`, llm.Usage{Known: true}},
		{"USE-10 nothing said", `{}`, llm.Usage{}},
		{"nonsense", `{"inputTokens":-5,"outputTokens":99999999999999}`, llm.Usage{Known: true, Output: 1<<31 - 1}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			res := decode(t, `{"output":{"message":{"content":[]}},"stopReason":"end_turn","usage":`+c.usage+`}`)
			if res.Usage != c.want {
				t.Errorf("got %+v, want %+v", res.Usage, c.want)
			}
		})
	}
}

func TestDecodeResponseRefuses(t *testing.T) {
	for _, body := range []string{
		``, `[]`, `<html>`, `{}`, `{"output":3}`, `{"output":{}}`, `{"output":{"message":{"content":[{"text":3}]}}}`, `{"message":"no such model"}`,
		`{"output":{"message":{"content":[]}}} x`, `{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}`,
	} {
		_, err := Dialect{}.DecodeResponse([]byte(body))
		var e *llm.Error
		if !errors.As(err, &e) || e.Message == "" {
			t.Errorf("%s: got %v", body, err)
		}
	}
}

func TestTierAndExtras(t *testing.T) {
	res := decode(t, `{"output":{"message":{"content":[]}},"serviceTier":{"type":"flex"},"trace":{"guardrail":{}},"performanceConfig":{"latency":"standard"}}`)
	if res.Tier != "flex" || res.Usage.Known {
		t.Errorf("got %+v", res)
	}
}

func FuzzDecodeResponse(f *testing.F) {
	f.Add([]byte(answer(`{"text":"a"},{"toolUse":{"toolUseId":"t","name":"f","input":{}}}`, "tool_use")))
	f.Add([]byte(answer(`{"reasoningContent":{"reasoningText":{"text":"x","signature":"y"}}},{"citationsContent":{"citations":[{}]}}`, "end_turn")))
	f.Add([]byte(`{"output":{"message":{"content":[{"image":{"source":{"bytes":"A"}}}]}},"usage":{"cacheDetails":[{"ttl":"1h","inputTokens":1e3}]}}`))
	f.Add([]byte(`{"message":"x"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		res, err := Dialect{}.DecodeResponse(body)
		if err != nil {
			return
		}
		for _, p := range res.Parts {
			switch p := p.(type) {
			case *llm.Native:
				if !json.Valid(p.Raw) {
					t.Fatalf("raw %q", p.Raw)
				}
			case *llm.ToolCall:
				if p.Input != nil && !json.Valid(p.Input) {
					t.Fatalf("input %q", p.Input)
				}
			}
		}
		m := Dialect{}.NewMeter()
		m.Body(body)
		if got := m.Result(); got.Usage != res.Usage || !got.Complete {
			t.Fatalf("meter %+v, answer %+v", got.Usage, res.Usage)
		}
	})
}
