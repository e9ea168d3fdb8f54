package gateway

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"turnpike/internal/dialect/chat"
	"turnpike/internal/dialect/counting"
	"turnpike/internal/dialect/messages"
	"turnpike/internal/dialect/responses"
	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/route"
	"turnpike/internal/wire"
)

func TestWordsOnly(t *testing.T) {
	for body, want := range map[string]bool{
		`{"messages":[{"role":"user","content":"hello"}]}`:                                                                    true,
		`{"messages":[{"role":"user","content":[{"type":"text","text":"a picture: \"type\":\"image\""}]}]}`:                   true,
		`{"tools":[{"type":"function","function":{"parameters":{"type":"object","properties":{"type":{"type":"string"}}}}}]}`: true,
		`{"tools":[{"input_schema":{"type":["string","null"]}}]}`:                                                             true,
		`{"messages":[{"content":[{"type":"image_url","image_url":{"url":"https://x"}}]}]}`:                                   false,
		`{"messages":[{"content":[{ "type" : "image" }]}]}`:                                                                   false,
		`{"messages":[{"content":[{"type":"document","source":{"type":"file"}}]}]}`:                                           false,
		`{"messages":[{"content":[{"t\u0079pe":"image"}]}]}`:                                                                  false,
		`{"tools":[{"type":"web_search_20250305","name":"web_search"}]}`:                                                      false,
		`{"input":[{"type":"item_reference","id":"x"}]}`:                                                                      false,
		`{"type"`: true, // no request, and no matter
	} {
		if got := wordsOnly([]byte(body)); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
}

// TestRoughIsMore: what is reserved without decoding a request is never less than what
// would be reserved otherwise.
func TestRoughIsMore(t *testing.T) {
	fronts := map[string]llm.Front{"/v1/chat/completions": chat.Dialect{}, "/v1/messages": messages.Dialect{}, "/v1/responses": responses.Dialect{}}
	seen := map[string]int{}
	check := func(name, path string, body []byte) {
		front := fronts[path]
		if front == nil || !wordsOnly(body) {
			return
		}
		req, err := front.DecodeRequest(nil, body)
		if err != nil {
			return
		}
		seen[path]++
		rough := int64(len(body))*roughTokens + roughExtra
		for _, model := range []string{"claude-opus-4-8", "claude-sonnet-4-5", "gpt-5.2", "gpt-oss-20b", "gemini-3-pro", "amazon.nova-2-lite", "llama4", "other"} {
			n := counting.EstimateFor(req, model)
			if n += n / headroom; n > rough {
				t.Errorf("%s: %d tokens for %s, %d reserved", name, n, model, rough)
			}
		}
	}
	for _, f := range llmtest.Files(t, "TURNPIKE_CLIENT_REQUESTS", "client-requests", "*/*.json") {
		var c struct {
			Path string
			Body json.RawMessage
		}
		if json.Unmarshal(f.Data, &c) == nil {
			path, _, _ := strings.Cut(c.Path, "?")
			check(f.Name, path, c.Body)
		}
	}
	for path := range fronts {
		if seen[path] == 0 {
			t.Errorf("no request of %s is all text", path)
		}
	}
	for name, text := range map[string]string{"marks": "!?#$%&()*+", "digits": "0123456789", "rare": "\U00012000\U0001F600", "wide": "漢字仮名", "letters": "x q z j k "} {
		body, err := json.Marshal(map[string]any{"model": "m", "messages": []any{map[string]any{"role": "user", "content": strings.Repeat(text, 10_000)}}})
		if err != nil {
			t.Fatal(err)
		}
		check(name, "/v1/chat/completions", body)
	}
}

// TestNearTheLimit: a request that has room, but not for a rough guess, is looked at closer.
func TestNearTheLimit(t *testing.T) {
	body := `{"model":"m","messages":[{"role":"user","content":"hello"}]}`
	for _, c := range []struct {
		name  string
		limit int64
		rough bool
		err   bool
	}{
		{"roomy", cents(10_000_000), true, false},
		{"near the limit", cents(50), false, false}, // an answer costs 20 cents at most; the rough guess falls behind the long step
		{"too little", cents(15), false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			up := &toyProvider{dialect: "toy", answer: said}
			g := newTestGateway(t, up).withBudgets(usd(c.limit))
			object, err := wire.ParseObject([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			var x *exchange
			for range 2 { // the first leases
				x = &exchange{
					gw: g.Gateway, front: chatty{toy{"toy"}}, object: object, model: "m", start: time.Now(), r: httptest.NewRequest(http.MethodPost, "/toy", nil),
					targets: []route.Target{{Provider: up, Model: "m"}},
				}
				if x.who, _, _ = g.opt.Keys.Lookup(testKey); x.who == nil {
					t.Fatal("no key")
				}
				if err := x.reserve(); err != nil != c.err {
					t.Fatal(err)
				}
				if !c.err {
					x.spending.hold.Close()
				}
			}
			if !c.err && (x.spending.worst.prompt >= roughExtra) != c.rough {
				t.Errorf("%+v", x.spending.worst)
			}
			if !c.err && c.rough != (x.plain == nil) {
				t.Error("it is decoded only where that is needed")
			}
		})
	}
}

// chatty is a toy that goes by the name of a real dialect.
type chatty struct{ toy }

func (chatty) Name() string { return "chat" }
