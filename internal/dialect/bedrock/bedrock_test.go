package bedrock

import (
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

func parse(t *testing.T, body string) wire.Object {
	t.Helper()
	o, err := wire.ParseObject([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func sameJSON(t *testing.T, got []byte, want string) bool {
	t.Helper()
	var a, b any
	if err := json.Unmarshal(got, &a); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatalf("%v: %s", err, want)
	}
	return reflect.DeepEqual(a, b)
}

func TestNothing(t *testing.T) {
	for _, c := range []struct {
		body string
		h    http.Header
	}{
		{`{"model":"m","messages":[]}`, headers("Content-Type", "application/json")},
		{`{"model":"m","bedrock":1,"bedrock_":2}`, headers("X-Amzn-Bedrock-Accept", "application/json")},
		{`{"model":"m","bedrock_auto_cache":true}`, nil}, // prompt caching is another's affair
	} {
		if e, edits, err := Read(parse(t, c.body), c.h); e != nil || len(edits) > 0 || err != nil {
			t.Errorf("%s: %+v %v %v", c.body, e, edits, err)
		}
	}
	o := parse(t, `{"model":"m","messages":[],"stream":true}`)
	h := headers("Content-Type", "application/json", "Authorization", "Bearer x", "Anthropic-Version", "1")
	if n := testing.AllocsPerRun(100, func() { _, _, _ = Read(o, h) }); n != 0 {
		t.Errorf("%v allocations for a request that asks for nothing", n)
	}
}

const everything = `{"model":"m",
	"bedrock_guardrail_config":{"guardrailIdentifier":"abc1","guardrailVersion":"2","trace":"ENABLED","streamProcessingMode":"async"},
	"bedrock_performance_config":{"latency":"optimized"},
	"bedrock_service_tier":"flex",
	"bedrock_additional_model_request_fields":{"thinking":{"type":"enabled","budget_tokens":2000},"top_k":7,"custom":{"a":1.0}},
	"bedrock_prompt_variables":{"name":{"text":"Ada"},"city":"Ulm"},
	"bedrock_additional_model_response_field_paths":["/stop_sequence"],
	"bedrock_request_metadata":{"team":"blue"},
	"messages":[]}`

func TestConverse(t *testing.T) {
	e, edits, err := Read(parse(t, everything), nil)
	if err != nil {
		t.Fatal(err)
	}
	if left := parse(t, everything).Apply(edits...); !sameJSON(t, left, `{"model":"m","messages":[]}`) {
		t.Errorf("left in the body: %s", left)
	}
	const rest = `"performanceConfig":{"latency":"optimized"},"serviceTier":{"type":"flex"},
		"promptVariables":{"name":{"text":"Ada"},"city":{"text":"Ulm"}},"additionalModelResponseFieldPaths":["/stop_sequence"],"requestMetadata":{"team":"blue"},
		"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":2000},"top_k":7,"custom":{"a":1.0},"kept":true}`
	for stream, guard := range map[bool]string{
		true:  `{"guardrailIdentifier":"abc1","guardrailVersion":"2","trace":"enabled","streamProcessingMode":"async"}`,
		false: `{"guardrailIdentifier":"abc1","guardrailVersion":"2","trace":"enabled"}`,
	} {
		body, losses, err := e.Converse([]byte(`{"messages":[],"additionalModelRequestFields":{"kept":true,"top_k":1}}`), stream)
		if err != nil || !sameJSON(t, body, `{"messages":[],"guardrailConfig":`+guard+`,`+rest+`}`) {
			t.Errorf("%v %s", err, body)
		}
		if (len(losses) == 0) != stream {
			t.Errorf("%v", losses)
		}
	}
}

func TestInvoke(t *testing.T) {
	e, _, err := Read(parse(t, everything), nil)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	e.Headers(h)
	want := headers("X-Amzn-Bedrock-GuardrailIdentifier", "abc1", "X-Amzn-Bedrock-GuardrailVersion", "2", "X-Amzn-Bedrock-Trace", "ENABLED",
		"X-Amzn-Bedrock-PerformanceConfig-Latency", "optimized", "X-Amzn-Bedrock-Service-Tier", "flex", "X-Amzn-Bedrock-Request-Metadata", `{"team":"blue"}`)
	if !reflect.DeepEqual(h, want) {
		t.Errorf("%v", h)
	}
	body, losses, err := e.Invoke([]byte(`{"messages":[],"top_k":1}`))
	if err != nil || !sameJSON(t, body, `{"messages":[],"top_k":7,"thinking":{"type":"enabled","budget_tokens":2000},"custom":{"a":1.0}}`) {
		t.Errorf("%v %s", err, body)
	}
	if got := llm.LossHeader(losses); !strings.Contains(got, "bedrock_prompt_variables") || !strings.Contains(got, "bedrock_additional_model_response_field_paths") || !strings.Contains(got, "processing mode") || len(losses) != 3 {
		t.Error(got)
	}
}

func TestOnto(t *testing.T) {
	e, _, err := Read(parse(t, `{"bedrock_additional_model_request_fields":{"thinking":{"type":"enabled","budget_tokens":2000},"top_k":7,"effort":"low","anthropic_beta":["b"],"custom":1,"reasoning_effort":{}}}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	req := &llm.Request{Betas: []string{"a"}}
	got, rest := e.Onto(req)
	if got.Thinking != (llm.Thought{Mode: llm.ThinkingBudget, Budget: 2000, Effort: "low"}) || *got.TopK != 7 || len(got.Betas) != 2 {
		t.Errorf("%+v", got)
	}
	if string(rest.fields.Bytes()) != `{"custom":1,"reasoning_effort":{}}` || len(e.fields.Members()) != 6 || req.TopK != nil || len(req.Betas) != 1 {
		t.Errorf("%s", rest.fields.Bytes())
	}
	if losses := rest.Elsewhere("why"); len(losses) != 1 || losses[0] != (llm.Loss{Kind: llm.LossDropped, Path: "bedrock_additional_model_request_fields", Reason: "why", Count: 1}) {
		t.Errorf("%v", losses)
	}
	only, _, err := Read(parse(t, `{"bedrock_additional_model_request_fields":{"top_k":7}}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, rest := only.Onto(req); len(rest.Elsewhere("why")) != 0 {
		t.Error("a field that was put to use is called lost")
	}
}

// TestForInvoke: a guardrail that a client of Converse asks for holds as well where
// its model is called by InvokeModel.
func TestForInvoke(t *testing.T) {
	extra := func(name, raw string) llm.Extra { return llm.Extra{Dialect: "converse", Name: name, Raw: []byte(raw)} }
	req := &llm.Request{Tier: "flex", Extra: []llm.Extra{
		extra("guardrailConfig", `{"guardrailIdentifier":"abc1","guardrailVersion":"2","trace":"enabled"}`),
		extra("performanceConfig", `{"latency":"what"}`), extra("requestMetadata", `{"a":"b"}`), extra("other", `1`),
		{Dialect: "messages", Name: "guardrailConfig", Raw: []byte(`{}`)},
	}}
	got, e := ForInvoke(req, nil)
	h := http.Header{}
	e.Headers(h)
	want := headers("X-Amzn-Bedrock-GuardrailIdentifier", "abc1", "X-Amzn-Bedrock-GuardrailVersion", "2", "X-Amzn-Bedrock-Trace", "ENABLED",
		"X-Amzn-Bedrock-Service-Tier", "flex", "X-Amzn-Bedrock-Request-Metadata", `{"a":"b"}`)
	if !reflect.DeepEqual(h, want) || got.Tier != "" || len(got.Extra) != 3 || len(req.Extra) != 5 || req.Tier != "flex" {
		t.Errorf("%v %+v", h, got)
	}
	said, _, err := Read(parse(t, `{}`), headers("X-Bedrock-Guardrail-Id", "mine", "X-Bedrock-Guardrail-Version", "1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, e := ForInvoke(req, said); e.guardrail != "mine" || said.tier != "" {
		t.Errorf("the header does not win: %+v", e)
	}
	plain := &llm.Request{Tier: "default"}
	if got, e := ForInvoke(plain, nil); got != plain || e != nil {
		t.Errorf("nothing is asked for: %+v %+v", got, e)
	}
}

func TestHeadersWin(t *testing.T) {
	for _, c := range []struct {
		body string
		h    http.Header
		want string // Converse's body, streamed
	}{
		{
			`{"bedrock_guardrail_config":{"guardrail_identifier":"abc1","guardrail_version":1},"bedrock_trace":"disabled"}`,
			headers("X-Bedrock-Guardrail-Id", "zz9", "X-Bedrock-Guardrail-Version", "DRAFT", "X-Bedrock-Trace", "ENABLED_FULL"),
			`{"guardrailConfig":{"guardrailIdentifier":"zz9","guardrailVersion":"DRAFT","trace":"enabled_full"}}`,
		},
		{
			`{}`, headers("X-Amzn-Bedrock-GuardrailIdentifier", "arn:aws:bedrock:us-east-1:123456789012:guardrail/abc", "X-Amzn-Bedrock-GuardrailVersion", "7",
				"X-Amzn-Bedrock-PerformanceConfig-Latency", "standard", "X-Amzn-Bedrock-Service-Tier", "priority", "X-Amzn-Bedrock-Request-Metadata", `{"a":"b"}`),
			`{"guardrailConfig":{"guardrailIdentifier":"arn:aws:bedrock:us-east-1:123456789012:guardrail/abc","guardrailVersion":"7"},"performanceConfig":{"latency":"standard"},"serviceTier":{"type":"priority"},"requestMetadata":{"a":"b"}}`,
		},
		{
			`{"bedrock_performance_config":{"latency":"standard"},"bedrock_request_metadata":null}`,
			headers("X-Bedrock-Performance-Config", `{"latency":"optimized"}`, "X-Bedrock-Additional-Fields", `{"k":1}`, "X-Bedrock-Prompt-Variables", `{"v":"x"}`,
				"X-Bedrock-Response-Field-Paths", `["/a"]`, "X-Bedrock-Request-Metadata", `{"t":"u"}`),
			`{"performanceConfig":{"latency":"optimized"},"additionalModelRequestFields":{"k":1},"promptVariables":{"v":{"text":"x"}},"additionalModelResponseFieldPaths":["/a"],"requestMetadata":{"t":"u"}}`,
		},
	} {
		e, _, err := Read(parse(t, c.body), c.h)
		if err != nil {
			t.Errorf("%s: %v", c.body, err)
			continue
		}
		if got, losses, err := e.Converse([]byte(`{}`), true); err != nil || len(losses) > 0 || !sameJSON(t, got, c.want) {
			t.Errorf("%v %v %s\nwant %s", err, losses, got, c.want)
		}
	}
	trace, _, err := Read(parse(t, `{"bedrock_trace":true}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, losses, _ := trace.Converse([]byte(`{}`), false); string(body) != "{}" || len(losses) != 1 {
		t.Errorf("a trace of nothing: %s %v", body, losses)
	}
	if e, edits, err := Read(parse(t, `{"bedrock_trace":null}`), nil); e != nil || len(edits) != 1 || err != nil {
		t.Errorf("null says nothing: %v %v %v", e, edits, err)
	}
}

func TestRefused(t *testing.T) {
	long := strings.Repeat("x", 257)
	for _, c := range []struct {
		body string
		h    http.Header
		want string
	}{
		{`{"bedrock_guardrail_config":{"guardrailIdentifier":"abc1"}}`, nil, "bedrock_guardrail_config: a guardrail needs"},
		{`{"bedrock_guardrail_config":{"guardrailIdentifier":"A B","guardrailVersion":"1"}}`, nil, "identifier must be its id or its ARN"},
		{`{"bedrock_guardrail_config":{"guardrailIdentifier":"a","guardrailVersion":"latest"}}`, nil, "a number or DRAFT"},
		{`{"bedrock_guardrail_config":{"guardrailIdentifier":"a","guardrailVersion":"1","mode":"x"}}`, nil, "bedrock_guardrail_config: mode: a guardrail has no such setting"},
		{`{"bedrock_guardrail_config":"abc"}`, nil, "bedrock_guardrail_config: "},
		{`{}`, headers("X-Bedrock-Guardrail-Version", "1"), "header X-Bedrock-Guardrail-Version: a guardrail needs"},
		{`{"bedrock_trace":"loud"}`, nil, "bedrock_trace: must be one of enabled, disabled, enabled_full"},
		{`{"bedrock_performance_config":{"latency":"fast"}}`, nil, "bedrock_performance_config: latency: must be one of standard, optimized"},
		{`{"bedrock_performance_config":{"speed":"fast"}}`, nil, "no such setting"},
		{`{}`, headers("X-Bedrock-Performance-Config", "optimized"), "header X-Bedrock-Performance-Config: "},
		{`{}`, headers("X-Bedrock-Service-Tier", "gold"), "must be one of default, priority, flex, reserved"},
		{`{"bedrock_additional_model_request_fields":[1]}`, nil, "bedrock_additional_model_request_fields: must be an object"},
		{`{}`, headers("X-Bedrock-Additional-Fields", `{"a":1,"a":2}`), "each there once"},
		{`{}`, headers("X-Bedrock-Additional-Fields", `{"a":1} x`), "more text"},
		{`{"bedrock_prompt_variables":{"a":{"txt":"x"}}}`, nil, "a prompt variable has a text only"},
		{`{"bedrock_additional_model_response_field_paths":["stop"]}`, nil, "[0]: must be one of at most 10 JSON pointers"},
		{`{"bedrock_additional_model_response_field_paths":["/1","/2","/3","/4","/5","/6","/7","/8","/9","/10","/11"]}`, nil, "[10]: must be one of at most 10"},
		{`{"bedrock_request_metadata":{"a":1}}`, nil, "bedrock_request_metadata: a: "},
		{`{"bedrock_request_metadata":{"a":"` + long + `"}}`, nil, "at most 256"},
		{`{"bedrock_request_metadata":{"a":"x\r\ny"}}`, nil, "at most 256"},
		{`{"bedrock_request_metadata":{"a":"é"}}`, nil, "at most 256"},
	} {
		_, _, err := Read(parse(t, c.body), c.h)
		var e *llm.Error
		if !errors.As(err, &e) || e.Kind != llm.ErrInvalid || e.Param == "" || !strings.Contains(e.Message, c.want) {
			t.Errorf("%s %v: %v, want %s", c.body, c.h, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(everything, "")
	f.Add(`{"bedrock_trace":true}`, `{"a":"b"}`)
	f.Add(`{"bedrock_request_metadata":{"a":"b"}}`, "DRAFT")
	f.Fuzz(func(t *testing.T, body, header string) {
		o, err := wire.ParseObject([]byte(body))
		if err != nil {
			return
		}
		h := http.Header{}
		for _, s := range sources {
			if s.header != "" && header != "" {
				h[s.header] = []string{header}
			}
		}
		e, edits, err := Read(o, h)
		if err != nil || e == nil {
			return
		}
		if left := o.Apply(edits...); !json.Valid(left) && json.Valid([]byte(body)) {
			t.Errorf("left %s", left)
		}
		for _, put := range []func() ([]byte, []llm.Loss, error){
			func() ([]byte, []llm.Loss, error) { return e.Converse([]byte(`{"x":1}`), true) },
			func() ([]byte, []llm.Loss, error) { return e.Invoke([]byte(`{"x":1}`)) },
		} {
			if out, _, err := put(); err != nil || !wire.Valid(out, '{') {
				t.Errorf("%v %s", err, out)
			}
		}
		sent := http.Header{}
		e.Headers(sent)
		for name, v := range sent {
			if strings.ContainsAny(v[0], "\r\n\x00") {
				t.Errorf("%s: %q", name, v)
			}
		}
	})
}
