package responses

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
)

const answered = `{"id":"resp_1","object":"response","created_at":7,"model":"gpt","status":"completed","error":null,"incomplete_details":null,"service_tier":"default",` +
	`"usage":{"input_tokens":100,"input_tokens_details":{"cached_tokens":60,"cache_write_tokens":30},"output_tokens":9,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":109},"output":`

func TestDecodeResponse(t *testing.T) {
	usage := llm.Usage{Known: true, Input: 10, CacheRead: 60, CacheWrite5m: 30, Output: 9, Reasoning: 4}
	for _, c := range []struct {
		name, output string
		want         string
		stop         llm.Stop
	}{
		{"text", `[{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"a","annotations":[],"logprobs":[]},{"type":"output_text","text":"b","annotations":[]}]}]`, "a | b", llm.StopEnd},
		{"refusal", `[{"type":"message","content":[{"type":"refusal","refusal":"no"}]}]`, "refusal(no)", llm.StopEnd},
		{
			"RSP-06 calls", `[{"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{\"a\":1}"},{"type":"function_call","id":"fc_2","call_id":"call_2","name":"g","arguments":"{\"a"},{"type":"function_call","id":"fc_3","name":"h","arguments":"","namespace":"ns"}]`,
			`call(call_1 f {"a":1}) | call(call_2 g broken:{"a) | call(fc_3 ns__h)`, llm.StopTool,
		},
		{"a custom tool's call", `[{"type":"custom_tool_call","call_id":"c","name":"p","input":"4 + 4"}]`, "custom(c p broken:4 + 4)", llm.StopTool},
		{
			"RSP-01 encrypted reasoning", `[{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"x"},{"type":"summary_text","text":"y"}],"encrypted_content":"gAAA"},{"type":"reasoning","summary":[],"encrypted_content":"gBBB"}]`,
			"thinking(x\n\ny sig:" + sealed("x\n\ny", "gAAA") + ") | thinking(sig:" + sealed("", "gBBB") + ")", llm.StopEnd,
		},
		{"open reasoning", `[{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"r"}]},{"type":"reasoning","summary":[]}]`, "thinking(r)", llm.StopEnd},
		{"RSP-05 other items", `[{"type":"web_search_call","id":"ws_1","action":{}},{"type":"message","content":"plain"}]`, `native(responses web_search_call {"type":"web_search_call","id":"ws_1","action":{}}) | plain`, llm.StopEnd},
		{"TOOL-19 nothing", `[]`, "", llm.StopEnd},
		{"nonsense among the items", `[5,null,{"x":1},{"type":"message","content":[7,{"type":"output_text"}]}]`, "", llm.StopEnd},
	} {
		t.Run(c.name, func(t *testing.T) {
			res, err := Dialect{}.DecodeResponse([]byte(answered + c.output + "}"))
			if err != nil {
				t.Fatal(err)
			}
			if got := llmtest.DumpParts(res.Parts); got != c.want || res.Stop != c.stop {
				t.Errorf("got %s, stop %s\nwant %s", got, res.Stop, c.want)
			}
			if res.ID != "resp_1" || res.Model != "gpt" || res.Created != 7 || res.Tier != "default" || res.Usage != usage || res.NativeStop != "completed" {
				t.Errorf("%+v", res)
			}
		})
	}
}

