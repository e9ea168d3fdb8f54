package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"turnpike/internal/peer"
	"turnpike/internal/policy"
	"turnpike/internal/rules"
	"turnpike/internal/suggest"
)

var (
	logLevels  = []string{"debug", "info", "warn", "error"}
	logFormats = []string{"text", "json"}
	strategies = policy.Strategies
	fsyncs     = []string{FsyncAlways, FsyncInterval, FsyncNever}
	onFulls    = []string{FullRefuse, FullRun}
	hostName   = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)
)

// The bounds of what can be set.
const (
	maxDepth   = 32
	minBody    = KiB
	maxBody    = GiB
	minJournal = 16 * MiB
	longest    = 24 * time.Hour
	shortest   = time.Millisecond
)

// validate checks the meaning of every setting, whatever source it came from.
func validate(cfg *Config, r *report) {
	validateServer(&cfg.Server, r)
	if strings.TrimSpace(cfg.DataDir) == "" {
		r.add("data_dir", "must name a folder")
	}
	validateDatabase(cfg, r)
	validateVault(&cfg.Vault, r)
	validateAudit(&cfg.Audit, r)
	validatePayloads(&cfg.Payloads, r)
	validateFirewall(&cfg.Firewall, r)
	validateTLS(&cfg.Server.TLS, r)
	validateLedger(&cfg.Ledger, r)
	if cfg.Catalog != "" {
		if info, err := os.Stat(cfg.Catalog); err != nil || !info.Mode().IsRegular() {
			r.add("catalog", "there is no file %s", r.shown("catalog"))
		}
	}
	checkSecret(r, "auth.admin_key", cfg.Auth.AdminKey)
	checkSecret(r, "auth.api_key", cfg.Auth.APIKey)
	if cfg.Auth.AdminKey != "" && cfg.Auth.AdminKey == cfg.Auth.APIKey {
		r.add("auth.api_key", "must differ from auth.admin_key, or every client could administrate")
	}
	if t := cfg.Telemetry.Metrics.Token; t != "" && t == cfg.Auth.APIKey {
		r.add("telemetry.metrics.token", "must differ from auth.api_key")
	}
	oneOf(r, "defaults.lb_strategy", cfg.Defaults.LBStrategy, strategies)

	names := checkRules(cfg.Rules, r)
	checkPolicy(r, "policy", cfg.Policy, names)
	people := cfg.People()
	validatePeople(&people, names, false, r)
	validateModelRules(cfg.ModelRules, r)
	validateRouting(cfg, r)
	validateMedia(&cfg.Media, r)
	validateBudgets(&cfg.Budgets, r)
	validateResponses(&cfg.Responses, r)
	validatePrices(cfg, r)
	validateRedis(&cfg.Redis, r)
	validateTelemetry(&cfg.Telemetry, r)
	validateAlerts(&cfg.Alerts, r)
	validateSignIn(cfg, r)
	seen := map[string]int{}
	for i := range cfg.Providers {
		validateProvider(cfg, i, seen, r)
		validateUpstreamTLS(&cfg.Providers[i], fmt.Sprintf("providers[%d].", i), r)
		checkPolicy(r, fmt.Sprintf("providers[%d].policy", i), cfg.Providers[i].Policy, names)
	}
	if name := cfg.Defaults.Provider; name != "" {
		validateDefaultProvider(name, cfg.Providers, r)
	}
}

func validateServer(s *Server, r *report) {
	if net.ParseIP(s.Host) == nil && !hostName.MatchString(s.Host) {
		r.add("server.host", "must be an IP address or a host name; 0.0.0.0 listens on every interface")
	}
	if s.Port < 0 || s.Port > 65535 {
		r.add("server.port", "%d is not a port; use 1 to 65535, or 0 to let the system choose", s.Port)
	}
	if s.MaxBody < minBody || s.MaxBody > maxBody {
		r.add("server.max_body", "must be between %s and %s", minBody, maxBody)
	}
	for i, word := range s.TrustedProxies {
		at := fmt.Sprintf("server.trusted_proxies[%d]", i)
		if _, err := peer.Networks([]string{word}); err != nil {
			r.add(at, "%s %v", r.shown(at), peer.ErrNetwork)
		}
	}
	if n := len(s.TrustedProxies); n > peer.MaxNetworks {
		r.add("server.trusted_proxies", "%d networks are more than %d", n, peer.MaxNetworks)
	}
	if s.TrustedDepth < 0 || s.TrustedDepth > maxDepth {
		r.add("server.trusted_depth", "must be between 0 and %d", maxDepth)
	}
	checkDuration(r, "server.drain_timeout", s.DrainTimeout, true)
	checkDuration(r, "server.heartbeat", s.Heartbeat, true)
	checkDuration(r, "server.read_header_timeout", s.ReadHeaderTimeout, false)
	oneOf(r, "server.log_level", s.LogLevel, logLevels)
	oneOf(r, "server.log_format", s.LogFormat, logFormats)
}

// maxMedia bounds a file that is fetched: a request holds several, in base64.
const maxMedia = 100 * MiB

func validateMedia(m *Media, r *report) {
	if m.MaxBytes < KiB || m.MaxBytes > maxMedia {
		r.add("media.max_bytes", "must be between %s and %s", KiB, maxMedia)
	}
	if m.Timeout < shortest || m.Timeout > time.Minute {
		r.add("media.timeout", "must be between %s and 1m", shortest)
	}
	for _, l := range []struct {
		path  string
		hosts []string
	}{{"media.allow_hosts", m.AllowHosts}, {"media.deny_hosts", m.DenyHosts}} {
		for i, h := range l.hosts {
			if !isHostEntry(h) {
				r.add(fmt.Sprintf("%s[%d]", l.path, i), "%s is not a host, *.domain or host:port", r.shown(fmt.Sprintf("%s[%d]", l.path, i)))
			}
		}
	}
}

