package config

import (
	"encoding/hex"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"turnpike/internal/peer"
	"turnpike/internal/policy"
	"turnpike/internal/price"
)

// The bounds of what is declared.
const (
	maxTeams       = 1000
	maxKeys        = 5000
	maxBudgets     = 5000
	maxName        = 200
	maxDescription = 2000
	maxTags        = 32
	maxTag         = 64
	maxOfScope     = 16 // budgets: a request must fit all of them
)

var (
	identity     = regexp.MustCompile(`^[a-z]+_[0-9a-z]{1,64}$`)
	budgetScopes = []string{"key", "user", "tag", "team", "organisation"}
	periods      = []string{"daily", "monthly", "lifetime", "rolling"}
)

// Sum is the hash itself; ok is false for what is none.
func (h KeyHash) Sum() (sum [32]byte, ok bool) {
	text := strings.TrimPrefix(string(h), hashPrefix)
	if len(text) != hex.EncodedLen(len(sum)) {
		return sum, false
	}
	_, err := hex.Decode(sum[:], []byte(text))
	return sum, err == nil
}

// NewKeyHash writes a hash as the file has it.
func NewKeyHash(sum [32]byte) KeyHash { return KeyHash(hashPrefix + hex.EncodeToString(sum[:])) }

// validatePeople checks teams, keys and budgets. A file that is imported may be about teams
// and keys that it does not have itself; rules are not known there.
func validatePeople(p *People, rules []string, imported bool, r *report) {
	teams := validateTeams(p.Teams, r)
	keys := validateKeys(p.Keys, teams, rules, imported, r)
	validateDeclaredBudgets(p.Budgets, map[string][]string{"team": teams, "key": keys}, imported, r)
}

// named checks what teams, keys and budgets have in common; it gives the names so far.
func named(r *report, at, what, id, prefix, name, description string, seen []string) []string {
	switch {
	case strings.TrimSpace(name) != name || name == "" || len(name) > maxName || name == "none":
		r.add(at+".name", "must be a name of at most %d characters, without blanks around it, which is not none", maxName)
	case slices.Contains(seen, name):
		r.add(at+".name", "%s is the name of another %s; names are unique", quote(name), what)
	}
	if id != "" && (!identity.MatchString(id) || !strings.HasPrefix(id, prefix+"_")) {
		r.add(at+".id", "must be an id such as %s_06fq3zq4h8", prefix)
	}
	if len(description) > maxDescription {
		r.add(at+".description", "has more than %d characters", maxDescription)
	}
	return append(seen, name)
}

func most(r *report, path string, n, limit int) {
	if n > limit {
		r.add(path, "has %d entries, more than %d: make them by the admin API instead", n, limit)
	}
}

func validateTeams(list []Team, r *report) (names []string) {
	most(r, "teams", len(list), maxTeams)
	ids := map[string]bool{}
	for i := range list {
		t, at := &list[i], fmt.Sprintf("teams[%d]", i)
		names = named(r, at, "team", t.ID, "team", t.Name, t.Description, names)
		onlyID(r, at, t.ID, ids)
		validateUseLimits(&t.Limits, at+".limits", r)
	}
	return names
}

func onlyID(r *report, at, id string, ids map[string]bool) {
	if id != "" && ids[id] {
		r.add(at+".id", "is that of another entry")
	}
	ids[id] = true
}

func validateUseLimits(l *UseLimits, at string, r *report) {
	rates := func(at string, rpm, tpm, concurrent *int) {
		for name, value := range map[string]*int{"rpm": rpm, "tpm": tpm, "concurrent": concurrent} {
			if value != nil && *value < 0 {
				r.add(at+"."+name, "must be 0 or more: 0 blocks, leaving it out does not limit")
			}
		}
	}
	rates(at, l.RPM, l.TPM, l.Concurrent)
	var seen []string
	for i, m := range l.Models {
		place := fmt.Sprintf("%s.models[%d]", at, i)
		if _, err := path.Match(m.Match, ""); err != nil || m.Match == "" || slices.Contains(seen, m.Match) {
			r.add(place+".match", "must be a model's name or a pattern such as claude-*, which no other entry has")
		}
		seen = append(seen, m.Match)
		rates(place+".limits", m.Limits.RPM, m.Limits.TPM, m.Limits.Concurrent)
	}
	if len(l.Models) > maxModelLimits {
		r.add(at+".models", "has more than %d entries: use patterns such as claude-*", maxModelLimits)
	}
}

// maxModelLimits bounds what is looked through for each request.
const maxModelLimits = 64

