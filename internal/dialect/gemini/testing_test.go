package gemini

import (
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/wire"
)

// Capabilities of the two generations: budgets, and levels.
func flash() llm.Caps {
	return llm.Caps{Family: "gemini", Thinking: llm.ThinkBudget, MaxOutput: 65536, Structured: true, Efforts: []string{"none", "minimal", "low", "medium", "high"}}
}

func pro3() llm.Caps {
	return llm.Caps{Family: "gemini", Thinking: llm.ThinkEffort, MaxOutput: 65536, Structured: true, Efforts: []string{"low", "high"}}
}

// encode encodes, holds the body against the API's rules and parses it.
func encode(t testing.TB, req *llm.Request, caps llm.Caps) (map[string]any, []llm.Loss) {
	t.Helper()
	body, losses, err := Dialect{}.EncodeRequest(req, &llm.Target{Model: "m", Caps: caps})
	if err != nil {
		t.Fatalf("encode: %v", err)
	}
	var v map[string]any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, body)
	}
	if bad := check(v); len(bad) > 0 {
		t.Fatalf("Gemini would refuse it: %s\n%s", strings.Join(bad, "; "), body)
	}
	return v, losses
}

func decode(t testing.TB, body string) *llm.Request {
	t.Helper()
	req, err := Dialect{}.DecodeRequest(http.Header{}, []byte(body))
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return req
}

