package sandbox

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"turnpike/internal/provider"
	"turnpike/internal/wire"
)

// heard is an answer as a client of any dialect understands it.
type heard struct {
	Text, Refusal, Think, Signature string
	Calls                           []heardCall
	Stop                            string // in chat's words
	Input, Output                   int64
	Chunks                          int
	Fault                           string
	Done                            bool // the success terminator was there
	IDs                             []string
}

type heardCall struct{ ID, Name, Args string }

var dialects = []string{dialectChat, dialectMessages, dialectConverse}

// chatWords puts the other dialects' stop reasons into chat's words.
var chatWords = map[string]string{
	"end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls", "refusal": "content_filter", "content_filtered": "content_filter",
}

func (h *heard) stop(s string) {
	h.Stop = s
	if w := chatWords[s]; w != "" {
		h.Stop = w
	}
}

func decode(t *testing.T, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("not JSON: %v\n%s", err, data)
	}
}

// hearWhole understands an answer that came in one piece.
func hearWhole(t *testing.T, dialect string, body []byte) heard {
	t.Helper()
	var h heard
	switch dialect {
	case dialectChat:
		hearChat(t, &h, body, "chat.completion")
	case dialectMessages:
		var m struct {
			ID, Type, Role string
			Content        []block
			StopReason     string `json:"stop_reason"`
			Usage          messagesCount
		}
		decode(t, body, &m)
		if m.Type != "message" || m.Role != "assistant" || m.Content == nil {
			t.Errorf("not a message: %s", body)
		}
		h.IDs = append(h.IDs, m.ID)
		for _, b := range m.Content {
			h.block(t, b)
		}
		h.stop(m.StopReason)
		h.Input, h.Output = m.Usage.Input, m.Usage.Output
	case dialectConverse:
		var c struct {
			Output struct {
				Message struct {
					Role    string
					Content []struct {
						Text             string
						ReasoningContent struct {
							ReasoningText struct{ Text, Signature string }
						}
						ToolUse *struct {
							ToolUseID, Name string
							Input           json.RawMessage
						}
					}
				}
			}
			StopReason string
			Usage      converseCount
		}
		decode(t, body, &c)
		for _, b := range c.Output.Message.Content {
			h.Text += b.Text
			h.Think += b.ReasoningContent.ReasoningText.Text
			h.Signature += b.ReasoningContent.ReasoningText.Signature
			if u := b.ToolUse; u != nil {
				h.Calls = append(h.Calls, heardCall{u.ToolUseID, u.Name, string(u.Input)})
			}
		}
		h.stop(c.StopReason)
		h.Input, h.Output = c.Usage.InputTokens, c.Usage.OutputTokens
	}
	h.Done, h.Chunks = h.Stop != "", 0
	return h
}

type block struct {
	Type, Text, Thinking, Signature, ID, Name string
	Input                                     json.RawMessage
}

type messagesCount struct {
	Input  int64  `json:"input_tokens"`
	Output int64  `json:"output_tokens"`
	Read   *int64 `json:"cache_read_input_tokens"`
}

type converseCount struct{ InputTokens, OutputTokens, TotalTokens int64 }

func (h *heard) block(t *testing.T, b block) {
	t.Helper()
	switch b.Type {
	case "text":
		h.Text += b.Text
	case "thinking":
		h.Think += b.Thinking
		h.Signature += b.Signature
	case "tool_use":
		h.Calls = append(h.Calls, heardCall{b.ID, b.Name, string(b.Input)})
	default:
		t.Errorf("unknown block %q", b.Type)
	}
}

type chatDelta struct {
	Content, Refusal *string
	Reasoning        string `json:"reasoning_content"`
	Calls            []struct {
		Index    int
		ID       string
		Function struct{ Name, Arguments string }
	} `json:"tool_calls"`
}