func validateKeys(list []APIKey, teams, rules []string, imported bool, r *report) (names []string) {
	most(r, "keys.list", len(list), maxKeys)
	hashes, ids := map[[32]byte]string{}, map[string]bool{}
	for i := range list {
		k, at := &list[i], fmt.Sprintf("keys.list[%d]", i)
		names = named(r, at, "key", k.ID, "key", k.Name, k.Description, names)
		onlyID(r, at, k.ID, ids)
		sum, ok := k.Hash.Sum()
		switch other, twice := hashes[sum]; {
		case !ok:
			r.add(at+".hash", "must be sha256: and 64 hexadecimal digits, the SHA-256 of the key; turnpike keys hash makes it")
		case twice:
			r.add(at+".hash", "is that of the key %s too", quote(other))
		}
		hashes[sum] = k.Name
		if k.Team != "" && !imported && !slices.Contains(teams, k.Team) {
			r.add(at+".team", "teams has none that is named %s%s", quote(k.Team), near(k.Team, teams))
		}
		if _, err := peer.Networks(k.Addresses); err != nil {
			r.add(at+".addresses", "%v", err)
		}
		validateTags(k.Tags, at, r)
		if k.ExpiresAt != "" {
			if _, err := time.Parse(time.RFC3339, k.ExpiresAt); err != nil {
				r.add(at+".expires_at", "must be a time such as 2027-01-31T00:00:00Z")
			}
		}
		if k.LBStrategy != "" {
			oneOf(r, at+".lb_strategy", k.LBStrategy, strategies)
		}
		for j := range k.Aliases {
			if err := k.Aliases[j].Check(); err != nil {
				r.add(fmt.Sprintf("%s.aliases[%d]", at, j), "%v", err)
			}
		}
		validateUseLimits(&k.Limits, at+".limits", r)
		if p := k.Policy; imported {
			if err := p.Check(); err != nil {
				r.add(at+".policy", "%v", err)
			}
		} else {
			checkPolicy(r, at+".policy", p, rules)
		}
	}
	return names
}

// near ends a message about a name that nothing has.
func near(word string, names []string) string {
	if len(names) == 0 {
		return "; it lists none"
	}
	return didYouMean(word, names)
}

func validateTags(tags []string, at string, r *report) {
	if len(tags) > maxTags {
		r.add(at+".tags", "has more than %d tags", maxTags)
	}
	for i, t := range tags {
		if !isTag(t) {
			r.add(fmt.Sprintf("%s.tags[%d]", at, i), "must be a word of at most %d characters, without blanks, commas and quotes", maxTag)
		}
	}
}

func isTag(t string) bool {
	return t != "" && len(t) <= maxTag && !strings.ContainsFunc(t, func(c rune) bool { return c <= ' ' || c == ',' || c == '"' || c == 0x7f })
}

func validateDeclaredBudgets(list []Budget, declared map[string][]string, imported bool, r *report) {
	most(r, "budgets.list", len(list), maxBudgets)
	var names []string
	ids, of := map[string]bool{}, map[[2]string]int{}
	for i := range list {
		b, at := &list[i], fmt.Sprintf("budgets.list[%d]", i)
		names = named(r, at, "budget", b.ID, "bud", b.Name, "", names)
		onlyID(r, at, b.ID, ids)
		oneOf(r, at+".scope", b.Scope, budgetScopes)
		validateScopeID(b, at, declared, imported, r)
		if of[[2]string{b.Scope, b.ScopeID}]++; of[[2]string{b.Scope, b.ScopeID}] == maxOfScope+1 {
			r.add(at+".scope_id", "has more than %d budgets", maxOfScope)
		}
		validateAmount(b, at, r)
		oneOf(r, at+".period", b.Period, periods)
		switch rolling := b.Period == "rolling"; {
		case rolling && (b.Window < time.Minute || b.Window > longestWindow):
			r.add(at+".window", "must be between 1m and 366d where the period is rolling")
		case !rolling && b.Window != 0:
			r.add(at+".window", "is for rolling periods alone")
		}
		if b.Rollover && b.Period != "monthly" {
			r.add(at+".rollover", "is for monthly periods alone")
		}
		if _, err := time.LoadLocation(b.Zone); err != nil {
			r.add(at+".zone", "%s is no IANA time zone, such as Europe/Berlin", quote(b.Zone))
		}
	}
}

const longestWindow = 366 * 24 * time.Hour

func validateScopeID(b *Budget, at string, declared map[string][]string, imported bool, r *report) {
	known, listed := declared[b.Scope]
	switch {
	case b.Scope == "organisation" && b.ScopeID != "":
		r.add(at+".scope_id", "is for keys, users, tags and teams: there is one organisation")
	case b.Scope != "organisation" && b.ScopeID == "":
		r.add(at+".scope_id", "must name the %s", b.Scope)
	case b.Scope == "tag" && !isTag(b.ScopeID):
		r.add(at+".scope_id", "%s is no tag", quote(b.ScopeID))
	case listed && !imported && !slices.Contains(known, b.ScopeID):
		r.add(at+".scope_id", "%ss has none that is named %s%s", b.Scope, quote(b.ScopeID), near(b.ScopeID, known))
	}
}

func validateAmount(b *Budget, at string, r *report) {
	switch {
	case (b.LimitUSD == "") == (b.LimitTokens == nil):
		r.add(at+".limit_usd", "or limit_tokens must be said, and one of them alone")
	case b.LimitTokens != nil && *b.LimitTokens < 0:
		r.add(at+".limit_tokens", "must be 0 or more: 0 blocks")
	case b.LimitUSD != "":
		if _, err := price.ParseAmount(b.LimitUSD); err != nil {
			r.add(at+".limit_usd", "%s %v", quote(b.LimitUSD), err)
		}
	}
}

// Treated is how the key's requests are treated, and where they may go.
func (k *APIKey) Treated() policy.Policy {
	p := k.Policy
	if len(k.AllowedModels)+len(k.AllowedProviders)+len(k.Aliases) > 0 || k.DefaultProvider != "" || k.LBStrategy != "" {
		p.Routing = &policy.Routing{
			Provider: k.DefaultProvider, Models: k.AllowedModels, Providers: k.AllowedProviders, Aliases: k.Aliases, Strategy: k.LBStrategy,
		}
	}
	return p
}
