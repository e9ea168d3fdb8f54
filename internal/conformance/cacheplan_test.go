package conformance

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// wish asks for cache points in the body, as clients of other gateways do.
const (
	wish     = `"bedrock_auto_cache":true,`
	wishHour = `"bedrock_auto_cache":true,"bedrock_cache_ttl":"1h",`
)

// long is a system prompt above every model's minimum.
var long = strings.Repeat("All work and no play makes Jack a dull boy. ", 320)

const ephemeral = `{"type":"ephemeral"}`

func TestPlannedPoints(t *testing.T) {
	tools := `"tools":[{"name":"read","input_schema":{"type":"object","properties":{}}}]`
	talk := `"messages":[{"role":"user","content":"one"},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"read","input":{}}]},
		{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"A"}]}]`
	system := `"system":"` + long + `"`
	loop := `"messages":[{"role":"system","content":"` + long + `"},{"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"read","arguments":"{}"}}]},
		{"role":"tool","tool_call_id":"c1","content":"A"}],` + chatTools
	marked := func(n int) string { // a client that marks n blocks of its question itself
		blocks := make([]string, 0, n)
		for range n {
			blocks = append(blocks, `{"type":"text","text":"`+long+`",`+mark+`}`)
		}
		return `"messages":[{"role":"user","content":[` + strings.Join(blocks, ",") + `]},{"role":"assistant","content":"a"},{"role":"user","content":"b"}]`
	}
	ours := is{
		"": "!bedrock_", "system.0.cache_control": ephemeral, "messages.0.content.0.cache_control": ephemeral,
		"messages.1.content.0.cache_control": absent, "messages.2.content.0.cache_control": ephemeral,
	}
	points := is{
		"": "!bedrock_", "system.1": point, "messages.0.content.1": point, "messages.1.content.#": "1", "messages.2.content.1": point,
	}
	asks(t, []ask{
		{"CACHE-12 Claude gets points wherever it is served", messagesAPI, claudeUps, "", `{` + wish + system + `,` + tools + `,` + talk + `}`, ours, ""},
		{"CACHE-12 Claude gets points wherever it is served", chatAPI, claudeUps, "", `{` + wish + loop + `}`, ours, ""},
		{"CACHE-12 Claude gets points wherever it is served", messagesAPI, converseUp, "", `{` + wish + system + `,` + tools + `,` + talk + `}`, points, ""},
		{"CACHE-12 Claude gets points wherever it is served", chatAPI, converseUp, "", `{` + wish + loop + `}`, points, ""},
		{
			"CACHE-12 Claude gets points wherever it is served", chatAPI, compatUp, "acme/claude-sonnet-4.5", `{` + wish + loop + `}`,
			is{"": "!bedrock_", "messages.0.content.0.cache_control": ephemeral, "messages.1.content.0.cache_control": ephemeral, "messages.2.content": absent, "messages.3.content.0.cache_control": ephemeral},
			"",
		},
		{"CACHE-12 other models get none", chatAPI, chatUps, "", `{` + wish + loop + `}`, is{"": "!cache_control"}, ""},
		{
			"CACHE-12 CACHE-04 Nova gets what it takes", messagesAPI, converseUp, nova, `{` + wish + system + `,` + tools + `,` + talk + `}`,
			is{"system.1": point, "toolConfig.tools.#": "1", "messages.0.content.1": point, "messages.2.content.#": "1"},
			"",
		},
		{"CACHE-12 nothing is put in where nobody asks", messagesAPI, claudeUps + " " + converseUp, "", `{` + system + `,` + tools + `,` + talk + `}`, is{"": "!cache"}, ""},
		{"CACHE-12 nothing below the model's minimum", messagesAPI, claudeUps + " " + converseUp, "", `{` + wish + tools + `,` + talk + `}`, is{"": "!cache"}, ""},
		{
			"CACHE-06 a client with four has the last word", messagesAPI, claudeUps, "", `{` + wish + system + `,` + marked(4) + `}`,
			is{"system": `"` + long + `"`, "messages.2.content": `"b"`, "messages.0.content.3.cache_control": ephemeral},
			"",
		},
		{
			"CACHE-06 the rest goes to the newest turn first", messagesAPI, claudeUps, "", `{` + wish + system + `,` + marked(3) + `}`,
			is{"system": `"` + long + `"`, "messages.2.content.0.cache_control": ephemeral},
			"",
		},
		{
			"CACHE-06 the rest goes to the newest turn first", messagesAPI, converseUp, "", `{` + wish + system + `,` + marked(3) + `}`,
			is{"system.#": "1", "messages.2.content": `[{"text":"b"},` + point + `]`},
			"",
		},
		{
			"CACHE-18 of too many the client's last are kept, and none is added", messagesAPI, converseUp, "", `{` + wish + system + `,` + marked(6) + `}`,
			is{"system.#": "1", "messages.0.content.#": "10", "messages.2.content.#": "1"},
			"cache_control",
		},
		{
			"CACHE-18 of too many the client's last are kept, and none is added", chatAPI, claudeUps, "", `{` + wish + marked(6) + `}`,
			is{"messages.0.content.1.cache_control": absent, "messages.0.content.2.cache_control": ephemeral, "messages.2.content.0.cache_control": absent},
			"cache_control",
		},
		{
			"CACHE-07 lifetimes do not rise: ours before the client's hour", messagesAPI, claudeUps, "",
			`{` + wish + system + `,"messages":[{"role":"user","content":[{"type":"text","text":"q",` + markHour + `}]}]}`,
			is{"system.0.cache_control": `{"type":"ephemeral","ttl":"1h"}`},
			"",
		},
		{
			"CACHE-07 lifetimes do not rise: ours behind the client's five minutes", messagesAPI, claudeUps, "",
			`{` + wishHour + `"system":[{"type":"text","text":"` + long + `",` + mark + `}],"messages":[{"role":"user","content":"q"}]}`,
			is{"messages.0.content.0.cache_control": ephemeral},
			"",
		},
		{
			"CACHE-07 lifetimes do not rise", messagesAPI, converseUp, "",
			`{` + wish + system + `,"messages":[{"role":"user","content":[{"type":"text","text":"q",` + markHour + `}]}]}`,
			is{"system.1": hour, "messages.0.content.1": hour},
			"",
		},
		{"CACHE-17 an hour where the model has it", messagesAPI, claudeUps, "", `{` + wishHour + system + `,` + talk + `}`, is{"system.0.cache_control.ttl": `"1h"`}, ""},
		{"CACHE-17 an hour where the model has it", chatAPI, converseUp, claude37, `{` + wishHour + loop + `}`, is{"system.1": point}, ""},
	})
}

