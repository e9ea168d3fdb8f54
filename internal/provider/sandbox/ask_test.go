package sandbox

import (
	"encoding/json"
	"testing"
)

// ask is a request before it takes a dialect's shape.
type ask struct {
	model  string
	stream bool
	system string
	turns  []turn
	tools  []askTool
}

// turn is one of: a text of the user with pictures, an answer of the assistant,
// a call of the assistant's, a tool's result with a text of the user behind it.
type turn struct {
	user, assistant string
	images          int
	call            string // name of the tool
	result          *string
}

type askTool struct{ name, schema string }

func said1(text string) []turn { return []turn{{user: text}} }

type (
	object = map[string]any
	list   = []any
)

const pixel = "iVBORw0KGgo="

// shape gives the request a dialect's shape.
func (a ask) shape(t *testing.T, dialect string) string {
	t.Helper()
	var o object
	switch dialect {
	case dialectChat:
		o = a.chat()
	case dialectMessages:
		o = a.messages()
	case dialectConverse:
		o = a.converse()
	}
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (a ask) chat() object {
	var ms list
	if a.system != "" {
		ms = append(ms, object{"role": "system", "content": a.system})
	}
	for _, u := range a.turns {
		switch {
		case u.assistant != "":
			ms = append(ms, object{"role": "assistant", "content": u.assistant})
		case u.call != "":
			ms = append(ms, object{"role": "assistant", "content": nil, "tool_calls": list{
				object{"id": "c1", "type": "function", "function": object{"name": u.call, "arguments": "{}"}},
			}})
		case u.result != nil:
			ms = append(ms, object{"role": "tool", "tool_call_id": "c1", "content": *u.result})
		}
		if u.user == "" && u.images == 0 {
			continue
		}
		parts := list{object{"type": "text", "text": u.user}}
		for range u.images {
			parts = append(parts, object{"type": "image_url", "image_url": object{"url": "data:image/png;base64," + pixel}})
		}
		ms = append(ms, object{"role": "user", "content": parts})
	}
	o := object{"model": a.model, "messages": ms}
	if a.stream {
		o["stream"], o["stream_options"] = true, object{"include_usage": true}
	}
	var tools list
	for _, x := range a.tools {
		tools = append(tools, object{"type": "function", "function": object{
			"name": x.name, "description": "d", "parameters": json.RawMessage(x.schema),
		}})
	}
	if tools != nil {
		o["tools"] = tools
	}
	return o
}

func (a ask) messages() object {
	var ms list
	for _, u := range a.turns {
		var blocks list
		role := "user"
		switch {
		case u.assistant != "":
			role, blocks = "assistant", list{object{"type": "text", "text": u.assistant}}
		case u.call != "":
			role, blocks = "assistant", list{object{"type": "tool_use", "id": "c1", "name": u.call, "input": object{}}}
		case u.result != nil:
			blocks = list{object{"type": "tool_result", "tool_use_id": "c1", "content": list{object{"type": "text", "text": *u.result}}}}
		}
		if u.user != "" {
			blocks = append(blocks, object{"type": "text", "text": u.user})
		}
		for range u.images {
			blocks = append(blocks, object{"type": "image", "source": object{"type": "base64", "media_type": "image/png", "data": pixel}})
		}
		ms = append(ms, object{"role": role, "content": blocks})
	}
	o := object{"model": a.model, "max_tokens": 100, "messages": ms, "stream": a.stream}
	if a.system != "" {
		o["system"] = list{object{"type": "text", "text": a.system, "cache_control": object{"type": "ephemeral"}}}
	}
	var tools list
	for _, x := range a.tools {
		tools = append(tools, object{"name": x.name, "description": "d", "input_schema": json.RawMessage(x.schema)})
	}
	if tools != nil {
		o["tools"] = append(list{object{"type": "web_search_20250305", "name": "web_search"}}, tools...)
	}
	return o
}

func (a ask) converse() object {
	var ms list
	for _, u := range a.turns {
		var blocks list
		role := "user"
		switch {
		case u.assistant != "":
			role, blocks = "assistant", list{object{"text": u.assistant}}
		case u.call != "":
			role, blocks = "assistant", list{object{"toolUse": object{"toolUseId": "c1", "name": u.call, "input": object{}}}}
		case u.result != nil:
			blocks = list{object{"toolResult": object{"toolUseId": "c1", "content": list{object{"text": *u.result}}}}}
		}
		if u.user != "" {
			blocks = append(blocks, object{"text": u.user})
		}
		for range u.images {
			blocks = append(blocks, object{"image": object{"format": "png", "source": object{"bytes": pixel}}})
		}
		ms = append(ms, object{"role": role, "content": append(blocks, object{"cachePoint": object{"type": "default"}})})
	}
	o := object{"messages": ms}
	if a.system != "" {
		o["system"] = list{object{"text": a.system}, object{"cachePoint": object{"type": "default"}}}
	}
	var tools list
	for _, x := range a.tools {
		tools = append(tools, object{"toolSpec": object{
			"name": x.name, "description": "d", "inputSchema": object{"json": json.RawMessage(x.schema)},
		}})
	}
	if tools != nil {
		o["toolConfig"] = object{"tools": append(tools, object{"cachePoint": object{"type": "default"}})}
	}
	return o
}
