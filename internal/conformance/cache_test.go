package conformance

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

const (
	mark     = `"cache_control":{"type":"ephemeral"}`
	markHour = `"cache_control":{"type":"ephemeral","ttl":"1h"}`
	point    = `{"cachePoint":{"type":"default"}}`
	hour     = `{"cachePoint":{"type":"default","ttl":"1h"}}`
)

func TestCachePoints(t *testing.T) {
	everywhere := `{"system":[{"type":"text","text":"s",` + mark + `}],"tools":[{"name":"read","input_schema":{"type":"object","properties":{}},` + mark + `}],
		"messages":[{"role":"user","content":[{"type":"text","text":"q",` + mark + `}]},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"read","input":{}}]},
		{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"A",` + mark + `},{"type":"text","text":"more"}]}]}`
	marked := `{"messages":[{"role":"user","content":[{"type":"text","text":"q",` + mark + `},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0K"},` + mark + `}]},
		{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"read","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":[{"type":"text","text":"A",` + mark + `}]}],
		"tools":[{"type":"function","function":{"name":"read","parameters":{"type":"object","properties":{}}},` + mark + `}]}`
	loop := `{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"text","text":"let me look",` + mark + `}],"tool_calls":[{"id":"c1","type":"function","function":{"name":"read","arguments":"{}"}}]},
		{"role":"tool","tool_call_id":"c1","content":[{"type":"text","text":"A",` + mark + `}]}],` + chatTools + `}`
	six := `{"system":[{"type":"text","text":"s",` + mark + `}],"tools":[{"name":"read","input_schema":{"type":"object","properties":{}},` + mark + `}],
		"messages":[{"role":"user","content":[{"type":"text","text":"1",` + mark + `},{"type":"text","text":"2",` + mark + `},{"type":"text","text":"3",` + mark + `},{"type":"text","text":"4",` + mark + `}]}]}`
	chatSix := `{"messages":[{"role":"system","content":[{"type":"text","text":"s",` + mark + `}]},{"role":"user","content":[{"type":"text","text":"1",` + mark + `},{"type":"text","text":"2",` + mark + `},{"type":"text","text":"3",` + mark + `},{"type":"text","text":"4",` + mark + `}]}],
		"tools":[{"type":"function","function":{"name":"read","parameters":{"type":"object","properties":{}}},` + mark + `}]}`
	asks(t, []ask{
		{
			"CACHE-01 behind the marked block, in the same list", messagesAPI, converseUp, "", everywhere,
			is{"system": `[{"text":"s"},` + point + `]`, "toolConfig.tools.1": point, "messages.0.content.1": point, "messages.2.content.1": point, "messages.2.content.2.text": `"more"`, "": "!cache_control"},
			"",
		},
		{
			"CACHE-02 marks are kept on text, picture, tool and result", chatAPI, claudeUps, "", marked,
			is{"messages.0.content.0.cache_control": ephemeral, "messages.0.content.1.cache_control": ephemeral, "messages.2.content.0.cache_control": ephemeral, "tools.0.cache_control": ephemeral},
			"",
		},
		{
			"CACHE-03 marks of an agent's loop are kept", chatAPI, converseUp, "", loop,
			is{"messages.1.content.1": point, "messages.1.content.2.toolUse.name": `"read"`, "messages.2.content.1": point},
			"",
		},
		{
			"CACHE-04 Nova takes none behind a result", messagesAPI, converseUp, nova, everywhere,
			is{"messages.2.content.0.toolResult.toolUseId": `"c1"`, "messages.2.content.#": "2", "messages.0.content.1": point},
			"cache_control",
		},
		{
			"CACHE-05 CACHE-17 an hour stays an hour", messagesAPI, converseUp, claude45, `{"messages":[{"role":"user","content":[{"type":"text","text":"q",` + markHour + `}]}]}`,
			is{"messages.0.content": `[{"text":"q"},` + hour + `]`},
			"",
		},
		{
			"CACHE-05 CACHE-17 an hour stays an hour", chatAPI, converseUp, claude45, `{"messages":[{"role":"user","content":[{"type":"text","text":"q",` + markHour + `}]}]}`,
			is{"messages.0.content": `[{"text":"q"},` + hour + `]`},
			"",
		},
		{
			"CACHE-05 a model without it gets five minutes, and the loss is named", messagesAPI, converseUp, claude37, `{"messages":[{"role":"user","content":[{"type":"text","text":"q",` + markHour + `}]}]}`,
			is{"messages.0.content": `[{"text":"q"},` + point + `]`},
			"cache_control",
		},
		{
			"CACHE-06 CACHE-18 of too many the last ones are kept", chatAPI, claudeUps, "", chatSix,
			is{
				"tools.0.cache_control": ephemeral, "system.0.cache_control": ephemeral, "messages.0.content.0.cache_control": absent, "messages.0.content.1.cache_control": absent,
				"messages.0.content.2.cache_control": ephemeral, "messages.0.content.3.cache_control": ephemeral,
			},
			"cache_control",
		},
		{
			"CACHE-18 of too many the last ones are kept", messagesAPI, converseUp, "", six,
			is{"system.1": point, "toolConfig.tools.1": point, "messages.0.content": `[{"text":"1"},{"text":"2"},{"text":"3"},` + point + `,{"text":"4"},` + point + `]`},
			"cache_control",
		},
		{
			"CACHE-08 a mark on empty text moves to the block before", chatAPI, claudeUps, "", `{"messages":[{"role":"user","content":[{"type":"text","text":"q"},{"type":"text","text":"",` + mark + `}]}]}`,
			is{"messages.0.content": `[{"type":"text","text":"q",` + mark + `}]`},
			"",
		},
		{
			"CACHE-08 a mark on empty text moves to the block before", chatAPI, converseUp, "", `{"messages":[{"role":"user","content":[{"type":"text","text":"q"},{"type":"text","text":"",` + mark + `}]}]}`,
			is{"messages.0.content": `[{"text":"q"},` + point + `]`},
			"",
		},
		{
			"CACHE-08 a mark on empty text moves to the block before", messagesAPI, converseUp, "", `{"system":[{"type":"text","text":"s"},{"type":"text","text":" ",` + mark + `}],"messages":[{"role":"user","content":"q"}]}`,
			is{"system": `[{"text":"s"},` + point + `]`},
			"",
		},
		{
			"CACHE-08 not on reasoning", messagesAPI, converseUp, "",
			`{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"thinking","thinking":"x","signature":"SIG==",` + mark + `},{"type":"text","text":"done"}]},{"role":"user","content":"more"}]}`,
			is{"messages.1.content.0.reasoningContent.reasoningText.signature": `"SIG=="`, "messages.1.content.1": `{"text":"done"}`, "": "!cachePoint"},
			"cache_control",
		},
		{
			"CACHE-12 Claude behind a compatible server keeps its marks", chatAPI, compatUp, "acme/claude-sonnet-4.5", loop,
			is{"messages.1.content.0.cache_control": ephemeral, "messages.2.content.0.cache_control": ephemeral},
			"",
		},
		{
			"CACHE-12 Claude behind a compatible server keeps its marks", messagesAPI, compatUp, "acme/claude-sonnet-4.5", everywhere,
			is{"messages.0.content.0.cache_control": ephemeral, "tools.0.cache_control": ephemeral},
			"",
		},
		{"CACHE-12 other servers get none", messagesAPI, chatUps, "", everywhere, is{"": "!cache_control"}, "cache_control"},
	})
}

