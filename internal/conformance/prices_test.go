package conformance

import (
	"strings"
	"testing"

	"turnpike/internal/price"
	"turnpike/internal/store"
)

// house is a price list of one kind of model: dollars for a million tokens.
const house = `{"format":"turnpike-prices/1","entries":[{"models":["*"],
	"prices":{"input":"2","output":"8","cache_read":"0.20","cache_write_5m":"2.50","cache_write_1h":"4","web_search":"0.01"},
	"long":[{"above":200000,"prices":{"input":"4","output":"12","cache_read":"0.40","cache_write_5m":"5","cache_write_1h":"8","web_search":"0.01"}}],
	"also":[{"tier":"flex","times":"0.5"},{"tier":"priority","times":"2"}]}]}`

// priced gives a world a price list; ceiling is what unpriced tokens count with.
func priced(t *testing.T, list string) func(*setup) {
	t.Helper()
	entries, err := price.ReadFile([]byte(list), price.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	return func(s *setup) { s.price = price.NewCurrent(price.New(entries, price.Rates{})) }
}

const unpricedModel = `{"format":"turnpike-prices/1","entries":[{"models":["another-model"],"prices":{"input":"2","output":"8"}}]}`

// chargeOf plays an answer and returns what was charged for it.
func chargeOf(t *testing.T, list, from, to, answer, how string) (store.Charge, *world) {
	t.Helper()
	w := newWorld(t, priced(t, list))
	w.up.answers(playAnswer(answer))
	body := `{"messages":[{"role":"user","content":"q"}]}`
	if how == "streamed" {
		body = asked[from]
	}
	w.ask(from, to, "", body)
	return w.attempt().Charge, w
}

func TestCosts(t *testing.T) {
	big := map[string]string{
		"chat":     strings.Replace(cachedStories["chat"], `"prompt_tokens":110`, `"prompt_tokens":200101`, 1),
		"messages": strings.Replace(cachedStories["messages"], `"input_tokens":10,`, `"input_tokens":200000,`, 1),
		"converse": strings.Replace(cachedStories["converse"], `"inputTokens":10,`, `"inputTokens":200000,`, 1),
	}
	for _, how := range []string{"whole", "streamed"} {
		pairs(t, "USE-06 each class at its own price, both lifetimes of the cache too, "+how, func(t *testing.T, from, to string) {
			c, _ := chargeOf(t, house, from, to, cachedStories[dialectOf(to)], how)
			// 10·2 + 100·0.20 + 20·2.50 + 30·4 + 7·8 millionths of a dollar; chat has no writes.
			want := int64(20_000 + 20_000 + 50_000 + 120_000 + 56_000)
			if dialectOf(to) == "chat" {
				want = 20_000 + 20_000 + 56_000
			}
			if c.Nano != want || !c.Known() || c.Unpriced {
				t.Errorf("charged %+v, want %d", c, want)
			}
		})
		pairs(t, "USE-17 all of a long prompt is at the long price, "+how, func(t *testing.T, from, to string) {
			c, _ := chargeOf(t, house, from, to, big[dialectOf(to)], how)
			want := int64(200_000*4_000 + 100*400 + 20*5_000 + 30*8_000 + 7*12_000)
			if dialectOf(to) == "chat" { // 200,001 that no cache served
				want = 200_001*4_000 + 100*400 + 7*12_000
			}
			if c.Nano != want || !c.Known() {
				t.Errorf("charged %+v, want %d", c, want)
			}
		})
		pairs(t, "USE-16 BUD-11 a model nobody priced is unpriced, not free, "+how, func(t *testing.T, from, to string) {
			c, w := chargeOf(t, unpricedModel, from, to, cachedStories[dialectOf(to)], how)
			if !c.Unpriced || c.Known() || c.Version == "" || c.Nano != 0 {
				t.Errorf("charged %+v", c)
			}
			if !strings.Contains(w.log.String(), "has no price") {
				t.Error("nobody is told")
			}
		})
	}
}

// served is an answer that tells its tier.
func served(to, tier string) string {
	switch dialectOf(to) {
	case "chat":
		return strings.Replace(cachedStories["chat"], `"model":"m",`, `"model":"m","service_tier":"`+tier+`",`, 1)
	case "converse":
		return strings.Replace(cachedStories["converse"], `"stopReason"`, `"serviceTier":{"type":"`+tier+`"},"stopReason"`, 1)
	}
	return strings.Replace(cachedStories["messages"], `"input_tokens":10,`, `"service_tier":"`+tier+`","input_tokens":10,`, 1)
}

func TestCostsByTier(t *testing.T) {
	for _, c := range []struct {
		tier         string
		times, parts int64
	}{{"default", 1, 1}, {"flex", 1, 2}, {"priority", 2, 1}} {
		pairs(t, "USE-17 the tier it was served in has its own price: "+c.tier, func(t *testing.T, from, to string) {
			got, _ := chargeOf(t, house, from, to, served(to, c.tier), "whole")
			want := int64(266_000)
			if dialectOf(to) == "chat" {
				want = 96_000
			}
			if want = want * c.times / c.parts; got.Nano != want || got.Unpriced {
				t.Errorf("charged %+v, want %d", got, want)
			}
		})
	}
	pairs(t, "USE-17 a tier without a price is unpriced", func(t *testing.T, from, to string) {
		if got, _ := chargeOf(t, house, from, to, served(to, "overnight"), "whole"); !got.Unpriced || got.Tier != "overnight" {
			t.Errorf("charged %+v", got)
		}
	})
}

func TestCostsOfSearches(t *testing.T) {
	answer := strings.Replace(cachedStories["messages"], `"input_tokens":10,`, `"server_tool_use":{"web_search_requests":3,"web_fetch_requests":2},"input_tokens":10,`, 1)
	for _, from := range []string{chatAPI, messagesAPI} {
		for _, to := range []string{anthropicUp, invokeUp} {
			for _, how := range []string{"whole", "streamed"} {
				t.Run(title("USE-18 searches are charged one by one, "+how, from, to), func(t *testing.T) {
					got, _ := chargeOf(t, house, from, to, answer, how)
					if got.Nano != 266_000+3*10_000_000 || got.WebSearches != 3 {
						t.Errorf("charged %+v", got)
					}
				})
			}
		}
	}
}

// TestExplainCost: what a request will cost is told before it is sent, at the
// price of the step its prompt falls in.
func TestExplainCost(t *testing.T) {
	long := strings.Repeat("All that was said before. ", 60_000)
	for _, c := range []struct{ name, list, text, least, most, rest string }{
		{"a short prompt", house, "q", "$0.00", "$0.008", `"priced_by":"snapshot: `},
		{"BUD-06 a long prompt at the long price", house, long, "$0.1", "$", `"priced_as":"* "`},
		{"USE-16 a model nobody priced", unpricedModel, "q", "$0.00", "$0.00", `"unpriced":true`},
	} {
		pairs(t, c.name, func(t *testing.T, from, to string) {
			w := newWorld(t, priced(t, c.list))
			r := w.ask(from, to, "", `{"messages":[{"role":"user","content":"`+c.text+`"}],"max_tokens":1000}`, "X-Turnpike-Explain", "true")
			cost, _ := at(decoded(string(r.body)), "cost")
			o, ok := cost.(object)
			if !ok {
				t.Fatalf("no cost in %.300s", r.body)
			}
			least, most := text(o, "least"), text(o, "most")
			if !strings.HasPrefix(least, c.least) || !strings.HasPrefix(most, c.most) || !strings.Contains(string(r.body), c.rest) || o["max_output_tokens"] != 1000.0 {
				t.Errorf("cost %v", o)
			}
			if n, _ := o["prompt_tokens"].(float64); c.text == long && n > 200_000 {
				// Read from a cache at $0.40 a million, written for an hour at $8, a thousand tokens out at $12.
				if want := price.Nano(int64(n) * 400).String(); least != want {
					t.Errorf("least %s, want %s", least, want)
				}
				if want := price.Nano(int64(n)*8_000 + 1000*12_000).String(); most != want {
					t.Errorf("most %s, want %s", most, want)
				}
			} else if c.text == long {
				t.Errorf("%v tokens are no long prompt", n)
			}
			if len(w.up.all()) != 0 {
				t.Error("something was sent")
			}
		})
	}
}
