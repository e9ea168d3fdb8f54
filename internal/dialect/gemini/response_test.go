package gemini

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
)

// answer decodes a whole answer, and the same as a stream of one chunk.
func answered(t testing.TB, body string) *llm.Response {
	t.Helper()
	res, err := Dialect{}.DecodeResponse([]byte(body))
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	streamed, fault := stream(t, body)
	if fault != nil {
		t.Fatal(fault)
	}
	whole := *res
	whole.Losses = nil
	if !reflect.DeepEqual(streamed, &whole) {
		t.Errorf("streamed %s\nwhole    %s", js(streamed), js(&whole))
	}
	m := Dialect{}.NewMeter()
	m.Body([]byte(body))
	if got := m.Result(); !got.Complete || got.Usage != res.Usage || got.Stop != res.Stop || got.Model != res.Model || got.Fault != nil {
		t.Errorf("metered %+v", got)
	}
	return res
}

func candidate(parts, reason string) string {
	return `{"candidates":[{"content":{"parts":[` + parts + `],"role":"model"},"finishReason":"` + reason + `","index":0}],"modelVersion":"gemini-x","responseId":"r1"}`
}

func TestDecodeAnswer(t *testing.T) {
	t.Run("GEM-04 thoughts are reasoning; texts that follow one another are one", func(t *testing.T) {
		res := answered(t, candidate(`{"text":"hm ","thought":true},{"text":"hm","thought":true},{"text":"Hel"},{"text":"lo"}`, "STOP"))
		want := &llm.Response{ID: "r1", Model: "gemini-x", Parts: []llm.Part{&llm.Thinking{Text: "hm hm"}, say("Hello")}, Stop: llm.StopEnd, NativeStop: "STOP"}
		if !reflect.DeepEqual(res, want) {
			t.Errorf("%s", js(res))
		}
	})
	t.Run("STOP-07 STOP with calls waits for them; GEM-01 the signature is kept", func(t *testing.T) {
		res := answered(t, candidate(`{"text":"hm","thought":true},{"functionCall":{"name":"f","args":{"x":1},"id":"i1"},"thoughtSignature":"SIG"},{"functionCall":{"name":"f","args":{"x":1}}},{"functionCall":{"name":"f","args":{"x":1}}}`, "STOP"))
		first, ok1 := res.Parts[1].(*llm.ToolCall)
		second, ok2 := res.Parts[2].(*llm.ToolCall)
		third, ok3 := res.Parts[3].(*llm.ToolCall)
		if !ok1 || !ok2 || !ok3 || res.Stop != llm.StopTool || first.Seal != "SIG" || first.ID != "i1" || string(first.Input) != `{"x":1}` {
			t.Fatalf("%s", js(res))
		}
		if second.ID == third.ID || !strings.HasPrefix(second.ID, "call_") || len(second.ID) > llm.IDLimit40 {
			t.Errorf("made up ids %q and %q", second.ID, third.ID)
		}
		if again := answered(t, candidate(`{"functionCall":{"name":"f","args":{"x":1}}}`, "STOP")); again.Parts[0].(*llm.ToolCall).ID == second.ID {
			t.Error("another place, the same id")
		}
		if th, ok := res.Parts[0].(*llm.Thinking); !ok || th.Signature != ownSeal("SIG") {
			t.Errorf("%s", js(res.Parts[0]))
		}
	})
	t.Run("the signature of a text, and parts only Gemini has", func(t *testing.T) {
		res := answered(t, candidate(`{"executableCode":{"code":"1"}},{"text":"so","thoughtSignature":"S"},{"inlineData":{"mimeType":"image/png","data":"AA=="}}`, "STOP"))
		want := []llm.Part{&llm.Native{Dialect: name, Type: "executableCode", Raw: []byte(`{"executableCode":{"code":"1"}}`)}, say("so"), signaturePart("S"), &llm.Media{Kind: llm.Image, MIME: "image/png", Data: "AA=="}}
		if !reflect.DeepEqual(res.Parts, want) {
			t.Errorf("%s", js(res.Parts))
		}
	})
	t.Run("GEM-03 a blocked prompt is a filter with words, not an empty answer", func(t *testing.T) {
		for _, body := range []string{`{"promptFeedback":{"blockReason":"SAFETY"}}`, `{"promptFeedback":{"blockReason":"OTHER","blockReasonMessage":"not this"},"usageMetadata":{"promptTokenCount":3}}`} {
			res := answered(t, body)
			if res.Stop != llm.StopFilter || len(res.Parts) != 0 || !strings.Contains(string(res.StopDetails), `"explanation":"`) {
				t.Errorf("%s", js(res))
			}
		}
	})
	t.Run("reasons to stop", func(t *testing.T) {
		for reason, stop := range map[string]llm.Stop{
			"STOP": llm.StopEnd, "MAX_TOKENS": llm.StopLength, "SAFETY": llm.StopFilter, "RECITATION": llm.StopFilter, "BLOCKLIST": llm.StopFilter, "PROHIBITED_CONTENT": llm.StopFilter,
			"SPII": llm.StopFilter, "LANGUAGE": llm.StopFilter, "IMAGE_SAFETY": llm.StopFilter, "OTHER": llm.StopOther, "MALFORMED_FUNCTION_CALL": llm.StopOther, "NEVER_HEARD_OF": llm.StopOther,
		} {
			res := answered(t, candidate(`{"text":"a"}`, reason))
			if res.Stop != stop || res.NativeStop != reason {
				t.Errorf("%s: %s %s", reason, res.Stop, res.NativeStop)
			}
			res = answered(t, candidate(`{"functionCall":{"name":"f"}}`, reason))
			if cut := stop == llm.StopLength || stop == llm.StopFilter; (res.Stop == llm.StopTool) == cut {
				t.Errorf("STOP-07 %s with a call: %s", reason, res.Stop)
			}
		}
	})
	t.Run("what only Gemini says stays beside the answer", func(t *testing.T) {
		body := `{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP","groundingMetadata":{"x":1}},{"content":{}}],"promptFeedback":{},"other":[2],"createTime":"2026-01-02T03:04:05.6Z"}`
		res, err := Dialect{}.DecodeResponse([]byte(body))
		if err != nil {
			t.Fatal(err)
		}
		llmtest.WantLoss(t, res.Losses, "candidates")
		want := []llm.Extra{extra(name, "candidate.groundingMetadata", `{"x":1}`)}
		if len(res.Odd) != 1 || res.Odd[0].Name != "other" {
			t.Errorf("%+v", res.Odd)
		}
		if !reflect.DeepEqual(res.Extra, want) || res.Created != 1767323045 {
			t.Errorf("%s %d", js(res.Extra), res.Created)
		}
	})
	t.Run("what is no answer is an error", func(t *testing.T) {
		for _, body := range []string{``, `x`, `[]`, `{}`, `{"candidates":[]}`, `{"candidates":[{"content":{"parts":[{"text":1}]}}]}`, `{"candidates":[{"content":{}}]}`, `{"usageMetadata":{"promptTokenCount":1}}`, `{"error":{"code":503,"message":"later","status":"UNAVAILABLE"}}`} {
			res, err := Dialect{}.DecodeResponse([]byte(body))
			if e, ok := err.(*llm.Error); !ok || e.Message == "" || res != nil { //nolint:errorlint // the concrete type is the contract
				t.Errorf("%s: %v %v", body, res, err)
			}
		}
	})
}

