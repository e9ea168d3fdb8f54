package answer

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

var converseStops = map[string]string{
	"end_turn": StopEnd, "stop_sequence": StopSequence, "max_tokens": StopLength, "tool_use": StopTool,
	"guardrail_intervened": StopFilter, "content_filtered": StopFilter, "model_context_window_exceeded": StopContext,
}

type converseBody struct {
	Output struct {
		Message struct {
			Content []converseBlock `json:"content"`
		} `json:"message"`
	} `json:"output"`
	Stop  string         `json:"stopReason"`
	Usage *converseUsage `json:"usage"`
}

type converseBlock struct {
	Text      *string  `json:"text"`
	ToolUse   *toolUse `json:"toolUse"`
	Citations *struct {
		Content []struct {
			Text string `json:"text"`
		} `json:"content"`
	} `json:"citationsContent"`
	Reasoning *struct {
		Text struct {
			Text      string `json:"text"`
			Signature string `json:"signature"`
		} `json:"reasoningText"`
		Redacted string `json:"redactedContent"`
	} `json:"reasoningContent"`
}

// toolUse is a call; one of the type server_tool_use is the provider's own affair.
type toolUse struct {
	Name  string          `json:"name"`
	Type  string          `json:"type"`
	Input json.RawMessage `json:"input"`
}

func (t *toolUse) client() bool { return t.Type != "server_tool_use" }

type converseUsage struct {
	Input      int64 `json:"inputTokens"`
	Output     int64 `json:"outputTokens"`
	CacheRead  int64 `json:"cacheReadInputTokens"`
	CacheWrite int64 `json:"cacheWriteInputTokens"`
}

func (u *converseUsage) read() Usage {
	if u == nil {
		return Usage{}
	}
	return Usage{Known: true, Input: u.Input + u.CacheRead + u.CacheWrite, Output: u.Output, CacheRead: u.CacheRead, CacheWrite: u.CacheWrite}
}

// Converse reads an answer of Bedrock's Converse.
func Converse(body []byte) (Answer, error) {
	var b converseBody
	if err := json.Unmarshal(body, &b); err != nil {
		return Answer{}, err
	}
	a := Answer{Stop: cmp.Or(converseStops[b.Stop], b.Stop), Usage: b.Usage.read(), Ended: true}
	for _, c := range b.Output.Message.Content {
		switch {
		case c.Text != nil:
			a.say(*c.Text)
		case c.ToolUse != nil && c.ToolUse.client():
			a.Calls = append(a.Calls, call(c.ToolUse.Name, string(c.ToolUse.Input)))
		case c.Citations != nil:
			for _, t := range c.Citations.Content {
				a.say(t.Text)
			}
		case c.Reasoning != nil:
			a.reasoning(c.Reasoning.Text.Text, c.Reasoning.Text.Signature, c.Reasoning.Redacted)
		}
	}
	a.settle()
	return a, nil
}

func (a *Answer) reasoning(text, signature, redacted string) {
	a.Reasoning += text
	if signature != "" {
		a.Signatures = append(a.Signatures, signature)
	}
	if redacted != "" {
		a.Redacted = append(a.Redacted, redacted)
	}
}

// Message is one message of an AWS event stream.
type Message struct {
	Name      string // :event-type, or :exception-type
	Exception bool
	Payload   []byte
	End       int // its end in the body
}

// Stream reads an AWS event stream with the AWS SDK's decoder. What was cut off
// at the end is left out.
func Stream(body []byte) ([]Message, error) {
	var out []Message
	r := bytes.NewReader(body)
	dec := eventstream.NewDecoder()
	for r.Len() > 0 {
		m, err := dec.Decode(r, nil)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return out, err
		}
		msg := Message{Payload: m.Payload, End: len(body) - r.Len()}
		if v := m.Headers.Get(":event-type"); v != nil {
			msg.Name = v.String()
		}
		if v := m.Headers.Get(":exception-type"); v != nil {
			msg.Name, msg.Exception = v.String(), true
		}
		out = append(out, msg)
	}
	return out, nil
}

type converseEvent struct {
	Index int `json:"contentBlockIndex"`
	Start struct {
		ToolUse *toolUse `json:"toolUse"`
	} `json:"start"`
	Delta struct {
		Text    string `json:"text"`
		ToolUse *struct {
			Input string `json:"input"`
		} `json:"toolUse"`
		Reasoning *struct {
			Text      string `json:"text"`
			Signature string `json:"signature"`
			Redacted  string `json:"redactedContent"`
		} `json:"reasoningContent"`
	} `json:"delta"`
	Stop  string         `json:"stopReason"`
	Usage *converseUsage `json:"usage"`
}

// ConverseStream reads the messages of ConverseStream.
func ConverseStream(list []Message) (Answer, error) {
	var a Answer
	block := -1 // of the text that is being written
	calls, inputs, order := map[int]*toolUse{}, map[int]string{}, []int{}
	for i, m := range list {
		if m.Exception {
			a.Failed = m.Name + ": " + string(m.Payload)
			continue
		}
		var e converseEvent
		if err := json.Unmarshal(m.Payload, &e); err != nil {
			return a, fmt.Errorf("message %d: %w", i, err)
		}
		if t := e.Start.ToolUse; t != nil {
			calls[e.Index], order = t, append(order, e.Index)
		}
		if e.Delta.Text != "" && e.Index != block {
			a.say("")
			block = e.Index
		}
		if e.Delta.Text != "" {
			a.Text += e.Delta.Text
			a.Texts[len(a.Texts)-1] += e.Delta.Text
		}
		if t := e.Delta.ToolUse; t != nil {
			inputs[e.Index] += t.Input
		}
		if r := e.Delta.Reasoning; r != nil {
			a.reasoning(r.Text, r.Signature, r.Redacted)
		}
		if e.Stop != "" {
			a.Stop, a.Ended = cmp.Or(converseStops[e.Stop], e.Stop), true
		}
		if e.Usage != nil {
			a.Usage = e.Usage.read()
		}
	}
	for _, i := range order {
		if calls[i].client() {
			a.Calls = append(a.Calls, call(calls[i].Name, inputs[i]))
		}
	}
	a.settle()
	return a, nil
}

// InvokeEvents unwraps the chunks of InvokeModelWithResponseStream to the events
// of the model's own stream; an exception ends them as an error event.
func InvokeEvents(list []Message) ([]Event, error) {
	out := make([]Event, 0, len(list))
	for i, m := range list {
		if m.Exception {
			data, err := json.Marshal(map[string]any{"type": "error", "error": map[string]any{"type": m.Name, "message": string(m.Payload)}})
			if err != nil {
				return nil, err
			}
			out = append(out, Event{"error", string(data)})
			continue
		}
		var chunk struct {
			Bytes string `json:"bytes"`
		}
		if err := json.Unmarshal(m.Payload, &chunk); err != nil {
			return nil, fmt.Errorf("message %d: %w", i, err)
		}
		data, err := base64.StdEncoding.DecodeString(chunk.Bytes)
		if err != nil {
			return nil, fmt.Errorf("message %d: %w", i, err)
		}
		var named struct {
			Type string `json:"type"`
		}
		_ = json.Unmarshal(data, &named) // other vendors' chunks have no type
		out = append(out, Event{named.Type, string(data)})
	}
	return out, nil
}