func hearChat(t *testing.T, h *heard, data []byte, object string) {
	t.Helper()
	var c struct {
		ID, Object string
		Error      *struct{ Message string }
		Choices    []struct {
			Message, Delta chatDelta
			FinishReason   string `json:"finish_reason"`
		}
		Usage *struct {
			Prompt     int64 `json:"prompt_tokens"`
			Completion int64 `json:"completion_tokens"`
		}
	}
	decode(t, data, &c)
	if c.Error != nil {
		h.Fault = c.Error.Message
		return
	}
	if c.Object != object {
		t.Errorf("object %q, want %q", c.Object, object)
	}
	h.IDs = append(h.IDs, c.ID)
	for _, choice := range c.Choices {
		d := choice.Delta
		if object == "chat.completion" {
			d = choice.Message
		}
		h.chatDelta(d)
		if choice.FinishReason != "" {
			h.stop(choice.FinishReason)
		}
	}
	if c.Usage != nil {
		h.Input, h.Output = c.Usage.Prompt, c.Usage.Completion
	}
}

func (h *heard) chatDelta(d chatDelta) {
	if d.Content != nil {
		h.Text += *d.Content
	}
	if d.Refusal != nil {
		h.Refusal += *d.Refusal
	}
	h.Think += d.Reasoning
	got := d.Reasoning != "" || d.Content != nil && *d.Content != "" || d.Refusal != nil
	for _, c := range d.Calls {
		at := c.Index // of a stream's call; a whole answer has them in order
		if c.ID != "" {
			at = len(h.Calls)
			h.Calls = append(h.Calls, heardCall{ID: c.ID, Name: c.Function.Name})
		}
		h.Calls[at].Args += c.Function.Arguments
		got = got || c.Function.Arguments != ""
	}
	if got {
		h.Chunks++
	}
}

// hearStream understands a stream, and checks the order of its frames.
func hearStream(t *testing.T, dialect string, frames wire.FrameReader) (heard, error) {
	t.Helper()
	var h heard
	g := grammar{t: t, open: -1}
	for {
		f, err := frames.Next()
		if errors.Is(err, io.EOF) {
			return h, nil
		}
		if err != nil {
			return h, err
		}
		if h.Done || h.Fault != "" {
			t.Errorf("%q after the end", f.Data)
		}
		switch dialect {
		case dialectChat:
			if string(f.Data) == "[DONE]" {
				h.Done = true
			} else {
				hearChat(t, &h, f.Data, "chat.completion.chunk")
			}
		case dialectMessages:
			h.messagesFrame(t, &g, f)
		case dialectConverse:
			h.converseFrame(t, &g, f)
		}
	}
}

// grammar checks that blocks open, fill and close one after the other.
type grammar struct {
	t          *testing.T
	started    bool
	open, next int
}

func (g *grammar) start() {
	if g.started {
		g.t.Error("started twice")
	}
	g.started = true
}

func (g *grammar) begin(i int) {
	if !g.started || g.open >= 0 || i != g.next {
		g.t.Errorf("block %d begins, %d is open, %d is next", i, g.open, g.next)
	}
	g.open, g.next = i, i+1
}

func (g *grammar) fill(i int) {
	if i != g.open {
		g.t.Errorf("delta for block %d, %d is open", i, g.open)
	}
}

func (g *grammar) end(i int) {
	g.fill(i)
	g.open = -1
}

