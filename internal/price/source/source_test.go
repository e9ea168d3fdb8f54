package source

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"turnpike/internal/price"
)

var update = flag.Bool("update", false, "write the golden files anew")

func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestGolden reads samples of each form: the files beside them are what comes out.
func TestGolden(t *testing.T) {
	for _, name := range []string{"aws-bedrock", "aws-marketplace", "litellm"} {
		t.Run(name, func(t *testing.T) {
			list, rep, err := Read(sample(t, name+".json"), Options{As: map[string]string{"groq": "my-groq"}})
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, e := range list {
				if err := e.Check(); err != nil {
					t.Errorf("%s: %v", e.Model, err)
				}
				fmt.Fprintf(&b, "%s [%s] %s\n", e.Model, e.Where(), shown(&e.Rates))
				for _, l := range e.Long {
					fmt.Fprintf(&b, "  above %d: %s\n", l.Above, shown(&l.Rates))
				}
			}
			fmt.Fprintf(&b, "\n%s, version %q, %d entries\n", rep.Form, rep.Version, rep.Entries)
			for _, reason := range sortedKeys(rep.Skipped) {
				fmt.Fprintf(&b, "skipped %d: %s\n", rep.Skipped[reason], reason)
			}
			fmt.Fprintf(&b, "unknown %q\nconflicts %q\n", rep.Unknown, rep.Conflicts)
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden) //nolint:gosec // our own
			if err != nil {
				t.Fatal(err)
			}
			if b.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", b.String(), want)
			}
		})
	}
}

func shown(r *price.Rates) string {
	var out []string
	for c := range price.Classes {
		if p, ok := r.Get(c); ok {
			out = append(out, c.String()+" "+price.Show(c, p))
		}
	}
	return strings.Join(out, ", ")
}

func sortedKeys(m map[string]int) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	for i := range keys {
		for j := i; j > 0 && keys[j] < keys[j-1]; j-- {
			keys[j], keys[j-1] = keys[j-1], keys[j]
		}
	}
	return keys
}

