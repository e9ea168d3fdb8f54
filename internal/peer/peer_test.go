package peer

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestAddress(t *testing.T) {
	trusted := []string{"10.0.0.0/8", "2001:db8:1::/48", "203.0.113.1"}
	for _, c := range []struct {
		name, remote string
		lines        []string
		depth        int
		want         string
	}{
		{"nobody between", "198.51.100.7:4711", nil, 0, "198.51.100.7"},
		{"IPv6", "[2001:db8::7]:4711", nil, 0, "2001:db8::7"},
		{"IPv4 in the clothes of IPv6", "[::ffff:198.51.100.7]:4711", nil, 0, "198.51.100.7"},
		{"a zone", "[fe80::1%eth0]:4711", nil, 0, "fe80::1"},
		{"a client that makes one up", "198.51.100.7:4711", []string{"10.1.1.1"}, 0, "198.51.100.7"},
		{"one proxy", "10.0.0.1:80", []string{"198.51.100.7"}, 0, "198.51.100.7"},
		{"one proxy, in the clothes of IPv6", "[::ffff:10.0.0.1]:80", []string{"::ffff:198.51.100.7"}, 0, "198.51.100.7"},
		{"one proxy that adds to what the client made up", "10.0.0.1:80", []string{"10.9.9.9, 198.51.100.7"}, 0, "198.51.100.7"},
		{"made up in a line of its own", "10.0.0.1:80", []string{"10.9.9.9", "198.51.100.7"}, 0, "198.51.100.7"},
		{"two proxies", "10.0.0.1:80", []string{"192.0.2.1, 198.51.100.7, 203.0.113.1"}, 0, "198.51.100.7"},
		{"two proxies, two lines", "10.0.0.1:80", []string{"198.51.100.7", "203.0.113.1"}, 0, "198.51.100.7"},
		{"IPv6 proxies", "[2001:db8:1::5]:80", []string{"2001:db8:2::9,2001:db8:1::6"}, 0, "2001:db8:2::9"},
		{"ports", "10.0.0.1:80", []string{"198.51.100.7:1234"}, 0, "198.51.100.7"},
		{"IPv6 with a port", "10.0.0.1:80", []string{"[2001:db8::9]:1234"}, 0, "2001:db8::9"},
		{"IPv6 in brackets", "10.0.0.1:80", []string{"[2001:db8::9]"}, 0, "2001:db8::9"},
		{"a proxy that asks itself", "10.0.0.1:80", nil, 0, "10.0.0.1"},
		{"a client inside", "10.0.0.1:80", []string{"10.7.7.7"}, 0, "10.7.7.7"},
		{"depth one: the second is not read though trusted", "10.0.0.1:80", []string{"10.9.9.9, 10.7.7.7"}, 1, "10.7.7.7"},
		{"depth two", "10.0.0.1:80", []string{"192.0.2.1, 10.9.9.9, 10.7.7.7"}, 2, "10.9.9.9"},
		{"garbage from a trusted proxy", "10.0.0.1:80", []string{"unknown"}, 0, ""},
		{"garbage further left does not matter", "10.0.0.1:80", []string{"<script>, 198.51.100.7"}, 0, "198.51.100.7"},
		{"empty", "10.0.0.1:80", []string{""}, 0, ""},
		{"a comma too many", "10.0.0.1:80", []string{"198.51.100.7,"}, 0, ""},
		{"a socket file", "@", []string{"198.51.100.7"}, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			nets, err := Networks(trusted)
			if err != nil {
				t.Fatal(err)
			}
			p := Proxies{Trusted: nets, Depth: c.depth}
			before := slices.Clone(c.lines)
			r := &http.Request{RemoteAddr: c.remote, Header: http.Header{"X-Forwarded-For": c.lines}}
			got, want := p.Address(r), netip.Addr{}
			if c.want != "" {
				want = netip.MustParseAddr(c.want)
			}
			if got != want {
				t.Errorf("%v, want %v", got, want)
			}
			if !slices.Equal(r.Header["X-Forwarded-For"], before) {
				t.Errorf("the header became %q", c.lines)
			}
			none := Proxies{}
			if got := none.Address(r); got != Parse(c.remote) {
				t.Errorf("%v although nobody is trusted", got)
			}
		})
	}
}

