package conformance

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"unicode/utf8"

	"turnpike/internal/wire"
)

// object and list are JSON as encoding/json reads it.
type (
	object = map[string]any
	list   = []any
)

func decoded(text string) object {
	var o object
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		panic(fmt.Sprintf("%v in %s", err, text))
	}
	return o
}

func encoded(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// streamOf makes the stream that an account sends instead of a whole answer.
func streamOf(account, answer string) []byte {
	a := decoded(answer)
	switch dialectOf(account) {
	case "chat":
		return sse(append(chatFrames(a), "[DONE]")...)
	case "converse":
		return converseFrames(a)
	case "responses":
		return sse(answerEvents(a)...)
	case "gemini":
		return sse(geminiChunks(a)...)
	}
	return framed(account, messagesFrames(a)...)
}

// geminiChunks are the chunks of a Gemini answer: a part each, the reason of the
// end in the last.
func geminiChunks(a object) []string {
	candidates := items(a["candidates"])
	if len(candidates) == 0 {
		return []string{encoded(a)}
	}
	content, _ := candidates[0]["content"].(object)
	parts, _ := content["parts"].(list)
	out := make([]string, 0, len(parts))
	for i, p := range parts {
		c, chunk := object{"index": 0, "content": object{"role": "model", "parts": list{p}}}, maps.Clone(a)
		if i == len(parts)-1 {
			c["finishReason"] = candidates[0]["finishReason"]
		}
		chunk["candidates"] = list{c}
		out = append(out, encoded(chunk))
	}
	return out
}

// answerEvents are the events of a Responses stream that Codex needs at least.
func answerEvents(a object) []string {
	begun := maps.Clone(a)
	begun["status"], begun["output"] = "in_progress", list{}
	delete(begun, "usage")
	out := []string{encoded(object{"type": "response.created", "response": begun})}
	items, _ := a["output"].(list)
	for i, item := range items {
		out = append(out, encoded(object{"type": "response.output_item.done", "output_index": i, "item": item}))
	}
	return append(out, encoded(object{"type": "response.completed", "response": a}))
}

// framed puts Messages events into the framing of an account.
func framed(account string, events ...string) []byte {
	if account == anthropicUp {
		return sse(events...)
	}
	var out []byte
	for _, e := range events {
		out = append(out, chunk(e)...)
	}
	return out
}

// sse writes events; those of Messages are named by their type.
func sse(events ...string) []byte {
	var out []byte
	for _, e := range events {
		var named struct{ Type string }
		_ = json.Unmarshal([]byte(e), &named)
		if named.Type != "" {
			out = fmt.Appendf(out, "event: %s\n", named.Type)
		}
		out = fmt.Appendf(out, "data: %s\n\n", e)
	}
	return out
}

// chunk wraps a Messages event the way InvokeModelWithResponseStream does.
func chunk(event string) []byte {
	payload := fmt.Sprintf(`{"bytes":"%s","p":"abcdefgh"}`, base64.StdEncoding.EncodeToString([]byte(event)))
	return message("chunk", payload)
}

// message is one message of the AWS event stream.
func message(event, payload string) []byte {
	return wire.AppendEventStream(nil, []byte(payload), ":event-type", event, ":content-type", "application/json", ":message-type", "event")
}

// exception is a message that ends a stream with an error.
func exception(kind, text string) []byte {
	return wire.AppendEventStream(nil, []byte(encoded(object{"message": text})),
		":exception-type", kind, ":content-type", "application/json", ":message-type", "exception")
}

// halves cuts a text in two, where a character begins.
func halves(s string) []string {
	at := len(s) / 2
	for at > 0 && !utf8.RuneStart(s[at]) {
		at--
	}
	if at == 0 {
		return []string{s}
	}
	return []string{s[:at], s[at:]}
}

// text is a string member, or nothing.
func text(o object, name string) string {
	s, _ := o[name].(string)
	return s
}

func items(v any) []object {
	l, _ := v.(list)
	out := make([]object, 0, len(l))
	for _, x := range l {
		if o, ok := x.(object); ok {
			out = append(out, o)
		}
	}
	return out
}

// chatFrames are the chunks of a chat answer.
func chatFrames(a object) []string {
	choice := items(a["choices"])[0]
	m, _ := choice["message"].(object)
	var out []string
	add := func(delta object, finish any) {
		c := object{
			"id": a["id"], "object": "chat.completion.chunk", "created": a["created"], "model": a["model"],
			"choices": list{object{"index": 0, "delta": delta, "finish_reason": finish}},
		}
		out = append(out, encoded(c))
	}
	add(object{"role": "assistant", "content": ""}, nil)
	for _, name := range []string{"reasoning_content", "content", "refusal"} {
		if s := text(m, name); s != "" {
			for _, half := range halves(s) {
				add(object{name: half}, nil)
			}
		}
	}
	for i, call := range items(m["tool_calls"]) {
		f, _ := call["function"].(object)
		start := maps.Clone(call)
		start["index"], start["function"] = i, object{"name": f["name"], "arguments": ""}
		add(object{"tool_calls": list{start}}, nil)
		for _, half := range halves(text(f, "arguments")) {
			add(object{"tool_calls": list{object{"index": i, "function": object{"arguments": half}}}}, nil)
		}
	}
	add(object{}, choice["finish_reason"])
	if a["usage"] != nil {
		out = append(out, encoded(object{
			"id": a["id"], "object": "chat.completion.chunk", "created": a["created"], "model": a["model"],
			"choices": list{}, "usage": a["usage"],
		}))
	}
	return out
}

// messagesFrames are the events of a Messages answer.
func messagesFrames(a object) []string {
	start := maps.Clone(a)
	start["content"], start["stop_reason"], start["stop_sequence"] = list{}, nil, nil
	delete(start, "stop_details")
	out := []string{encoded(object{"type": "message_start", "message": start})}
	for i, b := range items(a["content"]) {
		opened, deltas := messagesBlock(b)
		out = append(out, encoded(object{"type": "content_block_start", "index": i, "content_block": opened}))
		for _, d := range deltas {
			out = append(out, encoded(object{"type": "content_block_delta", "index": i, "delta": d}))
		}
		out = append(out, encoded(object{"type": "content_block_stop", "index": i}))
	}
	delta := object{"stop_reason": a["stop_reason"], "stop_sequence": a["stop_sequence"]}
	if a["stop_details"] != nil {
		delta["stop_details"] = a["stop_details"]
	}
	return append(out, encoded(object{"type": "message_delta", "delta": delta, "usage": a["usage"]}), `{"type":"message_stop"}`)
}

// messagesBlock is a block as it opens, and the deltas that fill it.
func messagesBlock(b object) (opened object, deltas []object) {
	opened = maps.Clone(b)
	say := func(member, kind string) {
		opened[member] = ""
		for _, half := range halves(text(b, member)) {
			if half != "" {
				deltas = append(deltas, object{"type": kind, member: half})
			}
		}
	}
	switch b["type"] {
	case "text":
		say("text", "text_delta")
		for _, c := range items(b["citations"]) {
			deltas = append(deltas, object{"type": "citations_delta", "citation": c})
		}
		delete(opened, "citations")
	case "thinking":
		say("thinking", "thinking_delta")
		opened["signature"] = ""
		deltas = append(deltas, object{"type": "signature_delta", "signature": b["signature"]})
	case "tool_use", "server_tool_use":
		opened["input"] = object{}
		for _, half := range halves(encoded(b["input"])) {
			deltas = append(deltas, object{"type": "input_json_delta", "partial_json": half})
		}
	}
	return opened, deltas
}

// converseFrames are the messages of a ConverseStream answer.
func converseFrames(a object) []byte {
	out := message("messageStart", `{"role":"assistant"}`)
	add := func(event string, payload object) { out = append(out, message(event, encoded(payload))...) }
	output, _ := a["output"].(object)
	m, _ := output["message"].(object)
	for i, b := range items(m["content"]) {
		delta := func(d object) { add("contentBlockDelta", object{"contentBlockIndex": i, "delta": d}) }
		switch {
		case b["text"] != nil:
			for _, half := range halves(text(b, "text")) {
				delta(object{"text": half})
			}
		case b["reasoningContent"] != nil:
			converseReasoning(b["reasoningContent"].(object), delta)
		case b["toolUse"] != nil:
			call := b["toolUse"].(object)
			add("contentBlockStart", object{"contentBlockIndex": i, "start": object{"toolUse": object{"toolUseId": call["toolUseId"], "name": call["name"]}}})
			for _, half := range halves(encoded(call["input"])) {
				delta(object{"toolUse": object{"input": half}})
			}
		}
		add("contentBlockStop", object{"contentBlockIndex": i})
	}
	stop := object{"stopReason": a["stopReason"]}
	if x := a["additionalModelResponseFields"]; x != nil {
		stop["additionalModelResponseFields"] = x
	}
	add("messageStop", stop)
	if a["usage"] != nil {
		add("metadata", object{"usage": a["usage"], "metrics": object{"latencyMs": 1}})
	}
	return out
}

func converseReasoning(r object, delta func(object)) {
	if redacted := r["redactedContent"]; redacted != nil {
		delta(object{"reasoningContent": object{"redactedContent": redacted}})
		return
	}
	t, _ := r["reasoningText"].(object)
	if said := text(t, "text"); said != "" {
		for _, half := range halves(said) {
			delta(object{"reasoningContent": object{"text": half}})
		}
	}
	if t["signature"] != nil {
		delta(object{"reasoningContent": object{"signature": t["signature"]}})
	}
}
