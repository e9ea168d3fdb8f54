package conformance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"turnpike/internal/llm"
)

// fullRequests are requests of each client API with everything in them that a member of
// it can hold; MARK becomes a word of its own.
var fullRequests = map[string]string{
	"chat": `{"model":"m","user":"MARK","seed":918001,"logit_bias":{"5":1},"metadata":{"MARK":"MARK"},"prediction":{"type":"content","content":"MARK"},
		"temperature":0.5,"top_p":0.5,"max_completion_tokens":50,"stop":["MARK"],"service_tier":"flex","safety_identifier":"MARK","prompt_cache_key":"MARK","verbosity":"low","logprobs":true,"top_logprobs":918005,"n":1,
		"response_format":{"type":"json_schema","json_schema":{"name":"MARK","description":"MARK","strict":true,"schema":{"type":"object","title":"MARK"}}},
		"tools":[{"type":"function","function":{"name":"MARK","description":"MARK","strict":false,"parameters":{"type":"object","properties":{"a":{"type":"string","description":"MARK"}}}}}],
		"tool_choice":"auto","parallel_tool_calls":false,
		"messages":[{"role":"system","content":"MARK"},{"role":"user","name":"MARK","content":[{"type":"text","text":"MARK"},{"type":"image_url","image_url":{"url":"https://MARK.test/a.png","detail":"low"}},{"type":"file","file":{"filename":"MARK.pdf","file_data":"data:application/pdf;base64,JVBERi0="}}]},
		{"role":"assistant","content":"MARK","refusal":"MARK","reasoning_content":"MARK","annotations":[{"type":"url_citation","url_citation":{"url":"https://MARK.test","title":"MARK","start_index":0,"end_index":2}}],"tool_calls":[{"id":"call_MARK","type":"function","function":{"name":"MARK","arguments":"{\"x\":\"MARK\"}"}}]},
		{"role":"tool","tool_call_id":"call_LAST","content":"MARK"},{"role":"user","content":"MARK"}]}`,
	"completions": `{"model":"m","prompt":["MARK"],"suffix":"MARK","user":"MARK","seed":918001,"logit_bias":{"5":1},"logprobs":918005,"max_tokens":50,"temperature":0.5,"top_p":0.5,"top_k":918002,"n":1,"best_of":1,"stop":["MARK"],
		"presence_penalty":918007,"frequency_penalty":918003}`,
	"responses": `{"model":"m","instructions":"MARK","user":"MARK","metadata":{"k":"MARK"},"max_output_tokens":50,"temperature":0.5,"service_tier":"flex","prompt_cache_key":"MARK","safety_identifier":"MARK","store":false,"include":["reasoning.encrypted_content"],"truncation":"auto","top_logprobs":918005,
		"text":{"verbosity":"low","format":{"type":"json_schema","name":"MARK","schema":{"type":"object","title":"MARK"},"strict":true}},"reasoning":{"effort":"low","summary":"auto"},
		"tools":[{"type":"function","name":"MARK","description":"MARK","strict":false,"parameters":{"type":"object"}},{"type":"web_search","search_context_size":"MARK"}],
		"input":[{"type":"message","role":"developer","content":"MARK"},{"type":"message","role":"user","content":[{"type":"input_text","text":"MARK"},{"type":"input_image","image_url":"https://MARK.test/a.png","detail":"low"},{"type":"input_file","filename":"MARK.pdf","file_data":"data:application/pdf;base64,JVBERi0="}]},
		{"type":"reasoning","summary":[{"type":"summary_text","text":"MARK"}],"encrypted_content":"MARK"},
		{"type":"message","role":"assistant","content":[{"type":"output_text","text":"MARK","annotations":[{"type":"url_citation","url":"https://MARK.test","title":"MARK","start_index":0,"end_index":2}]},{"type":"refusal","refusal":"MARK"}]},
		{"type":"web_search_call","id":"ws_MARK","status":"completed"},
		{"type":"function_call","call_id":"call_MARK","name":"MARK","arguments":"{\"x\":\"MARK\"}"},{"type":"function_call_output","call_id":"call_LAST","output":"MARK"},{"role":"user","content":"MARK"}]}`,
	"messages": `{"model":"m","max_tokens":4000,"metadata":{"user_id":"MARK"},"stop_sequences":["MARK"],"top_k":918002,"container":"MARK","context_management":{"edits":[{"type":"MARK"}]},"mcp_servers":[{"type":"url","url":"https://MARK.test","name":"MARK"}],"service_tier":"auto",
		"thinking":{"type":"enabled","budget_tokens":2000},"system":[{"type":"text","text":"MARK","cache_control":{"type":"ephemeral"}}],"tool_choice":{"type":"auto","disable_parallel_tool_use":true},
		"tools":[{"name":"MARK","description":"MARK","input_schema":{"type":"object","title":"MARK"},"input_examples":[{"a":"MARK"}]},{"type":"web_search_20250305","name":"web_search","user_location":{"city":"MARK"}}],
		"messages":[{"role":"user","content":[{"type":"text","text":"MARK"},{"type":"image","source":{"type":"url","url":"https://MARK.test/a.png"}},{"type":"document","title":"MARK","context":"MARK","citations":{"enabled":true},"source":{"type":"text","media_type":"text/plain","data":"MARK"}},{"type":"search_result","source":"MARK","title":"MARK","content":[{"type":"text","text":"MARK"}]}]},
		{"role":"assistant","content":[{"type":"thinking","thinking":"MARK","signature":"MARK"},{"type":"redacted_thinking","data":"MARK"},{"type":"text","text":"MARK","citations":[{"type":"char_location","cited_text":"MARK","document_index":0,"document_title":"MARK","start_char_index":0,"end_char_index":2},{"type":"web_search_result_location","url":"https://MARK.test","title":"MARK","cited_text":"MARK","encrypted_index":"MARK"}]},{"type":"server_tool_use","id":"srv_MARK","name":"web_search","input":{"query":"MARK"}},{"type":"tool_use","id":"toolu_MARK","name":"MARK","input":{"x":"MARK"}}]},
		{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_LAST","is_error":true,"content":[{"type":"text","text":"MARK"}]},{"type":"text","text":"MARK"}]}]}`,
	"converse": `{"system":[{"text":"MARK"},{"cachePoint":{"type":"default"}},{"guardContent":{"text":{"text":"MARK","qualifiers":["query"]}}}],"inferenceConfig":{"maxTokens":4000,"temperature":0.5,"stopSequences":["MARK"]},"requestMetadata":{"k":"MARK"},"guardrailConfig":{"guardrailIdentifier":"MARK","guardrailVersion":"1"},"additionalModelRequestFields":{"top_k":918006,"odd":"MARK"},"performanceConfig":{"latency":"optimized"},
		"toolConfig":{"tools":[{"toolSpec":{"name":"MARK","description":"MARK","inputSchema":{"json":{"type":"object","title":"MARK"}}}}],"toolChoice":{"auto":{}}},
		"messages":[{"role":"user","content":[{"text":"MARK"},{"guardContent":{"text":{"text":"MARK","qualifiers":["query"]}}},{"document":{"name":"MARK","format":"txt","source":{"text":"MARK"},"context":"MARK","citations":{"enabled":true}}},{"image":{"format":"png","source":{"bytes":"iVBORw0KGgo="}}}]},
		{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"MARK","signature":"MARK"}}},{"citationsContent":{"content":[{"text":"MARK"}],"citations":[{"title":"MARK","sourceContent":[{"text":"MARK"}],"location":{"documentChar":{"documentIndex":0,"start":0,"end":2}}}]}},{"toolUse":{"toolUseId":"tooluse_MARK","name":"MARK","input":{"x":"MARK"}}}]},
		{"role":"user","content":[{"toolResult":{"toolUseId":"tooluse_LAST","status":"error","content":[{"text":"MARK"}]}},{"text":"MARK"}]}]}`,
	"gemini": `{"systemInstruction":{"parts":[{"text":"MARK"}]},"cachedContent":"MARK","safetySettings":[{"category":"MARK","threshold":"MARK"}],"labels":{"k":"MARK"},
		"generationConfig":{"temperature":0.5,"topK":918004,"maxOutputTokens":4000,"stopSequences":["MARK"],"seed":918003,"candidateCount":1,"responseMimeType":"application/json","responseSchema":{"type":"OBJECT","title":"MARK"},"thinkingConfig":{"thinkingBudget":2000,"includeThoughts":true},"presencePenalty":918007},
		"tools":[{"functionDeclarations":[{"name":"MARK","description":"MARK","parameters":{"type":"OBJECT","description":"MARK"}}]},{"googleSearch":{"odd":"MARK"}}],"toolConfig":{"functionCallingConfig":{"mode":"AUTO"}},
		"contents":[{"role":"user","parts":[{"text":"MARK"},{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="}},{"fileData":{"mimeType":"application/pdf","fileUri":"https://MARK.test/a.pdf"}}]},
		{"role":"model","parts":[{"text":"MARK","thought":true,"thoughtSignature":"MARK"},{"text":"MARK"},{"executableCode":{"language":"PYTHON","code":"MARK"}},{"functionCall":{"id":"call_MARK","name":"MARK","args":{"x":"MARK"}}}]},
		{"role":"user","parts":[{"functionResponse":{"id":"call_LAST","name":"NAME","response":{"result":"MARK"}}},{"text":"MARK"}]}]}`,
}