// TestPlannedAttribution: points of ours do not touch the entry of Claude Code.
func TestPlannedAttribution(t *testing.T) {
	line := `{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1.181; cch=0"}`
	body := `{"system":[` + line + `,{"type":"text","text":"` + long + `"}],` + question + `}`
	w := newWorld(t)
	for _, to := range []string{anthropicUp, invokeUp, converseUp} {
		t.Run(title("CACHE-10 the first entry stays first, alone and unmarked", messagesAPI, to), func(t *testing.T) {
			w.up.answers(playDefault)
			w.ask(messagesAPI, to, "", body, "X-Turnpike-Cache", "5m")
			got := w.up.only(t).body
			want := `"system":[` + line + `,{"type":"text","text":"` + long + `",` + mark + `}]`
			if to == converseUp {
				want = `"system":[{"text":"x-anthropic-billing-header: cc_version=2.1.181; cch=0"},{"text":"` + long + `"},` + point + `]`
			}
			if !bytes.Contains(got, []byte(want)) {
				t.Errorf("the upstream got %s", got)
			}
		})
	}
}

// TestPlannedHour: an hour of ours needs no flag either.
func TestPlannedHour(t *testing.T) {
	w := newWorld(t)
	for _, to := range []string{anthropicUp, invokeUp} {
		t.Run(title("CACHE-13 the flag is not made up for points of ours", messagesAPI, to), func(t *testing.T) {
			w.up.answers(playDefault)
			w.ask(messagesAPI, to, "", `{"system":"`+long+`",`+question+`}`, "X-Turnpike-Cache", "1h")
			s := w.up.only(t)
			if !bytes.Contains(s.body, []byte(`"ttl":"1h"`)) || bytes.Contains(s.body, []byte("extended-cache")) || s.header.Get("Anthropic-Beta") != "" {
				t.Errorf("beta header %q, body %s", s.header["Anthropic-Beta"], s.body)
			}
		})
	}
}

// TestAutoCache: auto leaves a question on its own alone.
func TestAutoCache(t *testing.T) {
	w := newWorld(t)
	lone := `{"system":"` + long + `",` + question + `}`
	for _, c := range []struct {
		name, body, policy string
		points             bool
	}{
		{"a lone question", lone, "auto", false},
		{"a lone question, always", lone, "5m", true},
		{"tools", `{"tools":[{"name":"a","input_schema":{"type":"object"}}],` + lone[1:], "auto", true},
		{"off wins over the body's wish", `{` + wish + lone[1:], "off", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.up.answers(playDefault)
			w.ask(messagesAPI, anthropicUp, "", c.body, "X-Turnpike-Cache", c.policy)
			if got := bytes.Contains(w.up.only(t).body, []byte("cache_control")); got != c.points {
				t.Errorf("points: %v, want %v", got, c.points)
			}
		})
	}
	t.Run("the header of another name", func(t *testing.T) {
		w.up.answers(playDefault)
		w.ask(messagesAPI, converseUp, "", lone, "X-Bedrock-Auto-Cache", "yes")
		if got := w.up.only(t).body; !bytes.Contains(got, []byte("cachePoint")) {
			t.Errorf("no points: %s", got)
		}
	})
	t.Run("nonsense is refused", func(t *testing.T) {
		for _, bad := range []string{`{"bedrock_cache_ttl":"2h",` + lone[1:], `{"bedrock_auto_cache":"maybe",` + lone[1:]} {
			if r := w.ask(messagesAPI, anthropicUp, "", bad); r.status != 400 || !bytes.Contains(r.body, []byte("bedrock_")) {
				t.Errorf("answered %d: %s", r.status, r.body)
			}
		}
	})
}

