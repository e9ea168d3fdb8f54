package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/anthropics/anthropic-sdk-go"
	anthropicoption "github.com/anthropics/anthropic-sdk-go/option"
	"github.com/openai/openai-go/v3"
	openaioption "github.com/openai/openai-go/v3/option"

	"turnpike/test/internal/answer"
)

// reply is what came of a request an SDK made: what went over the wire, and
// what the SDK made of it.
type reply struct {
	sent   []byte
	status int
	header http.Header
	body   []byte
	err    error         // the SDK's
	answer answer.Answer // as the SDK read it
	odd    []string      // what the SDK did not know
}

// tee is the SDK's HTTP client; it keeps what goes over the wire.
type tee struct {
	base http.RoundTripper
	mu   sync.Mutex
	reply
}

func newTee() *tee { return &tee{base: wires} }

// wires are the connections of all clients.
var wires = &http.Transport{MaxIdleConnsPerHost: 16}

// Do sends a request, as the SDKs' interface of an HTTP client wants it.
func (t *tee) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		sent, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		_ = r.Body.Close()
		t.sent = sent
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	res, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	t.status, t.header = res.StatusCode, res.Header
	res.Body = &teeBody{in: res.Body, t: t}
	return res, nil
}

type teeBody struct {
	in io.ReadCloser
	t  *tee
}

func (b *teeBody) Read(p []byte) (int, error) {
	n, err := b.in.Read(p)
	b.t.mu.Lock()
	b.t.body = append(b.t.body, p[:n]...)
	b.t.mu.Unlock()
	return n, err
}

// Close reads what the SDK left, so that the whole answer is seen.
func (b *teeBody) Close() error {
	_, _ = io.Copy(io.Discard, io.LimitReader(b, 16<<20))
	return b.in.Close()
}

// timeout bounds a request.
const timeout = 40 * time.Second

// askChat sends a body with the OpenAI SDK.
func (g *gateway) askChat(ctx context.Context, body []byte, stream bool) *reply {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	t := newTee()
	c := openai.NewClient(openaioption.WithBaseURL(g.url+"/v1"), openaioption.WithAPIKey(clientKey), openaioption.WithHTTPClient(t),
		openaioption.WithMaxRetries(0))
	raw := openaioption.WithRequestBody("application/json", body)
	if !stream {
		var res *openai.ChatCompletion
		if res, t.err = c.Chat.Completions.New(ctx, openai.ChatCompletionNewParams{}, raw); t.err == nil {
			t.readChat(res)
		}
		return &t.reply
	}
	s := c.Chat.Completions.NewStreaming(ctx, openai.ChatCompletionNewParams{}, raw)
	defer func() { _ = s.Close() }()
	var acc openai.ChatCompletionAccumulator
	for s.Next() {
		chunk := s.Current()
		t.oddChunk(&chunk)
		if !acc.AddChunk(chunk) {
			t.odd = append(t.odd, "a chunk the accumulator refuses: "+chunk.RawJSON())
		}
	}
	if t.err = s.Err(); t.err == nil {
		t.readChat(&acc.ChatCompletion)
	}
	return &t.reply
}

// readChat takes the first choice of an answer.
func (r *reply) readChat(res *openai.ChatCompletion) {
	read := map[string]any{"usage": res.Usage}
	var m map[string]any
	if len(res.Choices) > 0 {
		c := res.Choices[0]
		calls := []any{}
		for _, call := range c.Message.ToolCalls {
			if call.AsAny() == nil {
				r.odd = append(r.odd, "a tool call of the type "+call.Type)
			}
			calls = append(calls, map[string]any{"function": map[string]any{"name": call.Function.Name, "arguments": call.Function.Arguments}})
		}
		m = map[string]any{"content": c.Message.Content, "refusal": c.Message.Refusal, "tool_calls": calls}
		if c.Message.FunctionCall.Name != "" { //nolint:staticcheck // old models still answer with it
			m["function_call"] = map[string]any{"name": c.Message.FunctionCall.Name, "arguments": c.Message.FunctionCall.Arguments} //nolint:staticcheck // as above
		}
		read["choices"] = []any{map[string]any{"message": m, "finish_reason": c.FinishReason}}
	}
	text, err := json.Marshal(read)
	if err == nil {
		r.answer, err = answer.Chat(text)
	}
	if err != nil {
		r.odd = append(r.odd, "the SDK's answer cannot be read: "+err.Error())
	}
}

// deltaExtras are members of a delta that the SDK does not know and clients of
// reasoning models and of searching ones do.
var deltaExtras = map[string]bool{"reasoning_content": true, "reasoning": true, "reasoning_details": true, "annotations": true}