// TestBedrockIsPriced goes the whole way: from AWS's list to what a request costs,
// global and geographic profiles apart, in each region its own.
func TestBedrockIsPriced(t *testing.T) {
	var all []price.Entry
	for _, name := range []string{"aws-bedrock.json", "aws-marketplace.json"} {
		list, _, err := Read(sample(t, name), Options{})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, list...)
	}
	b := price.New(append(all, price.Embedded()...), price.Rates{})
	for _, c := range []struct {
		model, region, tier string
		u                   price.Usage
		want                string
	}{
		{"global.anthropic.claude-haiku-4-5-20251001-v1:0", "eu-west-1", "", price.Usage{price.Input: 1e6}, "$1.00"},
		{"eu.anthropic.claude-haiku-4-5-20251001-v1:0", "eu-west-1", "", price.Usage{price.Input: 1e6}, "$1.10"},
		{"anthropic.claude-haiku-4-5-20251001-v1:0", "eu-west-1", price.Batch, price.Usage{price.Input: 1e6}, "$0.55"},
		{"global.anthropic.claude-haiku-4-5-20251001-v1:0", "eu-west-1", "", price.Usage{price.CacheWrite1h: 1e6}, "$2.00"},
		{"us.anthropic.claude-opus-5-5", "us-west-2", "", price.Usage{price.CacheWrite1h: 1e6}, "$8.80"},
		{"us.amazon.nova-lite-v1:0", "us-east-1", "", price.Usage{price.Input: 1e6}, "$0.06"},
		{"eu.amazon.nova-lite-v1:0", "eu-west-1", "", price.Usage{price.Input: 1e6}, "$0.069"},
		{"us.openai.gpt-6-astra", "us-west-2", "", price.Usage{price.Input: 272_000}, "$2.992"},
		{"us.openai.gpt-6-astra", "us-west-2", "", price.Usage{price.Input: 272_001}, "$5.984022"},
		{"mistral.mistral-large-3-675b-instruct", "us-west-2", "", price.Usage{price.Output: 1e6}, "$1.50"},
		{"us.meta.llama3-3-70b-instruct-v1:0", "us-east-1", price.Latency, price.Usage{price.Input: 1e6}, "$0.90"},
	} {
		a := &price.Attempt{Model: c.model, Kind: "bedrock", Region: c.region, Tier: c.tier, At: time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC), Usage: c.u}
		if got := b.Price(a); got.Unpriced || got.Nano.String() != c.want || got.Entry.Rank != price.Listed {
			t.Errorf("%s in %s: %s, unpriced %v, by %+v; want %s", c.model, c.region, got.Nano, got.Unpriced, got.Entry, c.want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for text, want := range map[string]string{
		``:                          "not JSON",
		`[]`:                        "not JSON",
		`{}`:                        "no price in it",
		`{"a":{"b":1}}`:             "no price in it",
		`{"offerCode":"AmazonEC2"}`: "sells no models",
		`{"offerCode":7}`:           "read AWS's price list",
		`{"offerCode":"AmazonBedrock","products":{},"terms":{}}`: "no price in it",
		`{"format":"turnpike-prices/1","entries":[{}]}`:          "entries[0]",
	} {
		if _, _, err := Read([]byte(text), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestClassify(t *testing.T) {
	for usage, want := range map[string]row{
		"USW2-moonshotai.kimi-k3-mantle-input-tokens-global-flex":             {class: price.Input, geo: "global", tier: price.Flex},
		"USW2-MP:USW2_cache_write_tokens_1h_standard-Units":                   {class: price.CacheWrite1h, geo: price.Regional},
		"USW2-MP:USW2_CacheWrite1hInputTokenCount_Global-Units":               {class: price.CacheWrite1h, geo: "global"},
		"USW2-Nova2.0Lite-cache-write-input-token-count-flex":                 {class: price.CacheWrite5m, geo: price.Regional, tier: price.Flex},
		"USW2-MP:USW2_input_tokens_long_ctx_global_standard-Units":            {class: price.Input, geo: "global", long: true},
		"USW2-MP:USW2_OutputTokenCount_LatencyOptimized-Units":                {class: price.Output, geo: price.Regional, tier: price.Latency},
		"USE1-Claude4.6Opus-cache-read-input-token-count-cross-region-global": {class: price.CacheRead, geo: "global"},
		"APN1-MP:APN1_MillionBatchInputTokens-Units":                          {class: price.Input, geo: price.Regional, tier: price.Batch},
	} {
		if got, reason := classify(usage, "", "", ""); got != want || reason != "" {
			t.Errorf("%s: %+v, %q; want %+v", usage, got, reason, want)
		}
	}
	if got, reason := classify("USE1-SomeModel", "Input tokens", "Batch Inference", "global-batch"); reason != "" || got != (row{class: price.Input, geo: "global", tier: price.Batch}) {
		t.Errorf("%+v, %q", got, reason)
	}
	for _, usage := range []string{"USW2-MP:USW2_Reserved_1Month_InputTPM_Geo-Units", "USE1-Guardrail-Tokens", "USE1-NovaCanvas-T2I-1024-Standard", ""} {
		if got, reason := classify(usage, "", "", ""); reason == "" {
			t.Errorf("%s: %+v", usage, got)
		}
	}
}

func fuzz(f *testing.F, seeds ...string) {
	f.Helper()
	for _, seed := range seeds { // short ones: what is found is minimised by trying
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		list, rep, err := Read(b, Options{As: map[string]string{"groq": "g"}})
		if err != nil {
			return
		}
		if rep.Entries != len(list) {
			t.Errorf("%d entries, the report says %d", len(list), rep.Entries)
		}
		book := price.New(list, price.Rates{})
		for _, e := range book.Entries() {
			if err := e.Check(); err != nil {
				t.Errorf("%+v: %v", e, err)
			}
			book.Sum(&price.Attempt{Model: e.Model, Kind: e.Kind, Region: e.Region, Usage: price.Usage{1 << 40, 2, 3, 4, 5, 6}})
		}
	})
}

func FuzzAWS(f *testing.F) {
	const one = `{"offerCode":"%s","products":{"S":{"attributes":{"usagetype":"%s","model":"Nova Lite","servicename":"Claude Opus 5.5 (Amazon Bedrock Edition)",` +
		`"regionCode":"eu-west-1"}}},"terms":{"OnDemand":{"S":{"T":{"priceDimensions":{"D":{"unit":"%s","pricePerUnit":{"USD":"0.0033"}}}}}}}}`
	fuzz(f, fmt.Sprintf(one, "AmazonBedrock", "USE1-NovaLite-input-tokens", "1K tokens"),
		fmt.Sprintf(one, "AmazonBedrockFoundationModels", "EU-MP:EU_OutputTokenCount_Global-Units", "1M tokens"),
		fmt.Sprintf(one, "AmazonBedrock", "USW2-openai.gpt-6-mantle-input-tokens-long-ctx-flex", "1K tokens"))
}

func FuzzLiteLLM(f *testing.F) {
	fuzz(f, `{"gpt-1":{"litellm_provider":"openai","input_cost_per_token":2.5e-06,"output_cost_per_token_above_272k_tokens_priority":1e-05,`+
		`"search_context_cost_per_query":{"a":0.01}}}`,
		`{"bedrock/eu-west-1/us.m":{"litellm_provider":"bedrock","input_cost_per_token":1.1000000000000001e-07,"cache_creation_input_token_cost_above_1hr":0}}`,
		`{"groq/a/b":{"litellm_provider":"groq","input_cost_per_token_above_200k_tokens":null}}`)
}
