package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"turnpike/internal/keyring"
	"turnpike/internal/llm"
	"turnpike/internal/policy"
	"turnpike/internal/provider"
	"turnpike/internal/route"
)

func (g *testGateway) get(path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(g.t.Context(), http.MethodGet, path, http.NoBody)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	return w
}

func TestModelsInEachShape(t *testing.T) {
	g := newTestGatewayOf(t, several(route.Settings{Aliases: policy.Aliases{{Match: "best", To: []string{"m"}}}}, &toyProvider{name: "a", dialect: "toy"}, &toyProvider{name: "b", dialect: "toy"}))
	g.opt.Caps = func(id string) llm.Caps {
		if id != "only-b" {
			return llm.Caps{}
		}
		return llm.Caps{Family: "toys", Context: 1000, MaxOutput: 100, NoImages: true, Thinking: llm.ThinkNone}
	}
	g.opt.Table.Account("a").SetListed([]provider.Model{{ID: "only-a", Name: "Only A", Created: 1700000000, Context: 7, Output: 3}})
	g.opt.Keys = keyring.New(time.Now, keyring.Entry{Hash: keyring.Hash(testKey), Principal: keyring.Principal{KeyID: "key_1"}},
		keyring.Entry{Hash: keyring.Hash("sk-small"), Principal: keyring.Principal{KeyID: "key_2", Policy: policy.Policy{Routing: &policy.Routing{Providers: []string{"b"}}}}})
	for _, c := range []struct {
		name, path string
		header     []string
		want       []string
		absent     string
	}{
		{"OpenAI's", "/v1/models", []string{"Authorization", "Bearer " + testKey}, []string{
			`{"object":"list","data":[`, `{"id":"only-a","object":"model","created":1700000000,"owned_by":"a","context_window":7,"max_output_tokens":3}`,
			`"id":"b/only-b"`, `"context_window":1000,"max_output_tokens":100,"capabilities":{"tools":true,"images":false,"thinking":false,`, `"id":"best"`,
		}, `"has_more"`},
		{"Anthropic's", "/v1/models?limit=1000", []string{"X-Api-Key", testKey, "Anthropic-Version", "2023-06-01"}, []string{
			`{"data":[`, `{"type":"model","id":"only-a","display_name":"Only A","created_at":"2023-11-14T22:13:20Z","max_input_tokens":7,"max_tokens":3}`,
			`"has_more":false,"first_id":"a/m","last_id":"only-b"}`,
		}, `"object"`},
		{"Gemini's", "/v1beta/models", []string{"X-Goog-Api-Key", testKey}, []string{
			`{"models":[`, `{"name":"models/only-a","displayName":"Only A","inputTokenLimit":7,"outputTokenLimit":3,"supportedGenerationMethods":["generateContent",`,
		}, `"data"`},
		{"Gemini's on the other path", "/v1/models", []string{"X-Goog-Api-Key", testKey}, []string{`{"models":[`}, `"data"`},
		{"one of Gemini's", "/v1beta/models/only-a", []string{"X-Goog-Api-Key", testKey}, []string{`{"name":"models/only-a"`}, `"models":[`},
		{"one of OpenAI's", "/v1/models/b/only-b", []string{"Authorization", "Bearer " + testKey}, []string{`{"id":"b/only-b","object":"model"`}, `"data"`},
		{"what the key may use", "/v1/models", []string{"Authorization", "Bearer sk-small"}, []string{`"id":"only-b"`, `"id":"m"`}, `only-a`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := g.get(c.path, c.header...)
			body := w.Body.String()
			if w.Code != 200 || !json.Valid(w.Body.Bytes()) || strings.Contains(body, c.absent) {
				t.Errorf("%d %s", w.Code, body)
			}
			for _, part := range c.want {
				if !strings.Contains(body, part) {
					t.Errorf("%s is missing in %s", part, body)
				}
			}
		})
	}
	if w := g.get("/v1/models/only-a", "Authorization", "Bearer sk-small"); w.Code != 404 {
		t.Errorf("a model the key may not use: %d", w.Code)
	}
}

// BenchmarkModels is the list of a gateway with many models.
func BenchmarkModels(b *testing.B) {
	a := &route.Account{Provider: provider.Unserved("a", "toybox")}
	models := make([]provider.Model, 2000)
	for i := range models {
		models[i] = provider.Model{ID: fmt.Sprintf("model-%d", i)}
	}
	a.SetListed(models)
	g := &Gateway{opt: Options{Table: route.New([]*route.Account{a}, "", ""), Caps: func(string) llm.Caps { return llm.Caps{} }}}
	for b.Loop() {
		if len(openaiList.list(g.list(&policy.Routing{Models: []string{"model-*"}}))) < 2000 {
			b.Fatal("no list")
		}
	}
}