func TestCitationsAreKept(t *testing.T) {
	res, err := Dialect{}.DecodeResponse([]byte(answered + `[{"type":"message","content":[{"type":"output_text","text":"a","annotations":[{"type":"url_citation","url":"u"}]}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if c := res.Parts[0].(*llm.Text); len(c.Citations) != 1 || string(c.Citations[0].Raw) != `{"type":"url_citation","url":"u"}` || c.Citations[0].URL != "u" {
		t.Errorf("%+v", c)
	}
}

func TestIncomplete(t *testing.T) {
	for why, want := range map[string]llm.Stop{"max_output_tokens": llm.StopLength, "content_filter": llm.StopFilter, "boredom": llm.StopOther} {
		res, err := Dialect{}.DecodeResponse([]byte(`{"status":"incomplete","incomplete_details":{"reason":"` + why + `"},"output":[]}`))
		if err != nil || res.Stop != want || res.NativeStop != why || res.Usage.Known {
			t.Errorf("%s: %v, %+v", why, err, res)
		}
	}
}

func TestResponsesThatFailed(t *testing.T) {
	for _, c := range []struct {
		name, body string
		kind       llm.ErrorKind
		says       string
	}{
		{"STOP-09 failed", `{"status":"failed","output":[],"error":{"code":"server_error","message":"oh"}}`, llm.ErrUpstream, "oh"},
		{"STOP-09 failed for the rate", `{"status":"failed","output":[],"error":{"code":"rate_limit_exceeded","message":"slow"}}`, llm.ErrRate, "slow"},
		{"failed without a word", `{"status":"failed","output":[]}`, llm.ErrUpstream, "without a message"},
		{"an error inside a 200", `{"error":{"message":"m","type":"invalid_request_error"}}`, llm.ErrInvalid, "m"},
		{"put off", `{"status":"queued","output":[]}`, llm.ErrUpstream, "background"},
		{"cancelled", `{"status":"cancelled","output":[]}`, llm.ErrUpstream, "cancelled"},
		{"no output", `{"id":"x"}`, llm.ErrUpstream, "no output"},
		{"a page", `<html>`, llm.ErrUpstream, "not JSON"},
		{"nothing", ` `, llm.ErrUpstream, "empty"},
		{"cut", `{"output":[`, llm.ErrUpstream, "not JSON"},
		{"a list", `[]`, llm.ErrUpstream, "not JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Dialect{}.DecodeResponse([]byte(c.body))
			e, ok := errors.AsType[*llm.Error](err)
			if !ok || e.Kind != c.kind || !strings.Contains(e.Message, c.says) || !e.Upstream {
				t.Errorf("%#v", err)
			}
		})
	}
}

// shown is an answer as a client of ours reads it.
type shown struct {
	ID, Object, Status, Model string
	Created                   int64 `json:"created_at"`
	Error                     *struct{ Code, Message string }
	Incomplete                *struct{ Reason string } `json:"incomplete_details"`
	Output                    []shownItem
	Usage                     json.RawMessage
	Store                     *bool
	Metadata                  map[string]string
	Choice                    any    `json:"tool_choice"`
	Native                    string `json:"native_finish_reason"`
}

type shownItem struct {
	ID, Type, Status, Role, Name, Namespace string
	CallID                                  string `json:"call_id"`
	Arguments, Input                        *string
	Encrypted                               string `json:"encrypted_content"`
	Summary                                 []struct{ Type, Text string }
	Content                                 []struct {
		Type, Text, Refusal string
		Annotations         []json.RawMessage
	}
}

// brief writes the items in a short form.
func brief(items []shownItem) string {
	var out []string
	for _, it := range items {
		var parts []string
		for _, c := range it.Content {
			s := c.Type + ":" + c.Text + c.Refusal
			for _, a := range c.Annotations {
				s += string(a)
			}
			parts = append(parts, s)
		}
		for _, c := range it.Summary {
			parts = append(parts, c.Type+":"+c.Text)
		}
		for _, s := range []string{it.CallID, it.Namespace, it.Name, it.Encrypted} {
			if s != "" {
				parts = append(parts, s)
			}
		}
		for _, s := range []*string{it.Arguments, it.Input} {
			if s != nil {
				parts = append(parts, *s)
			}
		}
		out = append(out, it.Type+"("+strings.Join(parts, " ")+")")
	}
	return strings.Join(out, " ")
}

func (s *shown) check(t *testing.T) {
	t.Helper()
	if !strings.HasPrefix(s.ID, "resp_") || s.Object != "response" || s.Store == nil || *s.Store || s.Metadata == nil || s.Output == nil {
		t.Errorf("envelope %+v", s)
	}
	seen := map[string]bool{}
	for _, it := range s.Output {
		prefix := map[string]string{"message": "msg_", "reasoning": "rs_", "function_call": "fc_", "custom_tool_call": "ctc_"}[it.Type]
		if !strings.HasPrefix(it.ID, prefix) || len(it.ID) > 64 || seen[it.ID] {
			t.Errorf("id %q of a %s", it.ID, it.Type)
		}
		seen[it.ID] = true
		if it.Type == "message" && (it.Role != "assistant" || it.Status != "completed" || len(it.Content) == 0) || it.Type == "reasoning" && it.Summary == nil {
			t.Errorf("%+v", it)
		}
	}
}

var answers = []struct {
	name   string
	parts  []llm.Part
	stop   llm.Stop
	native string
	detail string
	want   string
	status string // and why
}{
	{"text", []llm.Part{say("a"), say(""), say("b")}, llm.StopEnd, "", "", "message(output_text:a output_text:b)", "completed"},
	{"nothing", nil, llm.StopEnd, "", "", "", "completed"},
	{"STOP-01 a refusal", []llm.Part{&llm.Refusal{Text: "no"}}, llm.StopFilter, "refusal", "", "message(refusal:no)", "incomplete content_filter refusal"},
	{"STOP-01 a refusal explained beside the answer", []llm.Part{say("a")}, llm.StopFilter, "refusal", `{"explanation":"because"}`, "message(output_text:a refusal:because)", "incomplete content_filter refusal"},
	{"STOP-03 the context window", []llm.Part{say("a")}, llm.StopContext, "model_context_window_exceeded", "", "message(output_text:a)", "incomplete max_output_tokens model_context_window_exceeded"},
	{"STOP-04 a pause", []llm.Part{say("a")}, llm.StopPause, "pause_turn", "", "message(output_text:a)", "completed  pause_turn"},
	{"length", []llm.Part{say("a"), &llm.ToolCall{ID: "c", Name: "f", Broken: `{"a`}}, llm.StopLength, "max_tokens", "", `message(output_text:a) function_call(c f {"a)`, "incomplete max_output_tokens"},
	{
		"THK-04 order",
		[]llm.Part{&llm.Thinking{Text: "t", Signature: "S"}, say("a"), &llm.ToolCall{ID: "c", Name: "f"}, &llm.Thinking{Redacted: "R"}, say("b")},
		llm.StopTool, "", "",
		"reasoning(summary_text:t " + llm.Seal(llm.IssuerClaude, &llm.Thinking{Text: "t", Signature: "S"}) + ") message(output_text:a) function_call(c f {}) reasoning(" +
			llm.Seal(llm.IssuerClaude, &llm.Thinking{Redacted: "R"}) + ") message(output_text:b)", "completed",
	},
	{"RSP-03 OpenAI's own proof goes home", []llm.Part{&llm.Thinking{Text: "t", Signature: sealed("t", "gAAA")}, &llm.Thinking{Signature: sealed("", "gBBB")}, say("a")}, llm.StopEnd, "", "", "reasoning(summary_text:t gAAA) reasoning(gBBB) message(output_text:a)", "completed"},
	{"unsigned reasoning", []llm.Part{&llm.Thinking{Text: "t"}, &llm.Thinking{}, say("a")}, llm.StopEnd, "", "", "reasoning(summary_text:t " + llm.Seal(unsigned, &llm.Thinking{}) + ") message(output_text:a)", "completed"},
	{"free text wrapped in arguments", []llm.Part{&llm.ToolCall{ID: "c", Name: "patch", Input: []byte(`{"input":"*** \"x\"\n"}`)}}, llm.StopTool, "", "", "custom_tool_call(c patch *** \"x\"\n)", "completed"},
	{"arguments of another form for free text", []llm.Part{&llm.ToolCall{ID: "c", Name: "patch", Input: []byte(`{"patch":1}`)}, &llm.ToolCall{ID: "d", Name: "patch"}}, llm.StopTool, "", "", `custom_tool_call(c patch {"patch":1}) custom_tool_call(d patch )`, "completed"},
	{"free text as it is", []llm.Part{&llm.ToolCall{ID: "c", Name: "other", Custom: true, Broken: "text"}, &llm.ToolCall{ID: "d", Name: "other", Custom: true}}, llm.StopTool, "", "", "custom_tool_call(c other text) custom_tool_call(d other )", "completed"},
	{"groups", []llm.Part{&llm.ToolCall{ID: "c", Name: "ns__f", Input: []byte(`{"a":1}`)}, &llm.ToolCall{ID: "d", Name: "ns__g", Input: []byte(`{"input":"x"}`)}}, llm.StopTool, "", "", `function_call(c ns f {"a":1}) custom_tool_call(d ns g x)`, "completed"},
	{"TOOL-08 names that were shortened", []llm.Part{&llm.ToolCall{ID: "c", Name: llm.ShortName(longName, nameLimit)}}, llm.StopTool, "", "", "function_call(c " + longName + " {})", "completed"},
	{"a proof of a call", []llm.Part{&llm.ToolCall{ID: "c", Name: "f", Seal: "TS"}}, llm.StopTool, "", "", "reasoning(" + llm.SealCall(&llm.ToolCall{Seal: "TS"}) + ") function_call(c f {})", "completed"},
	{"citations", []llm.Part{&llm.Text{Text: "a", Citations: llmtest.Cites(Name, `[{"u":1},{"u":2}]`)}, &llm.Text{Text: "b", Citations: llmtest.Cites("messages", `[{"u":3}]`)}}, llm.StopEnd, "", "", `message(output_text:a{"u":1}{"u":2} output_text:b)`, "completed"},
	{"RSP-05 items of this API, not others'", []llm.Part{&llm.Native{Dialect: Name, Type: "web_search_call", Raw: []byte(`{"id":"ws_1","type":"web_search_call"}`)}, &llm.Native{Dialect: "messages", Type: "x", Raw: []byte(`{}`)}, say("a")}, llm.StopEnd, "", "", "web_search_call() message(output_text:a)", "completed"},
}

var longName = strings.Repeat("n", 70)

func asker(t *testing.T) *llm.Request {
	return decode(t, `{"model":"asked","input":"hi","tools":[{"type":"custom","name":"patch"},{"type":"namespace","name":"ns","tools":[{"type":"function","name":"f"},{"type":"custom","name":"g"}]},{"type":"function","name":"`+longName+`"}]}`)
}

func TestEncodeResponse(t *testing.T) {
	for _, c := range answers {
		t.Run(c.name, func(t *testing.T) {
			res := &llm.Response{
				ID: "msg_1", Model: "served", Created: 7, Parts: c.parts, Stop: c.stop, NativeStop: c.native, StopDetails: []byte(c.detail),
				Usage: llm.Usage{Known: true, Input: 10, CacheRead: 60, CacheWrite1h: 30, Output: 9, Reasoning: 4},
			}
			var s shown
			if err := json.Unmarshal(Dialect{}.EncodeResponse(asker(t), res), &s); err != nil {
				t.Fatal(err)
			}
			s.check(t)
			if got := brief(s.Output); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if s.Model != "asked" || s.Created != 7 || s.status() != c.status || s.Error != nil || s.ID != "resp_msg_1" {
				t.Errorf("%+v, status %q, want %q", s, s.status(), c.status)
			}
			if want := `{"input_tokens":100,"input_tokens_details":{"cached_tokens":60,"cache_write_tokens":30},"output_tokens":9,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":109}`; string(s.Usage) != want {
				t.Errorf("USE-01 usage %s", s.Usage)
			}
		})
	}
}

func (s *shown) status() string {
	out := s.Status
	if s.Incomplete != nil {
		out += " " + s.Incomplete.Reason
	} else if s.Native != "" {
		out += " "
	}
	if s.Native != "" {
		out += " " + s.Native
	}
	return out
}

func TestLossesOfAnswers(t *testing.T) {
	res := &llm.Response{
		Parts: []llm.Part{&llm.Native{Dialect: "messages", Type: "server_tool_use"}, &llm.Media{Kind: llm.Image}},
		Stop:  llm.StopPause, NativeStop: "pause_turn",
	}
	Dialect{}.EncodeResponse(&llm.Request{}, res)
	if got := llmtest.DumpLosses(res.Losses); got != "content, content, stop_reason" {
		t.Error(got)
	}
}
