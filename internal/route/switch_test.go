package route

import (
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