func TestAttribution(t *testing.T) {
	const (
		line   = `{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1.181; cch=0"}`
		system = `"system":[` + line + `,{"type":"text","text":"You are a coder."}]`
		body   = `{` + system + `,` + question + `}`
	)
	w := newWorld(t)
	for _, to := range []string{anthropicUp, invokeUp} {
		t.Run(title("CACHE-10 the first entry stays first and alone, byte for byte", messagesAPI, to), func(t *testing.T) {
			w.up.answers(playDefault)
			w.ask(messagesAPI, to, "", body)
			if got := w.up.only(t).body; !bytes.Contains(got, []byte(system)) {
				t.Errorf("the upstream got %s", got)
			}
		})
	}
	for _, a := range []ask{
		{
			"CACHE-10 the first entry stays first and alone", messagesAPI, converseUp, "", body,
			is{"system.#": "2", "system.0.text": "~x-anthropic-billing-header", "system.1.text": `"You are a coder."`},
			"",
		},
		{"CACHE-10 other models do not see it", messagesAPI, converseUp, nova, body, is{"system": `[{"text":"You are a coder."}]`}, ""},
		{"CACHE-10 other models do not see it", messagesAPI, chatUps, "", body, is{"messages.0": `{"role":"system","content":"You are a coder."}`}, ""},
	} {
		a.run(t, w)
	}
}