// fill gives every MARK its word; LAST is that of the call before, NAME the one of
// its name.
func fill(body string, m *marks) []byte {
	var b strings.Builder
	call, name, before := "", "", ""
	for rest := body; ; {
		i := strings.IndexAny(rest, "MLN")
		if i < 0 {
			b.WriteString(rest)
			return []byte(b.String())
		}
		b.WriteString(rest[:i])
		rest = rest[i:]
		switch {
		case strings.HasPrefix(rest, "MARK"):
			word := m.next()
			tail := b.String()[max(0, b.Len()-8):]
			if strings.HasSuffix(tail, "_") {
				call = word
			} else if before != "" && before == call {
				name = word
			}
			before = word
			b.WriteString(word)
			rest = rest[4:]
		case strings.HasPrefix(rest, "LAST"):
			b.WriteString(call)
			rest = rest[4:]
		case strings.HasPrefix(rest, "NAME"):
			b.WriteString(name)
			rest = rest[4:]
		default:
			b.WriteByte(rest[0])
			rest = rest[1:]
		}
	}
}

// TestEveryMemberOfARequest: each value of a request is in what the upstream gets,
// or a loss names it. The same with members that nobody knows, at every level.
func TestEveryMemberOfARequest(t *testing.T) {
	for _, front := range clients {
		for _, odd := range []bool{false, true} {
			m := &marks{}
			body := parsed(t, fill(fullRequests[front.Name()], m))
			if odd {
				strange(body, m, "", func(path string) bool { return oddIn(front.Name(), path) })
			}
			wanted := leaves(body, nil, nil, nil)
			raw := printed(t, body)
			for _, back := range upstreams {
				if back.Name() == completionsAPI && front.Name() != completionsAPI {
					continue // only its own clients are served by that API
				}
				t.Run(fmt.Sprintf("%s to %s, odd %v", front.Name(), back.Name(), odd), func(t *testing.T) {
					req, err := front.DecodeRequest(http.Header{}, raw)
					if err != nil {
						t.Fatal(err)
					}
					out, losses, err := back.EncodeRequest(req, &llm.Target{Model: "m"})
					if err != nil {
						t.Fatal(err)
					}
					if !json.Valid(out) {
						t.Fatalf("not JSON: %s", out)
					}
					losses = llm.AddLosses(req.Lost(back.Name()), losses)
					got := heardIn(out)
					bad := false
					for _, l := range wanted {
						if !got[l.mark] && !explained(losses, l) {
							bad = true
							t.Errorf("%s: silent", strings.Join(l.path, "."))
						}
					}
					if bad {
						t.Logf("losses:\n%s", lossLines(losses))
					}
				})
			}
		}
	}
}

