package e2e

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
)

// The official SDK goes on from answers, and looks at what is kept.
func TestOpenAIKept(t *testing.T) {
	gw, _ := together(t)
	for _, model := range sandboxModels {
		t.Run(model, func(t *testing.T) { openaiKept(t, gw, model) })
	}
}

func asked(model, text, previous string) responses.ResponseNewParams {
	p := responses.ResponseNewParams{Model: model, Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(text)}}
	if previous != "" {
		p.PreviousResponseID = param.NewOpt(previous)
	}
	return p
}

func openaiKept(t *testing.T, gw *gateway, model string) {
	c := gw.openai()
	first, err := c.Responses.New(within(t), asked(model, "hello", ""))
	if err != nil {
		t.Fatal(err)
	}
	s := c.Responses.NewStreaming(within(t), asked(model, "and now?", first.ID))
	var second responses.Response
	for s.Next() {
		if e := s.Current(); e.Type == "response.completed" {
			second = e.Response
		}
	}
	if err := s.Err(); err != nil || second.PreviousResponseID != first.ID || !strings.Contains(second.OutputText(), `"and now?"`) {
		t.Fatalf("%v, %s", err, second.RawJSON())
	}
	shown, err := c.Responses.Get(within(t), second.ID, responses.ResponseGetParams{})
	if err != nil || shown.OutputText() != second.OutputText() || shown.PreviousResponseID != first.ID {
		t.Errorf("shown %+v, %v", shown, err)
	}
	items, err := c.Responses.InputItems.List(within(t), second.ID, responses.InputItemListParams{Order: "asc"})
	if err != nil || len(items.Data) != 3 || items.Data[1].ID != first.Output[0].ID || items.Data[2].Content.OfInputItemContentList[0].Text != "and now?" {
		t.Errorf("input items %+v, %v", items, err)
	}
	if err := c.Responses.Delete(within(t), first.ID); err != nil {
		t.Error(err)
	}
	_, err = c.Responses.New(within(t), asked(model, "again", second.ID))
	if e, ok := errors.AsType[*openai.Error](err); !ok || e.StatusCode != 400 || e.Code != "previous_response_not_found" || e.Param != "previous_response_id" {
		t.Errorf("behind a deleted one: %v", err)
	}
	_, err = c.Responses.Get(within(t), first.ID, responses.ResponseGetParams{})
	if e, ok := errors.AsType[*openai.Error](err); !ok || e.StatusCode != 404 {
		t.Errorf("a deleted one: %v", err)
	}
	_, err = c.Responses.Cancel(within(t), second.ID)
	if e, ok := errors.AsType[*openai.Error](err); !ok || e.StatusCode != 400 {
		t.Errorf("cancelled: %v", err)
	}
}

// The official SDK's older completions.
func TestOpenAIOlder(t *testing.T) {
	gw, _ := together(t)
	for _, model := range sandboxModels {
		t.Run(model, func(t *testing.T) {
			c := gw.openai()
			p := openai.CompletionNewParams{
				Model: openai.CompletionNewParamsModel(model), Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("hello")},
				StreamOptions: openai.ChatCompletionStreamOptionsParam{IncludeUsage: param.NewOpt(true)},
			}
			res, err := c.Completions.New(within(t), p)
			if err != nil {
				t.Fatal(err)
			}
			if res.Object != "text_completion" || res.Model != model || res.Choices[0].FinishReason != "stop" || !strings.Contains(res.Choices[0].Text, `"hello"`) || res.Usage.TotalTokens == 0 {
				t.Errorf("answer %s", res.RawJSON())
			}
			s := c.Completions.NewStreaming(within(t), p)
			text, usage := "", int64(0)
			for s.Next() {
				for _, choice := range s.Current().Choices {
					text += choice.Text
				}
				usage += s.Current().Usage.TotalTokens
			}
			if s.Err() != nil || text != res.Choices[0].Text || usage != res.Usage.TotalTokens {
				t.Errorf("streamed %q, usage %d, %v", text, usage, s.Err())
			}
			p.Prompt = openai.CompletionNewParamsPromptUnion{OfArrayOfTokens: []int64{1, 2}}
			_, err = c.Completions.New(within(t), p)
			if e, ok := errors.AsType[*openai.Error](err); !ok || e.StatusCode != 400 || e.Param != "prompt" {
				t.Errorf("token numbers: %v", err)
			}
		})
	}
}

// Clients set up for Azure OpenAI: its paths, and its header for the key.
func TestAzurePaths(t *testing.T) {
	gw, _ := together(t)
	c := openai.NewClient(option.WithBaseURL(gw.url+"/openai/v1"), option.WithHeaderDel("Authorization"), option.WithHeader("Api-Key", clientKey), option.WithMaxRetries(0))
	if res, err := c.Chat.Completions.New(within(t), chatParams("sandbox", "hello")); err != nil || !strings.Contains(res.Choices[0].Message.Content, `"hello"`) {
		t.Errorf("chat: %v", err)
	}
	if res, err := c.Responses.New(within(t), asked("sandbox", "hello", "")); err != nil || !strings.Contains(res.OutputText(), `"hello"`) {
		t.Errorf("responses: %v", err)
	}
	if list, err := c.Models.List(within(t)); err != nil || len(list.Data) == 0 {
		t.Errorf("models: %v", err)
	}
	const version = "?api-version=2024-10-21"
	for _, a := range []struct{ path, body, want string }{
		{"/openai/deployments/sandbox/chat/completions" + version, `{"messages":[{"role":"user","content":"hello"}]}`, `"chat.completion"`},
		{"/openai/deployments/sandbox/chat/completions" + version, `{"stream":true,"messages":[{"role":"user","content":"hello"}]}`, "data: [DONE]"},
		{"/openai/deployments/sandbox/completions" + version, `{"prompt":"hello"}`, `"text_completion"`},
		{"/openai/deployments/sandbox/embeddings" + version, `{"input":"hello"}`, "gives no embeddings"},
		{"/openai/responses" + version, `{"model":"sandbox","input":"hello"}`, `"response"`},
	} {
		r, err := http.NewRequestWithContext(within(t), http.MethodPost, gw.url+a.path, strings.NewReader(a.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Api-Key", clientKey)
		res, err := wires.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || !strings.Contains(string(body), a.want) {
			t.Errorf("%s: %d %s, %v", a.path, res.StatusCode, body, err)
		}
	}
}
