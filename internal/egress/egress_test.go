package egress

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
)

func TestSpecialAddresses(t *testing.T) {
	for _, c := range []struct {
		addr            string
		public, private bool // may be fetched from: as it comes, and with allow_private
	}{
		{"1.1.1.1", true, true},
		{"8.8.8.8", true, true},
		{"172.15.255.255", true, true},
		{"172.32.0.0", true, true},
		{"100.63.255.255", true, true},
		{"2606:4700::1111", true, true},
		{"::ffff:8.8.8.8", true, true},
		{"64:ff9b::8.8.8.8", true, true},
		{"10.0.0.1", false, true},
		{"100.64.0.1", false, true},
		{"127.0.0.1", false, true},
		{"127.255.255.254", false, true},
		{"172.16.0.1", false, true},
		{"172.31.255.255", false, true},
		{"192.168.1.1", false, true},
		{"::1", false, true},
		{"fc00::1", false, true},
		{"fd12:3456::1", false, true},
		{"::ffff:127.0.0.1", false, true},
		{"64:ff9b::10.0.0.1", false, true},
		{"0.0.0.0", false, false},
		{"0.1.2.3", false, false},
		{"169.254.169.254", false, false},
		{"169.254.170.2", false, false},
		{"::ffff:169.254.169.254", false, false},
		{"64:ff9b::169.254.169.254", false, false},
		{"64:ff9b:1::1", false, false},
		{"100.100.100.200", false, false},
		{"168.63.129.16", false, false},
		{"fd00:ec2::254", false, false},
		{"fd20:ce::254", false, false},
		{"192.0.0.192", false, false},
		{"192.0.2.1", false, false},
		{"192.88.99.1", false, false},
		{"198.18.0.1", false, false},
		{"198.51.100.1", false, false},
		{"203.0.113.1", false, false},
		{"224.0.0.1", false, false},
		{"239.255.255.255", false, false},
		{"240.0.0.1", false, false},
		{"255.255.255.255", false, false},
		{"::", false, false},
		{"::127.0.0.1", false, false},
		{"100::1", false, false},
		{"2001::1", false, false},
		{"2001:db8::1", false, false},
		{"2002:7f00:1::", false, false},
		{"3fff::1", false, false},
		{"5f00::1", false, false},
		{"fe80::1", false, false},
		{"fe80::1%eth0", false, false},
		{"2606:4700::1111%eth0", false, false},
		{"fec0::1", false, false},
		{"ff02::1", false, false},
	} {
		a := netip.MustParseAddr(c.addr)
		if got := Reachable(a, false); got != c.public {
			t.Errorf("%s: %v", c.addr, got)
		}
		if got := Reachable(a, true); got != c.private {
			t.Errorf("%s with allow_private: %v", c.addr, got)
		}
	}
	if Reachable(netip.Addr{}, true) {
		t.Error("no address is reachable")
	}
}

// names has every name mean these addresses, in turn.
func names(turns ...[]string) (look func(context.Context, string) ([]netip.Addr, error), asked *int) {
	asked = new(int)
	return func(context.Context, string) (out []netip.Addr, _ error) {
		for _, a := range turns[min(*asked, len(turns)-1)] {
			out = append(out, netip.MustParseAddr(a))
		}
		*asked++
		return out, nil
	}, asked
}

func TestNames(t *testing.T) {
	// No connection may come about.
	for name, addrs := range map[string][]string{
		"a private address":              {"10.0.0.1"},
		"the metadata service":           {"169.254.169.254"},
		"one good address and a bad one": {"8.8.8.8", "127.0.0.1"},
		"an IPv4 address in IPv6":        {"::ffff:127.0.0.1"},
		"an IPv4 address by NAT64":       {"64:ff9b::a9fe:a9fe"},
		"carrier-grade NAT":              {"100.64.1.1"},
	} {
		look, _ := names(addrs)
		g := Guard{Lookup: look, Hint: "ask the operator"}
		c, err := g.Dial(t.Context(), "tcp", "name.example:80")
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "ask the operator") {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
	var unknown *net.DNSError
	look, _ := names(nil)
	if _, err := (&Guard{Lookup: look}).Dial(t.Context(), "tcp", "name.example:80"); !errors.As(err, &unknown) {
		t.Errorf("no address: %v", err)
	}
	if _, err := (&Guard{}).Dial(t.Context(), "tcp", "nonsense"); err == nil {
		t.Error("an address without a port is called")
	}
}

// TestRebinding: a name is looked up once for a connection, and what was found then is what
// is called; the next connection finds it changed.
func TestRebinding(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	look, asked := names([]string{"127.0.0.1"}, []string{"169.254.169.254"})
	g := Guard{Private: true, Lookup: look}
	c, err := g.Dial(t.Context(), "tcp", "name.example:"+port)
	if err != nil || c.RemoteAddr().String() != s.Listener.Addr().String() || *asked != 1 {
		t.Fatalf("%v after %d look-ups", err, *asked)
	}
	_ = c.Close()
	if _, err := g.Dial(t.Context(), "tcp", "name.example:"+port); !errors.Is(err, ErrRefused) {
		t.Errorf("the second time: %v", err)
	}
	for _, addr := range []string{"127.0.0.2:80", "[::1]:80", "169.254.169.254:80", "nonsense"} {
		if err := (&Guard{}).control("tcp", addr, nil); !errors.Is(err, ErrRefused) {
			t.Errorf("a socket to %s: %v", addr, err)
		}
	}
	if err := (&Guard{}).control("tcp", "8.8.8.8:443", nil); err != nil {
		t.Error(err)
	}
}

// TestSecondAddress: a name whose first address does not answer is called at its next.
func TestSecondAddress(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	look, _ := names([]string{"127.0.0.2", "127.0.0.1"}) // the server listens at one of them
	c, err := (&Guard{Private: true, Lookup: look}).Dial(t.Context(), "tcp", "name.example:"+port)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}

// TestRedirects: wherever a server sends on to, the guard stands there too.
func TestRedirects(t *testing.T) {
	var to string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }))
	defer s.Close()
	look, _ := names([]string{"169.254.169.254"})
	g := Guard{Private: true, Lookup: look}
	client := &http.Client{Transport: g.Transport()}
	for _, to = range []string{"http://169.254.169.254/latest/meta-data/", "http://[::ffff:a9fe:a9fe]/", "http://2852039166/", "http://rebound.example/", "https://168.63.129.16/"} {
		res, err := client.Get(s.URL)
		if !errors.Is(err, ErrRefused) {
			t.Errorf("to %s: %v", to, err)
		}
		if err == nil {
			_ = res.Body.Close()
		}
	}
}

// TestProxies: the environment's proxy is for what may be private alone, and is not asked
// for what is refused as it stands.
func TestProxies(t *testing.T) {
	if (&Guard{}).Transport().Proxy != nil {
		t.Error("a proxy looks names up that must be public")
	}
	proxy := (&Guard{Private: true}).Transport().Proxy
	for at, want := range map[string]error{
		"http://idp.internal/": nil, "http://10.1.2.3/": nil, "http://169.254.169.254/": ErrRefused, "http://169.254.169.254./": ErrRefused,
		"http://[fd00:ec2::254]/": ErrRefused, "http://2852039166/": ErrRefused, "http://0xa9.0xfe.0xa9.0xfe/": ErrRefused,
	} {
		u, err := url.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := proxy(&http.Request{URL: u}); !errors.Is(err, want) {
			t.Errorf("%s: %v", at, err)
		}
	}
}