func TestUsage(t *testing.T) {
	tests := []struct {
		name, usage string
		want        llm.Usage
	}{
		{"USE-13 thoughts are output", `{"promptTokenCount":10,"candidatesTokenCount":5,"thoughtsTokenCount":20,"totalTokenCount":35}`, llm.Usage{Known: true, Input: 10, Output: 25, Reasoning: 20}},
		{"USE-14 the cache is part of the prompt, tools come on top", `{"promptTokenCount":100,"cachedContentTokenCount":60,"toolUsePromptTokenCount":7,"candidatesTokenCount":1}`, llm.Usage{Known: true, Input: 47, CacheRead: 60, Output: 1}},
		{"USE-10 nothing told is not zero", `{"trafficType":"ON_DEMAND"}`, llm.Usage{}},
		{"a measured zero", `{"promptTokenCount":0}`, llm.Usage{Known: true}},
		{"more cached than prompted", `{"promptTokenCount":5,"cachedContentTokenCount":60}`, llm.Usage{Known: true, CacheRead: 5}},
		{"absurd", `{"promptTokenCount":-5,"candidatesTokenCount":9223372036854775807}`, llm.Usage{Known: true, Output: 2147483647}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res := answered(t, `{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}],"usageMetadata":`+tt.usage+`}`)
			if res.Usage != tt.want {
				t.Errorf("%+v", res.Usage)
			}
		})
	}
}