func js(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

var (
	user, assistant = llmtest.User, llmtest.Assistant
	call, result    = llmtest.Call, llmtest.Result
)

func say(s string) *llm.Text { return &llm.Text{Text: s} }

func ask(turns ...llm.Turn) *llm.Request { return &llm.Request{Model: "m", Turns: turns} }

func extra(dialect, member, raw string) llm.Extra {
	return llm.Extra{Dialect: dialect, Name: member, Raw: []byte(raw)}
}

// sse frames chunks as a server would.
func sse(chunks ...string) []byte {
	var b []byte
	for _, c := range chunks {
		b = append(append(append(b, "data: "...), c...), "\r\n\r\n"...)
	}
	return b
}

// stream decodes chunks, cut at every seed in another way; all must agree.
func stream(t testing.TB, chunks ...string) (*llm.Response, *llm.Error) {
	t.Helper()
	return decodeSSE(t, sse(chunks...))
}

func decodeSSE(t testing.TB, data []byte) (*llm.Response, *llm.Error) {
	t.Helper()
	res, fault := llmtest.Decode(t, Dialect{}.NewStreamDecoder(), wire.NewSSE(llmtest.Chopped(data, 1, 7), 0))
	for seed := range uint64(5) {
		again, fault2 := llmtest.Decode(t, Dialect{}.NewStreamDecoder(), wire.NewSSE(llmtest.Chopped(data, seed+2, 50), 0))
		if !reflect.DeepEqual(res, again) || js(fault) != js(fault2) {
			t.Fatalf("cut in another way it is another answer: %s, %s", js(res), js(again))
		}
	}
	return res, fault
}

var (
	functionName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}$`)
	topMembers   = []string{"contents", "tools", "toolConfig", "safetySettings", "systemInstruction", "generationConfig", "cachedContent", "labels", "serviceTier"}
	schemaWords  = strings.Fields("type format title description nullable enum maxItems minItems properties required minProperties maxProperties minLength maxLength pattern anyOf items minimum maximum")
	schemaTypes  = []string{"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT"}
)

// check lists what Gemini would refuse in a request, after its API reference.
func check(b map[string]any) (bad []string) {
	for k := range b {
		if !slices.Contains(topMembers, k) {
			bad = append(bad, "unknown member "+k)
		}
	}
	contents, _ := b["contents"].([]any)
	if len(contents) == 0 {
		bad = append(bad, "no contents")
	}
	role, calls := "", []string(nil)
	for i, c := range contents {
		r, _ := llmtest.At(c, "role").(string)
		if r == role || i == 0 && r != "user" {
			bad = append(bad, "roles do not alternate from user on")
		}
		role = r
		made, answered, more := checkParts(c, r)
		bad = append(bad, more...)
		if r == "user" && !slices.Equal(answered, calls) {
			bad = append(bad, "function responses "+js(answered)+" for calls "+js(calls))
		}
		calls = made
	}
	if len(calls) > 0 {
		bad = append(bad, "calls at the end without responses")
	}
	tools, _ := b["tools"].([]any)
	names := map[string]bool{}
	for _, tool := range tools {
		list, _ := llmtest.At(tool, "functionDeclarations").([]any)
		for _, f := range list {
			name, _ := llmtest.At(f, "name").(string)
			if !functionName.MatchString(name) || names[name] {
				bad = append(bad, "function name "+name)
			}
			names[name] = true
			bad = append(bad, checkSchema(llmtest.At(f, "parameters"), name)...)
		}
	}
	if stops, _ := llmtest.At(b, "generationConfig.stopSequences").([]any); len(stops) > 5 {
		bad = append(bad, "more than 5 stop sequences")
	}
	return bad
}

// checkParts looks at one content: its calls and responses by id and name.
func checkParts(c any, role string) (made, answered, bad []string) {
	parts, _ := llmtest.At(c, "parts").([]any)
	if len(parts) == 0 {
		bad = append(bad, "empty parts")
	}
	data := []string{"text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult", "toolCall", "toolResponse"}
	for _, p := range parts {
		m, _ := p.(map[string]any)
		n := 0
		for _, k := range data {
			if m[k] != nil {
				n++
			}
		}
		if n != 1 {
			bad = append(bad, "a part with not exactly one member: "+js(m))
		}
		if f := m["functionCall"]; f != nil {
			made = append(made, js(llmtest.At(f, "id"))+js(llmtest.At(f, "name")))
			if _, ok := llmtest.At(f, "args").(map[string]any); !ok || role != "model" {
				bad = append(bad, "function call "+js(f))
			}
		}
		if f := m["functionResponse"]; f != nil {
			answered = append(answered, js(llmtest.At(f, "id"))+js(llmtest.At(f, "name")))
			if _, ok := llmtest.At(f, "response").(map[string]any); !ok || role != "user" {
				bad = append(bad, "function response "+js(f))
			}
		}
	}
	return made, answered, bad
}

func checkSchema(v any, path string) (bad []string) {
	s, ok := v.(map[string]any)
	if !ok {
		return []string{path + " is no schema"}
	}
	for k := range s {
		if !slices.Contains(schemaWords, k) {
			bad = append(bad, "unknown name "+k+" at "+path)
		}
	}
	variants, _ := s["anyOf"].([]any)
	typ, _ := s["type"].(string)
	switch {
	case len(variants) > 0 && len(s) > 1:
		bad = append(bad, "something beside anyOf at "+path)
	case len(variants) == 0 && !slices.Contains(schemaTypes, typ):
		bad = append(bad, "type "+js(s["type"])+" at "+path)
	case typ == "ARRAY" && s["items"] == nil:
		bad = append(bad, "no items at "+path)
	}
	for _, e := range variants {
		bad = append(bad, checkSchema(e, path+".anyOf")...)
	}
	props, _ := s["properties"].(map[string]any)
	for k, p := range props {
		bad = append(bad, checkSchema(p, path+"."+k)...)
	}
	required, _ := s["required"].([]any)
	for _, k := range required {
		if name, _ := k.(string); props[name] == nil {
			bad = append(bad, "required "+js(k)+" is no property at "+path)
		}
	}
	enum, _ := s["enum"].([]any)
	for _, e := range enum {
		if str, ok := e.(string); !ok || str == "" {
			bad = append(bad, "enum at "+path)
		}
	}
	if s["items"] != nil {
		bad = append(bad, checkSchema(s["items"], path+"[]")...)
	}
	return bad
}
