// Package origin says which web pages may talk to the gateway, and holds the three doors
// that a request forged by another page would have to pass: Origin, Referer and a header
// that pages of other origins cannot send.
package origin

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Allowed are the origins whose pages may talk to the gateway: its own, and those named.
// A nil one allows its own alone.
type Allowed struct {
	own    string // empty: the host that was asked
	others []string
	cross  *http.CrossOriginProtection
}

// New allows the origin of the public address, else that of the host asked, and others.
func New(public string, others []string) *Allowed {
	a := &Allowed{own: Of(public), others: others, cross: http.NewCrossOriginProtection()}
	for _, o := range append([]string{a.own}, others...) {
		if o != "" {
			_ = a.cross.AddTrustedOrigin(o) // the configuration has checked them
		}
	}
	return a
}

// Of is the origin of an address, empty where it has none.
func Of(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// Header is the header that pages of other origins cannot send without being asked first.
const Header = "X-Requested-With"

// What is wrong with a request, in the words that the field has for it.
const (
	NotAllowed = "origin_not_allowed"
	Referer    = "invalid_referer"
	NoHeader   = "missing_csrf_header"
)

// Fits tells whether an origin is allowed.
func (a *Allowed) Fits(r *http.Request, origin string) bool {
	if slices.Contains(a.others, origin) {
		return true
	}
	if a.own != "" {
		return origin == a.own || r.TLS == nil && here(r.Host) && origin == "http://"+r.Host
	}
	scheme, host, _ := strings.Cut(origin, "://")
	return host != "" && host == r.Host && (scheme == "https" || scheme == "http" && r.TLS == nil)
}

// here tells whether a host is this machine by its address: no page of elsewhere has that
// for its origin, whatever names resolve to.
func here(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Foreign tells whether a browser sent the request for a page of an origin that is not
// allowed.
func (a *Allowed) Foreign(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		return !a.Fits(r, origin)
	}
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "cross-site" || site == "same-site" || a.cross.Check(r) != nil
}

// Check tells what is wrong with a request that changes something, empty for nothing. One
// that bears a cookie, or that a browser sent, needs the header as well.
func (a *Allowed) Check(r *http.Request) string {
	if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions {
		return ""
	}
	if a.Foreign(r) {
		return NotAllowed
	}
	if referer := r.Header.Get("Referer"); referer != "" && !a.Fits(r, Of(referer)) {
		return Referer
	}
	browser := r.Header.Get("Origin") != "" || r.Header.Get("Referer") != "" || r.Header.Get("Sec-Fetch-Site") != "" || r.Header.Get("Cookie") != ""
	if browser && r.Header.Get(Header) == "" && r.Header.Get("Authorization") == "" {
		return NoHeader
	}
	return ""
}

const (
	methods = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
	headers = "Authorization, Content-Type, X-Requested-With, Accept, If-Match, If-None-Match, Idempotency-Key"
	exposed = "ETag, Retry-After, Idempotency-Replayed, Content-Disposition"
)

// Share tells a browser what pages of other origins may do, where theirs is one of those
// named. It returns true for a question that is answered by that alone.
func (a *Allowed) Share(h http.Header, r *http.Request) bool {
	if len(a.others) == 0 {
		return false
	}
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if !slices.Contains(a.others, origin) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Expose-Headers", exposed)
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", methods)
	h.Set("Access-Control-Allow-Headers", headers)
	h.Set("Access-Control-Max-Age", "3600")
	return true
}
