package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
)

// event is one server-sent event as a client reads it.
type event struct{ name, data string }

// events reads a client's stream by the rules of the format; comments are left out.
func events(stream []byte) ([]event, error) {
	if len(stream) > 0 && !bytes.HasSuffix(stream, []byte("\n\n")) {
		return nil, fmt.Errorf("the stream ends inside an event: %q", stream[max(0, len(stream)-80):])
	}
	var out []event
	for block := range strings.SplitSeq(string(stream), "\n\n") {
		var e event
		for line := range strings.SplitSeq(block, "\n") {
			name, value, _ := strings.Cut(line, ":")
			value = strings.TrimPrefix(value, " ")
			switch name {
			case "event":
				e.name = value
			case "data":
				e.data += value
			case "", "retry":
			default:
				return nil, fmt.Errorf("a line that is no field: %q", line)
			}
		}
		if e.data != "" {
			out = append(out, e)
		}
	}
	return out, nil
}

// heard puts a client's stream together to the whole answer it stands for. It
// holds the stream to the grammar that the official SDKs rely on. failed is the
// error the stream ended with.
func heard(from string, stream []byte) (answer object, failed object, err error) {
	list, err := events(stream)
	if err != nil {
		return nil, nil, err
	}
	if from == chatAPI {
		c := &chatEar{answer: object{"choices": nil}, message: object{"role": "assistant", "content": nil}}
		return c.listen(list)
	}
	if from == answersAPI {
		return lastAnswer(list)
	}
	m := &messagesEar{}
	return m.listen(list)
}

// chatEar listens to chat chunks.
type chatEar struct {
	answer, message, choice object
	calls                   []object
	details                 list
	done                    bool
	failed                  object
}

var errAfterEnd = errors.New("something follows the end")

func (c *chatEar) listen(list []event) (object, object, error) {
	for i, e := range list {
		if c.done || c.failed != nil {
			return nil, nil, fmt.Errorf("%w: %s", errAfterEnd, e.data)
		}
		if e.data == "[DONE]" {
			c.done = true
			continue
		}
		var chunk object
		if err := json.Unmarshal([]byte(e.data), &chunk); err != nil {
			return nil, nil, fmt.Errorf("chunk %d: %w: %s", i, err, e.data)
		}
		if f, ok := chunk["error"].(object); ok {
			c.failed = f
			continue
		}
		if err := c.chunk(chunk); err != nil {
			return nil, nil, fmt.Errorf("chunk %d: %w: %s", i, err, e.data)
		}
	}
	if c.failed == nil && !c.done {
		return nil, nil, errors.New("the stream ends without [DONE] and without an error")
	}
	if len(c.calls) > 0 {
		all := make([]any, len(c.calls))
		for i := range c.calls {
			all[i] = c.calls[i]
		}
		c.message["tool_calls"] = all
	}
	if c.details != nil {
		c.message["reasoning_details"] = c.details
	}
	if c.choice != nil {
		c.choice["message"] = c.message
		c.answer["choices"] = []any{c.choice}
	}
	return c.answer, c.failed, nil
}

func (c *chatEar) chunk(chunk object) error {
	if chunk["object"] != "chat.completion.chunk" {
		return fmt.Errorf("object is %v", chunk["object"])
	}
	for _, name := range []string{"id", "model", "created"} {
		if was, ok := c.answer[name]; ok && was != chunk[name] {
			return fmt.Errorf("%s changes from %v to %v", name, was, chunk[name])
		}
		c.answer[name] = chunk[name]
	}
	if u, ok := chunk["usage"].(object); ok {
		c.answer["usage"] = u
	}
	for _, one := range items(chunk["choices"]) {
		if c.choice == nil {
			c.choice = object{}
		}
		if c.choice["finish_reason"] != nil {
			return errAfterEnd
		}
		for name, v := range one {
			if name != "delta" && v != nil {
				c.choice[name] = v
			}
		}
		delta, _ := one["delta"].(object)
		if err := c.delta(delta); err != nil {
			return err
		}
	}
	return nil
}

func (c *chatEar) delta(delta object) error {
	for name, v := range delta {
		switch name {
		case "tool_calls":
			for _, call := range items(v) {
				if err := c.call(call); err != nil {
					return err
				}
			}
		case "reasoning_details":
			more, _ := v.(list)
			c.details = append(c.details, more...)
		case "role":
			c.message["role"] = v
		default:
			if s, ok := v.(string); ok && s != "" {
				c.message[name] = text(c.message, name) + s
			} else if !ok && v != nil {
				c.message[name] = v
			}
		}
	}
	return nil
}

func (c *chatEar) call(piece object) error {
	n, ok := piece["index"].(float64)
	i := int(n)
	switch {
	case !ok, i > len(c.calls):
		return fmt.Errorf("a call of index %v behind %d calls", piece["index"], len(c.calls))
	case i == len(c.calls):
		if text(piece, "id") == "" {
			return errors.New("a call begins without an id")
		}
		first := maps.Clone(piece)
		delete(first, "index")
		c.calls = append(c.calls, first)
		return nil
	}
	f, _ := piece["function"].(object)
	whole, _ := c.calls[i]["function"].(object)
	whole["arguments"] = text(whole, "arguments") + text(f, "arguments")
	return nil
}