func isHostEntry(s string) bool {
	host := s
	if h, port, err := net.SplitHostPort(s); err == nil {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return false
		}
		host = h
	}
	host = strings.Trim(host, "[]")
	return net.ParseIP(host) != nil || hostName.MatchString(strings.TrimPrefix(host, "*."))
}

func validateLedger(l *Ledger, r *report) {
	if l.Dir != "" && strings.TrimSpace(l.Dir) == "" {
		r.add("ledger.dir", "must name a folder, or be empty for the one in data_dir")
	}
	oneOf(r, "ledger.fsync", l.Fsync, fsyncs)
	if l.MaxBytes < minJournal {
		r.add("ledger.max_bytes", "must be at least %s", minJournal)
	}
	oneOf(r, "ledger.on_full", l.OnFull, onFulls)
	for path, d := range map[string]time.Duration{"ledger.keep": l.Keep, "ledger.keep_sums": l.KeepSums} {
		if d != 0 && (d < shortestKept || d > longestKept) {
			r.add(path, "must be between 1d and 3650d, or 0 for ever")
		}
	}
	if l.KeepSums != 0 && (l.Keep == 0 || l.KeepSums < l.Keep) {
		r.add("ledger.keep_sums", "must not be shorter than ledger.keep: sums are what stays of attempts")
	}
}

// shortestKept is how long attempts are kept at least: a day is what people look back
// on when something was wrong.
const shortestKept = 24 * time.Hour

// longestKept is how long conversations may be kept.
const longestKept = 10 * 365 * 24 * time.Hour

func validateResponses(c *Responses, r *report) {
	if c.Keep < time.Minute || c.Keep > longestKept {
		r.add("responses.keep", "must be between 1m and %s; to keep nothing set responses.store to false", "87600h")
	}
	if c.Max < 1 || c.Max > 100_000_000 {
		r.add("responses.max", "must be between 1 and 100000000; to keep nothing set responses.store to false")
	}
	if c.MaxBytes < MiB {
		r.add("responses.max_bytes", "must be at least %s; to keep nothing set responses.store to false", MiB)
	}
}

func validateDefaultProvider(name string, providers []Provider, r *report) {
	var names []string
	for _, p := range providers {
		names = append(names, p.Name)
	}
	if slices.Contains(names, name) {
		return
	}
	hint := ""
	if n := suggest.Nearest(name, names); n != "" {
		hint = ` — did you mean "` + n + `"?`
	}
	r.add("defaults.provider", "no provider is named %s%s", r.shown("defaults.provider"), hint)
}

func oneOf(r *report, path, value string, allowed []string) {
	if slices.Contains(allowed, value) {
		return
	}
	if value == "" {
		r.add(path, "is empty; use one of %s", strings.Join(allowed, ", "))
		return
	}
	hint := ""
	if n := suggest.Nearest(value, allowed); n != "" {
		hint = ` — did you mean "` + n + `"?`
	}
	r.add(path, "%s is not one of %s%s", r.shown(path), strings.Join(allowed, ", "), hint)
}

func checkDuration(r *report, path string, d time.Duration, zeroAllowed bool) {
	if d == 0 && zeroAllowed {
		return
	}
	if d < shortest || d > longest {
		r.add(path, "must be between %s and %s", shortest, "24h")
	}
}

// checkSecret refuses what cannot travel in a header. The value is not shown.
func checkSecret(r *report, path string, s Secret) {
	if !isHeaderSafe(string(s)) {
		r.add(path, "holds a space or a character that cannot stand in a header")
	}
}

func isHeaderSafe(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c <= ' ' || c > '~' }) < 0
}

var (
	errURLForm  = errors.New("must be an absolute address such as https://host/v1")
	errURLUser  = errors.New("must not hold a user or password; use api_key or headers")
	errURLQuery = errors.New("must not hold a query or fragment")
)

// checkBaseURL says what is wrong with an upstream's address. Its errors do
// not repeat the address, which may hold a credential.
func checkBaseURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		return errURLForm
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return errURLForm
		}
	}
	switch {
	case u.User != nil:
		return errURLUser
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errURLQuery
	}
	return nil
}

// checkRules checks the rules and gives their names.
func checkRules(list []rules.Rule, r *report) (names []string) {
	for i := range list {
		at := fmt.Sprintf("rules[%d]", i)
		if r.bad[at] {
			continue
		}
		if err := list[i].Check(); err != nil {
			r.add(at, "%v", err)
		}
		if slices.Contains(names, list[i].Name) {
			r.add(at+".name", "%s is the name of another rule; names are unique", quote(list[i].Name))
		}
		names = append(names, list[i].Name)
	}
	return names
}

func checkPolicy(r *report, path string, p policy.Policy, rules []string) {
	if err := p.Check(); err != nil {
		r.add(path, "%v", err)
	}
	for i, name := range p.Rules {
		if slices.Contains(rules, name) {
			continue
		}
		hint := "; rules lists none"
		if len(rules) > 0 {
			hint = didYouMean(name, rules)
		}
		r.add(fmt.Sprintf("%s.rules[%d]", path, i), "no rule is named %s%s", quote(name), hint)
	}
}
