package policy_test

import (
	"reflect"
	"testing"

	"turnpike/internal/policy"
)

func TestOver(t *testing.T) {
	yes, no, two := true, false, 2
	gateway := policy.Policy{Strict: &yes, Cache: policy.CacheAuto, Continue: &two, Rules: []string{"a"}}
	if got := (policy.Policy{}).Over(gateway); !reflect.DeepEqual(got, gateway) {
		t.Errorf("an empty policy changed what is beneath: %+v", got)
	}
	key := policy.Policy{Strict: &no, Cache: policy.Cache1h, Rules: []string{"b", "a"}}
	got := key.Over(gateway)
	want := policy.Policy{Strict: &no, Cache: policy.Cache1h, Continue: &two, Rules: []string{"a", "b"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got.IsStrict() || got.Rounds() != 2 || !gateway.IsStrict() || (policy.Policy{}).Rounds() != 0 {
		t.Error("what the values mean")
	}
}

func TestCheck(t *testing.T) {
	n := func(i int) *int { return &i }
	for _, p := range []policy.Policy{{Cache: "2h"}, {Continue: n(-1)}, {Continue: n(policy.MaxContinue + 1)}} {
		if p.Check() == nil {
			t.Errorf("%+v was taken", p)
		}
	}
	for _, p := range []policy.Policy{{}, {Cache: "off"}, {Cache: "1h", Continue: n(0)}} {
		if err := p.Check(); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
}
