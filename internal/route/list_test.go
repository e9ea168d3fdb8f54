package route

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"turnpike/internal/policy"
	"turnpike/internal/provider"
)

func ids(list []Listing) (out []string) {
	for _, m := range list {
		out = append(out, m.ID)
	}
	return out
}

func TestList(t *testing.T) {
	oa := account("oa", "openai", models("gpt-5*", "gpt-4o"), offers("gpt-5", "gpt-5-mini", "o3"))
	aws := account("aws", "bedrock", offers("us."+onBedrock, "amazon.nova-pro-v1:0"))
	gone := account("gone", "openai", off("no key"), models("x"))
	table := New([]*Account{oa, aws, gone}, "", "").With(Settings{Aliases: policy.Aliases{
		{Match: "claude-fast", To: []string{"gpt-5-mini"}}, {Match: "any-*", To: []string{"gpt-5"}}, {Match: "gpt-5", To: []string{"gpt-5-mini"}},
	}})
	all := []string{
		"amazon.nova-pro-v1:0", "aws/amazon.nova-pro-v1:0", "aws/us." + onBedrock, "claude-fast", sonnet, "gpt-4o", "gpt-5", "gpt-5-mini",
		"oa/gpt-4o", "oa/gpt-5", "oa/gpt-5-mini", "us." + onBedrock,
	}
	if got := ids(table.List(nil)); !slices.Equal(got, all) {
		t.Errorf("got  %q\nwant %q", got, all)
	}
	for _, c := range []struct {
		name string
		key  policy.Routing
		want []string
	}{
		{"nothing said", policy.Routing{Strategy: policy.StrategyPriority}, all},
		{"providers", policy.Routing{Providers: []string{"oa"}}, []string{"claude-fast", "gpt-4o", "gpt-5", "gpt-5-mini", "oa/gpt-4o", "oa/gpt-5", "oa/gpt-5-mini"}},
		{"models", policy.Routing{Models: []string{"claude-sonnet-*"}}, []string{"aws/us." + onBedrock, sonnet, "us." + onBedrock}},
		{"by what is behind an alias", policy.Routing{Models: []string{"gpt-5-mini"}}, []string{"claude-fast", "gpt-5", "gpt-5-mini", "oa/gpt-5-mini"}},
		{"its own names", policy.Routing{Models: []string{"mine"}, Aliases: policy.Aliases{{Match: "mine", To: []string{"oa/gpt-5"}}}}, []string{"mine"}},
	} {
		if got := ids(table.List(&c.key)); !slices.Equal(got, c.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", c.name, got, c.want)
		}
	}
	oa.SetListed([]provider.Model{{ID: "gpt-5.1", Name: "GPT-5.1", Context: 400000}})
	list := table.List(nil)
	i := slices.IndexFunc(list, func(m Listing) bool { return m.ID == "oa/gpt-5.1" })
	if i < 0 || list[i].Name != "GPT-5.1" || list[i].Context != 400000 || list[i].Provider != "oa" {
		t.Errorf("a new list is not shown: %q", ids(list))
	}
}

// What is listed can be asked for, and what cannot be asked for is not listed.
func TestListedIsServed(t *testing.T) {
	table := New([]*Account{account("claude", "anthropic", offers(sonnet)), account("aws", "bedrock", offers("eu."+onBedrock, "us."+onBedrock))}, "", "")
	for _, m := range table.List(nil) {
		if _, err := table.Candidates(Ask{Model: m.ID}); err != nil {
			t.Errorf("%s: %v", m.ID, err)
		}
	}
}

// From memory, whatever the number: a client that looks for models gives up early.
func BenchmarkList(b *testing.B) {
	var list []*Account
	for i := range 10 {
		a := account(fmt.Sprint("p", i), "openai-compat")
		var models []provider.Model
		for j := range 500 {
			models = append(models, provider.Model{ID: fmt.Sprintf("vendor-%d/model-%d", i, j)})
		}
		a.SetListed(models)
		list = append(list, a)
	}
	table := New(list, "", "").With(Settings{Now: time.Now})
	key := &policy.Routing{Models: []string{"vendor-3/*"}}
	b.Run("all", func(b *testing.B) {
		for b.Loop() {
			table.List(nil)
		}
	})
	b.Run("of a key", func(b *testing.B) {
		for b.Loop() {
			table.List(key)
		}
	})
}
