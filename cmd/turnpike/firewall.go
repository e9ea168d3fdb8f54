package main

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"turnpike/internal/admin"
	"turnpike/internal/firewall"
	"turnpike/internal/llm"
	"turnpike/internal/signon"
)

// walled puts the firewall before the gateway, where there is one.
func walled(a *app) http.Handler {
	c := a.cfg.Firewall
	if !c.Enabled {
		return a.gw
	}
	proxies := a.cfg.Server.Proxies()
	wall := firewall.New(firewall.Options{
		Tiers: []firewall.Tier{
			{Name: "signing in", Most: c.Auth, Paths: signon.Paths()},
			{Name: "requests to models", Most: c.Inference, Paths: []string{"/v1/", "/v1beta/", "/model/", "/openai/"}},
			{Name: "requests in all", Most: c.All},
		},
		Window: c.Window, Now: time.Now,
		Address: func(r *http.Request) netip.Addr { return proxies.Address(r) },
		Key: func(r *http.Request) string {
			if a.operators.Opens(r) {
				return "operator"
			}
			return a.gw.KeyOf(r)
		},
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		no := wall.Check(r)
		if no == nil {
			a.gw.ServeHTTP(w, r)
			return
		}
		for _, p := range []string{"/admin/", "/auth/", "/docs", "/ui/"} {
			if strings.HasPrefix(r.URL.Path, p) {
				if no.Wait > 0 {
					w.Header().Set("Retry-After", strconv.Itoa(int((no.Wait+time.Second-1)/time.Second)))
				}
				admin.Refuse(w, r, no.Status, no.Say)
				return
			}
		}
		e := &llm.Error{Kind: llm.ErrRate, Message: no.Say, RetryAfter: no.Wait}
		if no.Status == http.StatusForbidden {
			e.Kind, e.NoRetry = llm.ErrForbidden, true
		}
		a.gw.Refuse(w, r, e)
	})
}
