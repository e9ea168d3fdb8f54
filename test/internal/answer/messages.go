package answer

import (
	"cmp"
	"encoding/json"
	"fmt"
)

var messagesStops = map[string]string{
	"end_turn": StopEnd, "stop_sequence": StopSequence, "max_tokens": StopLength, "tool_use": StopTool,
	"refusal": StopFilter, "pause_turn": StopPause, "model_context_window_exceeded": StopContext,
}

type messagesBody struct {
	Content []block        `json:"content"`
	Stop    string         `json:"stop_reason"`
	Usage   *messagesUsage `json:"usage"`
}

type block struct {
	Type      string          `json:"type"`
	Text      string          `json:"text"`
	Thinking  string          `json:"thinking"`
	Signature string          `json:"signature"`
	Data      string          `json:"data"`
	Name      string          `json:"name"`
	Input     json.RawMessage `json:"input"`
}

// messagesUsage has pointers: a later count overrules an earlier one only where it is there.
type messagesUsage struct {
	Input      *int64 `json:"input_tokens"`
	Output     *int64 `json:"output_tokens"`
	CacheRead  *int64 `json:"cache_read_input_tokens"`
	CacheWrite *int64 `json:"cache_creation_input_tokens"`
}

// over lays a later report over an earlier one.
func (u *messagesUsage) over(earlier *messagesUsage) *messagesUsage {
	if earlier == nil || u == nil {
		return cmp.Or(u, earlier)
	}
	return &messagesUsage{
		cmp.Or(u.Input, earlier.Input), cmp.Or(u.Output, earlier.Output),
		cmp.Or(u.CacheRead, earlier.CacheRead), cmp.Or(u.CacheWrite, earlier.CacheWrite),
	}
}

func (u *messagesUsage) read() Usage {
	if u == nil {
		return Usage{}
	}
	n := func(p *int64) int64 {
		if p == nil {
			return 0
		}
		return *p
	}
	read, write := n(u.CacheRead), n(u.CacheWrite)
	return Usage{Known: true, Input: n(u.Input) + read + write, Output: n(u.Output), CacheRead: read, CacheWrite: write}
}

// Messages reads an answer of the Messages API.
func Messages(body []byte) (Answer, error) {
	var b messagesBody
	if err := json.Unmarshal(body, &b); err != nil {
		return Answer{}, err
	}
	a := Answer{Stop: cmp.Or(messagesStops[b.Stop], b.Stop), Usage: b.Usage.read(), Ended: true}
	for _, c := range b.Content {
		a.block(c, string(c.Input))
	}
	a.settle()
	return a, nil
}

// block adds a finished content block.
func (a *Answer) block(c block, input string) {
	switch c.Type {
	case "text":
		a.say(c.Text)
	case "thinking":
		a.Reasoning += c.Thinking
		if c.Signature != "" {
			a.Signatures = append(a.Signatures, c.Signature)
		}
	case "redacted_thinking":
		a.Redacted = append(a.Redacted, c.Data)
	case "tool_use":
		a.Calls = append(a.Calls, call(c.Name, input))
	}
}

type messagesEvent struct {
	Type    string          `json:"type"`
	Message messagesBody    `json:"message"`
	Index   int             `json:"index"`
	Block   block           `json:"content_block"`
	Delta   messagesDelta   `json:"delta"`
	Usage   *messagesUsage  `json:"usage"`
	Error   json.RawMessage `json:"error"`
}

type messagesDelta struct {
	Type      string `json:"type"`
	Text      string `json:"text"`
	Thinking  string `json:"thinking"`
	Signature string `json:"signature"`
	Partial   string `json:"partial_json"`
	Stop      string `json:"stop_reason"`
}

// messagesStream keeps the grammar of a stream: one start, blocks that open in
// order, fill and close, one stop.
type messagesStream struct {
	a       Answer
	usage   *messagesUsage
	started bool
	blocks  []block
	inputs  []string
	open    map[int]bool
}

// MessagesStream reads the events of a streamed answer and refuses streams that
// break the grammar.
func MessagesStream(events []Event) (Answer, error) {
	s := messagesStream{open: map[int]bool{}}
	for i, e := range events {
		var m messagesEvent
		if err := json.Unmarshal([]byte(e.Data), &m); err != nil {
			return s.a, fmt.Errorf("event %d: %w", i, err)
		}
		if e.Name != m.Type {
			return s.a, fmt.Errorf("event %d is named %q and is a %q", i, e.Name, m.Type)
		}
		if err := s.event(&m); err != nil {
			return s.a, fmt.Errorf("event %d (%s): %w", i, m.Type, err)
		}
	}
	for i, c := range s.blocks {
		input := s.inputs[i]
		if input == "" {
			input = string(c.Input)
		}
		s.a.block(c, input)
	}
	s.a.Usage = s.usage.read()
	s.a.settle()
	return s.a, nil
}

func (s *messagesStream) event(m *messagesEvent) error {
	if s.a.Ended && m.Type != "ping" && m.Type != "message_stop" {
		return fmt.Errorf("after the end")
	}
	switch m.Type {
	case "message_start":
		if s.started {
			return fmt.Errorf("a second start")
		}
		s.started = true
		s.usage = m.Message.Usage
	case "content_block_start":
		if m.Index != len(s.blocks) || len(s.open) > 0 {
			return fmt.Errorf("block %d opens after %d blocks, %d of them open", m.Index, len(s.blocks), len(s.open))
		}
		s.blocks, s.inputs = append(s.blocks, m.Block), append(s.inputs, "")
		s.open[m.Index] = true
	case "content_block_delta":
		if !s.open[m.Index] {
			return fmt.Errorf("block %d is not open", m.Index)
		}
		b := &s.blocks[m.Index]
		b.Text += m.Delta.Text
		b.Thinking += m.Delta.Thinking
		b.Signature += m.Delta.Signature
		s.inputs[m.Index] += m.Delta.Partial
	case "content_block_stop":
		if !s.open[m.Index] {
			return fmt.Errorf("block %d is not open", m.Index)
		}
		delete(s.open, m.Index)
	case "message_delta":
		s.usage = m.Usage.over(s.usage)
		if m.Delta.Stop != "" {
			s.a.Stop, s.a.Ended = cmp.Or(messagesStops[m.Delta.Stop], m.Delta.Stop), true
		}
	case "message_stop":
		if len(s.open) > 0 || s.a.Stop == "" {
			return fmt.Errorf("the stream stops with %d open blocks, stop reason %q", len(s.open), s.a.Stop)
		}
		s.a.Ended = true
	case "error":
		s.a.Failed = string(m.Error)
	}
	return nil
}
