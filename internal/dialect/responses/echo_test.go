package responses

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
)

// TestEcho: an answer tells what was asked for, in the client's own words, and says
// so of what was not asked for.
func TestEcho(t *testing.T) {
	const (
		tools = `[{"type":"function","name":"f","strict":null,"parameters":{"type":"object"}},{"type":"namespace","name":"n","tools":[{"type":"custom","name":"x"}]}]`
		asked = `{"model":"m","input":"hi","instructions":"be\nbrief","temperature":0.5,"max_output_tokens":20,"max_tool_calls":3,"parallel_tool_calls":false,
			"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"f"}]},"tools":` + tools + `,"text":{"format":{"type":"json_schema","name":"n","schema":{}},"verbosity":"low"},
			"reasoning":{"effort":"low","summary":"detailed","context":"all_turns"},"metadata":{"a":"b"},"user":"u","safety_identifier":"s","prompt_cache_key":"k","prompt_cache_retention":"24h","truncation":"auto","top_logprobs":2}`
		answer = `{"instructions":"be\nbrief","temperature":0.5,"top_p":null,"max_output_tokens":20,"max_tool_calls":3,"parallel_tool_calls":false,
			"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"f"}]},"tools":` + tools + `,"text":{"format":{"type":"json_schema","name":"n","schema":{}},"verbosity":"low"},
			"reasoning":{"effort":"low","summary":"detailed","context":"all_turns"},"metadata":{"a":"b"},"user":"u","safety_identifier":"s","prompt_cache_key":"k","prompt_cache_retention":"24h","truncation":"auto","top_logprobs":2,
			"service_tier":"flex","store":false,"previous_response_id":null,"background":false,"error":null,"usage":null}`
		nothing = `{"instructions":null,"temperature":null,"top_p":null,"max_output_tokens":null,"max_tool_calls":null,"parallel_tool_calls":true,"tool_choice":"auto","tools":[],
			"text":{"format":{"type":"text"},"verbosity":"medium"},"reasoning":{"effort":null,"summary":null},"metadata":{},"user":null,"safety_identifier":null,"prompt_cache_key":null,
			"prompt_cache_retention":null,"truncation":"disabled","top_logprobs":0,"service_tier":"flex","store":false,"previous_response_id":null,"background":false,"error":null,"usage":null}`
	)
	for body, want := range map[string]string{asked: answer, `{"model":"m","input":"hi","tools":null,"metadata":null}`: nothing} {
		req, res := decode(t, body), &llm.Response{Stop: llm.StopEnd, Tier: "flex"}
		whole := parsed(t, Dialect{}.EncodeResponse(req, res))
		for name, v := range parsed(t, []byte(want)) {
			if have, ok := whole[name]; !ok || !reflect.DeepEqual(have, v) {
				t.Errorf("%s: %v, want %v", name, have, v)
			}
		}
		events := strings.Count(send(req, res), `"safety_identifier":`)
		if events != 3 { // created, in progress, completed
			t.Errorf("%d events of a stream tell it", events)
		}
	}
}

// TestEchoIsOpenAIs: what OpenAI was recorded to tell of a request again is told by
// us too. Left out is what it fills in by itself: its models' own settings, members
// of a tool the client said nothing of.
func TestEchoIsOpenAIs(t *testing.T) {
	compared := 0
	for _, c := range corpus(t) {
		if c.Provider != "openai" && c.Provider != "azure" || c.Response.Status >= 400 || c.putOff() || c.Request.Recorded != nil {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			req, err := Dialect{}.DecodeRequest(nil, c.Request.Body)
			if err != nil {
				t.Skip(err) // it goes on from what only OpenAI has
			}
			asked := parsed(t, c.Request.Body)
			theirs := parsed(t, []byte(last(t, c.Response.Text)))
			ours := parsed(t, Dialect{}.EncodeResponse(req, decoded(t, c, 1)))
			for name, told := range theirs {
				said, ok := asked[name]
				if made[name] || !ok && fills[name] || name == "tools" && rearranged(string(c.Request.Body)) {
					continue
				}
				if compared++; !repeats(ours[name], told, said) {
					t.Errorf("%s: %.300v\nOpenAI %.300v", name, ours[name], told)
				}
			}
		})
	}
	if compared < 400 {
		t.Errorf("only %d members were compared", compared)
	}
}

// made are members that tell how the answer was made, and those the gateway settles.
var made = map[string]bool{
	"id": true, "created_at": true, "completed_at": true, "model": true, "output": true, "usage": true, "service_tier": true, "billing": true, "store": true,
	"content_filters": true, "moderation": true, "tool_usage": true, "frequency_penalty": true, "presence_penalty": true,
}

// fills are members for which a model has a value where the client says none.
var fills = map[string]bool{"temperature": true, "top_p": true, "prompt_cache_retention": true, "reasoning": true}

// rearranged tells whether OpenAI makes another list of the tools: deferred functions
// become namespaces, and settings of pictures go that say nothing.
func rearranged(request string) bool {
	return strings.Contains(request, "tool_search") || strings.Contains(request, "image_generation")
}

// repeats tells whether ours says what theirs does, as far as the client said it.
func repeats(ours, theirs, said any) bool {
	switch said := said.(type) {
	case map[string]any:
		for k, v := range said {
			if v != nil && !repeats(at(ours, k), at(theirs, k), v) {
				return false
			}
		}
		return ours != nil
	case []any:
		a, _ := ours.([]any)
		b, _ := theirs.([]any)
		for i := range said {
			if len(a) != len(said) || len(b) != len(said) || !repeats(a[i], b[i], said[i]) {
				return false
			}
		}
		return len(a) == len(b)
	}
	if v, ok := theirs.(map[string]any); ok && said == nil {
		for k := range v {
			if v[k] != nil && !reflect.DeepEqual(at(ours, k), v[k]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(ours, theirs)
}

func at(v any, name string) any {
	m, _ := v.(map[string]any)
	return m[name]
}

// last is the response in the last event of a stream, or the whole answer.
func last(t *testing.T, body string) string {
	t.Helper()
	if !isStream(body) {
		return body
	}
	end := ""
	for line := range strings.Lines(body) {
		data, _ := strings.CutPrefix(line, "data:")
		var e struct{ Response json.RawMessage }
		if json.Unmarshal([]byte(data), &e) == nil && e.Response != nil {
			end = string(e.Response)
		}
	}
	return end
}

func parsed(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v: %.200s", err, text)
	}
	return v
}
