package e2e

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
	"github.com/anthropics/anthropic-sdk-go/packages/param"
)

func (g *gateway) anthropic(opts ...option.RequestOption) anthropic.Client {
	all := []option.RequestOption{option.WithBaseURL(g.url), option.WithAPIKey(clientKey), option.WithMaxRetries(0)}
	return anthropic.NewClient(append(all, opts...)...)
}

func messageParams(model, text string) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{
		Model: model, MaxTokens: 1000, System: []anthropic.TextBlockParam{{Text: "You are brief."}},
		Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(text))},
	}
}

func TestAnthropicSDK(t *testing.T) {
	gw, _ := together(t)
	for _, model := range sandboxModels {
		t.Run(model, func(t *testing.T) {
			t.Run("unary", func(t *testing.T) { anthropicUnary(t, gw, model) })
			t.Run("stream", func(t *testing.T) { anthropicStream(t, gw, model) })
			t.Run("tools there and back", func(t *testing.T) { anthropicTools(t, gw, model) })
			t.Run("image", func(t *testing.T) { anthropicImage(t, gw, model) })
			t.Run("errors", func(t *testing.T) { anthropicErrors(t, gw, model) })
			t.Run("error inside a stream", func(t *testing.T) { anthropicFault(t, gw, model) })
		})
	}
}

// said joins the texts of an answer.
func said(m *anthropic.Message) string {
	var b strings.Builder
	for _, c := range m.Content {
		b.WriteString(c.Text)
	}
	return b.String()
}

func anthropicUnary(t *testing.T, gw *gateway, model string) {
	c := gw.anthropic()
	res, err := c.Messages.New(within(t), messageParams(model, "hello"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said(res), `you said "hello"`) || res.StopReason != "end_turn" {
		t.Errorf("answer %q, stop %q", said(res), res.StopReason)
	}
	if res.Type != "message" || res.Role != "assistant" || res.ID == "" || res.Model == "" {
		t.Errorf("type %q, role %q, id %q, model %q", res.Type, res.Role, res.ID, res.Model)
	}
	if u := res.Usage; u.InputTokens == 0 || u.OutputTokens == 0 {
		t.Errorf("usage %s", u.RawJSON())
	}
}

// stream gathers a streamed answer.
func stream(t *testing.T, c *anthropic.Client, p anthropic.MessageNewParams) (*anthropic.Message, int, error) {
	t.Helper()
	s := c.Messages.NewStreaming(within(t), p)
	defer func() { _ = s.Close() }()
	var acc anthropic.Message
	events := 0
	for s.Next() {
		e := s.Current()
		events++
		if e.AsAny() == nil {
			t.Errorf("the SDK does not know the event %s", e.RawJSON())
		}
		if err := acc.Accumulate(e); err != nil {
			t.Error(err)
		}
	}
	return &acc, events, s.Err()
}

func anthropicStream(t *testing.T, gw *gateway, model string) {
	c := gw.anthropic()
	res, events, err := stream(t, &c, messageParams(model, `[[sandbox text="one two three four" think="hm"]]`))
	if err != nil {
		t.Fatal(err)
	}
	if said(res) != "one two three four" || res.StopReason != "end_turn" || res.Content[0].Thinking != "hm" {
		t.Errorf("content %+v, stop %q", res.Content, res.StopReason)
	}
	if events < 8 || res.Usage.InputTokens == 0 || res.Usage.OutputTokens == 0 {
		t.Errorf("%d events, usage %+v", events, res.Usage)
	}
}

func anthropicTools(t *testing.T, gw *gateway, model string) {
	c := gw.anthropic()
	p := messageParams(model, `[[sandbox tool=weather args={"city":"Paris","days":2} parallel=2]]`)
	p.Tools = []anthropic.ToolUnionParam{{OfTool: &anthropic.ToolParam{
		Name:        "weather",
		InputSchema: anthropic.ToolInputSchemaParam{Properties: map[string]any{"city": map[string]any{"type": "string"}}},
	}}}
	first, _, err := stream(t, &c, p)
	if err != nil {
		t.Fatal(err)
	}
	if first.StopReason != "tool_use" {
		t.Errorf("stop %q", first.StopReason)
	}
	p.Messages = append(p.Messages, first.ToParam())
	var results []anthropic.ContentBlockParamUnion
	for _, b := range first.Content {
		call, ok := b.AsAny().(anthropic.ToolUseBlock)
		if !ok {
			continue
		}
		var args struct {
			City string
			Days int
		}
		if err := json.Unmarshal(call.Input, &args); err != nil || args.City != "Paris" || args.Days != 2 || call.Name != "weather" {
			t.Errorf("call of %s with %s (%v)", call.Name, call.Input, err)
		}
		results = append(results, anthropic.NewToolResultBlock(call.ID, "22 degrees", false))
	}
	if len(results) != 2 {
		t.Fatalf("%d calls: %+v", len(results), first.Content)
	}
	p.Messages = append(p.Messages, anthropic.NewUserMessage(results...))
	res, err := c.Messages.New(within(t), p)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said(res), "22 degrees") {
		t.Errorf("after the results: %q", said(res))
	}
}

func anthropicImage(t *testing.T, gw *gateway, model string) {
	c := gw.anthropic()
	p := messageParams(model, "what is this?")
	p.Messages[0].Content = append(p.Messages[0].Content, anthropic.NewImageBlockBase64("image/png", pixel))
	res, err := c.Messages.New(within(t), p)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(said(res), "I see 1 image") {
		t.Errorf("answer %q", said(res))
	}
}

