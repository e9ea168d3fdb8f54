package conformance

import (
	"net/http"
	"strings"
	"testing"

	"turnpike/internal/dialect/chat"
	"turnpike/internal/dialect/converse"
	"turnpike/internal/dialect/gemini"
	"turnpike/internal/dialect/messages"
	"turnpike/internal/dialect/responses"
	"turnpike/internal/llm"
)

// TestLossesInTheClientsTerms: a thing that cannot be carried, or that nobody
// knows, is named by the path it has in the client's own request.
func TestLossesInTheClientsTerms(t *testing.T) {
	const audio = `{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}`
	cases := []struct {
		name  string
		front llm.Front
		back  llm.Back
		body  string
		want  []string
	}{
		{
			"chat behind two system messages",
			chat.Dialect{},
			messages.Dialect{},
			`{"model":"m","max_completion_tokens":5,"messages":[{"role":"system","content":"a"},{"role":"developer","content":"b"},{"role":"user","content":"c"},{"role":"assistant","content":"d"},{"role":"user","odd":1,"content":[{"type":"text","text":"e"},` + audio + `]}]}`,
			[]string{"messages[4].odd", "messages[4].content: "},
		},
		{
			"chat without any",
			chat.Dialect{},
			gemini.Dialect{},
			`{"model":"m","messages":[{"role":"user","name":"ann","content":"c"}]}`,
			[]string{"messages[0].name"},
		},
		{
			"responses",
			responses.Dialect{},
			messages.Dialect{},
			`{"model":"m","input":[{"role":"developer","content":"a"},{"role":"user","content":"b"},{"type":"function_call","call_id":"1","name":"f","arguments":"{}"},{"type":"function_call","call_id":"2","name":"f","arguments":"{}","odd":1},{"type":"function_call_output","call_id":"1","output":"x"},{"type":"function_call_output","call_id":"2","output":"y"},{"role":"user","content":[` + audio + `]}]}`,
			[]string{"input[3].odd", "input[6].content: "},
		},
		{
			"responses: settings",
			responses.Dialect{},
			gemini.Dialect{},
			`{"model":"m","text":{"format":{"type":"json_schema","name":"n","description":"d","schema":{"type":"object"}}},"input":"x"}`,
			[]string{"text.format: description"},
		},
		{
			"messages",
			messages.Dialect{},
			chat.Dialect{},
			`{"model":"m","max_tokens":5,"stop_sequences":["a"],"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"text","text":"b"},{"type":"server_tool_use","id":"s","name":"web_search","input":{}}]},{"role":"user","content":[{"type":"text","text":"c","odd":1}]}]}`,
			[]string{"messages[1].content", "messages[2].content[0].odd"},
		},
		{
			"messages: settings",
			messages.Dialect{},
			responses.Dialect{},
			`{"model":"m","max_tokens":5,"stop_sequences":["a"],"messages":[{"role":"user","content":"a"}]}`,
			[]string{"stop_sequences"},
		},
		{
			"converse",
			converse.Dialect{},
			chat.Dialect{},
			`{"inferenceConfig":{"stopSequences":["1","2","3","4","5"]},"messages":[{"role":"user","content":[{"text":"a"}]},{"role":"assistant","content":[{"text":"b"},{"hologram":{}}]},{"role":"user","content":[{"text":"c"}],"odd":1}]}`,
			[]string{"inferenceConfig.stopSequences", "messages[1].content", "messages[2].odd"},
		},
		{
			"gemini",
			gemini.Dialect{},
			chat.Dialect{},
			`{"generationConfig":{"stopSequences":["1","2","3","4","5"]},"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"text":"b"},{"executableCode":{"language":"PYTHON","code":"1"}}]},{"role":"user","parts":[{"text":"c","odd":1}]}]}`,
			[]string{"generationConfig.stopSequences", "contents[1].parts", "contents[2].parts[0].odd"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			req, err := c.front.DecodeRequest(http.Header{}, []byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			_, losses, err := c.back.EncodeRequest(req, &llm.Target{Model: "m"})
			if err != nil {
				t.Fatal(err)
			}
			place := c.front.(llm.Placer).Places([]byte(c.body))
			var got []string
			for _, l := range req.Lost(c.back.Name()) {
				got = append(got, l.Path)
			}
			for _, l := range losses {
				got = append(got, place(l.Path))
			}
			for _, want := range c.want {
				found := false
				for _, path := range got {
					found = found || path == want || strings.HasPrefix(path, want) && strings.ContainsAny(want, "[:")
				}
				if !found {
					t.Errorf("no %q in %q", want, got)
				}
			}
		})
	}
}
