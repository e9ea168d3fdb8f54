// Package egress keeps the gateway from calling where it should not: addresses that people
// or other systems give lead to public places only, unless the operator has said otherwise,
// and never to where clouds keep credentials.
package egress

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// ErrRefused is the error of calls that are not made.
var ErrRefused = errors.New("its address is none that may be called")

// Guard calls for one user of addresses that somebody gave.
type Guard struct {
	// Private lets it call private networks and the machine itself too. The environment's
	// proxy (HTTP_PROXY, HTTPS_PROXY, NO_PROXY) is asked then, and only then: a proxy looks
	// names up itself, so nothing here would see where they lead.
	Private bool
	// Hint tells what to do about a refusal.
	Hint string
	// Timeout bounds one connection; 0: ten seconds.
	Timeout time.Duration
	// Lookup finds the addresses of a name; nil: as the machine does.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
}

const (
	usual   = 10 * time.Second
	least   = 2 * time.Second // for one of several addresses of a name
	hold    = 30 * time.Second
	maxHead = 64 << 10
)

// Transport is one for few calls to a guarded address.
func (g *Guard) Transport() *http.Transport {
	t := &http.Transport{
		TLSHandshakeTimeout: g.timeout(), ResponseHeaderTimeout: g.timeout(), MaxResponseHeaderBytes: maxHead,
		MaxIdleConns: 8, MaxIdleConnsPerHost: 2, IdleConnTimeout: hold,
	}
	g.Put(t)
	return t
}

// Put has a transport call by the guard alone.
func (g *Guard) Put(t *http.Transport) {
	t.DialContext, t.Proxy = g.Dial, nil
	if g.Private {
		t.Proxy = g.proxy
	}
}

func (g *Guard) timeout() time.Duration { return cmp.Or(g.Timeout, usual) }

// refused is the error with what to do about it.
func (g *Guard) refused() error {
	if g.Hint == "" {
		return ErrRefused
	}
	return fmt.Errorf("%w: %s", ErrRefused, g.Hint)
}

// Dial looks a name up itself and calls exactly the addresses it has checked, so that a
// name cannot mean one address when it is checked and another when it is called. A name
// that also stands for a forbidden address is refused.
func (g *Guard) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addrs, err := g.find(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, a := range addrs {
		if !Reachable(a, g.Private) {
			return nil, g.refused()
		}
	}
	d := &net.Dialer{Timeout: max(g.timeout()/time.Duration(len(addrs)), least), KeepAlive: hold, Control: g.control}
	var c net.Conn
	for _, a := range addrs {
		if c, err = d.DialContext(ctx, network, net.JoinHostPort(a.Unmap().String(), port)); err == nil {
			return c, nil
		}
	}
	return nil, err
}

// find is what a name stands for: one address at least.
func (g *Guard) find(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	look := g.Lookup
	if look == nil {
		look = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, g.timeout())
	defer cancel()
	addrs, err := look(ctx, host)
	if err == nil && len(addrs) == 0 {
		err = &net.DNSError{Err: "no address", Name: host, IsNotFound: true}
	}
	return addrs, err
}

// control looks once more at the address a socket is about to be connected to.
func (g *Guard) control(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil || !Reachable(a.Addr(), g.Private) {
		return g.refused()
	}
	return nil
}

// proxy is the environment's, where the address is none that is refused as it stands.
func (g *Guard) proxy(r *http.Request) (*url.URL, error) {
	host := strings.TrimSuffix(r.URL.Hostname(), ".")
	if a, err := netip.ParseAddr(host); err == nil && !Reachable(a, g.Private) || err != nil && Numeric(host) {
		return nil, g.refused()
	}
	return http.ProxyFromEnvironment(r)
}

// Numeric tells whether a host that is no address is one all the same, in a notation of
// inet_aton (decimal, octal, hexadecimal, fewer parts): some resolvers understand those. No
// top-level domain begins with a digit.
func Numeric(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	return last == "" || last[0] >= '0' && last[0] <= '9'
}
