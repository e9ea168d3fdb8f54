package policy_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"turnpike/internal/policy"
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, model string
		want           bool
	}{
		{"gpt-5", "gpt-5", true},
		{"gpt-5", "gpt-5-mini", false},
		{"gpt-5*", "gpt-5-mini", true},
		{"*", "meta-llama/Llama-3", true},
		{"meta-llama/*", "meta-llama/Llama-3", true},
		{"meta-llama/*", "other/Llama-3", false},
		{"[", "[", true},
		{"[", "x", false},
		{"", "", true},
	} {
		if got := policy.Match(c.pattern, c.model); got != c.want {
			t.Errorf("%q fits %q: %v", c.model, c.pattern, got)
		}
	}
}

func TestAliasFind(t *testing.T) {
	as := policy.Aliases{{Match: "f*", To: []string{"pattern"}}, {Match: "fast", To: []string{"exact"}}, {Match: "fa*", To: []string{"later"}}}
	for model, want := range map[string]string{"fast": "exact", "faster": "pattern", "f": "pattern"} {
		if a := as.Find(model); a == nil || a.To[0] != want {
			t.Errorf("%s: %+v", model, a)
		}
	}
	if as.Find("slow") != nil || policy.Aliases(nil).Find("fast") != nil {
		t.Error("found what is not there")
	}
}

func TestRoutingOver(t *testing.T) {
	under := &policy.Routing{Provider: "a", Models: []string{"m"}, Providers: []string{"a"}, Strategy: policy.StrategyPriority, Aliases: policy.Aliases{{Match: "x", To: []string{"y"}}}}
	over := &policy.Routing{Provider: "b", Models: []string{"n"}}
	got := policy.Policy{Routing: over}.Over(policy.Policy{Routing: under}).Routing
	want := &policy.Routing{Provider: "b", Models: []string{"n"}, Providers: under.Providers, Strategy: under.Strategy, Aliases: under.Aliases}
	if !reflect.DeepEqual(got, want) || over.Strategy != "" {
		t.Errorf("%+v, want %+v", got, want)
	}
	if (policy.Policy{}).Over(policy.Policy{Routing: under}).Routing != under || (policy.Policy{Routing: over}).Over(policy.Policy{}).Routing != over {
		t.Error("with one of them alone")
	}
}

func TestRoutingCheck(t *testing.T) {
	for _, r := range []policy.Routing{
		{Strategy: "random"},
		{Aliases: policy.Aliases{{Match: "", To: []string{"a"}}}},
		{Aliases: policy.Aliases{{Match: "a"}}},
		{Aliases: policy.Aliases{{Match: "a", To: []string{"b*"}}}},
		{Aliases: policy.Aliases{{Match: "a", To: []string{"b"}, Strategy: "random"}}},
	} {
		if (policy.Policy{Routing: &r}).Check() == nil {
			t.Errorf("%+v was taken", r)
		}
	}
	text := `{"routing":{"provider":"a","models":["m*"],"providers":["a"],"aliases":[{"match":"x*","to":["y","a/z"],"strategy":"priority"}],"strategy":"smart"}}`
	var p policy.Policy
	if err := json.Unmarshal([]byte(text), &p); err != nil || p.Check() != nil {
		t.Fatal(err, p.Check())
	}
	if again, err := json.Marshal(p); err != nil || string(again) != text {
		t.Errorf("%s, %v", again, err)
	}
}
