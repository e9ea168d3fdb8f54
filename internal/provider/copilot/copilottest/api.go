package copilottest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// Models of the service, by id.
const (
	Claude    = "claude-sonnet-4.5" // Messages and chat
	OldClaude = "claude-sonnet-4"   // chat only, in pieces
	GPT       = "gpt-5.2"           // Responses and chat
	Legacy    = "gpt-4o"            // the list does not say
	Gemini    = "gemini-3-pro"      // chat only, in pieces
	Codex     = "gpt-5.2-codex"     // Responses only
	Barred    = "claude-opus-4.6"   // whose terms the person has not agreed to
	Embedding = "text-embedding-3-small"
)

type offer struct {
	vendor, state, kind string
	endpoints           []string
	vision              bool
}

var offers = map[string]offer{
	Claude:    {"Anthropic", "enabled", "chat", []string{"/chat/completions", "/v1/messages"}, true},
	OldClaude: {"Anthropic", "enabled", "chat", []string{"/chat/completions"}, true},
	GPT:       {"OpenAI", "enabled", "chat", []string{"/chat/completions", "/responses", "ws:/responses"}, true},
	Legacy:    {"Azure OpenAI", "", "chat", nil, true},
	Gemini:    {"Google", "enabled", "chat", []string{"/chat/completions"}, true},
	Codex:     {"OpenAI", "enabled", "chat", []string{"/responses"}, false},
	Barred:    {"Anthropic", "unconfigured", "chat", []string{"/chat/completions", "/v1/messages"}, true},
	Embedding: {"Azure OpenAI", "", "embeddings", nil, false},
}

// signed tells whether a request has a token that is good and says who its client is.
func (s *Service) signed(w http.ResponseWriter, r *http.Request) bool {
	ends, ok := s.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if !ok || !s.now().Before(ends) {
		http.Error(w, "unauthorized: token expired", http.StatusUnauthorized)
		return false
	}
	for _, name := range []string{"Editor-Version", "Editor-Plugin-Version", "Copilot-Integration-Id", "X-Github-Api-Version", "Openai-Intent", "X-Request-Id"} {
		if r.Header.Get(name) == "" || strings.Contains(r.Header.Get(name), "{") {
			http.Error(w, "bad request: missing "+name+" header for IDE auth", http.StatusBadRequest)
			return false
		}
	}
	if !strings.HasPrefix(r.Header.Get("User-Agent"), "GitHubCopilotChat/") {
		http.Error(w, "bad request: unknown client", http.StatusBadRequest)
		return false
	}
	return true
}

func (s *Service) models(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.signed(w, r) {
		return
	}
	if r.Header.Get("Openai-Intent") != "model-access" {
		http.Error(w, "bad request: intent", http.StatusBadRequest)
		return
	}
	list := []any{}
	for id, o := range offers {
		m := map[string]any{"id": id, "name": "The " + id, "vendor": o.vendor, "object": "model", "capabilities": map[string]any{
			"type": o.kind, "family": id, "limits": map[string]any{"max_context_window_tokens": 144000, "max_prompt_tokens": 128000, "max_output_tokens": 16000},
			"supports": map[string]any{"streaming": true, "tool_calls": true, "vision": o.vision, "min_thinking_budget": 1024, "max_thinking_budget": 8000},
		}}
		if o.endpoints != nil {
			m["supported_endpoints"] = o.endpoints
		}
		if o.state != "" {
			m["policy"] = map[string]any{"state": o.state, "terms": "agree"}
		}
		list = append(list, m)
	}
	say(w, 200, map[string]any{"object": "list", "data": list})
}

// refuse answers as the service does to what it does not take.
func (s *Service) refuse(w http.ResponseWriter, code, format string, args ...any) {
	say(w, 400, map[string]any{"error": map[string]any{"message": fmt.Sprintf(format, args...), "code": code, "param": nil, "type": "invalid_request_error"}})
}