func anthropicErrors(t *testing.T, gw *gateway, model string) {
	c := gw.anthropic()
	for _, want := range []struct {
		asked string
		code  int
		kind  string
	}{
		{"400", 400, "invalid_request_error"}, {"404", 404, "not_found_error"}, {"429", 429, "rate_limit_error"}, {"529", 529, "overloaded_error"},
	} {
		if want.code == 529 && model != "sandbox" {
			continue // a status that only Anthropic has
		}
		p := messageParams(model, "[[sandbox error="+want.asked+"]]")
		_, unary := c.Messages.New(within(t), p)
		_, _, streamed := stream(t, &c, p)
		for how, err := range map[string]error{"unary": unary, "stream": streamed} {
			e, ok := errors.AsType[*anthropic.Error](err)
			if !ok {
				t.Errorf("%s %s: %v is no API error", want.asked, how, err)
				continue
			}
			if e.StatusCode != want.code || string(e.Type()) != want.kind || e.RequestID == "" {
				t.Errorf("%s %s: status %d, type %q, request id %q", want.asked, how, e.StatusCode, e.Type(), e.RequestID)
			}
		}
	}
}

func anthropicFault(t *testing.T, gw *gateway, model string) {
	c := gw.anthropic()
	for _, how := range []string{"fault=3", "cut=3"} {
		res, _, err := stream(t, &c, messageParams(model, `[[sandbox text="a b c d e f g h" `+how+`]]`))
		if err == nil || res.StopReason != "" || !strings.HasPrefix(said(res), "a b") {
			t.Errorf("%s: error %v, stop %q, text %q", how, err, res.StopReason, said(res))
		}
	}
}

// TestBaseURLs: people give base URLs with and without /v1, and clients put their own before them.
func TestBaseURLs(t *testing.T) {
	gw, _ := together(t)
	for _, base := range []string{"", "/", "/v1", "/v1/", "/v1/v1"} {
		c := gw.anthropic(option.WithBaseURL(gw.url + base))
		if _, err := c.Messages.New(within(t), messageParams("sandbox", "hello")); err != nil {
			t.Errorf("Anthropic's SDK at %q: %v", base, err)
		}
	}
	for _, base := range []string{"/v1", "/v1/", "/v1/v1", "/v1/v1/"} {
		c := gw.openai(openaiBase(gw.url + base))
		if _, err := c.Chat.Completions.New(within(t), chatParams("sandbox", "hello")); err != nil {
			t.Errorf("OpenAI's SDK at %q: %v", base, err)
		}
	}
}

// TestAuthHeaders: one key opens both APIs, in either header.
func TestAuthHeaders(t *testing.T) {
	gw, _ := together(t)
	chat, messages := chatParams("sandbox", "hello"), messageParams("sandbox", "hello")
	bearer := anthropic.NewClient(option.WithBaseURL(gw.url), option.WithAuthToken(clientKey), option.WithMaxRetries(0))
	if _, err := bearer.Messages.New(within(t), messages); err != nil {
		t.Errorf("messages with a bearer token: %v", err)
	}
	both := gw.anthropic(option.WithAuthToken(clientKey))
	if _, err := both.Messages.New(within(t), messages); err != nil {
		t.Errorf("messages with the same key in both headers: %v", err)
	}
	c := gw.openai(openaiHeader("Authorization", ""), openaiHeader("X-Api-Key", clientKey))
	if _, err := c.Chat.Completions.New(within(t), chat); err != nil {
		t.Errorf("chat with x-api-key: %v", err)
	}
	for name, c := range map[string]anthropic.Client{
		"another key": gw.anthropic(option.WithAPIKey("sk-ant-api03_wrong")),
		"two keys":    gw.anthropic(option.WithAuthToken("sk-ant-api03_wrong")),
	} {
		_, err := c.Messages.New(within(t), messages)
		if e, ok := errors.AsType[*anthropic.Error](err); !ok || e.StatusCode != 401 || e.Type() != "authentication_error" {
			t.Errorf("%s: %v", name, err)
		}
	}
	wrong := gw.openai(openaiKeyOption("sk-ant-api03_wrong"))
	_, err := wrong.Chat.Completions.New(within(t), chat)
	checkOpenAIAuth(t, err)
}

func TestModels(t *testing.T) {
	gw, _ := together(t)
	t.Run("in the shape of OpenAI", func(t *testing.T) { openaiModels(t, gw) })
	t.Run("in the shape of Anthropic", func(t *testing.T) {
		c := gw.anthropic()
		page, err := c.Models.List(within(t), anthropic.ModelListParams{Limit: param.NewOpt[int64](1000)})
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, m := range page.Data {
			found = found || m.ID == "sandbox"
			if m.Type != "model" || m.DisplayName == "" || m.CreatedAt.IsZero() {
				t.Errorf("model %s", m.RawJSON())
			}
		}
		if !found || page.HasMore {
			t.Errorf("sandbox listed: %t, more: %t", found, page.HasMore)
		}
		one, err := c.Models.Get(within(t), "sandbox", anthropic.ModelGetParams{})
		if err != nil || one.ID != "sandbox" {
			t.Errorf("one model: %+v, %v", one, err)
		}
		_, err = c.Models.Get(within(t), "no-such-model", anthropic.ModelGetParams{})
		if e, ok := errors.AsType[*anthropic.Error](err); !ok || e.StatusCode != 404 || e.Type() != "not_found_error" {
			t.Errorf("a model that is not there: %v", err)
		}
	})
}
