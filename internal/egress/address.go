package egress

import "net/netip"

// private are networks of one's own: called only where the operator
// allows it (RFC 1918, RFC 6598, RFC 4193, loopback).
var private = prefixes(
	"10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7",
)

// never are ranges nothing is called in: IANA's special-purpose registries, and
// the addresses where clouds hand out credentials.
var never = prefixes(
	"0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"100.100.100.200/32", "168.63.129.16/32", "fd00:ec2::254/128", "fd20:ce::254/128", // Alibaba, Azure, AWS, Google
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", // Teredo and others of IETF's, documentation, 6to4
)

var (
	global = netip.MustParsePrefix("2000::/3")     // all that is global in IPv6
	nat64  = netip.MustParsePrefix("64:ff9b::/96") // holds an IPv4 address (RFC 6052)
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

func within(a netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// Reachable tells whether an address may be called: a public one, or a private one where
// that is allowed; never one where clouds keep credentials.
func Reachable(a netip.Addr, allowPrivate bool) bool {
	if !a.IsValid() || a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if nat64.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	switch {
	case within(a, never):
		return false
	case within(a, private):
		return allowPrivate
	}
	return a.Is4() || global.Contains(a)
}
