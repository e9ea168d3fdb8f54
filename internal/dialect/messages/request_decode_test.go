package messages

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
)

func TestDecodeRequest(t *testing.T) {
	const body = `{"model":"claude-x","max_tokens":100,"stream":true,"temperature":0.5,"top_p":0.9,"top_k":5,
	"stop_sequences":["END","x"],"metadata":{"user_id":"{\"device\":1}"},"service_tier":"auto","container":{"id":"c"},"mcp_servers":[],
	"system":[{"type":"text","text":"a"},{"type":"text","text":"b","cache_control":{"type":"ephemeral","ttl":"1h"}}],
	"thinking":{"type":"enabled","budget_tokens":31999,"display":"omitted"},
	"output_config":{"effort":"high","task_budget":{"total":1},"format":{"type":"json_schema","schema":{"type":"object"}}},
	"messages":[{"role":"user","content":"hi"},{"role":"system","content":[{"type":"text","text":"note"}]}]}`
	q := mustDecode(t, body)
	t.Run("PAR-05 every setting", func(t *testing.T) {
		if q.Model != "claude-x" || !q.Stream || *q.MaxTokens != 100 || *q.Temperature != 0.5 || *q.TopP != 0.9 || *q.TopK != 5 {
			t.Errorf("got %+v", q)
		}
		if !reflect.DeepEqual(q.Stop, []string{"END", "x"}) || q.User != `{"device":1}` || q.Tier != "auto" {
			t.Errorf("got %+v", q)
		}
		want := llm.Thought{Mode: llm.ThinkingBudget, Budget: 31999, Effort: "high", Display: "omitted"}
		if q.Thinking != want {
			t.Errorf("thinking %+v", q.Thinking)
		}
		if q.Format == nil || string(q.Format.Schema) != `{"type":"object"}` {
			t.Errorf("format %+v", q.Format)
		}
		var names []string
		for _, x := range q.Extra {
			if x.Dialect != name {
				t.Errorf("extra %+v", x)
			}
			names = append(names, x.Name)
		}
		if strings.Join(names, " ") != "container mcp_servers output_config.task_budget" {
			t.Errorf("extras %v", names)
		}
		if len(q.Losses) != 0 {
			t.Errorf("losses %v", q.Losses)
		}
	})
	t.Run("CACHE-02 markers kept", func(t *testing.T) {
		want := []llm.Part{say("a"), &llm.Text{Text: "b", Cache: &llm.Cache{TTL: "1h"}}}
		if !reflect.DeepEqual(q.System, want) {
			t.Errorf("system %v", q.System)
		}
	})
	t.Run("MSG-06 a system message stays where it is", func(t *testing.T) {
		if len(q.Turns) != 2 || q.Turns[1].Role != llm.System || len(q.System) != 2 {
			t.Errorf("turns %+v", q.Turns)
		}
	})
	t.Run("older output_format", func(t *testing.T) {
		q := mustDecode(t, `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}],"output_format":{"type":"json_schema","schema":{"a":1}}}`)
		if q.Format == nil || string(q.Format.Schema) != `{"a":1}` {
			t.Errorf("format %+v", q.Format)
		}
	})
	t.Run("InvokeModel bodies name no model", func(t *testing.T) {
		q := mustDecode(t, `{"anthropic_version":"bedrock-2023-05-31","max_tokens":1,"messages":[{"role":"user","content":"x"}]}`)
		if q.Model != "" || len(q.Extra) != 0 {
			t.Errorf("got %+v", q)
		}
	})
	t.Run("null is absent", func(t *testing.T) {
		q := mustDecode(t, `{"model":"m","max_tokens":1,"system":null,"tools":null,"thinking":null,"temperature":null,"messages":[{"role":"user","content":"x"}]}`)
		if q.Temperature != nil || q.System != nil || q.Tools != nil || q.Thinking.Mode != "" {
			t.Errorf("got %+v", q)
		}
	})
}

