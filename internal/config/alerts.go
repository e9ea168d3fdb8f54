package config

import (
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Alerts is what people are told of, and how.
type Alerts struct {
	// Zone is the IANA time zone whose days and months are meant, such as
	// Europe/Berlin; empty is UTC.
	Zone string `yaml:"zone"`
	// Channels are the ways to tell; one named log is always there.
	Channels []AlertChannel `yaml:"channels,omitempty"`
	// Rules are what is told.
	Rules []AlertRule `yaml:"rules,omitempty"`
}

// AlertChannel is one way to tell.
type AlertChannel struct {
	// Name is the channel's, unique.
	Name string `yaml:"name"`
	// Type is webhook, slack (a webhook of Slack's, or of what takes its form) or email.
	Type string `yaml:"type"`
	// URL is where a webhook is posted to, Slack's too.
	URL Secret `yaml:"url,omitempty"`
	// Secret signs what is posted: X-Turnpike-Signature is HMAC SHA-256 over the
	// X-Turnpike-Timestamp, a dot and the body.
	Secret Secret `yaml:"secret,omitempty"`
	// AllowPrivate also posts to private networks and the gateway's own machine.
	AllowPrivate bool `yaml:"allow_private,omitempty"`
	// Guarded keeps it from private addresses: it was set while gateways run.
	Guarded bool `yaml:"-"`
	// Server is the mail server, host:port.
	Server string `yaml:"server,omitempty"`
	// TLS is starttls (the default, and required then), implicit, or none, which only
	// a server on the gateway's own machine may have.
	TLS string `yaml:"tls,omitempty"`
	// Username and Password sign in at the mail server.
	Username string `yaml:"username,omitempty"`
	Password Secret `yaml:"password,omitempty"`
	// From and To are mail addresses.
	From string   `yaml:"from,omitempty"`
	To   []string `yaml:"to,omitempty"`
}

// AlertRule is one thing to be told of.
type AlertRule struct {
	// Name is the rule's, unique.
	Name string `yaml:"name"`
	// When is what is watched: spend, errors, unpriced, journal_lag, budget or
	// provider_down.
	When string `yaml:"when"`
	// Above is the threshold: dollars (spend), percent (errors, budget), a number of
	// attempts (unpriced), a time (journal_lag, provider_down). Nothing is told at it, but above it.
	Above string `yaml:"above"`
	// Per is the period of spend: hour, day or month.
	Per string `yaml:"per,omitempty"`
	// Scope is who has the threshold: all together (the default), each key, or each
	// team.
	Scope string `yaml:"scope,omitempty"`
	// Least is how many attempts there must have been for errors; 0 is 20.
	Least int `yaml:"least,omitempty"`
	// Cooldown is how long after its end an alert does not begin again; 0 is 1h.
	Cooldown time.Duration `yaml:"cooldown,omitempty"`
	// Channels are the names of the channels; none is the log.
	Channels []string `yaml:"channels,omitempty"`
}

// ChannelLog is the name of the channel that is always there.
const ChannelLog = "log"

const (
	maxAlertRules    = 200
	maxAlertChannels = 50
	nanosPlaces      = 9
)

// Threshold reads Above in the unit of the rule: nano-dollars, percent, attempts or
// nanoseconds.
func (a *AlertRule) Threshold() (int64, error) {
	switch a.When {
	case "spend":
		return parseDollars(a.Above)
	case "journal_lag", "provider_down":
		d, err := parseDuration(a.Above)
		if err != nil || d < 0 {
			return 0, fmt.Errorf("is not a time; write for example 5m")
		}
		return int64(d), nil
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(a.Above, "%"), 10, 31)
	if err != nil {
		return 0, fmt.Errorf("is not a whole number")
	}
	return int64(n), nil //nolint:gosec // 31 bits
}

// parseDollars reads dollars as nano-dollars, exactly.
func parseDollars(text string) (int64, error) {
	whole, part, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(text), "$"), ".")
	n, err := strconv.ParseUint(whole+part+strings.Repeat("0", max(0, nanosPlaces-len(part))), 10, 63)
	if err != nil || len(part) > nanosPlaces || whole == "" {
		return 0, fmt.Errorf("is not an amount; write dollars such as 250 or 2.50")
	}
	return int64(n), nil //nolint:gosec // 63 bits
}

