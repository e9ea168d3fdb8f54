package signon

import (
	"net"
	"net/http"
	"strings"
	"time"

	"turnpike/internal/identity"
)

// The names of the cookies. Browsers take a name with __Secure- or __Host- only over TLS,
// the latter only for this very host.
const (
	refreshCookie = "turnpike_refresh"
	bindingCookie = "turnpike_signin"
)

// encrypted tells whether the browser is on TLS, as far as can be known: by the connection,
// by the public address, or because it is not on this machine, where nothing else is safe.
func (c *call) encrypted() bool {
	if c.Public != "" {
		return strings.HasPrefix(c.Public, "https://")
	}
	host := c.r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return c.r.TLS != nil || host != "localhost" && (ip == nil || !ip.IsLoopback())
}

// base is where the routes are under which the browser asked: a cookie of one set of them
// is not sent to the other.
func (c *call) base() string {
	if strings.HasPrefix(c.r.URL.Path, seeds+"/") {
		return seeds
	}
	return prefix
}

func (c *call) refreshName() string {
	if c.encrypted() {
		return "__Secure-" + refreshCookie
	}
	return refreshCookie
}

// keep gives the browser a refresh token that no page can read and no other site can send.
func (c *call) keep(t *identity.Tokens) {
	c.cookie(c.refreshName(), t.Refresh, c.base(), t.Until.Sub(c.Now()), http.SameSiteStrictMode)
}

// forget takes the refresh token from the browser.
func (c *call) forget() { c.cookie(c.refreshName(), "", c.base(), -1, http.SameSiteStrictMode) }

func (c *call) cookie(name, value, path string, lasts time.Duration, site http.SameSite) {
	age := int(lasts / time.Second)
	if lasts <= 0 {
		age = -1
	}
	//nolint:gosec // Secure but on this machine
	http.SetCookie(c.w, &http.Cookie{Name: name, Value: value, Path: path, MaxAge: age, HttpOnly: true, Secure: c.encrypted(), SameSite: site})
}

// shown is the refresh token that the browser sends, empty for none.
func (c *call) shown() string {
	if cookie, err := c.r.Cookie(c.refreshName()); err == nil {
		return cookie.Value
	}
	return ""
}

func (c *call) bindingName() string {
	if c.encrypted() {
		return "__Host-" + bindingCookie
	}
	return bindingCookie
}

// binding is what ties a sign-in at an identity provider to the browser that began it.
func (c *call) binding() string {
	if cookie, err := c.r.Cookie(c.bindingName()); err == nil && len(cookie.Value) == 43 {
		return cookie.Value
	}
	return ""
}
