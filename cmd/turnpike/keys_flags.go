package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"turnpike/internal/limit"
	"turnpike/internal/policy"
	"turnpike/internal/roster"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

// none is what clears a value.
const none = "none"

// wordList is a flag with words that may be given several times, or with commas.
// Empty and given means cleared.
type wordList struct {
	words []string
	given bool
}

func (l *wordList) flag(s *settings, name, help string) {
	s.flags.Func(name, help+"; several with commas; none for none", func(v string) error {
		if l.given = true; v != none {
			l.words = append(l.words, words(v)...)
		}
		return nil
	})
}

// keyFlags are the flags that say what a key has. The function lays what was given
// over a key.
func keyFlags(s *settings) func(*keysCommand, *store.Key) error {
	var tags, addresses wordList
	description := s.flags.String("description", "", "a `note` for people")
	rename := new(string)
	if strings.HasSuffix(s.flags.Name(), " set") {
		rename = s.flags.String("name", "", "another `name`")
	}
	team := s.flags.String("team", "", "the `team` it belongs to, or none")
	user := s.flags.String("user", "", "the `user` who owns it, or none")
	tags.flag(s, "tag", "`word` its requests are counted under")
	addresses.flag(s, "address", "`network` it may be used from, such as 10.0.0.0/8")
	disabled := new(bool)
	if strings.HasSuffix(s.flags.Name(), " set") {
		disabled = s.flags.Bool("disabled", false, "refuse it; --disabled=false takes it again")
	}
	payloads := s.flags.Bool("log-payloads", false, "keep what its requests say")
	ends := s.flags.String("expires", "", "when it stops working: `time` such as 2027-01-31 or 720h, or none")
	lasts := s.flags.Duration("expires-in", 0, "the same as a `duration` (0: never)")
	limits := limitFlags(s)
	treat := policyFlags(s)
	return func(c *keysCommand, k *store.Key) (err error) {
		if *rename != "" {
			k.Name = *rename
		}
		if s.given("description") {
			k.Description = strings.TrimPrefix(*description, none)
		}
		if s.given("disabled") && *disabled != !k.DisabledAt.IsZero() {
			if k.DisabledAt = (time.Time{}); *disabled {
				k.DisabledAt = time.Now()
			}
		}
		if s.given("log-payloads") {
			k.LogPayloads = *payloads
		}
		if tags.given {
			k.Tags = tags.words
		}
		if addresses.given {
			k.Addresses = addresses.words
		}
		if s.given("expires") && s.given("expires-in") {
			return errors.New("--expires and --expires-in say the same: give one")
		}
		if s.given("expires") {
			k.ExpiresAt, err = parseEnd(*ends, time.Now())
		} else if s.given("expires-in") {
			k.ExpiresAt, err = endIn(*lasts, time.Now())
		}
		if err != nil {
			return err
		}
		if k.TeamID, err = c.owner(tenancy.Team, *team, k.TeamID); err != nil {
			return err
		}
		if k.UserID, err = c.owner(tenancy.User, *user, k.UserID); err != nil {
			return err
		}
		if k.Limits, err = limits(k.Limits); err != nil {
			return err
		}
		var old policy.Policy
		if old, err = roster.ReadPolicy(k.Policy); err == nil {
			if old, err = treat.over(s, old, c.cfg.Rules); err == nil {
				k.Policy, err = roster.WritePolicy(old)
			}
		}
		return err
	}
}

// owner is the id of the team or user with that name; empty leaves what there is.
func (c *keysCommand) owner(kind, name, old string) (string, error) {
	switch name {
	case "":
		return old, nil
	case none:
		return "", nil
	}
	found, err := c.db.FindScope(c.ctx, kind, name)
	if errors.Is(err, store.ErrNotFound) {
		return "", fmt.Errorf("there is no %s %q: make it with turnpike %ss create %s", kind, name, kind, name)
	}
	return found.ID, err
}

// parseEnd reads a moment: a day of the local zone, RFC 3339, or a time from now.
func parseEnd(text string, now time.Time) (time.Time, error) {
	if text == none {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		return endIn(d, now)
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("--expires %q is no time: write 2027-01-31, 2027-01-31T12:00:00Z, 720h or none", text)
}

func endIn(d time.Duration, now time.Time) (time.Time, error) {
	switch {
	case d < 0:
		return time.Time{}, errors.New("--expires-in must not be negative")
	case d == 0:
		return time.Time{}, nil
	}
	return now.Add(d).UTC(), nil
}

// limitFlags are the flags that change limits. The function makes of the limits
// there are, as the store keeps them, those there are then.
func limitFlags(s *settings) func(string) (string, error) {
	var edits []func(*roster.Limits) error
	for _, f := range []struct{ name, help string }{
		{"rpm", "`requests` in a minute, 0 for no request, none for no limit"},
		{"qpm", "the same as --rpm"},
		{"tpm", "`tokens` in a minute"},
		{"concurrent", "`requests` under way at once"},
	} {
		s.flags.Func(f.name, f.help, func(v string) error {
			n, err := parseLimit(v)
			edits = append(edits, func(l *roster.Limits) error { *roster.LimitNamed(f.name, &l.Rule) = n; return nil })
			return err
		})
	}
	s.flags.Func("model-limit", "limits for some models, `such as` 'claude-*:rpm=10,tpm=50000'; 'claude-*:none' for none; may be given several times", func(v string) error {
		m, err := parseModelLimit(v)
		edits = append(edits, func(l *roster.Limits) error { l.Models = withModel(l.Models, m); return nil })
		return err
	})
	return func(old string) (string, error) {
		l, err := roster.ReadLimits(old)
		if err != nil {
			return "", err
		}
		for _, e := range edits {
			if err := e(&l); err != nil {
				return "", err
			}
		}
		return roster.WriteLimits(l)
	}
}

// parseLimit reads a whole number, or none.
func parseLimit(text string) (*int64, error) {
	if text == none {
		return nil, nil //nolint:nilnil // no limit
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return nil, errors.New("write a whole number, or none")
	}
	return &n, nil
}

func parseModelLimit(text string) (m tenancy.ModelLimits, err error) {
	at := strings.LastIndexByte(text, ':') // models' names may have colons
	if at < 1 {
		return m, errors.New("write PATTERN:rpm=10,tpm=50000,concurrent=2, or PATTERN:none")
	}
	m.Match = text[:at]
	if text[at+1:] == none {
		return m, nil
	}
	for _, w := range words(text[at+1:]) {
		name, value, _ := strings.Cut(w, "=")
		field := roster.LimitNamed(name, &m.Limits)
		if field == nil {
			return m, fmt.Errorf("%q is none of rpm, tpm and concurrent", name)
		}
		if *field, err = parseLimit(value); err != nil {
			return m, fmt.Errorf("%s: %w", name, err)
		}
	}
	if m.Limits == (limit.Rule{}) {
		return m, errors.New("write PATTERN:rpm=10,tpm=50000,concurrent=2, or PATTERN:none")
	}
	return m, nil
}

// withModel puts the limits of a pattern in the place of those it had.
func withModel(list []tenancy.ModelLimits, m tenancy.ModelLimits) []tenancy.ModelLimits {
	at := slices.IndexFunc(list, func(o tenancy.ModelLimits) bool { return o.Match == m.Match })
	switch {
	case at < 0 && m.Limits.Unlimited():
		return list
	case at < 0:
		return append(list, m)
	case m.Limits.Unlimited():
		return slices.Delete(list, at, at+1)
	}
	list[at] = m
	return list
}