// TestSameBytes sends what a re-encoding would change: the order of members, the
// form of numbers, escapes and white space. Prompt caches compare bytes.
func TestSameBytes(t *testing.T) {
	const schema = `{"type":"object","required":["z","a"],"properties":{"z":{"type":"number","maximum":1.0,"multipleOf":1e-2},"a":{"description":"gr\u00f6\u00dfe \u003c/a\u003e","type":"string"}},"$schema":"x"}`
	w := newWorld(t)
	twice := func(t *testing.T, from, to, body, want string) {
		t.Helper()
		var first []byte
		for range 2 {
			w.up.answers(playDefault)
			w.ask(from, to, "", body)
			got := w.up.only(t).body
			if !bytes.Contains(got, []byte(want)) {
				t.Errorf("the upstream got\n%s\nwithout\n%s", got, want)
			}
			if first != nil && !bytes.Equal(got, first) {
				t.Errorf("the same request makes different bytes:\n%s\n%s", first, got)
			}
			first = got
		}
	}
	for _, to := range []string{anthropicUp, invokeUp} {
		t.Run(title("CACHE-11 the body keeps its bytes", messagesAPI, to), func(t *testing.T) {
			rest := `"tools" : [ {"input_schema":` + schema + `, "name":"read"} ],"messages":[{"content":"q \u00e9","role":"user"}],"max_tokens":5e1,"temperature":0.50`
			twice(t, messagesAPI, to, `{`+rest+`}`, rest)
		})
	}
	for _, to := range []string{openaiUp, compatUp} {
		t.Run(title("CACHE-11 the body keeps its bytes", chatAPI, to), func(t *testing.T) {
			rest := `"tools" : [ {"function":{"parameters":` + schema + `, "name":"read"},"type":"function"} ],"messages":[{"content":"q \u00e9","role":"user"}],"temperature":0.50`
			twice(t, chatAPI, to, `{`+rest+`}`, rest)
		})
	}
	for _, to := range []string{anthropicUp, invokeUp, converseUp} {
		t.Run(title("CACHE-11 a schema keeps its bytes", chatAPI, to), func(t *testing.T) {
			twice(t, chatAPI, to, `{`+question+`,"tools":[{"type":"function","function":{"name":"read","parameters":`+schema+`}}]}`, schema)
		})
	}
	for _, to := range []string{openaiUp, converseUp} {
		t.Run(title("CACHE-11 a schema keeps its bytes", messagesAPI, to), func(t *testing.T) {
			twice(t, messagesAPI, to, `{`+question+`,"tools":[{"name":"read","input_schema":`+schema+`}]}`, schema)
		})
	}
}

