package catalog

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"turnpike/internal/llm"
)

func TestBuiltInIsValid(t *testing.T) {
	d, err := parse(modelsJSON)
	if err != nil {
		t.Fatal(err)
	}
	kinds := []llm.ThinkingKind{llm.ThinkNone, llm.ThinkBudget, llm.ThinkAdaptive, llm.ThinkBoth, llm.ThinkEffort}
	efforts := []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}
	for i, r := range d.Rules {
		if reflect.DeepEqual(r.Caps, caps{}) {
			t.Errorf("rule %d (%v) says nothing", i, r.Match)
		}
		if k := r.Caps.Thinking; k != nil && !slices.Contains(kinds, *k) {
			t.Errorf("rule %d: thinking %q", i, *k)
		}
		if s := r.Caps.Sampling; s != nil && *s != llm.SamplingFree && *s != llm.SamplingOne && *s != llm.SamplingNone {
			t.Errorf("rule %d: sampling %q", i, *s)
		}
		if e := r.Caps.Efforts; e != nil {
			for _, s := range *e {
				if !slices.Contains(efforts, s) {
					t.Errorf("rule %d: effort %q", i, s)
				}
			}
		}
		for _, m := range r.Match {
			if m != strings.ToLower(m) || m != Normal(m) {
				t.Errorf("rule %d: %q can match no normal id", i, m)
			}
			if strings.Trim(m, "*") == "" {
				t.Errorf("rule %d matches everything", i)
			}
		}
	}
	if len(d.Bedrock.Betas) == 0 || d.Bedrock.Source == "" {
		t.Error("no beta flags")
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		``, `{`, `{"rules":[{"match":[],"source":"s"}]}`, `{"rules":[{"match":["a"],"source":""}]}`, `{"rules":[{"match":["[a"],"source":"s"}]}`,
		`{"rules":[{"match":["a"],"source":"s","caps":{"no_such":true}}]}`, `{"rules":[]} x`,
	} {
		if _, err := New([]byte(text)); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
}

