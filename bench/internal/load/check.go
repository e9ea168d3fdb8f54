package load

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"turnpike/bench/internal/answer"
	"turnpike/bench/internal/prompt"
	"turnpike/bench/internal/scan"
)

// names are the members of an answer that are checked, in the words of a client API.
type names struct {
	text, stop, stopValue, input, output string
}

var (
	chatNames     = names{`"content"`, `"finish_reason"`, "stop", `"prompt_tokens"`, `"completion_tokens"`}
	messagesNames = names{`"text"`, `"stop_reason"`, "end_turn", `"input_tokens"`, `"output_tokens"`}
)

// checkWhole checks an answer that is not streamed; text is what it must say.
func checkWhole(api prompt.API, body, text []byte, chunks int) error {
	n := messagesNames
	if api == prompt.Chat {
		n = chatNames
	}
	if got, plain, ok := scan.String(body, n.text); !ok || !plain || !bytes.Equal(got, text) {
		return fmt.Errorf("the text differs: %s", brief(got))
	}
	if got, _, _ := scan.String(body, n.stop); string(got) != n.stopValue {
		return fmt.Errorf("%s is %q, want %q", n.stop, got, n.stopValue)
	}
	in, _ := scan.Int(body, n.input)
	out, _ := scan.Int(body, n.output)
	return checkUsage(in, out, chunks)
}

func checkUsage(in, out, chunks int) error {
	if in != answer.PromptTokens || out != chunks {
		return fmt.Errorf("usage is %d in and %d out, want %d and %d", in, out, answer.PromptTokens, chunks)
	}
	return nil
}

// stream checks the events of one streamed answer as they come.
type stream struct {
	api      prompt.API
	full     bool // decode every event too
	cells    answer.Reader
	in, out  int
	stops    int
	done     bool      // the event that ends a stream has come
	first    time.Time // when the first event came
	onStamp  func(written int64)
	event    []byte // name of the event being read
	messages struct{ start, blocks, ends int }
}

// read takes all events of a stream.
func (s *stream) read(r *bufio.Reader) error {
	for {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return s.end()
		}
		if err != nil {
			return fmt.Errorf("stream broken after %d chunks: %w", s.cells.Chunks, err)
		}
		if err := s.line(bytes.TrimRight(line, "\r\n")); err != nil {
			return err
		}
	}
}

func (s *stream) line(line []byte) error {
	if name, ok := bytes.CutPrefix(line, []byte("event:")); ok {
		s.event = append(s.event[:0], bytes.TrimSpace(name)...)
		return nil
	}
	data, ok := bytes.CutPrefix(line, []byte("data:"))
	if !ok {
		return nil // the end of an event, or a comment that keeps the connection open
	}
	if s.first.IsZero() {
		s.first = time.Now()
	}
	if s.done {
		return fmt.Errorf("an event after the last: %s", brief(data))
	}
	data = bytes.TrimSpace(data)
	if s.full && !json.Valid(data) && string(data) != "[DONE]" {
		return fmt.Errorf("an event is not JSON: %s", brief(data))
	}
	if s.api == prompt.Chat {
		return s.chat(data)
	}
	return s.message(data)
}

func (s *stream) chat(data []byte) error {
	if string(data) == "[DONE]" {
		s.done = true
		return nil
	}
	if bytes.HasPrefix(scan.Value(data, `"error"`), []byte("{")) {
		return fmt.Errorf("error in the stream: %s", brief(data))
	}
	if text, plain, ok := scan.String(data, `"content"`); ok {
		if err := s.text(text, plain); err != nil {
			return err
		}
	}
	if reason, _, ok := scan.String(data, `"finish_reason"`); ok {
		if string(reason) != "stop" {
			return fmt.Errorf("finish_reason is %q", reason)
		}
		s.stops++
	}
	s.usage(data, chatNames)
	return nil
}

// message takes one event of Anthropic's grammar: message_start, a block's start, deltas and stop, message_delta, message_stop; pings anywhere.
func (s *stream) message(data []byte) error {
	switch string(s.event) {
	case "message_start":
		s.messages.start++
		s.usage(data, messagesNames)
	case "content_block_start":
		s.messages.blocks++
	case "content_block_delta":
		if s.messages.start != 1 || s.messages.blocks != 1 || s.messages.ends != 0 {
			return errors.New("a delta outside of its block")
		}
		text, plain, ok := scan.String(data, `"text"`)
		if !ok {
			return fmt.Errorf("a delta without text: %s", brief(data))
		}
		return s.text(text, plain)
	case "content_block_stop":
		s.messages.ends++
	case "message_delta":
		if reason, _, ok := scan.String(data, `"stop_reason"`); !ok || string(reason) != "end_turn" {
			return fmt.Errorf("stop_reason is %q", reason)
		}
		s.stops++
		s.usage(data, messagesNames)
	case "message_stop":
		s.done = true
	case "ping":
	default:
		return fmt.Errorf("event %q: %s", s.event, brief(data))
	}
	return nil
}

func (s *stream) text(text []byte, plain bool) error {
	if !plain {
		return fmt.Errorf("plain text came escaped: %s", brief(text))
	}
	written, err := s.cells.Add(text)
	if written > 0 && s.onStamp != nil {
		s.onStamp(written)
	}
	return err
}

// usage keeps the last figures: those of Anthropic's message_delta are totals, and may correct message_start.
func (s *stream) usage(data []byte, n names) {
	if in, ok := scan.Int(data, n.input); ok {
		s.in = in
	}
	if out, ok := scan.Int(data, n.output); ok {
		s.out = out
	}
}

// end checks what must have come by the end of a stream, but for the number of chunks and the usage.
func (s *stream) end() error {
	switch m := s.messages; {
	case !s.done:
		return fmt.Errorf("the stream ended early, after %d chunks", s.cells.Chunks)
	case s.stops != 1:
		return fmt.Errorf("%d stop reasons", s.stops)
	case s.api == prompt.Messages && (m.start != 1 || m.blocks != 1 || m.ends != 1):
		return fmt.Errorf("%d starts, %d blocks, %d ends of blocks, want one of each", m.start, m.blocks, m.ends)
	}
	return nil
}

// brief shortens what a message quotes.
func brief(b []byte) string {
	if len(b) > 200 {
		return string(b[:200]) + "…"
	}
	return string(b)
}
