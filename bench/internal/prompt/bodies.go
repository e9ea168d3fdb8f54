package prompt

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// API is the shape a client speaks.
type API int

// The two client APIs.
const (
	Chat     API = iota // OpenAI chat completions
	Messages            // Anthropic messages
)

// Path is where the API is asked.
func (a API) Path() string {
	if a == Chat {
		return "/v1/chat/completions"
	}
	return "/v1/messages"
}

func (a API) String() string {
	if a == Chat {
		return "chat"
	}
	return "messages"
}

type object = map[string]any

// Body is the request body of the conversation in the API. Members stand in the order in which the official Python SDKs send them.
func (c Conversation) Body(a API, model string, stream bool) []byte {
	var v any
	if a == Chat {
		v = c.chat(model, stream)
	} else {
		v = c.messages(model, stream)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("prompt: %v", err)) // the values are ours: strings, numbers, maps
	}
	return bytes.TrimSpace(b.Bytes())
}

type chatBody struct {
	Messages      []object `json:"messages"`
	Model         string   `json:"model"`
	MaxTokens     int      `json:"max_completion_tokens"`
	Stream        bool     `json:"stream,omitempty"`
	StreamOptions object   `json:"stream_options,omitempty"`
	Temperature   float64  `json:"temperature"`
	Tools         []object `json:"tools,omitempty"`
}

func (c Conversation) chat(model string, stream bool) chatBody {
	b := chatBody{Model: model, MaxTokens: 20_000, Stream: stream, Temperature: 0.5}
	if stream {
		b.StreamOptions = object{"include_usage": true}
	}
	say := func(m object) { b.Messages = append(b.Messages, m) }
	say(object{"role": "system", "content": c.system})
	for _, t := range c.turns {
		say(object{"role": "user", "content": t.ask})
		if t.call != "" {
			args := fmt.Sprintf(`{"path":%q}`, t.path)
			say(object{"role": "assistant", "content": t.remark, "tool_calls": []object{
				{"id": t.id, "type": "function", "function": object{"name": t.call, "arguments": args}},
			}})
			say(object{"role": "tool", "tool_call_id": t.id, "content": t.result})
		}
		if t.reply != "" {
			say(object{"role": "assistant", "content": t.reply})
		}
	}
	for _, t := range c.tools {
		b.Tools = append(b.Tools, object{"type": "function", "function": object{"name": t.name, "description": t.about, "parameters": schema()}})
	}
	return b
}

type messagesBody struct {
	MaxTokens   int      `json:"max_tokens"`
	Messages    []object `json:"messages"`
	Model       string   `json:"model"`
	Stream      bool     `json:"stream,omitempty"`
	System      string   `json:"system"`
	Temperature float64  `json:"temperature"`
	Tools       []object `json:"tools,omitempty"`
}

func (c Conversation) messages(model string, stream bool) messagesBody {
	b := messagesBody{MaxTokens: 20_000, Model: model, Stream: stream, System: c.system, Temperature: 0.5}
	say := func(role string, blocks ...object) {
		b.Messages = append(b.Messages, object{"role": role, "content": blocks})
	}
	text := func(s string) object { return object{"type": "text", "text": s} }
	for _, t := range c.turns {
		say("user", text(t.ask))
		if t.call != "" {
			say("assistant", text(t.remark), object{"type": "tool_use", "id": t.id, "name": t.call, "input": object{"path": t.path}})
			say("user", object{"type": "tool_result", "tool_use_id": t.id, "content": t.result})
		}
		if t.reply != "" {
			say("assistant", text(t.reply))
		}
	}
	for _, t := range c.tools {
		b.Tools = append(b.Tools, object{"name": t.name, "description": t.about, "input_schema": schema()})
	}
	return b
}

func schema() object {
	return object{
		"type": "object",
		"properties": object{
			"path":   object{"type": "string", "description": "The file, from the root of the project."},
			"offset": object{"type": "integer", "description": "The first line, counted from 1."},
			"limit":  object{"type": "integer", "description": "How many lines at most."},
		},
		"required": []string{"path"},
	}
}