func TestDecodeBetas(t *testing.T) {
	h := http.Header{"Anthropic-Beta": {"a-1, b-2", "c-3"}}
	q, err := Dialect{}.DecodeRequest(h, []byte(`{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}],"anthropic_beta":["b-2","d-4"],"betas":["e-5"]}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a-1", "b-2", "c-3", "d-4", "e-5"}; !reflect.DeepEqual(q.Betas, want) {
		t.Errorf("HDR-02: %v, want %v", q.Betas, want)
	}
}

func TestDecodeBlocks(t *testing.T) {
	seal := llm.Seal("chat", &llm.Thinking{Text: "sealed thought"})
	cases := []struct {
		id, role, block string
		want            llm.Part
	}{
		{"text", "user", `{"type":"text","text":"hé"}`, say("hé")},
		{"type need not come first", "user", `{"text":"x","cache_control":{"type":"ephemeral"},"type":"text"}`, point("x")},
		{
			"TOOL-22 citations of a history", "assistant", `{"type":"text","text":"x","citations":[{"type":"web_search_result_location","encrypted_index":"E"}]}`,
			&llm.Text{Text: "x", Citations: []llm.Citation{citation([]byte(`{"type":"web_search_result_location","encrypted_index":"E"}`))}},
		},
		{"no citations", "assistant", `{"type":"text","text":"x","citations":[]}`, say("x")},
		{"image", "user", `{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}}`, &llm.Media{Kind: llm.Image, MIME: "image/png", Data: "AA=="}},
		{
			"MED-02 image by URL", "user", `{"type":"image","source":{"type":"url","url":"https://x/y.png"},"cache_control":{"type":"ephemeral"}}`,
			&llm.Media{Kind: llm.Image, URL: "https://x/y.png", Cache: &llm.Cache{}},
		},
		{"image by file", "user", `{"type":"image","source":{"type":"file","file_id":"f1"}}`, &llm.Media{Kind: llm.Image, FileID: "f1"}},
		{
			"MED-04 document", "user", `{"type":"document","title":"T","context":"C","citations":{"enabled":true},"source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0="}}`,
			&llm.Media{Kind: llm.Document, MIME: "application/pdf", Data: "JVBERi0=", Name: "T", Context: "C", Cite: true},
		},
		{
			"plain text document", "user", `{"type":"document","source":{"type":"text","media_type":"text/plain","data":"abc"}}`,
			&llm.Media{Kind: llm.Document, MIME: "text/plain", Text: "abc"},
		},
		{
			"MSG-17 document of blocks", "user", `{"type":"document","source":{"type":"content","content":[]}}`,
			&llm.Native{Dialect: name, Type: "document", Raw: []byte(`{"type":"document","source":{"type":"content","content":[]}}`)},
		},
		{"tool_use", "assistant", `{"type":"tool_use","id":"t1","name":"f","input":{"a":1.0},"caller":{"type":"direct"}}`, call("t1", "f", `{"a":1.0}`)},
		{"tool_result text", "user", `{"type":"tool_result","tool_use_id":"t1","content":"ok"}`, result("t1", say("ok"))},
		{"tool_result without content", "user", `{"type":"tool_result","tool_use_id":"t1"}`, result("t1")},
		{
			"TOOL-16 picture in a result", "user", `{"type":"tool_result","tool_use_id":"t1","is_error":true,"cache_control":{"type":"ephemeral"},"content":[{"type":"text","text":"a"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}}]}`,
			&llm.ToolResult{CallID: "t1", Error: true, Cache: &llm.Cache{}, Parts: []llm.Part{say("a"), &llm.Media{Kind: llm.Image, MIME: "image/png", Data: "AA=="}}},
		},
		{
			"tool reference", "user", `{"type":"tool_result","tool_use_id":"t1","content":[{"type":"tool_reference","tool_name":"x"}]}`,
			result("t1", &llm.Native{Dialect: name, Type: "tool_reference", Raw: []byte(`{"type":"tool_reference","tool_name":"x"}`)}),
		},
		{"thinking", "assistant", `{"type":"thinking","thinking":"hm","signature":"SIG"}`, &llm.Thinking{Text: "hm", Signature: "SIG"}},
		{"THK-03 omitted thinking", "assistant", `{"type":"thinking","thinking":"","signature":"SIG"}`, &llm.Thinking{Signature: "SIG"}},
		{"THK-06 redacted", "assistant", `{"type":"redacted_thinking","data":"DATA"}`, &llm.Thinking{Redacted: "DATA"}},
		{"a seal of ours", "assistant", `{"type":"thinking","thinking":"","signature":"` + seal + `"}`, &llm.Thinking{Text: "sealed thought", Signature: seal}},
		{
			"MED-06 search result", "user", `{"type":"search_result","source":"s","cache_control":{"type":"ephemeral","ttl":"5m"}}`,
			&llm.Native{Dialect: name, Type: "search_result", Cache: &llm.Cache{TTL: "5m"}, Raw: []byte(`{"type":"search_result","source":"s","cache_control":{"type":"ephemeral","ttl":"5m"}}`)},
		},
		{
			"TOOL-22 server tool", "assistant", `{"type":"server_tool_use","id":"s","name":"web_search","input":{}}`,
			&llm.Native{Dialect: name, Type: "server_tool_use", Raw: []byte(`{"type":"server_tool_use","id":"s","name":"web_search","input":{}}`)},
		},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			q := mustDecode(t, `{"model":"m","max_tokens":1,"messages":[{"role":"`+c.role+`","content":[`+c.block+`]}]}`)
			if !reflect.DeepEqual(q.Turns[0].Parts, []llm.Part{c.want}) {
				t.Errorf("got %+v, want %+v", q.Turns[0].Parts[0], c.want)
			}
			if len(q.Losses) > 0 {
				t.Errorf("losses %v", q.Losses)
			}
		})
	}
}

func TestDecodeTools(t *testing.T) {
	q := mustDecode(t, `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}],
	"tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true},
	"tools":[{"name":"f","description":"d","input_schema":{"type":"object"},"strict":true,"defer_loading":true,"cache_control":{"type":"ephemeral"}},
	{"type":"custom","name":"g","input_schema":{}},{"type":"web_search_20250305","name":"web_search","max_uses":2,"cache_control":{"type":"ephemeral"}}]}`)
	want := []llm.Tool{
		{
			Name: "f", Description: "d", Schema: []byte(`{"type":"object"}`), Strict: new(true), Cache: &llm.Cache{},
			Extra: []llm.Extra{{Dialect: name, Name: "defer_loading", Raw: []byte("true")}},
		},
		{Name: "g", Schema: []byte(`{}`)},
		{Name: "web_search", Native: &llm.Native{
			Dialect: name, Type: "web_search_20250305", Cache: &llm.Cache{},
			Raw: []byte(`{"type":"web_search_20250305","name":"web_search","max_uses":2,"cache_control":{"type":"ephemeral"}}`),
		}},
	}
	if !reflect.DeepEqual(q.Tools, want) {
		t.Errorf("tools %+v", q.Tools)
	}
	t.Run("TOOL-06 one call at a time", func(t *testing.T) {
		if q.Choice != (llm.Choice{Mode: llm.ChoiceTool, Name: "f"}) || q.Parallel == nil || *q.Parallel {
			t.Errorf("choice %+v %v", q.Choice, q.Parallel)
		}
	})
	for _, mode := range []string{"auto", "any", "none"} {
		t.Run("TOOL-01 "+mode, func(t *testing.T) {
			q := mustDecode(t, `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}],"tool_choice":{"type":"`+mode+`"}}`)
			if string(q.Choice.Mode) != mode || q.Parallel != nil {
				t.Errorf("choice %+v", q.Choice)
			}
		})
	}
}

func TestDecodeRequestErrors(t *testing.T) {
	body := func(members string) string { return `{"model":"m","max_tokens":1,` + members + `}` }
	msg := func(role, content string) string {
		return body(`"messages":[{"role":"user","content":"x"},{"role":"` + role + `","content":` + content + `}]`)
	}
	cases := []struct{ id, body, param, words string }{
		{"not JSON", `{"model":`, "model", "ends too early"},
		{"no object", `[1]`, "", "must be an object"},
		{"trailing", body(`"messages":[{"role":"user","content":"x"}]`) + "x", "", "more text"},
		{"no model", `{"max_tokens":1,"messages":[{"role":"user","content":"x"}]}`, "model", "model: Field required"},
		{"no max_tokens", `{"model":"m","messages":[{"role":"user","content":"x"}]}`, "max_tokens", "max_tokens: Field required"},
		{"max_tokens 0", `{"model":"m","max_tokens":0,"messages":[{"role":"user","content":"x"}]}`, "max_tokens", "greater than or equal to 1"},
		{"no messages", `{"model":"m","max_tokens":1}`, "messages", "at least one message is required"},
		{"wrong type", `{"model":"m","max_tokens":"1","messages":[]}`, "max_tokens", "must be a number"},
		{"role", msg("tool", `"x"`), "messages[1].role", `Unexpected role "tool"`},
		{"no content", body(`"messages":[{"role":"user"}]`), "messages[0].content", "Field required"},
		{"content a number", msg("assistant", `5`), "messages[1].content", "must be a string or a list"},
		{"block a string", msg("assistant", `["x"]`), "messages[1].content[0]", "must be an object"},
		{"block without type", msg("assistant", `[{"text":"x"}]`), "messages[1].content[0].type", "Field required"},
		{"text without text", msg("assistant", `[{"type":"text"}]`), "messages[1].content[0].text", "Field required"},
		{"nested wrong type", msg("user", `[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":7}]}]`), "messages[1].content[0].content[0].text", "must be a string"},
		{"result in an assistant's turn", msg("assistant", `[{"type":"tool_result","tool_use_id":"a"}]`), "messages[1].content[0]", "can only be in `user` messages"},
		{"call in a user's turn", msg("user", `[{"type":"tool_use","id":"a","name":"f","input":{}}]`), "messages[1].content[0]", "can only be in `assistant` messages"},
		{"call in a result", msg("user", `[{"type":"tool_result","tool_use_id":"a","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]}]`), "messages[1].content[0].content[0]", "text, images and documents"},
		{"input a string", msg("assistant", `[{"type":"tool_use","id":"a","name":"f","input":"{}"}]`), "messages[1].content[0].input", "must be an object"},
		{"call without id", msg("assistant", `[{"type":"tool_use","name":"f","input":{}}]`), "messages[1].content[0].id", "Field required"},
		{"result without id", msg("user", `[{"type":"tool_result"}]`), "messages[1].content[0].tool_use_id", "Field required"},
		{"image in system", body(`"system":[{"type":"image","source":{"type":"url","url":"u"}}],"messages":[{"role":"user","content":"x"}]`), "system[0]", "only text"},
		{"tool without schema", body(`"messages":[{"role":"user","content":"x"}],"tools":[{"name":"f"}]`), "tools[0].input_schema", "Field required"},
		{"tool choice", body(`"messages":[{"role":"user","content":"x"}],"tool_choice":{"type":"required"}`), "tool_choice.type", "auto, any, tool or none"},
		{"tool choice a string", body(`"messages":[{"role":"user","content":"x"}],"tool_choice":"any"`), "tool_choice", "must be an object"},
		{"thinking", body(`"messages":[{"role":"user","content":"x"}],"thinking":{"type":"on"}`), "thinking.type", "enabled, adaptive or disabled"},
		{"thinking without budget", body(`"messages":[{"role":"user","content":"x"}],"thinking":{"type":"enabled"}`), "thinking.budget_tokens", "Field required"},
		{"format", body(`"messages":[{"role":"user","content":"x"}],"output_config":{"format":{"type":"json_object"}}`), "output_config.format.type", "json_schema"},
	}
	for _, c := range cases {
		t.Run(c.id, func(t *testing.T) {
			_, err := Dialect{}.DecodeRequest(http.Header{}, []byte(c.body))
			var e *llm.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			if e.Kind != llm.ErrInvalid || e.Param != c.param || !strings.Contains(e.Message, c.words) {
				t.Errorf("got %q at %q, want %q at %q", e.Message, e.Param, c.words, c.param)
			}
		})
	}
}

