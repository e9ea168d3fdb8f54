package conformance

import (
	"net/http"
	"testing"

	"turnpike/internal/limit"
	"turnpike/internal/tenancy"
)

// TestOwnLimits: what a limit of this gateway is to clients of each API. It is not to be
// taken for an upstream's, and one that waiting does not help is not asked again.
func TestOwnLimits(t *testing.T) {
	const question = `{"model":"m","messages":[{"role":"user","content":"q"}],"max_tokens":10}`
	for _, c := range []struct {
		api, path, body string
		says            is
	}{
		{chatAPI, "/v1/chat/completions", question, is{"error.type": `"requests"`, "error.code": `"gateway_rate_limit_exceeded"`, "error.param": "null"}},
		{answersAPI, "/v1/responses", `{"model":"m","input":"q"}`, is{"error.type": `"requests"`, "error.code": `"gateway_rate_limit_exceeded"`}},
		{messagesAPI, "/v1/messages", question, is{"type": `"error"`, "error.type": `"rate_limit_error"`}},
		{geminiAPI, "/v1beta/models/m:generateContent", `{"contents":[{"parts":[{"text":"q"}]}]}`, is{"error.status": `"RESOURCE_EXHAUSTED"`, "error.code": "429"}},
		{converseAPI, "/model/m/converse", `{"messages":[{"role":"user","content":[{"text":"q"}]}]}`, is{"message": "~rate limit of this gateway"}},
		{invokeAPI, "/model/m/invoke", question, is{"message": "~rate limit of this gateway"}},
	} {
		one, none := int64(1), int64(0)
		for name, rule := range map[string]limit.Rule{
			"ERR-08 BUD-05 " + c.api: {RPM: &one},
			"ERR-13 " + c.api:        {TPM: &none},
		} {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t, func(s *setup) {
					s.chain = tenancy.Chain{{Kind: tenancy.Key, ID: "key_1", Name: "laptop", Limits: rule}}
				})
				if rule.RPM != nil { // the one request that may be made; that nobody has the model is another matter
					w.do(http.MethodPost, c.path, c.body)
				}
				r := w.do(http.MethodPost, c.path, c.body)
				if r.status != 429 || r.header.Get("X-Turnpike-Error-Source") != "gateway" || r.header.Get("X-Turnpike-Upstream-Status") != "" {
					t.Fatalf("%d %v %s", r.status, r.header, r.body)
				}
				waits := r.header.Get("Retry-After") != "" && r.header.Get("Retry-After-Ms") != "" && r.header.Get("X-Should-Retry") == ""
				never := r.header.Get("Retry-After") == "" && r.header.Get("Retry-After-Ms") == "" && r.header.Get("X-Should-Retry") == "false"
				if waits != (rule.RPM != nil) || never != (rule.TPM != nil) {
					t.Errorf("%v", r.header)
				}
				if rule.RPM != nil {
					check(t, c.path, r.body, c.says)
				}
			})
		}
	}
}
