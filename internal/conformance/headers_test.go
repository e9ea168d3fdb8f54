package conformance

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"turnpike/internal/policy"
	"turnpike/internal/route"
)

func TestBetas(t *testing.T) {
	const flags = "claude-code-20250219,interleaved-thinking-2025-05-14,advanced-tool-use-2025-11-20,oauth-2025-04-20,mcp-servers-2099-01-01,prompt-caching-scope-2026-01-05,fast-mode-2026-02-01,redact-thinking-2026-02-12,token-efficient-tools-2026-03-28"
	w := newWorld(t)
	t.Run(title("HDR-01 an open list for Anthropic", messagesAPI, anthropicUp), func(t *testing.T) {
		w.up.answers(playDefault)
		w.ask(messagesAPI, anthropicUp, "", `{`+question+`}`, "Anthropic-Beta", flags, "Anthropic-Version", "2024-10-22", "Anthropic-New-Thing", "yes", "X-Custom", "no")
		h := w.up.only(t).header
		if h.Get("Anthropic-Beta") != flags || h.Get("Anthropic-Version") != "2024-10-22" || h.Get("Anthropic-New-Thing") != "yes" || h.Get("X-Custom") != "" {
			t.Errorf("the upstream got %v", h)
		}
	})
	for _, c := range []struct {
		name, to, header, body string
		path, want             string
		loss                   string
	}{
		{"HDR-01 Bedrock gets in the body what the model takes", invokeUp, flags, `{` + question + `}`, "anthropic_beta", `["interleaved-thinking-2025-05-14","tool-search-tool-2025-10-19"]`, "oauth-2025-04-20"},
		{"HDR-01 Bedrock gets in the body what the model takes", converseUp, flags, `{` + question + `}`, "additionalModelRequestFields.anthropic_beta", "~interleaved-thinking-2025-05-14", "oauth-2025-04-20"},
		{"HDR-01 nothing that it refuses", converseUp, flags, `{` + question + `}`, "additionalModelRequestFields.anthropic_beta", "!oauth", "mcp-servers-2099-01-01"},
		{
			"HDR-02 flags of header and body are one list", invokeUp, "interleaved-thinking-2025-05-14", `{` + question + `,"anthropic_beta":["context-1m-2025-08-07","interleaved-thinking-2025-05-14"]}`, "anthropic_beta",
			`["interleaved-thinking-2025-05-14","context-1m-2025-08-07"]`, "",
		},
		{
			"HDR-02 flags of header and body are one list", converseUp, "interleaved-thinking-2025-05-14", `{` + question + `,"anthropic_beta":["context-1m-2025-08-07","interleaved-thinking-2025-05-14"]}`, "additionalModelRequestFields.anthropic_beta",
			`["interleaved-thinking-2025-05-14","context-1m-2025-08-07"]`, "",
		},
		{"HDR-03 a flag and its member stay together", invokeUp, "context-management-2025-06-27", `{` + question + `,"context_management":{"edits":[]}}`, "context_management", `{"edits":[]}`, ""},
		{"HDR-03 a member goes with its flag", invokeUp, "structured-outputs-2025-11-13", `{` + question + `,"output_format":{"type":"json_schema","schema":{"type":"object"}}}`, "output_format", absent, "output_format"},
		{"HDR-03 a flag without its member is not sent", invokeUp, "structured-outputs-2025-11-13", `{` + question + `,"output_format":{"type":"json_schema","schema":{"type":"object"}}}`, "anthropic_beta", absent, "structured-outputs-2025-11-13"},
		{"HDR-03 a member without a flag at Converse", converseUp, "", `{` + question + `,"context_management":{"edits":[]}}`, "", "!context_management", "context_management"},
		{"HDR-03 deferred tools keep their flag", invokeUp, "advanced-tool-use-2025-11-20", `{` + question + `,"tools":[{"name":"read","input_schema":{"type":"object"},"defer_loading":true}]}`, "", "~defer_loading", ""},
		{"HDR-03 deferred tools keep their flag", invokeUp, "advanced-tool-use-2025-11-20", `{` + question + `,"tools":[{"name":"read","input_schema":{"type":"object"},"defer_loading":true}]}`, "anthropic_beta", `["tool-search-tool-2025-10-19"]`, ""},
	} {
		t.Run(title(c.name, messagesAPI, c.to), func(t *testing.T) {
			w.up.answers(playDefault)
			r := w.ask(messagesAPI, c.to, "", c.body, "Anthropic-Beta", c.header)
			s := w.up.only(t)
			check(t, "the upstream got", s.body, is{c.path: c.want})
			if s.header.Get("Anthropic-Beta") != "" {
				t.Errorf("Bedrock got a header %q", s.header.Get("Anthropic-Beta"))
			}
			checkLoss(t, r.losses(), c.loss)
		})
	}
}

