package route

import (
	"slices"
	"strings"
	"testing"

	"turnpike/internal/provider"
)

// TestSwitch: an account that is switched off is passed over at once, and told of; then
// it serves again.
func TestSwitch(t *testing.T) {
	one := &Account{Provider: provider.Unserved("one", "openai"), Models: []string{"m"}, Weight: 1}
	two := &Account{Provider: provider.Unserved("two", "openai"), Models: []string{"m"}, Weight: 1}
	table := New([]*Account{one, two}, "", "")
	names := func() (in, out []string) {
		t.Helper()
		p := table.now.Load().plan("m", nil)
		for _, s := range p.steps {
			for _, spot := range s.spots {
				in = append(in, spot.name())
			}
		}
		for _, x := range p.out {
			out = append(out, x.Provider+": "+x.Reason)
		}
		return in, out
	}
	if in, _ := names(); len(in) != 2 {
		t.Fatalf("before: %v", in)
	}
	one.Switch("being repaired")
	if in, out := names(); len(in) != 1 || in[0] != "two" || len(out) != 1 || out[0] != "one: not in use: being repaired" {
		t.Errorf("off: %v, %v", in, out)
	}
	two.Off = "no key"
	if two.Switch("too"); two.Out() != "no key" || two.Switched() != "too" {
		t.Errorf("the configuration's reason comes first: %q", two.Out())
	}
	one.Switch("")
	if in, _ := names(); len(in) != 1 || in[0] != "one" {
		t.Errorf("on again: %v", in)
	}
}

// TestSwitchModels: a model that is switched off at an account is served by others, or refused
// with the reason; it is not asked for by a worse rule, nor listed.
func TestSwitchModels(t *testing.T) {
	one := &Account{Provider: provider.Unserved("one", "bedrock"), Weight: 1}
	two := &Account{Provider: provider.Unserved("two", "anthropic"), Weight: 1}
	const long = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
	one.SetListed([]provider.Model{{ID: long}, {ID: "amazon.nova-pro-v1:0"}})
	two.SetListed([]provider.Model{{ID: "claude-haiku-4-5-20251001"}})
	table := New([]*Account{one, two}, "one", "")
	at := func(model string) string {
		t.Helper()
		p := table.now.Load().plan(model, nil)
		if p.err != nil {
			return p.err.Message
		}
		said := ""
		for _, s := range p.steps {
			for _, spot := range s.spots {
				said += spot.name() + " " + spot.model + ";"
			}
		}
		for _, x := range p.out {
			said += "not " + x.Provider + " " + x.Reason
		}
		return said
	}
	listed := func(id string) bool {
		return slices.ContainsFunc(table.now.Load().List(nil), func(l Listing) bool { return l.ID == id })
	}
	if got := at("claude-haiku-4-5"); !strings.Contains(got, "one "+long) || !strings.Contains(got, "two") || !listed(long) {
		t.Fatal(got)
	}
	one.SwitchModels(map[string]string{long: "too dear"})
	if got := at("claude-haiku-4-5"); strings.Contains(got, "one "+long) || !strings.Contains(got, "two claude") || !strings.Contains(got, "not one the model is not in use: too dear") {
		t.Error(got)
	}
	if listed(long) || listed("one/"+long) || !listed("amazon.nova-pro-v1:0") {
		t.Error("the list has it still, or another one not")
	}
	if got := at("one/claude-haiku-4-5"); !strings.Contains(got, "provider one does not serve it: the model is not in use: too dear") {
		t.Error(got)
	}
	two.SwitchModels(map[string]string{"claude-haiku-4-5-20251001": "rest", "claude-haiku-4-5": "rest"})
	if got := at("claude-haiku-4-5"); !strings.Contains(got, "no provider serves it (one would: the model is not in use: too dear) (two would: the model is not in use: rest)") {
		t.Errorf("by the default provider: %s", got)
	}
	if got := at("amazon.nova-pro-v1:0"); !strings.Contains(got, "one amazon.nova-pro-v1:0") {
		t.Error(got)
	}
	next := &Account{Provider: one.Provider, Weight: 2}
	if next.Succeed(one); next.SwitchedModels()[long] != "too dear" {
		t.Error("the account in its place forgot it")
	}
	one.SwitchModels(nil)
	two.SwitchModels(map[string]string{})
	if got := at("claude-haiku-4-5"); !strings.Contains(got, "one "+long) || !strings.Contains(got, "two claude") {
		t.Error(got)
	}
}
