package conformance

import (
	"strings"
	"testing"
)

// TestBedrockExtras holds what only Bedrock has on whole pairs: it has no ids of
// cases.
func TestBedrockExtras(t *testing.T) {
	const extras = `"bedrock_guardrail_config":{"guardrailIdentifier":"abc1","guardrailVersion":"2"},"bedrock_performance_config":{"latency":"optimized"},` +
		`"bedrock_request_metadata":{"team":"blue"},"bedrock_additional_model_request_fields":{"thinking":{"type":"enabled","budget_tokens":2000}}`
	w := newWorld(t)
	for _, c := range []struct {
		name, from, to, body string
		header               []string
		want                 is
		sent                 map[string]string // headers at the upstream
		loss                 string
	}{
		{
			"in the body of Converse", chatAPI, converseUp, `{` + question + `,"max_tokens":9000,` + extras + `}`, nil,
			is{
				"guardrailConfig": `{"guardrailIdentifier":"abc1","guardrailVersion":"2"}`, "performanceConfig": `{"latency":"optimized"}`,
				"requestMetadata": `{"team":"blue"}`, "additionalModelRequestFields.thinking": `{"type":"enabled","budget_tokens":2000}`, "bedrock_guardrail_config": absent,
			},
			nil, "",
		},
		{
			"in the headers of InvokeModel, translated", chatAPI, invokeUp, `{` + question + `,"max_tokens":9000,` + extras + `}`, nil,
			is{"thinking": `{"type":"enabled","budget_tokens":2000}`, "bedrock_guardrail_config": absent, "bedrock_request_metadata": absent},
			map[string]string{"X-Amzn-Bedrock-GuardrailIdentifier": "abc1", "X-Amzn-Bedrock-GuardrailVersion": "2", "X-Amzn-Bedrock-PerformanceConfig-Latency": "optimized", "X-Amzn-Bedrock-Request-Metadata": `{"team":"blue"}`},
			"",
		},
		{
			"in the headers of InvokeModel, passing", messagesAPI, invokeUp, `{` + question + `,"max_tokens":9000,` + extras + `}`, nil,
			is{"thinking": `{"type":"enabled","budget_tokens":2000}`, "bedrock_guardrail_config": absent, "bedrock_additional_model_request_fields": absent},
			map[string]string{"X-Amzn-Bedrock-GuardrailIdentifier": "abc1", "X-Amzn-Bedrock-PerformanceConfig-Latency": "optimized"},
			"",
		},
		{
			"by headers", messagesAPI, invokeUp, `{` + question + `}`,
			[]string{"X-Bedrock-Guardrail-Id", "abc1", "X-Bedrock-Guardrail-Version", "DRAFT", "X-Bedrock-Trace", "enabled", "X-Bedrock-Service-Tier", "flex"},
			is{"max_tokens": "1000"},
			map[string]string{"X-Amzn-Bedrock-GuardrailIdentifier": "abc1", "X-Amzn-Bedrock-GuardrailVersion": "DRAFT", "X-Amzn-Bedrock-Trace": "ENABLED", "X-Amzn-Bedrock-Service-Tier": "flex"},
			"",
		},
		{
			"OpenAI's service tier", chatAPI, invokeUp, `{` + question + `,"service_tier":"priority"}`, nil,
			is{"service_tier": absent},
			map[string]string{"X-Amzn-Bedrock-Service-Tier": "priority"},
			"",
		},
		{
			"nowhere else", chatAPI, openaiUp + " " + anthropicUp, `{` + question + `,` + extras + `}`, nil,
			is{"bedrock_guardrail_config": absent, "bedrock_request_metadata": absent, "guardrailConfig": absent},
			map[string]string{"X-Amzn-Bedrock-GuardrailIdentifier": ""},
			"bedrock_guardrail_config (only Bedrock has such a setting)",
		},
	} {
		for to := range strings.FieldsSeq(c.to) {
			t.Run(title(c.name, c.from, to), func(t *testing.T) {
				w.up.answers(playDefault)
				r := w.ask(c.from, to, "", c.body, c.header...)
				if r.status != 200 {
					t.Fatalf("answered %d: %s", r.status, r.body)
				}
				got := w.up.only(t)
				check(t, "the upstream got", got.body, c.want)
				for name, value := range c.sent {
					if got.header.Get(name) != value {
						t.Errorf("%s is %q, want %q", name, got.header.Get(name), value)
					}
				}
				checkLoss(t, r.losses(), c.loss)
			})
		}
	}
	t.Run("what is wrong is refused", func(t *testing.T) {
		w.up.answers(playDefault)
		r := w.ask(chatAPI, converseUp, "", `{`+question+`}`, "X-Bedrock-Performance-Config", "{optimized}")
		if r.status != 400 || len(w.up.all()) != 0 || !strings.Contains(string(r.body), "X-Bedrock-Performance-Config") {
			t.Errorf("answered %d: %s", r.status, r.body)
		}
	})
}