func TestTomorrowsClient(t *testing.T) {
	w := newWorld(t)
	for _, a := range []ask{
		{
			"HDR-04 unknown members go through at every depth", messagesAPI, anthropicUp, "",
			`{"messages":[{"role":"user","content":[{"type":"text","text":"q","tone":"kind"}],"mood":1}],"tools":[{"name":"read","input_schema":{"type":"object"},"new_flag":true}],"future":{"x":[1]}}`,
			is{"messages.0.content.0.tone": `"kind"`, "messages.0.mood": "1", "tools.0.new_flag": "true", "future": `{"x":[1]}`},
			"",
		},
		{
			"HDR-04 unknown members go through at every depth", chatAPI, chatUps, "",
			`{"messages":[{"role":"user","content":[{"type":"text","text":"q","tone":"kind"}],"mood":1}],"future":{"x":[1]}}`,
			is{"messages.0.content.0.tone": `"kind"`, "messages.0.mood": "1", "future": `{"x":[1]}`},
			"",
		},
		{
			"HDR-04 elsewhere they are named and the request is answered", messagesAPI, converseUp, "",
			`{"messages":[{"role":"user","content":[{"type":"text","text":"q","tone":"kind"}]}],"future":{"x":[1]}}`,
			is{"messages.0.content": `[{"text":"q"}]`},
			"future",
		},
	} {
		a.run(t, w)
	}
}

// TestSignature computes the signature anew from what reached the upstream.
func TestSignature(t *testing.T) {
	const arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0"
	w := newWorld(t)
	for to, op := range map[string]string{invokeUp: "invoke", converseUp: "converse"} {
		for how, op := range map[string]string{"": op, ", streamed": map[string]string{"invoke": "invoke-with-response-stream", "converse": "converse-stream"}[op]} {
			t.Run(title("HDR-05 HDR-06 an ARN is escaped once, and path and host are those that are signed", messagesAPI, to)+how, func(t *testing.T) {
				w.up.answers(playDefault)
				body := `{` + question + `}`
				if how != "" {
					body = streamed(body)
				}
				w.ask(messagesAPI, to, arn, body)
				s := w.up.only(t)
				want := "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.anthropic.claude-sonnet-4-5-20250929-v1%3A0/" + op
				if s.uri != want {
					t.Errorf("called %s, want %s", s.uri, want)
				}
				if got, again := s.header.Get("Authorization"), signedAgain(t, s); got != again {
					t.Errorf("signed as\n%s, but what arrived signs as\n%s", got, again)
				}
			})
		}
	}
}

// signedAgain signs a request as it arrived.
func signedAgain(t *testing.T, s *sent) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.host+"/"+s.account+s.uri, bytes.NewReader(s.body))
	if err != nil {
		t.Fatal(err)
	}
	_, signed, _ := strings.Cut(s.header.Get("Authorization"), "SignedHeaders=")
	signed, _, _ = strings.Cut(signed, ",")
	for name := range strings.SplitSeq(signed, ";") {
		if name != "host" && name != "content-length" {
			r.Header[http.CanonicalHeaderKey(name)] = s.header[http.CanonicalHeaderKey(name)]
		}
	}
	at, err := time.Parse("20060102T150405Z", s.header.Get("X-Amz-Date"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(s.body)
	err = v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: awsKeyID, SecretAccessKey: awsSecret}, r, hex.EncodeToString(sum[:]), "bedrock", awsRegion, at)
	if err != nil {
		t.Fatal(err)
	}
	return r.Header.Get("Authorization")
}