func TestEncodeAnswer(t *testing.T) {
	req := &llm.Request{Model: "asked", Tools: []llm.Tool{{Name: strings.Repeat("n", 70)}}}
	res := &llm.Response{
		ID: "r", Model: "served", Stop: llm.StopTool, Usage: llm.Usage{Known: true, Input: 10, CacheRead: 3, CacheWrite5m: 2, Output: 9, Reasoning: 4},
		Parts: []llm.Part{&llm.Thinking{Text: "hm"}, say("so"), &llm.Refusal{Text: "no"}, call("c", wireName(req.Tools[0].Name), `{"x":1}`), &llm.ToolCall{ID: "d", Name: "f", Broken: "{"}, &llm.Native{Dialect: "messages", Type: "server_tool_use"}},
		Extra: []llm.Extra{extra(name, "candidate.avgLogprobs", "-1"), extra("chat", "system_fingerprint", `"x"`), extra(name, "sdk", "1")},
	}
	var v map[string]any
	if err := json.Unmarshal(Dialect{}.EncodeResponse(req, res), &v); err != nil {
		t.Fatal(err)
	}
	llmtest.WantLoss(t, res.Losses, "content")
	llmtest.Want(t, v, "candidates.0.content.parts", `[{"text":"hm","thought":true},{"text":"so"},{"text":"no"},{"functionCall":{"id":"c","name":"`+req.Tools[0].Name+`","args":{"x":1}}},{"functionCall":{"id":"d","name":"f","args":{"_raw_arguments":"{"}}}]`)
	llmtest.Want(t, v, "candidates.0.finishReason", `"STOP"`)
	llmtest.Want(t, v, "candidates.0.avgLogprobs", `-1`)
	llmtest.Want(t, v, "usageMetadata", `{"promptTokenCount":15,"candidatesTokenCount":5,"thoughtsTokenCount":4,"cachedContentTokenCount":3,"totalTokenCount":24}`)
	llmtest.Want(t, v, "modelVersion", `"asked"`)
	llmtest.Want(t, v, "responseId", `"r"`)
	llmtest.Want(t, v, "sdk", `1`)
	for stop, reason := range map[llm.Stop]string{llm.StopEnd: "STOP", llm.StopLength: "MAX_TOKENS", llm.StopContext: "MAX_TOKENS", llm.StopFilter: "SAFETY", llm.StopSequence: "STOP", llm.StopPause: "OTHER", llm.StopOther: "OTHER", "": "STOP"} {
		if got := finishReason(stop, ""); got != reason {
			t.Errorf("%s: %s", stop, got)
		}
	}
	if finishReason(llm.StopFilter, "RECITATION") != "RECITATION" || finishReason(llm.StopOther, "MALFORMED_FUNCTION_CALL") != "MALFORMED_FUNCTION_CALL" || finishReason(llm.StopFilter, "content_filter") != "SAFETY" {
		t.Error("Gemini's own words")
	}
}