func TestEncrypted(t *testing.T) {
	p := Proxies{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	for _, c := range []struct {
		from string
		said []string
		tls  bool
		want bool
	}{
		{from: "203.0.113.9:1", want: false},
		{from: "203.0.113.9:1", tls: true, want: true},
		{from: "203.0.113.9:1", said: []string{"https"}, want: false}, // anybody may say so
		{from: "10.0.0.1:1", said: []string{"https"}, want: true},
		{from: "10.0.0.1:1", said: []string{"https, http"}, want: false},
		{from: "10.0.0.1:1", said: []string{"http", " HTTPS "}, want: true},
		{from: "10.0.0.1:1", said: []string{""}, want: false},
	} {
		r := &http.Request{RemoteAddr: c.from, Header: http.Header{"X-Forwarded-Proto": c.said}}
		if c.tls {
			r.TLS = &tls.ConnectionState{}
		}
		if got := p.Encrypted(r); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestNetworks(t *testing.T) {
	for word, want := range map[string]string{
		"10.0.0.0/8":            "10.0.0.0/8",
		"10.1.2.3/8":            "10.0.0.0/8",
		" 192.0.2.7 ":           "192.0.2.7/32",
		"2001:db8::/32":         "2001:db8::/32",
		"2001:db8::1":           "2001:db8::1/128",
		"::ffff:192.0.2.0/120":  "192.0.2.0/24",
		"::ffff:192.0.2.7":      "192.0.2.7/32",
		"0.0.0.0/0":             "0.0.0.0/0",
		"::/0":                  "::/0",
		"::ffff:0.0.0.0/8":      "",
		"fe80::1%eth0":          "",
		"10.0.0.0/33":           "",
		"10.0.0/8":              "",
		"010.0.0.1":             "",
		"host":                  "",
		"":                      "",
		"10.0.0.0/8,10.0.0.0/8": "",
	} {
		got, err := Networks([]string{word})
		switch {
		case want == "" && err == nil:
			t.Errorf("%q was taken for %v", word, got)
		case want != "" && (err != nil || len(got) != 1 || got[0].String() != want):
			t.Errorf("%q: %v, %v; want %s", word, got, err, want)
		}
	}
	if got, err := Networks([]string{"10.0.0.0/8", "10.9.9.9/8"}); err != nil || len(got) != 1 {
		t.Errorf("the same twice: %v, %v", got, err)
	}
	if _, err := Networks(make([]string, MaxNetworks+1)); err == nil {
		t.Error("a list without a bound")
	}
	// IPv4 networks do not hold IPv6 addresses, nor the other way round.
	all4, _ := Networks([]string{"0.0.0.0/0"})
	if !Within(all4, Parse("[::ffff:192.0.2.1]:1")) || Within(all4, Parse("2001:db8::1")) || Within(all4, netip.Addr{}) || Within(nil, Parse("192.0.2.1")) {
		t.Error("what is within")
	}
}

func FuzzAddress(f *testing.F) {
	nets, err := Networks([]string{"10.0.0.0/8"})
	if err != nil {
		f.Fatal(err)
	}
	p := Proxies{Trusted: nets}
	for _, seed := range []string{"198.51.100.7", "10.9.9.9, 198.51.100.7", ",", "[::1]:1, 10.1.1.1:5", "::ffff:10.0.0.1%x", strings.Repeat("10.0.0.1,", 50)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		// Whatever a client sends, the address its proxy heard it from counts.
		r := &http.Request{RemoteAddr: "10.0.0.1:80", Header: http.Header{"X-Forwarded-For": {line, "198.51.100.7"}}}
		if got := p.Address(r); got != netip.MustParseAddr("198.51.100.7") {
			t.Fatalf("%q makes it %v", line, got)
		}
		r.Header["X-Forwarded-For"] = []string{line}
		if got := p.Address(r); got.Is4In6() || got.Zone() != "" {
			t.Fatalf("%q: %v is not in its plain form", line, got)
		}
	})
}

func FuzzNetworks(f *testing.F) {
	for _, seed := range []string{"10.0.0.0/8", "::ffff:1.2.3.4/120", "::/0", "1.2.3.4", "x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, word string) {
		nets, err := Networks([]string{word})
		if err != nil {
			return
		}
		again, err := Networks([]string{nets[0].String()})
		if err != nil || again[0] != nets[0] || !nets[0].Contains(nets[0].Addr()) {
			t.Fatalf("%q is %v, and that %v, %v", word, nets[0], again, err)
		}
	})
}
