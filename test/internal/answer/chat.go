package answer

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

var chatStops = map[string]string{
	"stop": StopEnd, "length": StopLength, "tool_calls": StopTool, "function_call": StopTool,
	"content_filter": StopFilter,
}

type chatBody struct {
	Choices []chatChoice    `json:"choices"`
	Usage   *chatUsage      `json:"usage"`
	Error   json.RawMessage `json:"error"`
}

type chatChoice struct {
	Index   int         `json:"index"`
	Message chatMessage `json:"message"`
	Delta   chatMessage `json:"delta"`
	Finish  string      `json:"finish_reason"`
}

type chatMessage struct {
	Content          json.RawMessage `json:"content"`
	Refusal          string          `json:"refusal"`
	ReasoningContent string          `json:"reasoning_content"`
	Reasoning        json.RawMessage `json:"reasoning"`
	ToolCalls        []chatCall      `json:"tool_calls"`
	FunctionCall     *chatFunction   `json:"function_call"`
}

type chatCall struct {
	Index    *int         `json:"index"`
	Function chatFunction `json:"function"`
}

type chatFunction struct {
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
}

// text of the arguments; some servers send the object itself instead of its text.
func (f chatFunction) text() string {
	var s string
	if json.Unmarshal(f.Arguments, &s) == nil {
		return s
	}
	if isNull(f.Arguments) {
		return ""
	}
	return string(f.Arguments)
}

type chatUsage struct {
	Prompt     int64 `json:"prompt_tokens"`
	Completion int64 `json:"completion_tokens"`
	Details    struct {
		Cached int64 `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
}

func (u *chatUsage) read() Usage {
	if u == nil {
		return Usage{}
	}
	return Usage{Known: true, Input: u.Prompt, Output: u.Completion, CacheRead: u.Details.Cached}
}

// Chat reads a chat completion. Of several choices it is the first that counts.
func Chat(body []byte) (Answer, error) {
	var b chatBody
	if err := json.Unmarshal(body, &b); err != nil {
		return Answer{}, err
	}
	a := Answer{Usage: b.Usage.read()}
	for _, c := range b.Choices {
		if c.Index != 0 {
			continue
		}
		a.chatText(c.Message)
		for _, t := range c.Message.ToolCalls {
			a.Calls = append(a.Calls, call(t.Function.Name, t.Function.text()))
		}
		if f := c.Message.FunctionCall; f != nil && f.Name != "" {
			a.Calls = append(a.Calls, call(f.Name, f.text()))
		}
		a.Stop = cmp.Or(chatStops[c.Finish], c.Finish)
		break
	}
	a.Ended = true
	a.settle()
	return a, nil
}

// chatText adds a message's words.
func (a *Answer) chatText(m chatMessage) {
	a.Text += text(m.Content)
	a.Refusal += m.Refusal
	a.Reasoning += cmp.Or(m.ReasoningContent, text(m.Reasoning))
}

// chatPending is a call whose arguments still come.
type chatPending struct {
	index       int
	name, input string
}

// ChatStream reads the events of a streamed chat completion.
func ChatStream(events []Event) (Answer, error) {
	var a Answer
	var calls []*chatPending
	for i, e := range events {
		if e.Data == "[DONE]" {
			a.Ended = true
			continue
		}
		var b chatBody
		if err := json.Unmarshal([]byte(e.Data), &b); err != nil {
			return a, fmt.Errorf("event %d: %w", i, err)
		}
		if !isNull(b.Error) {
			a.Failed = string(b.Error)
		}
		if b.Usage != nil {
			a.Usage = b.Usage.read()
		}
		for _, c := range b.Choices {
			if c.Index != 0 {
				continue
			}
			a.chatText(c.Delta)
			for _, t := range c.Delta.ToolCalls {
				calls = addCall(calls, t)
			}
			if c.Finish != "" {
				a.Stop, a.Ended = cmp.Or(chatStops[c.Finish], c.Finish), true
			}
		}
	}
	for _, c := range calls {
		a.Calls = append(a.Calls, call(c.name, c.input))
	}
	a.settle()
	return a, nil
}

func addCall(calls []*chatPending, t chatCall) []*chatPending {
	index := len(calls) // servers that leave the index out send whole calls
	if t.Index != nil {
		index = *t.Index
	}
	i := slices.IndexFunc(calls, func(c *chatPending) bool { return c.index == index })
	if i < 0 {
		calls, i = append(calls, &chatPending{index: index}), len(calls)
	}
	calls[i].name = cmp.Or(calls[i].name, t.Function.Name)
	calls[i].input += t.Function.text()
	return calls
}

// UsageOnly tells whether an event is the chunk that only carries usage.
func UsageOnly(data string) bool {
	var b struct {
		Choices []json.RawMessage `json:"choices"`
		Usage   json.RawMessage   `json:"usage"`
	}
	return json.Unmarshal([]byte(data), &b) == nil && len(b.Choices) == 0 && !isNull(b.Usage)
}
