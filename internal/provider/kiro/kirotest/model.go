package kirotest

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// Model answers what no script does: it is given a body of Anthropic's Messages API and
// answers with a stream of it. So whatever plays a model for that API does so here.
type Model func(body []byte) (*http.Response, error)

// Think lets a model answer.
func (s *Service) Think(m Model) { s.mu.Lock(); s.model = m; s.mu.Unlock() }

type object = map[string]any

func objects(v any) (out []object) {
	list, _ := v.([]any)
	for _, e := range list {
		if o, ok := e.(object); ok {
			out = append(out, o)
		}
	}
	return out
}

func under(v object, names ...string) object {
	for _, n := range names {
		v, _ = v[n].(object)
	}
	return v
}

// question is a conversation as the Messages API has it.
func question(body object) object {
	state := under(body, "conversationState")
	q := object{"model": "", "max_tokens": 8192, "stream": true}
	var turns []any
	for _, m := range append(objects(state["history"]), under(state, "currentMessage")) {
		if u := under(m, "userInputMessage"); u != nil {
			q["model"] = u["modelId"]
			turns = append(turns, object{"role": "user", "content": asked(u)})
		} else {
			turns = append(turns, object{"role": "assistant", "content": answered(under(m, "assistantResponseMessage"))})
		}
	}
	q["messages"] = turns
	var tools []any
	for _, t := range objects(under(state, "currentMessage", "userInputMessage", "userInputMessageContext")["tools"]) {
		if spec := under(t, "toolSpecification"); spec != nil {
			tools = append(tools, object{"name": spec["name"], "description": spec["description"], "input_schema": under(spec, "inputSchema")["json"]})
		}
	}
	if tools != nil {
		q["tools"] = tools
	}
	if under(body, "additionalModelRequestFields", "thinking")["type"] == "adaptive" {
		q["thinking"] = object{"type": "enabled", "budget_tokens": 1024}
	}
	return q
}

func asked(u object) (blocks []any) {
	for _, r := range objects(under(u, "userInputMessageContext")["toolResults"]) {
		var content []any
		for _, c := range objects(r["content"]) {
			text, ok := c["text"].(string)
			if !ok {
				b, _ := json.Marshal(c["json"])
				text = string(b)
			}
			if text != "" {
				content = append(content, object{"type": "text", "text": text})
			}
		}
		blocks = append(blocks, object{"type": "tool_result", "tool_use_id": r["toolUseId"], "content": content, "is_error": r["status"] == "error"})
	}
	if text, _ := u["content"].(string); strings.TrimSpace(text) != "" {
		blocks = append(blocks, object{"type": "text", "text": text})
	}
	for _, i := range objects(u["images"]) {
		format, _ := i["format"].(string)
		blocks = append(blocks, object{"type": "image", "source": object{"type": "base64", "media_type": "image/" + format, "data": under(i, "source")["bytes"]}})
	}
	return blocks
}

func answered(a object) (blocks []any) {
	if r := under(a, "reasoningContent", "reasoningText"); r != nil {
		blocks = append(blocks, object{"type": "thinking", "thinking": r["text"], "signature": r["signature"]})
	}
	if text, _ := a["content"].(string); strings.TrimSpace(text) != "" {
		blocks = append(blocks, object{"type": "text", "text": text})
	}
	for _, u := range objects(a["toolUses"]) {
		blocks = append(blocks, object{"type": "tool_use", "id": u["toolUseId"], "name": u["name"], "input": u["input"]})
	}
	return blocks
}

// ask has the model answer, in the service's own form.
func (s *Service) ask(w http.ResponseWriter, m Model, body object) {
	text, err := json.Marshal(question(body))
	if err != nil {
		s.improper(w, err.Error())
		return
	}
	res, err := m(text)
	if err != nil {
		say(w, http.StatusServiceUnavailable, object{"message": "away"})
		return
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(io.LimitReader(res.Body, 1<<16))
		s.t.Logf("the model refuses: %s", said)
		w.Header().Set("X-Amzn-ErrorType", kinds[res.StatusCode]+":http://internal.amazon.com/")
		say(w, res.StatusCode, object{"message": string(said), "reason": nil})
		return
	}
	w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	t := teller{s: s, w: w, calls: map[any]object{}}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data:")
		var e object
		if ok && json.Unmarshal([]byte(data), &e) == nil {
			t.tell(e)
		}
	}
	if err := lines.Err(); err != nil {
		panic(http.ErrAbortHandler) // it broke off there, and does here
	}
}

var kinds = map[int]string{400: "ValidationException", 429: "ThrottlingException", 500: "InternalServerException", 503: "ServiceUnavailableException", 529: "ThrottlingException"}

// teller says the events of a Messages stream as the service does.
type teller struct {
	s     *Service
	w     http.ResponseWriter
	calls map[any]object // by index
	usage object
}

func (t *teller) frame(name string, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		t.s.t.Error(err)
	}
	t.s.frame(t.w, name, text)
}

func (t *teller) tell(e object) {
	d := under(e, "delta")
	switch e["type"] {
	case "message_start":
		t.usage = under(e, "message", "usage")
	case "content_block_start":
		if b := under(e, "content_block"); b["type"] == "tool_use" {
			t.calls[e["index"]] = object{"toolUseId": b["id"], "name": b["name"]}
			t.frame("toolUseEvent", t.calls[e["index"]])
		}
	case "content_block_delta":
		t.delta(e["index"], d)
	case "content_block_stop":
		if c := t.calls[e["index"]]; c != nil {
			t.frame("toolUseEvent", object{"toolUseId": c["toolUseId"], "name": c["name"], "stop": true})
		}
	case "message_delta":
		out, _ := under(e, "usage")["output_tokens"].(float64)
		in, _ := t.usage["input_tokens"].(float64)
		reason, _ := d["stop_reason"].(string)
		t.frame("metadataEvent", object{
			"tokenUsage": object{"uncachedInputTokens": in, "outputTokens": out, "totalTokens": in + out}, "stopReason": strings.ToUpper(reason),
		})
	case "error":
		t.frame("InternalServerException", object{"message": under(e, "error")["message"]})
	}
}

func (t *teller) delta(index any, d object) {
	switch d["type"] {
	case "text_delta":
		t.frame("assistantResponseEvent", object{"content": d["text"]})
	case "thinking_delta":
		t.frame("reasoningContentEvent", object{"text": d["thinking"]})
	case "signature_delta":
		t.frame("reasoningContentEvent", object{"signature": d["signature"]})
	case "input_json_delta":
		if c := t.calls[index]; c != nil {
			t.frame("toolUseEvent", object{"toolUseId": c["toolUseId"], "name": c["name"], "input": d["partial_json"]})
		}
	}
}