// oddIn tells whether a strange member may be put there: not where names are the
// client's own, such as in a schema, and not where an object must have one member.
func oddIn(front, path string) bool {
	for _, own := range []string{"etadata", "chema", "parameters", "logit_bias", "labels", "arguments", ".args", "input_examples", ".json", "content[].input", "toolUse.input", ".response"} {
		if strings.Contains(path, own) {
			return false
		}
	}
	if front == "converse" {
		for _, one := range []string{"content[]", "system[]", "tools[]", ".source", ".location", ".toolChoice", ".guardContent", ".reasoningContent"} {
			if strings.HasSuffix(path, one) {
				return false
			}
		}
	}
	return true
}

// agreed are members that change nothing in an answer and that no model sees (see
// llm.Extra.Bookkeeping): an API without a place for them loses nothing.
var agreed = []string{"prompt_cache_key", "include", "metadata", "safety_identifier", "user", "user_id", "requestMetadata", "labels"}

// means are other words that losses have for members, some of them the canonical ones.
var means = map[string][]string{
	"stop_sequences": {"stop"}, "stopSequences": {"stop"}, "user_id": {"user"}, "encrypted_content": {"thinking"}, "thoughtSignature": {"thinking"},
	"thinking": {"reasoning"}, "name": {"].name"}, "text": {": thinking"},
	"fileUri": {"document"}, "filename": {"document name"}, "annotations": {"citations"}, "reasoning_content": {"thinking"}, "reasoning": {"thinking"}, "redacted_thinking": {"thinking"},
	"image_url": {"image"}, "input_image": {"image"}, "reasoningContent": {"thinking"}, "executableCode": {"executableCode"},
}

// broad are members that hold too much for a loss of them to explain anything.
var broad = []string{"content", "parts", "messages", "input", "contents", "tools", "name", "id", "x", "type"}

// ordinary are types whose name in a loss tells nothing of one of their members.
var ordinary = []string{"text", "message", "function", "input_text", "output_text", "object", "tool_use", "tool_result", "function_call", "function_call_output", "enabled"}

// explained tells whether a loss names a member, or what it is part of.
func explained(losses []llm.Loss, l leaf) bool {
	for _, member := range l.path {
		if slices.Contains(agreed, member) || !slices.Contains(broad, member) && named(losses, member) || named(losses, means[member]...) {
			return true
		}
	}
	for _, kind := range l.types {
		if !slices.Contains(ordinary, kind) && (named(losses, kind) || named(losses, means[kind]...)) {
			return true
		}
	}
	return false
}