func (h *heard) messagesFrame(t *testing.T, g *grammar, f wire.Frame) {
	t.Helper()
	var e struct {
		Type    string
		Index   int
		Message *struct {
			ID    string
			Usage messagesCount
		}
		ContentBlock block `json:"content_block"`
		Delta        struct {
			Type, Text, Thinking, Signature string
			PartialJSON                     string `json:"partial_json"`
			StopReason                      string `json:"stop_reason"`
		}
		Usage messagesCount
		Error struct{ Type, Message string }
	}
	decode(t, f.Data, &e)
	if string(f.Event) != e.Type {
		t.Errorf("event %q has type %q", f.Event, e.Type)
	}
	switch e.Type {
	case "message_start":
		g.start()
		h.IDs = append(h.IDs, e.Message.ID)
		if e.Message.Usage.Read == nil {
			t.Error("STR-20: message_start without cache fields")
		}
	case "ping":
	case "content_block_start":
		g.begin(e.Index)
		h.block(t, e.ContentBlock)
		if n := len(h.Calls); e.ContentBlock.Type == "tool_use" {
			h.Calls[n-1].Args = ""
		}
	case "content_block_delta":
		g.fill(e.Index)
		h.Text += e.Delta.Text
		h.Think += e.Delta.Thinking
		h.Signature += e.Delta.Signature
		if e.Delta.PartialJSON != "" {
			h.Calls[len(h.Calls)-1].Args += e.Delta.PartialJSON
		}
		if e.Delta.Type != "signature_delta" {
			h.Chunks++
		}
	case "content_block_stop":
		g.end(e.Index)
	case "message_delta":
		h.stop(e.Delta.StopReason)
		h.Input, h.Output = e.Usage.Input, e.Usage.Output
	case "message_stop":
		h.Done = true
	case "error":
		h.Fault = e.Error.Message
	default:
		t.Errorf("unknown event %q", e.Type)
	}
}

func (h *heard) converseFrame(t *testing.T, g *grammar, f wire.Frame) {
	t.Helper()
	var e struct {
		Role, StopReason, Message string
		ContentBlockIndex         int
		Start                     struct {
			ToolUse struct{ ToolUseID, Name string }
		}
		Delta struct {
			Text             string
			ToolUse          *struct{ Input string }
			ReasoningContent struct{ Text, Signature string }
		}
		Usage converseCount
	}
	decode(t, f.Data, &e)
	if f.Exception {
		h.Fault = e.Message
		return
	}
	switch string(f.Event) {
	case "messageStart":
		g.start()
	case "contentBlockStart":
		g.begin(e.ContentBlockIndex)
		h.Calls = append(h.Calls, heardCall{ID: e.Start.ToolUse.ToolUseID, Name: e.Start.ToolUse.Name})
	case "contentBlockDelta":
		if g.open < 0 { // only calls are announced
			g.begin(e.ContentBlockIndex)
		}
		g.fill(e.ContentBlockIndex)
		h.Text += e.Delta.Text
		h.Think += e.Delta.ReasoningContent.Text
		h.Signature += e.Delta.ReasoningContent.Signature
		if u := e.Delta.ToolUse; u != nil {
			h.Calls[len(h.Calls)-1].Args += u.Input
		}
		if e.Delta.ReasoningContent.Signature == "" {
			h.Chunks++
		}
	case "contentBlockStop":
		g.end(e.ContentBlockIndex)
	case "messageStop":
		h.stop(e.StopReason)
	case "metadata":
		h.Input, h.Output = e.Usage.InputTokens, e.Usage.OutputTokens
		h.Done = true
	default:
		t.Errorf("unknown event %q", f.Event)
	}
}

// body is a request body that nobody uses again.
type body string

func (b body) Bytes() []byte            { return []byte(b) }
func (b body) NewReader() io.ReadCloser { return io.NopCloser(strings.NewReader(string(b))) }

// call makes the call of a body.
func call(dialect, model string, stream bool, text string) *provider.Call {
	return &provider.Call{
		Surface: provider.Surface{Dialect: dialect}, Model: model, Stream: stream, Body: body(text),
		Header: http.Header{"X-Test": {"1"}},
	}
}

// send sends a call to an account.
func send(t *testing.T, a *Account, c *provider.Call) *http.Response {
	t.Helper()
	r, err := a.NewRequest(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	res, err := a.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// hear sends a call and understands the answer. Nothing of it goes on afterwards.
func hear(t *testing.T, a *Account, c *provider.Call) (heard, error) {
	t.Helper()
	res := send(t, a, c)
	defer res.Body.Close()
	defer a.server.running.Wait()
	if res.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(res.Body)
		t.Fatalf("status %d: %s", res.StatusCode, b)
	}
	if c.Stream {
		return hearStream(t, c.Surface.Dialect, a.Frames(c, res.Body))
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return heard{}, err
	}
	return hearWhole(t, c.Surface.Dialect, b), nil
}