func TestDecodeLosses(t *testing.T) {
	q := mustDecode(t, `{"model":"m","max_tokens":1,"metadata":{"user_id":"u","team":"t"},"thinking":{"type":"disabled","x":1},
	"messages":[{"role":"user","id":"7","content":[{"type":"text","text":"x","new":1,"cache_control":{"type":"ephemeral","scope":"g"}},
	{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"y","odd":true}]}]}]}`)
	for _, path := range []string{
		"metadata.team", "thinking.x", "messages[0].id", "messages[0].content[0].new",
		"messages[0].content[0].cache_control.scope", "messages[0].content[1].content[0].odd",
	} {
		if !lost(q.Lost(""), path+": "+lossUnknown) {
			t.Errorf("no loss at %s: %v", path, q.Lost(""))
		}
	}
	if len(q.Lost("")) != 6 || len(q.Lost(name)) != 0 {
		t.Errorf("losses %v", q.Lost(""))
	}
}

func TestDecodeLossesAreBounded(t *testing.T) {
	body := `{"model":"m","max_tokens":1,"messages":[` + strings.Repeat(`{"role":"user","content":"x","a":1},`, 500) + `{"role":"user","content":"x"}]}`
	if losses := mustDecode(t, body).Lost(""); len(losses) > 66 || losses[len(losses)-1].Path != "..." {
		t.Errorf("%d losses", len(losses))
	}
}
