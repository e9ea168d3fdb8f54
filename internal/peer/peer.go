// Package peer tells from which address a request comes, also behind proxies.
package peer

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are those whose X-Forwarded-For is believed.
type Proxies struct {
	// Trusted are their networks. A header from anybody else is not read.
	Trusted []netip.Prefix
	// Depth is how many proxies there are at most between a client and the gateway;
	// 0 is as many as are trusted.
	Depth int
}

// forwarded is the header of proxies, in the form net/http keeps it in.
const forwarded = "X-Forwarded-For"

// Address is the client's address. Each proxy writes whom it heard from at the end
// of X-Forwarded-For, so it is read from right to left, and only as far as those
// who wrote are trusted: what stands further left anybody may have made up. The
// zero address says that it cannot be known.
func (p *Proxies) Address(r *http.Request) netip.Addr {
	at := Parse(r.RemoteAddr)
	lines := r.Header[forwarded]
	for hop := 0; len(lines) > 0 && (p.Depth == 0 || hop < p.Depth) && Within(p.Trusted, at); hop++ {
		line := lines[len(lines)-1]
		comma := strings.LastIndexByte(line, ',')
		at = Parse(line[comma+1:])
		if comma < 0 {
			lines = lines[:len(lines)-1]
			continue
		}
		lines = append(slices.Clip(lines[:len(lines)-1]), line[:comma])
	}
	return at
}

// Encrypted tells whether the client came by TLS: to the gateway, or to a proxy that is trusted
// and says so (X-Forwarded-Proto, of which the nearest proxy wrote the last).
func (p *Proxies) Encrypted(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	said := r.Header["X-Forwarded-Proto"]
	if len(said) == 0 || !Within(p.Trusted, Parse(r.RemoteAddr)) {
		return false
	}
	last := said[len(said)-1]
	return strings.EqualFold(strings.TrimSpace(last[strings.LastIndexByte(last, ',')+1:]), "https")
}

// Within tells whether an address is in one of the networks.
func Within(list []netip.Prefix, a netip.Addr) bool {
	return a.IsValid() && slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Parse reads an address as proxies and net/http write it: with a port or without,
// IPv6 in brackets or not. IPv4 in the clothes of IPv6 is IPv4; a zone is left
// out. What is no address is the zero one.
func Parse(text string) netip.Addr {
	text = strings.TrimSpace(text)
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		port, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}
		}
		a = port.Addr()
	}
	return a.Unmap().WithZone("")
}

// MaxNetworks bounds a list of networks: it is looked through for each request.
const MaxNetworks = 256

// ErrNetwork says how a network is written.
var ErrNetwork = errors.New("is not a network such as 10.0.0.0/8 or 2001:db8::/32, nor an address")

// Networks reads networks and single addresses.
func Networks(words []string) ([]netip.Prefix, error) {
	if len(words) > MaxNetworks {
		return nil, fmt.Errorf("%d networks are more than %d", len(words), MaxNetworks)
	}
	out := make([]netip.Prefix, 0, len(words))
	for _, w := range words {
		p, err := network(w)
		if err != nil {
			return nil, fmt.Errorf("%q %w", w, err)
		}
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out, nil
}

func network(word string) (netip.Prefix, error) {
	word = strings.TrimSpace(word)
	if a, err := netip.ParseAddr(word); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(word)
	if err != nil {
		return p, ErrNetwork
	}
	if a := p.Addr(); a.Is4In6() {
		if p.Bits() < 96 {
			return p, ErrNetwork
		}
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}