func (s *Service) api(w http.ResponseWriter, r *http.Request) {
	path := "/" + r.PathValue("path")
	text, err := io.ReadAll(r.Body)
	var body map[string]any
	if err != nil || json.Unmarshal(text, &body) != nil {
		s.refuse(w, "invalid_request_body", "failed to parse request")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, Sent{path, r.Header.Clone(), body})
	next, scripted := s.next(path)
	if next.Revoke {
		clear(s.tokens)
	}
	if !s.signed(w, r) {
		return
	}
	if next.Status >= 400 {
		for k, v := range next.Header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(next.Status)
		_, _ = io.WriteString(w, next.Body)
		return
	}
	model, _ := body["model"].(string)
	o, ok := offers[model]
	if !ok || o.state == "unconfigured" {
		s.refuse(w, "model_not_supported", "The requested model is not supported.")
		return
	}
	at := o.endpoints
	if at == nil {
		at = map[string][]string{"chat": {"/chat/completions"}, "embeddings": {"/embeddings"}}[o.kind]
	}
	if !slices.Contains(at, path) {
		s.refuse(w, "unsupported_api_for_model", "model %q is not accessible via the %s endpoint", model, path)
		return
	}
	if why := s.judge(path, o, r.Header, body); why != "" {
		s.t.Logf("refused at %s: %s", path, why)
		s.refuse(w, "invalid_request_body", "%s", why)
		return
	}
	if m := s.model; m != nil && !scripted && path != "/embeddings" {
		s.mu.Unlock() // it may take its time
		defer s.mu.Lock()
		s.ask(w, m, path, r.Header, text)
		return
	}
	s.answer(w, path, next, body["stream"] == true)
}

// next takes the next answer of the script that is for a path, a greeting where it has none.
func (s *Service) next(path string) (a Answer, scripted bool) {
	for i, a := range s.script {
		if a.At == "" || a.At == path {
			s.script = append(s.script[:i:i], s.script[i+1:]...)
			return a, true
		}
	}
	return greetings[path], false
}

// greetings are short answers of each API.
var greetings = map[string]Answer{
	"/chat/completions": {
		Body: `{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"Hello"}}],"usage":{"prompt_tokens":11,"completion_tokens":5,"total_tokens":16}}`,
		Stream: []string{
			`{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"}}]}`,
			`{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"lo"}}]}`,
			`{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop","delta":{}}],"usage":{"prompt_tokens":11,"completion_tokens":5,"total_tokens":16}}`,
			`[DONE]`,
		},
	},
	"/responses": {
		Body: `{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"m","output":[{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Hello","annotations":[]}]}],"usage":{"input_tokens":11,"output_tokens":5,"total_tokens":16,"input_tokens_details":{"cached_tokens":0},"output_tokens_details":{"reasoning_tokens":0}}}`,
		Stream: []string{
			`{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","created_at":1,"status":"in_progress","model":"m","output":[]}}`,
			`{"type":"response.output_item.added","sequence_number":1,"output_index":0,"item":{"type":"message","id":"msg_1","role":"assistant","status":"in_progress","content":[]}}`,
			`{"type":"response.content_part.added","sequence_number":2,"item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}`,
			`{"type":"response.output_text.delta","sequence_number":3,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"Hel"}`,
			`{"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"lo"}`,
			`{"type":"response.output_text.done","sequence_number":5,"item_id":"msg_1","output_index":0,"content_index":0,"text":"Hello"}`,
			`{"type":"response.content_part.done","sequence_number":6,"item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"Hello","annotations":[]}}`,
			`{"type":"response.output_item.done","sequence_number":7,"output_index":0,"item":{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Hello","annotations":[]}]}}`,
			`{"type":"response.completed","sequence_number":8,"response":{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"m","output":[{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Hello","annotations":[]}]}],"usage":{"input_tokens":11,"output_tokens":5,"total_tokens":16,"input_tokens_details":{"cached_tokens":0},"output_tokens_details":{"reasoning_tokens":0}}}}`,
		},
	},
	"/v1/messages": {
		Body: `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Hello"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":11,"output_tokens":5}}`,
		Stream: []string{
			`{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":11,"output_tokens":1}}}`,
			`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hel"}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"lo"}}`,
			`{"type":"content_block_stop","index":0}`,
			`{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":5}}`,
			`{"type":"message_stop"}`,
		},
	},
	"/embeddings": {Body: `{"object":"list","model":"text-embedding-3-small","data":[{"object":"embedding","index":0,"embedding":[0.5,-0.25]}],"usage":{"prompt_tokens":3,"total_tokens":3}}`},
}

func (s *Service) answer(w http.ResponseWriter, path string, a Answer, stream bool) {
	if !stream {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, a.Body)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	_, _ = w.Write(a.Raw)
	for _, data := range a.Stream {
		if path != "/chat/completions" {
			var e struct{ Type string }
			_ = json.Unmarshal([]byte(data), &e)
			_, _ = fmt.Fprintf(w, "event: %s\n", e.Type)
		}
		_, _ = fmt.Fprintf(w, "data: %s\n\n", data)
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
	}
}