func (r *reply) oddChunk(c *openai.ChatCompletionChunk) {
	if c.Object != "chat.completion.chunk" {
		r.odd = append(r.odd, "a chunk that is a "+string(c.Object))
	}
	for _, choice := range c.Choices {
		for name := range choice.Delta.JSON.ExtraFields {
			if !deltaExtras[name] {
				r.odd = append(r.odd, "delta."+name)
			}
		}
	}
}

// askMessages sends a body with the Anthropic SDK.
func (g *gateway) askMessages(ctx context.Context, body []byte, stream bool, opts ...anthropicoption.RequestOption) *reply {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	t := newTee()
	c := anthropic.NewClient(anthropicoption.WithBaseURL(g.url), anthropicoption.WithAPIKey(clientKey), anthropicoption.WithHTTPClient(t),
		anthropicoption.WithMaxRetries(0))
	opts = append(opts, anthropicoption.WithRequestBody("application/json", body))
	if !stream {
		var res *anthropic.Message
		if res, t.err = c.Messages.New(ctx, anthropic.MessageNewParams{}, opts...); t.err == nil {
			t.readMessages(res)
		}
		return &t.reply
	}
	s := c.Messages.NewStreaming(ctx, anthropic.MessageNewParams{}, opts...)
	defer func() { _ = s.Close() }()
	var acc anthropic.Message
	for s.Next() {
		e := s.Current()
		t.oddEvent(&e)
		if err := acc.Accumulate(e); err != nil {
			t.odd = append(t.odd, err.Error())
		}
	}
	if t.err = s.Err(); t.err == nil {
		t.readMessages(&acc)
	}
	return &t.reply
}

func (r *reply) oddEvent(e *anthropic.MessageStreamEventUnion) {
	if e.AsAny() == nil {
		r.odd = append(r.odd, "an event of the type "+e.Type)
	}
	switch e := e.AsAny().(type) {
	case anthropic.ContentBlockStartEvent:
		if e.ContentBlock.AsAny() == nil {
			r.odd = append(r.odd, "a block of the type "+e.ContentBlock.Type)
		}
	case anthropic.ContentBlockDeltaEvent:
		if e.Delta.AsAny() == nil {
			r.odd = append(r.odd, "a delta of the type "+e.Delta.Type)
		}
	}
}

func (r *reply) readMessages(res *anthropic.Message) {
	for _, b := range res.Content {
		if b.AsAny() == nil {
			r.odd = append(r.odd, "a block of the type "+b.Type)
		}
	}
	content := make([]map[string]any, 0, len(res.Content))
	for _, b := range res.Content {
		content = append(content, map[string]any{
			"type": b.Type, "text": b.Text, "thinking": b.Thinking, "signature": b.Signature,
			"data": b.Data, "name": b.Name, "input": b.Input,
		})
	}
	u := res.Usage
	text, err := json.Marshal(map[string]any{"content": content, "stop_reason": res.StopReason, "usage": map[string]any{
		"input_tokens": u.InputTokens, "output_tokens": u.OutputTokens,
		"cache_read_input_tokens": u.CacheReadInputTokens, "cache_creation_input_tokens": u.CacheCreationInputTokens,
	}})
	if err == nil {
		r.answer, err = answer.Messages(text)
	}
	if err != nil {
		r.odd = append(r.odd, "the SDK's answer cannot be read: "+err.Error())
	}
}

// decode reads the bytes the client got, without the SDK.
func (r *reply) decode(client string, stream bool) (answer.Answer, error) {
	switch {
	case !stream && client == "chat":
		return answer.Chat(r.body)
	case !stream:
		return answer.Messages(r.body)
	}
	if ct := r.header.Get("Content-Type"); !strings.HasPrefix(ct, "text/event-stream") {
		return answer.Answer{}, fmt.Errorf("a stream of the content type %q", ct)
	}
	events, rest := answer.Events(r.body)
	if rest != "" {
		return answer.Answer{}, fmt.Errorf("the stream ends inside an event: %q", rest)
	}
	if client == "chat" {
		return answer.ChatStream(events)
	}
	return answer.MessagesStream(events)
}

// sdkStatus is the HTTP status of an error as the SDK tells it, 0 if it is no API error.
func sdkStatus(err error) int {
	if e, ok := errors.AsType[*openai.Error](err); ok {
		return e.StatusCode
	}
	if e, ok := errors.AsType[*anthropic.Error](err); ok {
		return e.StatusCode
	}
	return 0
}
