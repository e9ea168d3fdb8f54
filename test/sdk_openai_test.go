package e2e

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
)

func (g *gateway) openai(opts ...option.RequestOption) openai.Client {
	all := []option.RequestOption{option.WithBaseURL(g.url + "/v1"), option.WithAPIKey(clientKey), option.WithMaxRetries(0)}
	return openai.NewClient(append(all, opts...)...)
}

// pixel is a PNG of one pixel.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// sandboxModels answer in the client's own dialect, and in one that must be translated.
var sandboxModels = []string{"sandbox", "sandbox-converse"}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	t.Cleanup(cancel)
	return ctx
}

func chatParams(model, text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: model, Messages: []openai.ChatCompletionMessageParamUnion{
		openai.SystemMessage("You are brief."), openai.UserMessage(text),
	}}
}

func TestOpenAISDK(t *testing.T) {
	gw, _ := together(t)
	for _, model := range sandboxModels {
		t.Run(model, func(t *testing.T) {
			t.Run("unary", func(t *testing.T) { openaiUnary(t, gw, model) })
			t.Run("stream", func(t *testing.T) { openaiStream(t, gw, model) })
			t.Run("tools there and back", func(t *testing.T) { openaiTools(t, gw, model) })
			t.Run("image", func(t *testing.T) { openaiImage(t, gw, model) })
			t.Run("errors", func(t *testing.T) { openaiErrors(t, gw, model) })
			t.Run("error inside a stream", func(t *testing.T) { openaiFault(t, gw, model) })
		})
	}
}

func openaiUnary(t *testing.T, gw *gateway, model string) {
	c := gw.openai()
	res, err := c.Chat.Completions.New(within(t), chatParams(model, "hello"))
	if err != nil {
		t.Fatal(err)
	}
	m := res.Choices[0]
	if !strings.Contains(m.Message.Content, `you said "hello"`) || m.FinishReason != "stop" || m.Message.Role != "assistant" {
		t.Errorf("answer %q, finish %q, role %q", m.Message.Content, m.FinishReason, m.Message.Role)
	}
	if res.Object != "chat.completion" || res.ID == "" || res.Created == 0 || res.Model == "" {
		t.Errorf("object %q, id %q, created %d, model %q", res.Object, res.ID, res.Created, res.Model)
	}
	if u := res.Usage; u.PromptTokens == 0 || u.CompletionTokens == 0 || u.TotalTokens != u.PromptTokens+u.CompletionTokens {
		t.Errorf("usage %s", u.RawJSON())
	}
}

func openaiStream(t *testing.T, gw *gateway, model string) {
	for _, usage := range []bool{false, true} {
		c := gw.openai()
		p := chatParams(model, `[[sandbox text="one two three four" think="hm"]]`)
		if usage {
			p.StreamOptions.IncludeUsage = param.NewOpt(true)
		}
		s := c.Chat.Completions.NewStreaming(within(t), p)
		var acc openai.ChatCompletionAccumulator
		chunks, bare := 0, 0
		reasoning := ""
		for s.Next() {
			chunk := s.Current()
			acc.AddChunk(chunk)
			chunks++
			if len(chunk.Choices) == 0 {
				bare++
			} else if f, ok := chunk.Choices[0].Delta.JSON.ExtraFields["reasoning_content"]; ok {
				reasoning += strings.Trim(f.Raw(), `"`)
			}
		}
		if err := s.Err(); err != nil {
			t.Fatal(err)
		}
		if got := acc.Choices[0]; got.Message.Content != "one two three four" || got.FinishReason != "stop" {
			t.Errorf("answer %q, finish %q", got.Message.Content, got.FinishReason)
		}
		if reasoning != "hm" {
			t.Errorf("reasoning %q", reasoning)
		}
		if chunks < 5 {
			t.Errorf("only %d chunks", chunks)
		}
		if (bare == 1) != usage || (acc.Usage.CompletionTokens > 0) != usage {
			t.Errorf("usage asked %t: %d chunks of usage, %d tokens", usage, bare, acc.Usage.CompletionTokens)
		}
	}
}