// TestSealsOverATurn: what Claude signed goes through a client of Gemini's API
// that keeps nothing but signatures, as Gemini CLI does, and comes back whole.
func TestSealsOverATurn(t *testing.T) {
	signed := &llm.Thinking{Text: "I think", Signature: "ErU+/="}
	redacted := &llm.Thinking{Redacted: "EmwK"}
	for name, parts := range map[string][]llm.Part{
		"GEM-01 before a call":           {signed, call("a", "f", `{}`)},
		"before a text":                  {signed, say("so"), call("a", "f", `{}`)},
		"interleaved":                    {signed, say("so"), redacted, call("a", "f", `{}`), signed, call("b", "f", `{}`)},
		"two in a row":                   {redacted, signed, call("a", "f", `{}`)},
		"nothing behind it":              {say("so"), signed},
		"another issuer's seal":          {&llm.Thinking{Text: "r", Signature: llm.Seal("responses", &llm.Thinking{Text: "r", Signature: "enc"})}, call("a", "f", `{}`)},
		"Gemini's own, on the call":      {&llm.Thinking{Text: "r", Signature: ownSeal("S")}, &llm.ToolCall{ID: "a", Name: "f", Input: []byte(`{}`), Seal: "S"}},
		"Gemini's own, of the reasoning": {&llm.Thinking{Text: "r", Signature: ownSeal("S")}, say("so")},
	} {
		t.Run(name, func(t *testing.T) {
			res := &llm.Response{ID: "r", Parts: parts, Stop: llm.StopTool}
			for how, body := range map[string][]byte{"whole": Dialect{}.EncodeResponse(&llm.Request{}, res), "streamed": replayed(t, res)} {
				var turn struct {
					Candidates []struct {
						Content struct{ Parts []map[string]any }
					}
				}
				if err := json.Unmarshal(body, &turn); err != nil {
					t.Fatal(err)
				}
				var kept []map[string]any
				for _, p := range turn.Candidates[0].Content.Parts {
					if p["thought"] != true || p[signatureMember] != nil {
						kept = append(kept, p)
					}
				}
				for _, sent := range [][]map[string]any{kept, turn.Candidates[0].Content.Parts} {
					req := decode(t, `{"contents":[{"role":"model","parts":`+js(sent)+`}]}`)
					got := req.Turns[0].Parts
					if len(sent) < len(turn.Candidates[0].Content.Parts) && strings.HasPrefix(name, "Gemini's own") {
						continue // the reasoning itself is gone; its signature is on the call
					}
					if !reflect.DeepEqual(got, parts) {
						t.Errorf("%s: got %s\nwant %s\nsent %s", how, js(got), js(parts), js(sent))
					}
				}
			}
		})
	}
}

// replayed streams an answer and joins the chunks to one, as clients do: texts of
// one kind grow together unless a signature stands between.
func replayed(t testing.TB, res *llm.Response) []byte {
	t.Helper()
	enc := Dialect{}.NewStreamEncoder(&llm.Request{})
	var out []byte
	if err := res.Replay(func(e *llm.Event) error { out = enc.Append(out, e); return nil }); err != nil {
		t.Fatal(err)
	}
	var parts []map[string]any
	for line := range strings.SplitSeq(string(out), "\n\n") {
		if line == "" {
			continue
		}
		var chunk map[string]any
		if err := json.Unmarshal([]byte(strings.TrimPrefix(line, "data: ")), &chunk); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		list, _ := llmtest.At(chunk, "candidates.0.content.parts").([]any)
		for _, p := range list {
			m, _ := p.(map[string]any)
			if m["text"] == "" && m[signatureMember] == nil {
				continue
			}
			parts = append(parts, m)
		}
	}
	body, _ := json.Marshal(map[string]any{"candidates": []any{map[string]any{"content": map[string]any{"parts": parts}}}})
	return body
}