// TestHourBeta: an hour of cache needs no beta flag any more, so none is made up
// that could disagree with the body; a client's own flag goes where it is taken.
func TestHourBeta(t *testing.T) {
	const (
		flag = "extended-cache-ttl-2025-04-11"
		body = `{"messages":[{"role":"user","content":[{"type":"text","text":"q",` + markHour + `}]}]}`
	)
	w := newWorld(t)
	for _, c := range []struct {
		name, from, to, header string
		inHeader, inBody       bool
		loss                   string
	}{
		{"CACHE-13 the flag is not made up", chatAPI, anthropicUp, "", false, false, ""},
		{"CACHE-13 the flag is not made up", chatAPI, invokeUp, "", false, false, ""},
		{"CACHE-13 the client's flag goes with its body", messagesAPI, anthropicUp, flag, true, false, ""},
		{"CACHE-13 Bedrock, which refuses the flag, gets the hour alone", messagesAPI, invokeUp, flag, false, false, flag},
		{"CACHE-13 Bedrock, which refuses the flag, gets the hour alone", messagesAPI, converseUp, flag, false, false, flag},
	} {
		t.Run(title(c.name, c.from, c.to), func(t *testing.T) {
			w.up.answers(playDefault)
			r := w.ask(c.from, c.to, "", body, "Anthropic-Beta", c.header)
			s := w.up.only(t)
			if got := strings.Contains(strings.Join(s.header["Anthropic-Beta"], ","), flag); got != c.inHeader {
				t.Errorf("beta header %q", s.header["Anthropic-Beta"])
			}
			if got := bytes.Contains(s.body, []byte(flag)); got != c.inBody {
				t.Errorf("flag in the body: %v", got)
			}
			if !bytes.Contains(s.body, []byte(fmt.Sprintf(`"ttl":%q`, "1h"))) {
				t.Errorf("the hour is lost: %s", s.body)
			}
			checkLoss(t, r.losses(), c.loss)
		})
	}
}

// TestTooManyPoints: of more points than an upstream takes, the tools and the system
// prompt give up their earlier ones first, and the messages keep their last.
func TestTooManyPoints(t *testing.T) {
	text := func(s string) string { return `{"type":"text","text":"` + s + `",` + mark + `}` }
	body := `{"system":[` + text("s1") + `,` + text("s2") + `,` + text("s3") + `],"tools":[{"name":"read","input_schema":{"type":"object","properties":{}},` + mark + `}],
		"messages":[{"role":"user","content":[` + text("1") + `,` + text("2") + `]},{"role":"assistant","content":"a"},{"role":"user","content":[` + text("3") + `]}]}`
	chatBody := `{"messages":[{"role":"system","content":[` + text("s1") + `,` + text("s2") + `,` + text("s3") + `]},{"role":"user","content":[` + text("1") + `,` + text("2") + `]},{"role":"assistant","content":"a"},{"role":"user","content":[` + text("3") + `]}],
		"tools":[{"type":"function","function":{"name":"read","parameters":{"type":"object","properties":{}}},` + mark + `}]}`
	claude := is{
		"system.0.cache_control": absent, "system.1.cache_control": absent, "system.2.cache_control": ephemeral, "tools.0.cache_control": ephemeral,
		"messages.0.content.0.cache_control": absent, "messages.0.content.1.cache_control": ephemeral, "messages.2.content.0.cache_control": ephemeral,
	}
	bedrock := is{
		"system": `[{"text":"s1"},{"text":"s2"},{"text":"s3"},` + point + `]`, "toolConfig.tools.1": point,
		"messages.0.content": `[{"text":"1"},{"text":"2"},` + point + `]`, "messages.2.content": `[{"text":"3"},` + point + `]`,
	}
	asks(t, []ask{
		{"CACHE-18 CACHE-06 the earlier ones of the head go first", chatAPI, claudeUps, "", chatBody, claude, "cache_control"},
		{"CACHE-18 CACHE-06 the earlier ones of the head go first", chatAPI, converseUp, "", chatBody, bedrock, "cache_control"},
		{"CACHE-18 CACHE-06 the earlier ones of the head go first", messagesAPI, converseUp, "", body, bedrock, "cache_control"},
	})
}