// messagesEar listens to Messages events.
type messagesEar struct {
	answer        object
	blocks        []object
	open          object // the open block
	input         string // of the open block, as far as it came
	ended, closed bool   // message_delta, message_stop
	failed        object
}

func (m *messagesEar) listen(list []event) (object, object, error) {
	for i, e := range list {
		var body object
		if err := json.Unmarshal([]byte(e.data), &body); err != nil {
			return nil, nil, fmt.Errorf("event %d: %w: %s", i, err, e.data)
		}
		if body["type"] != e.name {
			return nil, nil, fmt.Errorf("event %d is named %s: %s", i, e.name, e.data)
		}
		if m.closed || m.failed != nil {
			return nil, nil, fmt.Errorf("%w: %s", errAfterEnd, e.data)
		}
		if err := m.event(e.name, body); err != nil {
			return nil, nil, fmt.Errorf("event %d: %w: %s", i, err, e.data)
		}
	}
	if m.failed == nil && !m.closed {
		return nil, nil, errors.New("the stream ends without message_stop and without an error")
	}
	if m.answer != nil {
		all := make([]any, len(m.blocks))
		for i := range m.blocks {
			all[i] = m.blocks[i]
		}
		m.answer["content"] = all
	}
	return m.answer, m.failed, nil
}

func (m *messagesEar) event(name string, body object) error {
	switch name {
	case "ping":
		return nil
	case "error":
		m.failed, _ = body["error"].(object)
		return nil
	case "message_start":
		if m.answer != nil {
			return errors.New("a second message_start")
		}
		m.answer, _ = body["message"].(object)
		return nil
	}
	if m.answer == nil {
		return errors.New("it comes before message_start")
	}
	switch name {
	case "content_block_start", "content_block_delta", "content_block_stop":
		if m.ended {
			return errAfterEnd
		}
		return m.block(name, body)
	case "message_delta":
		if m.open != nil || m.ended {
			return errors.New("a block is open, or it is the second one")
		}
		m.ended = true
		delta, _ := body["delta"].(object)
		maps.Copy(m.answer, delta)
		usage, _ := m.answer["usage"].(object)
		if last, ok := body["usage"].(object); ok {
			maps.Copy(usage, last)
		}
	case "message_stop":
		if !m.ended {
			return errors.New("no message_delta came before")
		}
		m.closed = true
	default:
		return errors.New("nobody knows this event")
	}
	return nil
}

func (m *messagesEar) block(name string, body object) error {
	if i, ok := body["index"].(float64); !ok || int(i) != len(m.blocks) {
		return fmt.Errorf("index %v where %d is due", body["index"], len(m.blocks))
	}
	if (name == "content_block_start") == (m.open != nil) {
		return errors.New("blocks must open and close one after the other")
	}
	switch name {
	case "content_block_start":
		m.open, _ = body["content_block"].(object)
		m.input = ""
		return nil
	case "content_block_delta":
		delta, _ := body["delta"].(object)
		return m.delta(delta)
	}
	if m.input != "" {
		var input object
		if json.Unmarshal([]byte(m.input), &input) == nil {
			m.open["input"] = input
		} else {
			m.open["input"] = m.input // cut short
		}
	}
	m.blocks = append(m.blocks, m.open)
	m.open = nil
	return nil
}

// deltaOf tells which deltas a block takes, and the member each fills.
var deltaOf = map[string]struct{ block, member string }{
	"text_delta":       {"text", "text"},
	"thinking_delta":   {"thinking", "thinking"},
	"signature_delta":  {"thinking", "signature"},
	"input_json_delta": {"tool_use", ""},
	"citations_delta":  {"text", ""},
}

func (m *messagesEar) delta(delta object) error {
	kind := text(delta, "type")
	d, ok := deltaOf[kind]
	if !ok {
		return fmt.Errorf("nobody knows a %s", kind)
	}
	if !strings.HasSuffix(text(m.open, "type"), d.block) {
		return fmt.Errorf("a %s in a block of type %v", kind, m.open["type"])
	}
	switch kind {
	case "input_json_delta":
		m.input += text(delta, "partial_json")
	case "citations_delta":
		before, _ := m.open["citations"].(list)
		m.open["citations"] = append(before, delta["citation"])
	default:
		m.open[d.member] = text(m.open, d.member) + text(delta, d.member)
	}
	return nil
}

// lastAnswer is what the last event of a Responses stream holds.
func lastAnswer(list []event) (answer object, failed object, err error) {
	if len(list) == 0 {
		return nil, nil, errors.New("an empty stream")
	}
	last := decoded(list[len(list)-1].data)
	answer, _ = last["response"].(object)
	switch last["type"] {
	case "response.completed", "response.incomplete":
		return answer, nil, nil
	case "response.failed", "error":
		return nil, last, nil
	}
	return nil, nil, fmt.Errorf("the stream ends with %v", last["type"])
}