func validateAlerts(a *Alerts, r *report) {
	if _, err := time.LoadLocation(a.Zone); err != nil {
		r.add("alerts.zone", "%s is no IANA time zone, such as Europe/Berlin", r.shown("alerts.zone"))
	}
	if len(a.Channels) > maxAlertChannels {
		r.add("alerts.channels", "has more than %d channels", maxAlertChannels)
	}
	if len(a.Rules) > maxAlertRules {
		r.add("alerts.rules", "has more than %d rules", maxAlertRules)
	}
	names := []string{ChannelLog}
	for i := range a.Channels {
		at := fmt.Sprintf("alerts.channels[%d]", i)
		validateAlertChannel(&a.Channels[i], at, r)
		if n := a.Channels[i].Name; n == "" || slices.Contains(names, n) {
			r.add(at+".name", "must be a name that no other channel has; log is taken")
		}
		names = append(names, a.Channels[i].Name)
	}
	seen := map[string]bool{}
	for i := range a.Rules {
		at := fmt.Sprintf("alerts.rules[%d]", i)
		rule := &a.Rules[i]
		validateAlertRule(rule, at, r)
		if rule.Name == "" || seen[rule.Name] {
			r.add(at+".name", "must be a name that no other rule has")
		}
		seen[rule.Name] = true
		for j, c := range rule.Channels {
			if !slices.Contains(names, c) {
				r.add(fmt.Sprintf("%s.channels[%d]", at, j), "there is no channel %q", c)
			}
		}
	}
}

func validateAlertRule(a *AlertRule, at string, r *report) {
	oneOf(r, at+".when", a.When, []string{"spend", "errors", "unpriced", "journal_lag", "budget", "provider_down"})
	if _, err := a.Threshold(); err != nil {
		r.add(at+".above", "%s %v", r.shown(at+".above"), err)
	}
	switch {
	case a.When == "spend":
		oneOf(r, at+".per", a.Per, []string{"hour", "day", "month"})
	case a.Per != "":
		r.add(at+".per", "is for spend only")
	}
	if a.Scope != "" {
		oneOf(r, at+".scope", a.Scope, []string{"all", "key", "team"})
	}
	if a.Scope != "" && slices.Contains([]string{"journal_lag", "budget", "provider_down"}, a.When) {
		r.add(at+".scope", "is for spend, errors and unpriced")
	}
	if a.Least < 0 {
		r.add(at+".least", "must not be below 0")
	}
	if a.Cooldown < 0 || a.Cooldown > longestKept {
		r.add(at+".cooldown", "must be between 0 and 3650d")
	}
}

func validateAlertChannel(c *AlertChannel, at string, r *report) {
	oneOf(r, at+".type", c.Type, []string{"webhook", "slack", "email"})
	switch c.Type {
	case "webhook", "slack":
		if u, err := url.Parse(c.URL.Reveal()); err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
			r.add(at+".url", "must be an absolute address: https://…")
		} else if u.Scheme == "http" && !c.AllowPrivate {
			r.add(at+".url", "must be https, but for private networks with allow_private")
		}
	case "email":
		validateMail(c, at, r)
	}
}

func validateMail(c *AlertChannel, at string, r *report) {
	host, _, err := net.SplitHostPort(c.Server)
	if err != nil || host == "" {
		r.add(at+".server", "must be host:port, such as mail.example.org:587")
	}
	if c.TLS != "" {
		oneOf(r, at+".tls", c.TLS, []string{"starttls", "implicit", "none"})
	}
	if c.TLS == "none" && !isLoopback(host) {
		r.add(at+".tls", "none is for a server on this machine only")
	}
	if (c.Username == "") != (c.Password == "") {
		r.add(at+".username", "and password go together")
	}
	if len(c.To) == 0 {
		r.add(at+".to", "must name somebody")
	}
	for path, address := range addressesOf(c, at) {
		if a, err := mail.ParseAddress(address); err != nil || a.Name != "" {
			r.add(path, "%q is not a mail address", address)
		}
	}
}

// addressesOf are the mail addresses of a channel by where they stand.
func addressesOf(c *AlertChannel, at string) map[string]string {
	all := map[string]string{at + ".from": c.From}
	for i, to := range c.To {
		all[fmt.Sprintf("%s.to[%d]", at, i)] = to
	}
	return all
}
