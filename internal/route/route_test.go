package route

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/policy"
	"turnpike/internal/provider"
)

// account stands for one of a kind; nothing is ever sent to it.
func account(name, kind string, change ...func(*Account)) *Account {
	a := &Account{Provider: provider.Unserved(name, kind), Weight: 100}
	for _, c := range change {
		c(a)
	}
	return a
}

func models(globs ...string) func(*Account) { return func(a *Account) { a.Models = globs } }

func weight(w int) func(*Account) { return func(a *Account) { a.Weight = w } }

func off(why string) func(*Account) { return func(a *Account) { a.Off = why } }

func offers(ids ...string) func(*Account) {
	return func(a *Account) {
		list := make([]provider.Model, len(ids))
		for i, id := range ids {
			list[i].ID = id
		}
		a.SetListed(list)
	}
}

// resolve gives the targets as "provider model", and the reason of the first.
func resolve(t *testing.T, table *Table, model string) (got []string, why string) {
	t.Helper()
	targets, err := table.Resolve(model)
	if err != nil {
		t.Fatalf("%q: %v", model, err)
	}
	for _, target := range targets {
		got = append(got, target.Provider.Name()+" "+target.Model)
		if target.Why != targets[0].Why {
			t.Errorf("%q: one target %s, another %s", model, targets[0].Why, target.Why)
		}
	}
	return got, targets[0].Why
}

func TestOrderOfTheRules(t *testing.T) {
	const (
		prefix  = "named by the model's prefix"
		lists   = "lists the model"
		said    = "offers the model"
		vendors = "is of the model's vendor"
		byname  = "is the default provider"
		alone   = "is the only provider"
	)
	openai, claude, bedrock := account("oa", "openai"), account("claude", "anthropic"), account("aws", "bedrock")
	sandbox := account("sandbox", "sandbox", offers("sandbox", "sandbox-tools"))
	local := account("local", "openai-compat", offers("llama3:8b", "gpt-oss:20b", "meta-llama/Llama-3"))
	pinned := account("pinned", "openai-compat", models("gpt-4*", "deepseek-ai/*"), offers("other"))
	all := []*Account{sandbox, openai, claude, bedrock, local, pinned}
	for _, c := range []struct {
		name     string
		accounts []*Account
		fallback string // defaults.provider
		model    string
		want     string
		why      string
	}{
		{"the prefix goes first", all, "", "claude/gpt-4o", "claude gpt-4o", prefix},
		{"only the first slash counts", all, "", "local/meta-llama/Llama-3", "local meta-llama/Llama-3", prefix},
		{"a list of the configuration before a vendor", all, "", "gpt-4o", "pinned gpt-4o", lists},
		{"an offer before a vendor", all, "", "gpt-oss:20b", "local gpt-oss:20b", said},
		{"an offer is not taken where the configuration lists", all, "oa", "other", "oa other", byname},
		{"a vendor before the default", all, "local", "claude-x", "claude claude-x", vendors},
		{"the default where nobody knows the model", all, "local", "mystery", "local mystery", byname},
		{"the only one there is", []*Account{sandbox, claude}, "", "mystery", "claude mystery", alone},
		{"the only one in use", []*Account{claude, account("x", "openai", off("no key"))}, "", "gpt-5", "claude gpt-5", alone},
		{"a slash that names no provider stays", all, "", "meta-llama/Llama-3", "local meta-llama/Llama-3", said},
		{"a slash that names no provider, with a glob", all, "", "deepseek-ai/DeepSeek-V4", "pinned deepseek-ai/DeepSeek-V4", lists},
		{"a slash that names no provider, unknown", all, "oa", "meta-llama/Llama-4", "oa meta-llama/Llama-4", byname},
		{"a slash at the end names nobody", all, "oa", "claude/", "oa claude/", byname},
		{"the sandbox by its model", all, "", "sandbox-tools", "sandbox sandbox-tools", said},
		{"the sandbox by its kind", []*Account{account("box", "sandbox"), claude}, "", "sandbox-new", "box sandbox-new", vendors},
		{"the sandbox by its name", all, "", "sandbox/anything", "sandbox anything", prefix},
		{"the sandbox where it is the default", all, "sandbox", "mystery", "sandbox mystery", byname},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, why := resolve(t, New(c.accounts, c.fallback, ""), c.model)
			if len(got) != 1 || got[0] != c.want || why != c.why {
				t.Errorf("%q: %s, which %s; want %s, which %s", c.model, got, why, c.want, c.why)
			}
		})
	}
}