// TestCacheKey: OpenAI is told which requests belong together.
func TestCacheKey(t *testing.T) {
	w := newWorld(t)
	key := func(from, to, body string, header ...string) string {
		w.up.answers(playDefault)
		w.ask(from, to, "", body, header...)
		v, _ := decoded(string(w.up.only(t).body))["prompt_cache_key"].(string)
		return v
	}
	on := []string{"X-Turnpike-Cache", "5m"}
	first, next := `{`+question+`}`, `{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"},{"role":"user","content":"b"}]}`
	for _, from := range []string{chatAPI, messagesAPI} {
		one := key(from, openaiUp, first, on...)
		if len(one) != 35 || one != key(from, openaiUp, next, on...) {
			t.Errorf("%s: %q, and another for the next turn", from, one)
		}
		if other := key(from, openaiUp, `{"messages":[{"role":"user","content":"other"}]}`, on...); other == one {
			t.Errorf("%s: one key for two conversations", from)
		}
		if named := key(from, openaiUp, first, append(on, "X-Claude-Code-Session-Id", "s")...); named == one || named != key(from, openaiUp, `{"messages":[{"role":"user","content":"other"}]}`, append(on, "X-Claude-Code-Session-Id", "s")...) {
			t.Errorf("%s: the session's name does not count", from)
		}
		if off := key(from, openaiUp, first); off != "" {
			t.Errorf("%s: %q where nobody asks", from, off)
		}
		if compat := key(from, compatUp, first, on...); compat != "" {
			t.Errorf("%s: %q for a compatible server", from, compat)
		}
	}
	if own := key(chatAPI, openaiUp, `{"prompt_cache_key":"mine",`+question+`}`, on...); own != "mine" {
		t.Errorf("the client's key became %q", own)
	}
}

// TestLifetimesInferred plays answers that tell writes without their lifetime.
func TestLifetimesInferred(t *testing.T) {
	untold := map[string]string{
		invokeUp:   strings.Replace(cachedStories["messages"], `"cache_creation":{"ephemeral_5m_input_tokens":20,"ephemeral_1h_input_tokens":30},`, "", 1),
		converseUp: strings.Replace(cachedStories["converse"], `"cacheDetails":[{"inputTokens":20,"ttl":"5m"},{"inputTokens":30,"ttl":"1h"}],`, "", 1),
	}
	for _, c := range []struct {
		name, from, to, policy, body string
		hour                         int64
	}{
		{"USE-07 the client's hour", messagesAPI, converseUp, "", `{"messages":[{"role":"user","content":[{"type":"text","text":"q",` + markHour + `}]}]}`, 50},
		{"USE-07 the client's hour", messagesAPI, invokeUp, "", `{"messages":[{"role":"user","content":[{"type":"text","text":"q",` + markHour + `}]}]}`, 50},
		{"USE-07 our hour", chatAPI, converseUp, "1h", `{"messages":[{"role":"user","content":"` + long + `"}]}`, 50},
		{"USE-07 five minutes", messagesAPI, converseUp, "5m", `{"messages":[{"role":"user","content":"` + long + `"}]}`, 0},
	} {
		for _, how := range []string{"whole", "streamed"} {
			t.Run(title(c.name+", "+how, c.from, c.to), func(t *testing.T) {
				w := newWorld(t)
				w.up.answers(playAnswer(untold[c.to]))
				body := c.body
				if how == "streamed" {
					body = streamed(body)
				}
				r := w.ask(c.from, c.to, "", body, "X-Turnpike-Cache", c.policy)
				if c.from == messagesAPI && c.to == converseUp && how == "whole" {
					check(t, "the client", r.body, is{"usage.cache_creation.ephemeral_1h_input_tokens": fmt.Sprint(c.hour)})
				}
				if u := w.attempt().Usage; u.CacheWrite1h != c.hour || u.CacheWrite5m != 50-c.hour {
					t.Errorf("recorded %+v", u)
				}
			})
		}
	}
}