func openaiTools(t *testing.T, gw *gateway, model string) {
	c := gw.openai()
	p := chatParams(model, `[[sandbox tool=weather args={"city":"Paris","days":2} parallel=2]]`)
	p.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{
		Name:       "weather",
		Parameters: openai.FunctionParameters{"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}},
	})}
	first, err := c.Chat.Completions.New(within(t), p)
	if err != nil {
		t.Fatal(err)
	}
	said := first.Choices[0]
	calls := said.Message.ToolCalls
	if said.FinishReason != "tool_calls" || len(calls) != 2 || calls[0].ID == calls[1].ID {
		t.Fatalf("finish %q, calls %+v", said.FinishReason, calls)
	}
	p.Messages = append(p.Messages, said.Message.ToParam())
	for _, call := range calls {
		if call.Function.Name != "weather" || !strings.Contains(call.Function.Arguments, `"Paris"`) {
			t.Errorf("call of %s with %s", call.Function.Name, call.Function.Arguments)
		}
		p.Messages = append(p.Messages, openai.ToolMessage("22 degrees", call.ID))
	}
	s := c.Chat.Completions.NewStreaming(within(t), p)
	var acc openai.ChatCompletionAccumulator
	for s.Next() {
		acc.AddChunk(s.Current())
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	if got := acc.Choices[0].Message.Content; !strings.Contains(got, "22 degrees") {
		t.Errorf("after the results: %q", got)
	}
}

func openaiImage(t *testing.T, gw *gateway, model string) {
	c := gw.openai()
	res, err := c.Chat.Completions.New(within(t), openai.ChatCompletionNewParams{Model: model, Messages: []openai.ChatCompletionMessageParamUnion{
		openai.UserMessage([]openai.ChatCompletionContentPartUnionParam{
			openai.TextContentPart("what is this?"),
			openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: "data:image/png;base64," + pixel}),
		}),
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := res.Choices[0].Message.Content; !strings.Contains(got, "I see 1 image") {
		t.Errorf("answer %q", got)
	}
}

func openaiErrors(t *testing.T, gw *gateway, model string) {
	c := gw.openai()
	for _, stream := range []bool{false, true} {
		for asked, want := range map[string]int{"400": 400, "404": 404, "429": 429, "503": 503} {
			p := chatParams(model, "[[sandbox error="+asked+"]]")
			_, err := c.Chat.Completions.New(within(t), p)
			if stream {
				s := c.Chat.Completions.NewStreaming(within(t), p)
				if s.Next() {
					t.Errorf("%s: the stream begins", asked)
				}
				err = s.Err()
			}
			e, ok := errors.AsType[*openai.Error](err)
			if !ok {
				t.Errorf("%s: %v is no API error", asked, err)
				continue
			}
			if e.StatusCode != want || e.Type == "" || e.Message == "" {
				t.Errorf("%s: status %d, type %q, message %q", asked, e.StatusCode, e.Type, e.Message)
			}
			if h := e.Response.Header; want == http.StatusTooManyRequests && h.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
		}
	}
}

func openaiFault(t *testing.T, gw *gateway, model string) {
	c := gw.openai()
	for _, how := range []string{"fault=3", "cut=3"} {
		s := c.Chat.Completions.NewStreaming(within(t), chatParams(model, `[[sandbox text="a b c d e f g h" `+how+`]]`))
		said, finish := "", ""
		for s.Next() {
			if ch := s.Current().Choices; len(ch) > 0 {
				said += ch[0].Delta.Content
				finish += ch[0].FinishReason
			}
		}
		if s.Err() == nil || finish != "" || !strings.HasPrefix(said, "a b") {
			t.Errorf("%s: error %v, finish %q, text %q", how, s.Err(), finish, said)
		}
	}
}