func TestVendors(t *testing.T) {
	accounts := []*Account{
		account("sandbox", "sandbox"), account("openai", "openai"), account("anthropic", "anthropic"),
		account("gemini", "gemini"), account("bedrock", "bedrock"), account("compat", "openai-compat"),
	}
	for model, want := range map[string]string{
		"gpt-5.1": "openai", "chatgpt-4o-latest": "openai", "o1": "openai", "o3-mini": "openai", "o4-mini": "openai", "codex-mini": "openai",
		"claude-opus-4-6": "anthropic",
		"gemini-3-pro":    "gemini",
		"sandbox":         "sandbox",
		"anthropic.claude-sonnet-4-5-20250929-v1:0":                           "bedrock",
		"us.anthropic.claude-sonnet-4-5-20250929-v1:0":                        "bedrock",
		"us-gov.anthropic.claude-x":                                           "bedrock",
		"global.amazon.nova-2-lite-v1:0":                                      "bedrock",
		"openai.gpt-oss-120b-1:0":                                             "bedrock",
		"qwen.qwen3-32b-v1:0":                                                 "bedrock",
		"arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-x": "bedrock",
		"arn:aws-cn:bedrock:cn-north-1:1:application-inference-profile/a":     "bedrock",
		"mystery": "", "us.mystery": "", "Claude-3": "", "anthropic": "",
	} {
		targets, err := New(accounts, "", "").Resolve(model)
		switch {
		case want == "":
			if err == nil {
				t.Errorf("%q goes to %s, which %s", model, targets[0].Provider.Name(), targets[0].Why)
			}
		case err != nil:
			t.Errorf("%q: %v", model, err)
		case len(targets) != 1 || targets[0].Provider.Name() != want || targets[0].Model != model:
			t.Errorf("%q: %+v, want %s", model, targets, want)
		}
	}
}

func TestWeightsOrder(t *testing.T) {
	table := New([]*Account{
		account("a", "openai", weight(10)),
		account("b", "openai", weight(100)),
		account("c", "openai", weight(0)),
		account("d", "openai", weight(100)),
		account("e", "openai", weight(500), off("no key")),
		account("f", "anthropic", weight(1000)),
	}, "", "").With(Settings{Strategy: policy.StrategyPriority})
	want := []string{"b gpt-5", "d gpt-5", "a gpt-5", "c gpt-5"} // equals in the order of the configuration
	for range 2 {
		if got, _ := resolve(t, table, "gpt-5"); !slices.Equal(got, want) {
			t.Errorf("order %q, want %q", got, want)
		}
	}
	if got := table.Accounts(); len(got) != 6 || got[0].Provider.Name() != "a" {
		t.Error("sorting changed the order of the accounts, or lost one")
	}
}

func TestGlobs(t *testing.T) {
	for _, c := range []struct {
		globs []string
		model string
		want  bool
	}{
		{nil, "gpt-5", false},
		{[]string{"gpt-5"}, "gpt-5", true},
		{[]string{"gpt-5"}, "gpt-5-mini", false},
		{[]string{"gpt-5*"}, "gpt-5-mini", true},
		{[]string{"*"}, "gpt-5", true},
		{[]string{"*"}, "meta-llama/Llama-3", true},
		{[]string{"*"}, "arn:aws:bedrock:us-east-1:1:inference-profile/x", true},
		{[]string{"meta-llama/*"}, "meta-llama/Llama-3", true},
		{[]string{"meta-llama/*"}, "other/Llama-3", false},
		{[]string{"*-mini", "o3"}, "o3", true},
		{[]string{"gpt-?"}, "gpt-5", true},
		{[]string{"gpt-[45]"}, "gpt-4", true},
		{[]string{"gpt-[45]"}, "gpt-6", false},
		{[]string{"["}, "[", true}, // what is no glob is a name
		{[]string{"["}, "x", false},
		{[]string{"a[b]"}, "a[b]", true},
		{[]string{"GPT-5"}, "gpt-5", false},
	} {
		if got := account("x", "openai", models(c.globs...)).Serves(c.model); got != c.want {
			t.Errorf("%q serves %q: %v", c.globs, c.model, got)
		}
	}
}

