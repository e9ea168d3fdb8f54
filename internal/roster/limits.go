package roster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"turnpike/internal/limit"
	"turnpike/internal/tenancy"
)

// Limits are the limits of a key or another scope.
type Limits struct {
	limit.Rule
	// Models are limits for some models, beside those for all.
	Models []tenancy.ModelLimits `json:"models,omitempty"`
}

// MaxModelLimits bounds Limits.Models: they are looked through for each request.
const MaxModelLimits = 64

// limitNames are the names that limits go by on input; the first of each is written.
var limitNames = map[string]func(*limit.Rule) **int64{
	"rpm":        func(r *limit.Rule) **int64 { return &r.RPM },
	"qpm":        func(r *limit.Rule) **int64 { return &r.RPM },
	"qpm_limit":  func(r *limit.Rule) **int64 { return &r.RPM },
	"rpm_limit":  func(r *limit.Rule) **int64 { return &r.RPM },
	"tpm":        func(r *limit.Rule) **int64 { return &r.TPM },
	"tpm_limit":  func(r *limit.Rule) **int64 { return &r.TPM },
	"concurrent": func(r *limit.Rule) **int64 { return &r.Concurrent },
}

// LimitNamed is the place of a limit in a rule, nil where none has that name.
func LimitNamed(name string, r *limit.Rule) **int64 {
	if at := limitNames[name]; at != nil {
		return at(r)
	}
	return nil
}

// ReadLimits reads what WriteLimits wrote, or a person: rpm, tpm and concurrent,
// of which the first two may have their other names. null is no limit.
func ReadLimits(text string) (l Limits, err error) {
	if text == "" {
		return l, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		return l, fmt.Errorf("limits: %w", err)
	}
	if models, ok := members["models"]; ok {
		delete(members, "models")
		if l.Models, err = readModelLimits(models); err != nil {
			return Limits{}, fmt.Errorf("limits: models: %w", err)
		}
	}
	if l.Rule, err = limitRule(members); err != nil {
		return Limits{}, fmt.Errorf("limits: %w", err)
	}
	return l, nil
}

func limitRule(members map[string]json.RawMessage) (r limit.Rule, err error) {
	for name, raw := range members {
		at := LimitNamed(name, &r)
		if at == nil {
			return r, fmt.Errorf("%s is none of rpm, tpm, concurrent and models", name)
		}
		if bytes.Equal(raw, []byte("null")) {
			continue
		}
		var n int64
		if err := json.Unmarshal(raw, &n); err != nil {
			return r, fmt.Errorf("%s must be a whole number, or null", name)
		}
		if *at != nil && **at != n {
			return r, fmt.Errorf("%s is said twice, under two names", name)
		}
		*at = &n
	}
	return r, r.Check()
}

func readModelLimits(raw json.RawMessage) (list []tenancy.ModelLimits, err error) {
	var rows []struct {
		Match  string                     `json:"match"`
		Limits map[string]json.RawMessage `json:"limits"`
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&rows); err != nil {
		return nil, err
	}
	for _, row := range rows {
		m := tenancy.ModelLimits{Match: row.Match}
		if m.Limits, err = limitRule(row.Limits); err != nil {
			return nil, fmt.Errorf("%q: %w", row.Match, err)
		}
		list = append(list, m)
	}
	return list, checkModels(list)
}

// Check tells what is wrong with the values.
func (l Limits) Check() error {
	if err := l.Rule.Check(); err != nil {
		return err
	}
	return checkModels(l.Models)
}

func checkModels(list []tenancy.ModelLimits) error {
	if len(list) > MaxModelLimits {
		return fmt.Errorf("limits for %d models are more than %d: use patterns such as claude-*", len(list), MaxModelLimits)
	}
	seen := map[string]bool{}
	for _, m := range list {
		if strings.TrimSpace(m.Match) == "" {
			return errors.New("match must be a model's name or a pattern such as claude-*")
		}
		if _, err := path.Match(m.Match, ""); err != nil {
			return fmt.Errorf("%q is no pattern: %w", m.Match, err)
		}
		if seen[m.Match] {
			return fmt.Errorf("%q has limits twice", m.Match)
		}
		seen[m.Match] = true
		if err := m.Limits.Check(); err != nil {
			return fmt.Errorf("%q: %w", m.Match, err)
		}
	}
	return nil
}

// WriteLimits is how the store keeps limits: empty for none.
func WriteLimits(l Limits) (string, error) {
	if err := l.Check(); err != nil {
		return "", err
	}
	if l.Unlimited() && len(l.Models) == 0 {
		return "", nil
	}
	text, err := json.Marshal(l)
	return string(text), err
}
