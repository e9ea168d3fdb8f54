package messages

import (
	"net/http"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

func pass(t *testing.T, body string, beta string, target *llm.Target) (string, []llm.Loss, bool) {
	t.Helper()
	o, err := wire.ParseObject([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	if beta != "" {
		h.Set("Anthropic-Beta", beta)
	}
	edits, losses, ok := Dialect{}.Pass(o, h, target)
	return string(o.Apply(edits...)), losses, ok
}

func TestPassToAnthropic(t *testing.T) {
	const body = `{ "messages":[ {"role":"system","content":"x"} ], "model" : "claude/m","unknown": 1e3 }`
	got, losses, ok := pass(t, body, "new-beta", &llm.Target{Model: "m"})
	if want := strings.Replace(body, "claude/m", "m", 1); !ok || got != want || len(losses) != 0 {
		t.Errorf("HDR-04 unknown members pass: %v %q %v", ok, got, losses)
	}
	if got, _, ok := pass(t, `{"model":"m"}`, "", &llm.Target{Model: "m"}); !ok || got != `{"model":"m"}` {
		t.Errorf("nothing to change, yet: %q", got)
	}
}

func TestPassToInvokeModel(t *testing.T) {
	known := []string{"interleaved-thinking-2025-05-14", "tool-search-tool-2025-10-19", "context-management-2025-06-27"}
	for _, c := range []struct {
		name, body, beta string
		mid              bool
		want             string // "" when it must be translated
		losses           string // paths
	}{
		{
			name: "model and stream leave, the version comes", body: `{"model":"m","stream":true,"max_tokens":5}`,
			want: `{"max_tokens":5,"anthropic_version":"bedrock-2023-05-31"}`,
		},
		{
			name: "HDR-01 unknown betas are dropped and named", body: `{"model":"m","max_tokens":5}`, beta: "interleaved-thinking-2025-05-14, claude-code-20250219",
			want: `{"max_tokens":5,"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["interleaved-thinking-2025-05-14"]}`, losses: "anthropic-beta: claude-code-20250219",
		},
		{
			name: "HDR-02 betas of header and body", body: `{"anthropic_beta":["interleaved-thinking-2025-05-14"],"max_tokens":5}`, beta: "advanced-tool-use-2025-11-20",
			want: `{"anthropic_beta":["tool-search-tool-2025-10-19","interleaved-thinking-2025-05-14"],"max_tokens":5,"anthropic_version":"bedrock-2023-05-31"}`,
		},
		{
			name: "HDR-03 the feature goes with its flag", body: `{"context_management":{},"max_tokens":5}`,
			want: `{"max_tokens":5,"anthropic_version":"bedrock-2023-05-31"}`, losses: "context_management",
		},
		{
			name: "HDR-03 and stays with it", body: `{"context_management":{},"max_tokens":5}`, beta: "context-management-2025-06-27",
			want: `{"context_management":{},"max_tokens":5,"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["context-management-2025-06-27"]}`,
		},
		{
			name: "members Bedrock refuses are named", body: `{"service_tier":"auto","max_tokens":5}`,
			want: `{"max_tokens":5,"anthropic_version":"bedrock-2023-05-31"}`, losses: "service_tier",
		},
		{name: "TOOL-21 server tools want translation", body: `{"tools":[{"type":"web_search_20250305","name":"web_search"}]}`},
		{name: "deferred tools without their flag want translation", body: `{"tools":[{"name":"a","defer_loading":true}]}`},
		{name: "eager streaming wants translation", body: `{"tools":[{"name":"a","eager_input_streaming":true}]}`},
		{
			name: "deferred tools with it pass", body: `{"tools":[{"name":"a","defer_loading":true}]}`, beta: "advanced-tool-use-2025-11-20",
			want: `{"tools":[{"name":"a","defer_loading":true}],"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["tool-search-tool-2025-10-19"]}`,
		},
		{name: "MSG-06 system turns want translation", body: `{"messages":[{"role":"system","content":"x"}]}`},
		{
			name: "MSG-06 unless the model takes them", body: `{"messages":[{"role":"system","content":"x"}]}`, mid: true,
			want: `{"messages":[{"role":"system","content":"x"}],"anthropic_version":"bedrock-2023-05-31"}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, losses, ok := pass(t, c.body, c.beta, &llm.Target{Model: "m", Bedrock: true, Caps: llm.Caps{Betas: known, MidSystem: c.mid}})
			if ok != (c.want != "") {
				t.Fatalf("passes: %v", ok)
			}
			if !ok {
				return
			}
			var paths []string
			for _, l := range losses {
				paths = append(paths, l.Path)
			}
			if got != c.want || strings.Join(paths, "; ") != c.losses {
				t.Errorf("got %s\nwant %s\nlosses %q, want %q", got, c.want, paths, c.losses)
			}
		})
	}
}