func TestNotInUse(t *testing.T) {
	table := New([]*Account{
		account("oa", "openai", off("no api_key (OPENAI_API_KEY is not set)"), models("my-model"), offers("their-model")),
		account("claude", "anthropic"), account("aws", "bedrock"),
	}, "oa", "")
	_, err := table.Resolve("oa/gpt-5")
	if err == nil || err.Kind != llm.ErrNotFound || !err.NoRetry || !strings.Contains(err.Message, "oa is not in use: no api_key (OPENAI_API_KEY is not set)") {
		t.Errorf("by its prefix: %v", err)
	}
	// By no other rule, not even as the default.
	for _, model := range []string{"gpt-5", "my-model", "their-model", "mystery"} {
		if targets, err := table.Resolve(model); err == nil {
			t.Errorf("%q goes to %+v", model, targets)
		}
	}
}

func TestNobodyServesIt(t *testing.T) {
	sandbox := account("sandbox", "sandbox", offers("sandbox"))
	for name, accounts := range map[string][]*Account{
		"nobody at all":                 nil,
		"the sandbox never stands in":   {sandbox},
		"two are no choice":             {sandbox, account("a", "openai-compat"), account("b", "openai-compat")},
		"one that lists others":         {sandbox, account("a", "openai", models("gpt-4o"))},
		"of the vendor, listing others": {sandbox, account("a", "openai", models("gpt-4o")), account("b", "anthropic", models("claude-*"))},
	} {
		t.Run(name, func(t *testing.T) {
			targets, err := New(accounts, "", "").Resolve("gpt-5")
			if err == nil {
				t.Fatalf("goes to %s", targets[0].Provider.Name())
			}
			if err.Kind != llm.ErrNotFound || err.HTTPStatus() != http.StatusNotFound || err.Code != "model_not_found" || err.Param != "model" || !err.NoRetry {
				t.Errorf("error %+v", err)
			}
			if !strings.Contains(err.Message, `"gpt-5"`) || !strings.Contains(err.Message, "GET /v1/models") {
				t.Errorf("message %q", err.Message)
			}
		})
	}
}

func TestDefaultModel(t *testing.T) {
	accounts := []*Account{account("oa", "openai"), account("claude", "anthropic")}
	_, err := New(accounts, "oa", "").Resolve("")
	if err == nil || err.Kind != llm.ErrInvalid || err.Param != "model" {
		t.Errorf("no model, no default: %v", err)
	}
	for model, want := range map[string]string{"claude-x": "claude claude-x", "oa/claude-x": "oa claude-x", "mystery": "oa mystery"} {
		if got, _ := resolve(t, New(accounts, "oa", model), ""); len(got) != 1 || got[0] != want {
			t.Errorf("default %q: %q, want %q", model, got, want)
		}
	}
	if got, _ := resolve(t, New(accounts, "", "claude-x"), "gpt-5"); got[0] != "oa gpt-5" {
		t.Errorf("the default stands before what was asked for: %q", got)
	}
}

func TestListed(t *testing.T) {
	a := account("a", "openai-compat")
	if a.Listed() != nil {
		t.Error("a list before anybody asked")
	}
	a.SetListed([]provider.Model{{ID: "m", Name: "old"}, {ID: "n"}})
	a.SetListed([]provider.Model{{ID: "m", Name: "new"}})
	if got := a.Listed(); len(got) != 1 || got["m"].Name != "new" {
		t.Errorf("listed %+v", got)
	}
	a.SetListed(nil)
	if got := a.Listed(); got == nil || len(got) != 0 {
		t.Errorf("an empty list became %v", got)
	}
}

func TestListsChangeUnderway(t *testing.T) {
	a, b := account("a", "openai-compat"), account("b", "openai-compat")
	table := New([]*Account{a, b}, "b", "")
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 200 {
				if i == 0 {
					offers("m")(a)
				} else if got, _ := resolve(t, table, "m"); got[0] != "a m" && got[0] != "b m" {
					t.Errorf("targets %q", got)
				}
			}
		})
	}
	wg.Wait()
}

// The list of an account is what it may serve, however it is asked for.
func TestListsAreLimits(t *testing.T) {
	pinned := account("pinned", "openai-compat", models("gpt-4*"), offers("other"))
	table := New([]*Account{pinned, account("oa", "openai"), account("ob", "openai")}, "pinned", "")
	for _, c := range []struct{ model, want string }{
		{"pinned/gpt-4o", ""},
		{"pinned/dear", "pinned is not set up to serve it"},
		{"mystery", "no provider serves it"},
	} {
		_, err := table.Resolve(c.model)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Message, c.want) {
			t.Errorf("%s: %v, want %q", c.model, err, c.want)
		}
	}
}