func TestNormal(t *testing.T) {
	cases := map[string]string{
		"us.anthropic.claude-sonnet-4-5-20250929-v1:0":                                                          "anthropic.claude-sonnet-4-5-20250929-v1:0",
		"us-gov.anthropic.claude-3-haiku-20240307-v1:0":                                                         "anthropic.claude-3-haiku-20240307-v1:0",
		"GLOBAL.anthropic.claude-opus-4.6-v1":                                                                   "anthropic.claude-opus-4-6-v1",
		"arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-3-7-sonnet-20250219-v1:0": "anthropic.claude-3-7-sonnet-20250219-v1:0",
		"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0":                                     "amazon.nova-lite-v1:0",
		"arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123":                           "abc123",
		"anthropic/claude-haiku-4.5":                                                                            "claude-haiku-4-5",
		"openai/gpt-4.1":                                                                                        "gpt-4.1",
		" gpt-5.1 ":                                                                                             "gpt-5.1",
		"us.does-not-exist-model-v1:0":                                                                          "us.does-not-exist-model-v1:0",
		"":                                                                                                      "",
	}
	for in, want := range cases {
		if got := Normal(in); got != want {
			t.Errorf("Normal(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestDashes(t *testing.T) {
	for in, want := range map[string]string{
		"claude-haiku-4.5": "claude-haiku-4-5", "anthropic.claude-opus-4.8": "anthropic.claude-opus-4-8", "claude-2.1": "claude-2-1",
		"gpt-4.1": "gpt-4.1", "claude": "claude", "claude.x": "claude.x", "us.anthropic.claude-3.5-sonnet": "us.anthropic.claude-3-5-sonnet",
	} {
		if got := Dashes(in); got != want {
			t.Errorf("PAR-11: Dashes(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestClaudeOnBedrock(t *testing.T) {
	for id, want := range map[string]bool{
		"anthropic.claude-3-haiku-20240307-v1:0": true, "eu.anthropic.claude-haiku-4-5-20251001-v1:0": true,
		"arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-3-7-sonnet-20250219-v1:0": true,
		"amazon.nova-lite-v1:0": false, "claude-sonnet-4-5": false, "": false, "arn:aws:bedrock:us-east-1:1:application-inference-profile/x": false,
	} {
		if got := ClaudeOnBedrock(id); got != want {
			t.Errorf("ClaudeOnBedrock(%q) = %v", id, got)
		}
	}
}

func TestKnownModels(t *testing.T) {
	type check struct {
		id   string
		what string
		ok   func(llm.Caps) bool
	}
	claude := func(k llm.ThinkingKind, s llm.SamplingRule, out int64) func(llm.Caps) bool {
		return func(c llm.Caps) bool {
			return c.Family == "claude" && c.Thinking == k && c.Sampling == s && c.MaxOutput == out
		}
	}
	checks := []check{
		{"claude-3-haiku-20240307", "3", claude(llm.ThinkNone, "", 4096)},
		{"claude-3-5-sonnet-latest", "3.5", claude(llm.ThinkNone, "", 8192)},
		{"claude-3-7-sonnet@20250219", "3.7", claude(llm.ThinkBudget, "", 64000)},
		{"us.anthropic.claude-sonnet-4-20250514-v1:0", "4", claude(llm.ThinkBudget, "", 64000)},
		{"claude-opus-4-20250514", "4", claude(llm.ThinkBudget, "", 32000)},
		{"claude-opus-4-1-20250805", "4.1", claude(llm.ThinkBudget, llm.SamplingOne, 32000)},
		{"claude-opus-4.5", "4.5", claude(llm.ThinkBudget, llm.SamplingOne, 64000)},
		{"claude-sonnet-4-5-20250929-case-95631d8350", "4.5 with a suffix", claude(llm.ThinkBudget, llm.SamplingOne, 64000)},
		{"claude-sonnet-4-5[1m]", "4.5 with a suffix", claude(llm.ThinkBudget, llm.SamplingOne, 64000)},
		{"claude-opus-4-6", "4.6", claude(llm.ThinkBoth, llm.SamplingOne, 128000)},
		{"claude-sonnet-4-6", "4.6", func(c llm.Caps) bool { return c.NoPrefill && c.Structured && !c.MidSystem && c.Betas == nil }},
		{"claude-opus-4-7", "THK-09 4.7 is adaptive", claude(llm.ThinkAdaptive, llm.SamplingNone, 128000)},
		{"claude-opus-4-7", "4.7 takes no system turns", func(c llm.Caps) bool { return !c.MidSystem }},
		{"claude-opus-4-8", "MSG-06 4.8 takes system turns", func(c llm.Caps) bool { return c.MidSystem && c.NoPrefill }},
		{"us.anthropic.claude-sonnet-5", "5", claude(llm.ThinkAdaptive, llm.SamplingNone, 128000)},
		{"claude-fable-5", "5", func(c llm.Caps) bool { return c.MidSystem && !c.NoToolChoice }},
		{"claude-opus-5-5", "5.5", func(c llm.Caps) bool { return c.NoToolChoice && c.Thinking == llm.ThinkAdaptive }},
		{"claude-sonnet-4-0", "PAR-09 no structured output", func(c llm.Caps) bool { return !c.Structured }},
		{"anthropic.claude-v2:1", "2", func(c llm.Caps) bool { return c.NoTools && c.NoImages && c.NoCache && c.Betas == nil }},
		{"anthropic.claude-sonnet-4-5-20250929-v1:0", "CACHE-17 an hour on Bedrock from 4.5 on", func(c llm.Caps) bool { return c.Cache1h && !c.NoCache }},
		{"us.anthropic.claude-sonnet-4-5-20250929-v1:0", "cache minimum", func(c llm.Caps) bool { return c.CacheMin == 1024 && c.CachePoints == 4 && c.CacheSpots == nil }},
		{"claude-opus-4-6", "cache minimum", func(c llm.Caps) bool { return c.CacheMin == 4096 }},
		{"claude-opus-4-8", "cache minimum", func(c llm.Caps) bool { return c.CacheMin == 1024 }},
		{"claude-3-5-haiku-20241022", "cache minimum", func(c llm.Caps) bool { return c.CacheMin == 2048 }},
		{"claude-fable-5", "cache minimum", func(c llm.Caps) bool { return c.CacheMin == 512 }},
		{"global.anthropic.claude-fable-5-v1:0", "cache minimum on Bedrock", func(c llm.Caps) bool { return c.CacheMin == 1024 }},
		{"us.amazon.nova-pro-v1:0", "cache points not among the tools", func(c llm.Caps) bool {
			return c.CacheMin == 1000 && c.CachePoints == 4 && slices.Equal(c.CacheSpots, []string{"system", "messages"})
		}},
		{"anthropic.claude-3-7-sonnet-20250219-v1:0", "not before", func(c llm.Caps) bool { return !c.Cache1h && !c.NoCache }},
		{"claude-3-7-sonnet-20250219", "but at Anthropic", func(c llm.Caps) bool { return c.Cache1h }},
		{"anthropic.claude-3-5-sonnet-20240620-v1:0", "no cache", func(c llm.Caps) bool { return c.NoCache }},
		{"gpt-4o-mini", "", func(c llm.Caps) bool { return c.Thinking == llm.ThinkNone && c.MaxOutput == 16384 && c.Structured }},
		{"gpt-4.1-nano", "", func(c llm.Caps) bool { return c.MaxOutput == 32768 && c.Context == 1047576 }},
		{"gpt-3.5-turbo-0125", "", func(c llm.Caps) bool { return c.NoImages && c.Context == 16385 }},
		{"o4-mini-2025-04-16", "", func(c llm.Caps) bool {
			return c.Thinking == llm.ThinkEffort && c.Sampling == llm.SamplingNone && c.NoStop
		}},
		{"o1-mini", "", func(c llm.Caps) bool { return c.Thinking == llm.ThinkNone && c.NoSystem && c.Efforts == nil }},
		{"gpt-5", "THK-15", func(c llm.Caps) bool { return slices.Equal(c.Efforts, []string{"minimal", "low", "medium", "high"}) }},
		{"gpt-5.1", "THK-15", func(c llm.Caps) bool { return slices.Equal(c.Efforts, []string{"none", "low", "medium", "high"}) }},
		{"gpt-5-pro-2025-10-06", "served by Responses only", func(c llm.Caps) bool { return c.API == "responses" && len(c.Efforts) == 1 }},
		{"gpt-5.1-codex-max", "served by Responses only", func(c llm.Caps) bool { return c.API == "responses" }},
		{"openai.gpt-5.5", "served by Responses only", func(c llm.Caps) bool { return c.API == "responses" }},
		{"gpt-5.1", "served by both", func(c llm.Caps) bool { return c.API == "" }},
		{"openai.gpt-oss-20b", "served by both", func(c llm.Caps) bool { return c.API == "" }},
		{"gpt-5.6-sol", "a newer one", func(c llm.Caps) bool { return c.Thinking == llm.ThinkEffort && c.Efforts == nil }},
		{"gpt-5-chat-latest", "", func(c llm.Caps) bool { return c.Thinking == llm.ThinkNone && c.Sampling == llm.SamplingFree }},
		{"openai.gpt-oss-120b-1:0", "", func(c llm.Caps) bool { return c.Family == "gpt" && c.Thinking == llm.ThinkEffort && c.NoCache }},
		{"us.amazon.nova-micro-v1:0", "", func(c llm.Caps) bool { return c.Family == "nova" && c.NoImages && c.NoDocuments && !c.NoCache }},
		{"us.amazon.nova-2-lite-v1:0", "", func(c llm.Caps) bool { return c.Thinking == llm.ThinkEffort && len(c.Efforts) == 3 }},
		{"meta.llama3-8b-instruct-v1:0", "", func(c llm.Caps) bool { return c.NoTools && c.NoCache }},
		{"us.meta.llama3-1-70b-instruct-v1:0", "", func(c llm.Caps) bool { return !c.NoTools && c.NoImages && c.NoToolChoice }},
		{"us.meta.llama4-scout-17b-instruct-v1:0", "", func(c llm.Caps) bool { return !c.NoTools && !c.NoImages }},
		{"mistral.mistral-7b-instruct-v0:2", "", func(c llm.Caps) bool { return c.NoSystem && c.NoTools }},
		{"us.deepseek.r1-v1:0", "", func(c llm.Caps) bool { return c.Family == "deepseek" && c.NoTools }},
	}
	for _, c := range checks {
		t.Run(c.id+" "+c.what, func(t *testing.T) {
			if got := Lookup(c.id); !c.ok(got) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestUnknownModels(t *testing.T) {
	for _, id := range []string{"", "muse-spark-1.1", "us.does-not-exist-model-v1:0", "abc123", "qwen3:8b", strings.Repeat("claude", 1000), "no/such/model"} {
		if got := Lookup(id); !reflect.DeepEqual(got, llm.Caps{}) {
			t.Errorf("%.40q: %+v", id, got)
		}
	}
}

func TestBetas(t *testing.T) {
	got := BedrockBetas("us.anthropic.claude-sonnet-4-5-20250929-v1:0")
	if len(got) != 17 || !slices.Contains(got, "context-1m-2025-08-07") {
		t.Errorf("HDR-01: %v", got)
	}
	if got := BedrockBetas("claude-sonnet-4-5"); got != nil {
		t.Errorf("HDR-01: Anthropic's own API has an open list, not %v", got)
	}
	if BedrockBeta("advanced-tool-use-2025-11-20") != "tool-search-tool-2025-10-19" || BedrockBeta("x") != "x" {
		t.Error("alias")
	}
}

func TestMemoryIsBounded(t *testing.T) {
	c, err := New(modelsJSON)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 2 * maxSeen {
				c.Lookup(fmt.Sprint("claude-", g, "-", i))
			}
		})
	}
	wg.Wait()
	if len(c.seen) > maxSeen {
		t.Errorf("%d ids are remembered", len(c.seen))
	}
}

func BenchmarkLookup(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Lookup("us.anthropic.claude-sonnet-4-5-20250929-v1:0")
	}
}

// TestRecordedModels sees every model of the recordings in the right family.
func TestRecordedModels(t *testing.T) {
	root := os.Getenv("TURNPIKE_CORPUS")
	if root == "" {
		root = "../../../shared/fixtures"
	}
	files, _ := filepath.Glob(filepath.Join(root, "*", "*.json"))
	if len(files) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no recordings in %s: set TURNPIKE_CORPUS", root)
		}
		t.Skipf("no recordings in %s: set TURNPIKE_CORPUS to read them", root)
	}
	families := []struct{ word, family string }{
		{"claude-does-not-exist", "claude"},
		{"claude", "claude"},
		{"gpt-oss", "gpt"},
		{"openai.gpt", "gpt"},
		{"amazon.nova", "nova"},
		{"titan-text", "titan"},
		{"meta.llama", "llama"},
		{"mistral.", "mistral"},
		{"minimax.", "minimax"},
		{"ai21.jamba", "jamba"},
		{"cohere.command", "cohere"},
	}
	seen := map[string]bool{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var x struct {
			Model string `json:"model"`
		}
		if err := json.Unmarshal(text, &x); err != nil || seen[x.Model] {
			continue
		}
		seen[x.Model] = true
		for _, c := range families {
			if strings.Contains(x.Model, c.word) {
				if got := Lookup(x.Model).Family; got != c.family {
					t.Errorf("%s: family %q, want %q", x.Model, got, c.family)
				}
				break
			}
		}
	}
	if len(seen) < 50 {
		t.Errorf("only %d models", len(seen))
	}
}