func TestKeys(t *testing.T) {
	w := newWorld(t)
	for _, from := range []string{chatAPI, messagesAPI} {
		for _, c := range []struct {
			name, bearer, key string
			want              int
		}{
			{"HDR-07 a bearer", "Bearer " + clientKey, "", 200},
			{"HDR-07 an x-api-key", "", clientKey, 200},
			{"HDR-07 the same in both", "Bearer " + clientKey, clientKey, 200},
			{"HDR-07 two that differ are refused", "Bearer " + clientKey, "sk-ant-api03_of-another", 401},
			{"HDR-07 two that differ are refused, whichever is right", "Bearer sk-ant-api03_of-another", clientKey, 401},
			{"HDR-07 none", "", "", 401},
		} {
			to := map[string]string{chatAPI: openaiUp, messagesAPI: anthropicUp}[from]
			t.Run(title(c.name, from, to), func(t *testing.T) {
				w.up.answers(playDefault)
				r := w.ask(from, to, "", `{`+question+`}`, "Authorization", c.bearer, "X-Api-Key", c.key)
				if r.status != c.want {
					t.Fatalf("answered %d: %s", r.status, r.body)
				}
				if c.want != http.StatusOK {
					return
				}
				h := w.up.only(t).header
				if all := fmt.Sprint(h); strings.Contains(all, clientKey) || !strings.Contains(all, upstreamKey) {
					t.Errorf("the upstream got %v", h)
				}
			})
		}
	}
}

func TestPathsThatClientsAsk(t *testing.T) {
	w := newWorld(t)
	t.Run("HDR-08 a query on /v1/messages is passed over", func(t *testing.T) {
		for _, path := range []string{"/v1/messages?beta=true", "/v1/v1/messages?beta=true"} {
			w.up.answers(playDefault)
			if r := w.do(http.MethodPost, path, clientBody(messagesAPI, anthropicUp, "", `{`+question+`}`)); r.status != http.StatusOK {
				t.Errorf("%s answered %d: %s", path, r.status, r.body)
			}
		}
	})
	t.Run("HDR-09 the list of models in the shape the headers ask for", func(t *testing.T) {
		r := w.do(http.MethodGet, "/v1/models", "", "Anthropic-Version", "2023-06-01", "Authorization", "", "X-Api-Key", clientKey)
		check(t, "Claude's client got", r.body, is{"data.0.type": `"model"`, "data.0.display_name": "~", "data.0.created_at": "~T", "has_more": "false", "object": absent})
		r = w.do(http.MethodGet, "/v1/models", "")
		check(t, "OpenAI's client got", r.body, is{"object": `"list"`, "data.0.object": `"model"`, "data.0.owned_by": "~", "data.0.created": "~", "has_more": absent})
	})
	t.Run("HDR-10 model discovery is answered at once, without a redirect", func(t *testing.T) {
		w.up.answers(func(http.ResponseWriter, *sent) { t.Error("an upstream was asked") })
		r := w.do(http.MethodGet, "/v1/models?limit=1000", "", "Anthropic-Version", "2023-06-01", "Authorization", "", "X-Api-Key", clientKey)
		check(t, "the client got", r.body, is{"": "~anthropic/listed-by-anthropic"})
		if r.status != http.StatusOK {
			t.Errorf("answered %d", r.status)
		}
	})
	t.Run("HDR-10 an alias makes any model one that Claude Code takes", func(t *testing.T) {
		w := newWorld(t, func(s *setup) {
			s.routing = &route.Settings{Aliases: policy.Aliases{{Match: "claude-house", To: []string{compatUp + "/house-model"}}}}
		})
		r := w.do(http.MethodGet, "/v1/models?limit=1000", "", "Anthropic-Version", "2023-06-01", "Authorization", "", "X-Api-Key", clientKey)
		check(t, "the client got", r.body, is{"": `~"claude-house"`, "has_more": "false"})
		if r := w.do(http.MethodPost, clientPaths[messagesAPI], `{"model":"claude-house","max_tokens":9,"messages":[{"role":"user","content":"q"}]}`); r.status != http.StatusOK || r.header.Get("X-Turnpike-Model") != "house-model" {
			t.Errorf("answered %d %s %v", r.status, r.body, r.header)
		}
	})
	t.Run("HDR-11 probes are answered", func(t *testing.T) {
		for _, p := range []struct {
			method, path string
			want         int
		}{{http.MethodHead, "/", 200}, {http.MethodHead, "/api/hello", 200}, {http.MethodGet, "/inference-profiles?type=SYSTEM_DEFINED", 404}} {
			res := w.open(t.Context(), p.method, p.path, "", "Authorization", "")
			_ = res.Body.Close()
			if res.StatusCode != p.want {
				t.Errorf("%s %s answered %d, want %d", p.method, p.path, res.StatusCode, p.want)
			}
		}
	})
}
