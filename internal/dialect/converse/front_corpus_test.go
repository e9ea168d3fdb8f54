package converse

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

// TestCorpusFrontRequests reads recorded requests as a client's and writes them
// for Bedrock again: they must mean the same, and nothing may be called lost.
func TestCorpusFrontRequests(t *testing.T) {
	n := 0
	for _, kind := range []string{"bedrock-converse", "bedrock-converse-stream"} {
		for _, x := range recorded(t, kind) {
			if x.body == nil || x.Response.Status >= 400 {
				continue
			}
			n++
			t.Run(x.Name, func(t *testing.T) {
				req, err := Dialect{}.DecodeRequest(http.Header{}, []byte(mustJSON(x.body)))
				if err != nil {
					t.Fatal(err)
				}
				llmtest.NoLoss(t, req.Lost(""))
				caps := llm.Caps{Structured: true, Strict: true}
				if llmtest.At(x.body, "additionalModelRequestFields.inferenceConfig") != nil {
					caps.Family = familyNova
				}
				v, losses := encode(t, req, caps)
				llmtest.NoLoss(t, losses)
				want := alternating(asTold(x.body).(map[string]any))
				for member := range want {
					if got, want := normal(asTold(v[member])), normal(want[member]); !reflect.DeepEqual(got, want) {
						t.Errorf("%s:\ngot  %s\nwant %s", member, mustJSON(got), mustJSON(want))
					}
				}
			})
		}
	}
	if n < 50 {
		t.Errorf("only %d requests were read", n)
	}
}

// asTold brings what has two forms of one meaning into one: JSON in a tool's
// result is text, the older name of Claude's thinking is the newer, auto and the
// default tier are what goes without saying.
func asTold(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range x {
			switch {
			case k == "json" && len(x) == 1 && !isSchema(e):
				out["text"] = mustJSON(e)
			case k == "reasoning_config":
				out["thinking"] = e
			case k == "toolChoice" && llmtest.At(e, "auto") != nil:
			case k == "serviceTier" && llmtest.At(e, "type") == "default":
			case k == "name" && llmtest.At(v, "source") != nil: // of a document: Converse documents no underscores
				out[k] = strings.ReplaceAll(e.(string), "_", " ")
			case k == "schema": // JSON text
				out[k] = compact(e.(string))
			default:
				out[k] = asTold(e)
			}
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = asTold(x[i])
		}
		return out
	}
	return v
}

func isSchema(v any) bool {
	return llmtest.At(v, "properties") != nil || llmtest.At(v, "type") == "object"
}

// alternating joins messages of one role that follow each other.
func alternating(body map[string]any) map[string]any {
	var turns []any
	for _, m := range asList(body["messages"]) {
		if n := len(turns); n > 0 && str(turns[n-1], "role") == str(m, "role") {
			last := turns[n-1].(map[string]any)
			last["content"] = append(asList(last["content"]), asList(llmtest.At(m, "content"))...)
			continue
		}
		turns = append(turns, m)
	}
	body["messages"] = turns
	return body
}

// TestCorpusFrontResponses writes recorded answers again.
func TestCorpusFrontResponses(t *testing.T) {
	for _, x := range recorded(t, "bedrock-converse") {
		if x.Response.Status >= 400 {
			continue
		}
		t.Run(x.Name, func(t *testing.T) {
			var want map[string]any
			if err := json.Unmarshal([]byte(x.Response.Text), &want); err != nil {
				t.Fatal(err)
			}
			res := decode(t, x.Response.Text)
			body := Dialect{}.EncodeResponse(&llm.Request{}, res)
			llmtest.NoLoss(t, res.Losses)
			var got map[string]any
			if err := json.Unmarshal(body, &got); err != nil {
				t.Fatalf("%v: %s", err, body)
			}
			if !reflect.DeepEqual(answered(got), answered(want)) {
				t.Errorf("\ngot  %s\nwant %s", mustJSON(answered(got)), mustJSON(answered(want)))
			}
		})
	}
}

// answered leaves out of an answer what says nothing: zeros and second names
// among the figures, the type of a call that is the usual one, blank texts, a
// signature of ours where there was none.
func answered(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range x {
			s, _ := e.(string)
			switch {
			case k == "serverToolUsage" || strings.HasSuffix(k, "TokenCount") || k == "cacheDetails":
			case k == "additionalModelResponseFields":
			case k == "type" && e == "tool_use":
			case e == float64(0) && strings.HasSuffix(k, "Tokens"):
			case k == "signature" && llm.IsSeal(s):
			case k == "content":
				out[k] = said(asList(e))
			default:
				out[k] = answered(e)
			}
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = answered(x[i])
		}
		return out
	}
	return v
}

// said is the content of an answer without blocks that say nothing, and with
// citations behind their text, where Nova has them.
func said(content []any) (out []any) {
	for _, b := range content {
		switch {
		case llmtest.At(b, "text") == "" || reflect.DeepEqual(llmtest.At(b, "reasoningContent"), map[string]any{}):
		case llmtest.At(b, "citationsContent") != nil:
			out = append(out, asList(llmtest.At(b, "citationsContent.content"))...)
			out = append(out, asList(llmtest.At(b, "citationsContent.citations"))...)
		default:
			out = append(out, answered(b))
		}
	}
	return out
}

// TestCorpusFrontStreams writes recorded streams again and reads them once more.
func TestCorpusFrontStreams(t *testing.T) {
	for _, x := range recorded(t, "bedrock-converse-stream") {
		if x.Response.Status >= 400 {
			continue
		}
		t.Run(x.Name, func(t *testing.T) {
			want, fault := llmtest.Decode(t, Dialect{}.NewStreamDecoder(), wire.NewEventStream(bytes.NewReader(x.Response.Base64), 0))
			if fault != nil {
				t.Fatal(fault)
			}
			enc := Dialect{}.NewStreamEncoder(&llm.Request{})
			var out []byte
			llmtest.Relay(t, Dialect{}.NewStreamDecoder(), wire.NewEventStream(bytes.NewReader(x.Response.Base64), 0), func(e *llm.Event) error { out = enc.Append(out, e); return nil })
			got, fault := llmtest.Decode(t, Dialect{}.NewStreamDecoder(), wire.NewEventStream(bytes.NewReader(out), 0))
			if fault != nil {
				t.Fatal(fault)
			}
			unsealed(got)
			unsealed(want)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("\ngot  %s\nwant %s", mustJSON(got), mustJSON(want))
			}
			if got, want := deltas(t, out, "citation"), deltas(t, x.Response.Base64, "citation"); got != want {
				t.Errorf("%d citations, want %d", got, want)
			}
		})
	}
}

// unsealed takes our signatures off reasoning that had none, and the empty input
// off calls that had none.
func unsealed(res *llm.Response) {
	for _, p := range res.Parts {
		switch p := p.(type) {
		case *llm.Thinking:
			if llm.IsSeal(p.Signature) {
				p.Signature = ""
			}
		case *llm.ToolCall:
			if string(p.Input) == "{}" {
				p.Input = nil
			}
		}
	}
}

func deltas(t *testing.T, stream []byte, kind string) (n int) {
	t.Helper()
	for r := wire.NewEventStream(bytes.NewReader(stream), 0); ; {
		f, err := r.Next()
		if err != nil {
			return n
		}
		var v any
		if err := json.Unmarshal(f.Data, &v); err != nil {
			t.Fatal(err)
		}
		if llmtest.At(v, "delta."+kind) != nil {
			n++
		}
	}
}
