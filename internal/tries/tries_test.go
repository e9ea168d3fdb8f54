package tries

import (
	"net/netip"
	"strconv"
	"testing"
	"time"
)

func TestWait(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	c := Counter{Most: 3, Forget: time.Minute, Now: func() time.Time { return now }}
	for i := range 3 {
		if wait := c.Wait("a"); wait != 0 {
			t.Fatalf("after %d tries: %v", i, wait)
		}
		c.Failed("a")
	}
	if wait := c.Wait("a"); wait != time.Minute {
		t.Errorf("after all tries: %v", wait)
	}
	if wait := c.Wait("b"); wait != 0 {
		t.Errorf("another one waits %v", wait)
	}
	now = now.Add(time.Minute)
	if wait := c.Wait("a"); wait != 0 {
		t.Errorf("a minute later: %v", wait)
	}
	c.Failed("a")
	if c.Passed("a"); c.Wait("a") != 0 {
		t.Error("it waits though it got in")
	}
}

func TestManyAreBounded(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	c := Counter{Most: 3, Forget: time.Minute, Now: func() time.Time { return now }}
	for i := range most + 100 {
		c.Failed(strconv.Itoa(i))
	}
	if len(c.by) > most+1 {
		t.Errorf("%d are remembered", len(c.by))
	}
	if c.Wait("new") == 0 {
		t.Error("with so many who try, a new one need not wait")
	}
	now = now.Add(24 * time.Hour)
	if c.Failed("new"); len(c.by) != 1 || c.Wait("another") != 0 {
		t.Errorf("a day later %d are remembered", len(c.by))
	}
}

func TestNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1": "192.0.2.1/32", "2001:db8::1": "2001:db8::/64", "2001:db8::ffff": "2001:db8::/64", "2001:db8:0:1::1": "2001:db8:0:1::/64",
	} {
		if got := Network(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is counted as %s", address, got)
		}
	}
	if Network(netip.Addr{}) == "" {
		t.Error("no address is counted with the crowd")
	}
}
