package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"turnpike/internal/catalog"
	"turnpike/internal/keyring"
	"turnpike/internal/llm"
	"turnpike/internal/policy"
	"turnpike/internal/price"
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

func book(t testing.TB, models ...string) *price.Current {
	t.Helper()
	var entries []price.Entry
	for i, m := range models {
		var r price.Rates
		r.Set(price.Input, price.Price(3+i)*1e9)
		r.Set(price.Output, 15e9)
		r.Set(price.CacheRead, 3e8)
		provider, model, ok := strings.Cut(m, "/")
		if !ok {
			provider, model = "", m
		}
		entries = append(entries, price.Entry{Model: model, Provider: provider, Rates: r, Long: []price.Long{{Above: 200_000, Rates: r}}[:i%2]})
	}
	return price.NewCurrent(price.New(entries, price.Rates{}))
}

// TestPricesInTheList: each name has the price of the place a request for it goes to
// first, and what has none says nothing.
func TestPricesInTheList(t *testing.T) {
	g := newTestGatewayOf(t, several(route.Settings{Aliases: policy.Aliases{{Match: "best", To: []string{"gone", "b/dear"}}}}, &toyProvider{name: "a", dialect: "toy"}, &toyProvider{name: "b", dialect: "toy"}))
	for _, a := range g.opt.Table.Accounts() {
		a.Models = nil
	}
	g.opt.Table.Account("a").SetListed([]provider.Model{{ID: "both"}, {ID: "free"}})
	g.opt.Table.Account("b").SetListed([]provider.Model{{ID: "both"}, {ID: "dear", Context: 9}})
	g.opt.Caps = func(id string) llm.Caps {
		return llm.Caps{Family: "toys", Thinking: llm.ThinkAdaptive, Efforts: []string{"low", "max"}, NoDocuments: id == "dear"}
	}
	g.opt.Price = book(t, "both", "b/both", "dear")
	g.opt.Keys = keyring.New(time.Now, keyring.Entry{Hash: keyring.Hash(testKey), Principal: keyring.Principal{KeyID: "key_1"}},
		keyring.Entry{Hash: keyring.Hash("sk-b"), Principal: keyring.Principal{KeyID: "key_2", Policy: policy.Policy{Routing: &policy.Routing{Providers: []string{"b"}}}}})
	anthropic := []string{"X-Api-Key", testKey, "Anthropic-Version", "2023-06-01"}
	const at3, at4 = `"pricing":{"prompt":"0.000003","completion":"0.000015","input_cache_read":"0.0000003"}`,
		`"pricing":{"prompt":"0.000004","completion":"0.000015","input_cache_read":"0.0000003","long_prompts":[{"above_tokens":200000,"prompt":"0.000004",`
	const at5 = `"pricing":{"prompt":"0.000005","completion":"0.000015","input_cache_read":"0.0000003"}`
	for _, c := range []struct {
		name, path string
		header     []string
		want       string
	}{
		{"by its own name, of the first", "/v1/models/both", []string{"Authorization", "Bearer " + testKey}, at3},
		{"of the first the key may use", "/v1/models/both", []string{"Authorization", "Bearer sk-b"}, at4},
		{"by the provider", "/v1/models/b/both", []string{"Authorization", "Bearer " + testKey}, at4},
		{"of what an alias stands for", "/v1/models/best", []string{"Authorization", "Bearer " + testKey}, `"owned_by":"turnpike","context_window":9,`},
		{"of what an alias stands for, the price", "/v1/models/best", []string{"Authorization", "Bearer " + testKey}, at5},
		{"for Anthropic's clients", "/v1/models/both", anthropic, at3},
		{
			"abilities for Anthropic's clients", "/v1/models/dear", anthropic,
			`"capabilities":{"image_input":{"supported":true},"pdf_input":{"supported":false},"structured_outputs":{"supported":false},"thinking":{"supported":true,"types":{"adaptive":{"supported":true},"enabled":{"supported":false}}},` +
				`"effort":{"supported":true,"low":{"supported":true},"medium":{"supported":false},"high":{"supported":false},"xhigh":{"supported":false},"max":{"supported":true}}}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if w := g.get(c.path, c.header...); w.Code != 200 || !json.Valid(w.Body.Bytes()) || !strings.Contains(w.Body.String(), c.want) {
				t.Errorf("%d %s\nwants %s", w.Code, w.Body, c.want)
			}
		})
	}
	for _, path := range []string{"/v1/models/free", "/v1beta/models/both"} {
		if w := g.get(path, "Authorization", "Bearer "+testKey); w.Code != 200 || strings.Contains(w.Body.String(), "pricing") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

// BenchmarkModels is the list of a gateway with many models, each of which has a
// price and stands there by two names.
func BenchmarkModels(b *testing.B) {
	a := &route.Account{Provider: provider.Unserved("a", "toybox")}
	models, names := make([]provider.Model, 2000), make([]string, 2000)
	for i := range models {
		names[i] = fmt.Sprintf("model-%d", i)
		models[i] = provider.Model{ID: names[i]}
	}
	a.SetListed(models)
	g := &Gateway{opt: Options{
		Table: route.New([]*route.Account{a}, "", ""), Caps: catalog.Lookup, Price: book(b, names...), Now: time.Now,
	}}
	for b.Loop() {
		if out := openaiList.list(g.list(&policy.Routing{Models: []string{"model-*"}})); bytes.Count(out, []byte(`"pricing"`)) != 4000 {
			b.Fatal("no list")
		}
	}
}
