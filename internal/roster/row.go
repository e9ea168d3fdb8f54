package roster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"turnpike/internal/budget"
	"turnpike/internal/policy"
	"turnpike/internal/price"
)

// Row is a key as files have it.
type Row struct {
	ID          string        `json:"id,omitempty"`
	Name        string        `json:"name"`
	Prefix      string        `json:"prefix,omitempty"`
	Hash        string        `json:"hash,omitempty"` // SHA-256 of the secret, in hex
	Encrypted   string        `json:"encrypted_token,omitempty"`
	Description string        `json:"description,omitempty"`
	Team        string        `json:"team,omitempty"` // by name
	User        string        `json:"user,omitempty"`
	Tags        []string      `json:"tags,omitempty"`
	Addresses   []string      `json:"addresses,omitempty"`
	Limits      *Limits       `json:"limits,omitempty"`
	Budgets     []budget.Rule `json:"budgets,omitempty"`
	Policy      policy.Policy `json:"policy,omitzero"`
	LogPayloads bool          `json:"log_payloads,omitempty"`
	Created     time.Time     `json:"created_at,omitzero"`
	Expires     time.Time     `json:"expires_at,omitzero"`
	Revoked     time.Time     `json:"revoked_at,omitzero"`

	Secret   string   `json:"-"` // where the file has it in the clear
	Inactive bool     `json:"-"` // the file says that it does not work
	Ignored  []string `json:"-"` // members that mean nothing here
}

// readers are the members that are understood, under the names that this and
// other gateways write them. Members that say the same are in one reader.
var readers = map[string]func(*Row, json.RawMessage) error{}

func init() { //nolint:gochecknoinits // the table has functions that read by it
	for names, read := range map[string]func(*Row, json.RawMessage) error{
		"id":                    into(func(r *Row) *string { return &r.ID }),
		"name":                  into(func(r *Row) *string { return &r.Name }),
		"prefix key_prefix":     into(func(r *Row) *string { return &r.Prefix }),
		"key token secret":      into(func(r *Row) *string { return &r.Secret }),
		"hash token_hash":       into(func(r *Row) *string { return &r.Hash }),
		"encrypted_token":       into(func(r *Row) *string { return &r.Encrypted }),
		"description":           into(func(r *Row) *string { return &r.Description }),
		"team team_name":        into(func(r *Row) *string { return &r.Team }),
		"user owner":            into(func(r *Row) *string { return &r.User }),
		"tags":                  into(func(r *Row) *[]string { return &r.Tags }),
		"addresses allowed_ips": into(func(r *Row) *[]string { return &r.Addresses }),
		"log_payloads":          into(func(r *Row) *bool { return &r.LogPayloads }),
		"policy":                into(func(r *Row) *policy.Policy { return &r.Policy }),
		"budgets":               into(func(r *Row) *[]budget.Rule { return &r.Budgets }),
		"created_at":            moment(func(r *Row) *time.Time { return &r.Created }),
		"expires_at":            moment(func(r *Row) *time.Time { return &r.Expires }),
		"revoked_at deleted_at": moment(func(r *Row) *time.Time { return &r.Revoked }),
		"is_active enabled":     readActive,
		"is_deleted":            into(func(r *Row) *bool { return &r.Inactive }),
		"limits":                readRowLimits,
		"allowed_models":        readModels,
		"allowed_providers":     into(func(r *Row) *[]string { return &r.routing().Providers }),
		"default_provider":      into(func(r *Row) *string { return &r.routing().Provider }),
		"token_metadata":        readMetadata,
		"quota_usd":             readQuota(budget.Lifetime),
		"monthly_quota_usd":     readQuota(budget.Monthly),
		"daily_limit_usd":       readQuota(budget.Daily),
		"monthly_reset_policy":  readReset,
	} {
		for name := range strings.FieldsSeq(names) {
			readers[name] = read
		}
	}
	for name := range limitNames {
		readers[name] = func(r *Row, raw json.RawMessage) error {
			return readRowLimits(r, json.RawMessage(`{"`+name+`":`+string(raw)+`}`))
		}
	}
}

func into[T any](place func(*Row) *T) func(*Row, json.RawMessage) error {
	return func(r *Row, raw json.RawMessage) error { return json.Unmarshal(raw, place(r)) }
}

// moment reads a time: with its zone, or without as UTC.
func moment(place func(*Row) *time.Time) func(*Row, json.RawMessage) error {
	return func(r *Row, raw json.RawMessage) error {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil || text == "" {
			return err
		}
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateTime, time.DateOnly} {
			if t, err := time.Parse(layout, text); err == nil {
				*place(r) = t.UTC()
				return nil
			}
		}
		return fmt.Errorf("%q is no time", text)
	}
}

func (r *Row) routing() *policy.Routing {
	if r.Policy.Routing == nil {
		r.Policy.Routing = &policy.Routing{}
	}
	return r.Policy.Routing
}

// readModels reads the models a key may use. Some gateways mean none by an empty
// list, some all; here it is all, and said.
func readModels(r *Row, raw json.RawMessage) error {
	err := json.Unmarshal(raw, &r.routing().Models)
	if err == nil && len(r.Policy.Routing.Models) == 0 {
		r.Ignored = append(r.Ignored, "allowed_models that are empty: the key may use every model")
	}
	return err
}

func readActive(r *Row, raw json.RawMessage) error {
	var yes bool
	err := json.Unmarshal(raw, &yes)
	r.Inactive = r.Inactive || err == nil && !yes
	return err
}

func readRowLimits(r *Row, raw json.RawMessage) error {
	l, err := ReadLimits(string(raw))
	if err != nil {
		return err
	}
	if r.Limits == nil {
		r.Limits = &l
		return nil
	}
	for _, f := range []struct{ from, to **int64 }{{&l.RPM, &r.Limits.RPM}, {&l.TPM, &r.Limits.TPM}, {&l.Concurrent, &r.Limits.Concurrent}} {
		if *f.from != nil {
			*f.to = *f.from
		}
	}
	r.Limits.Models = append(r.Limits.Models, l.Models...)
	return nil
}

// readMetadata reads the settings of prompt caches.
func readMetadata(r *Row, raw json.RawMessage) error {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return err
	}
	for name, value := range m {
		var err error
		switch name {
		case "prompt_cache_enabled":
			var on bool
			if err = json.Unmarshal(value, &on); err == nil && !on {
				r.Policy.Cache = policy.CacheOff
			} else if on && r.Policy.Cache == "" {
				r.Policy.Cache = policy.CacheAuto
			}
		case "prompt_cache_ttl":
			var ttl string
			if err = json.Unmarshal(value, &ttl); err == nil && r.Policy.Cache != policy.CacheOff {
				r.Policy.Cache = ttl
			}
		default:
			r.Ignored = append(r.Ignored, "token_metadata."+name)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// readQuota reads dollars, as a number or as text, exactly.
func readQuota(period string) func(*Row, json.RawMessage) error {
	return func(r *Row, raw json.RawMessage) error {
		n, err := price.ParseAmount(strings.Trim(string(raw), `"`))
		if err != nil {
			return fmt.Errorf("%s %w", raw, err)
		}
		if n == 0 && period == budget.Monthly { // as the gateway means it that has this member
			r.Ignored = append(r.Ignored, "monthly_quota_usd of 0, which is no quota")
			return nil
		}
		r.Budgets = append(r.Budgets, budget.Rule{Unit: budget.Dollars, Limit: int64(n), Period: period})
		return nil
	}
}

func readReset(r *Row, raw json.RawMessage) error {
	var how string
	if err := json.Unmarshal(raw, &how); err != nil {
		return err
	}
	if how != "reset" && how != "rollover" {
		return fmt.Errorf("%q is neither reset nor rollover", how)
	}
	if how == "rollover" {
		for i := range r.Budgets {
			r.Budgets[i].Rollover = r.Budgets[i].Period == budget.Monthly
		}
	}
	return nil
}

// WritePolicy is how a key keeps its policy: empty for none.
func WritePolicy(p policy.Policy) (string, error) {
	text, err := json.Marshal(p)
	if string(text) == "{}" {
		return "", err
	}
	return string(text), err
}

// ReadRows reads a file of keys: a list, or an object that has one under keys or
// tokens. null says nothing; what is not understood is named in Ignored.
func ReadRows(data []byte) ([]Row, error) {
	var list []map[string]json.RawMessage
	if data = bytes.TrimSpace(data); len(data) > 0 && data[0] == '{' {
		var file map[string]json.RawMessage
		if err := json.Unmarshal(data, &file); err != nil {
			return nil, err
		}
		inner, ok := file["keys"]
		if !ok {
			if inner, ok = file["tokens"]; !ok {
				return nil, errors.New("the file is no list of keys, and has none under keys or tokens")
			}
		}
		data = inner
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, err
	}
	rows := make([]Row, len(list))
	for i, members := range list {
		if err := rows[i].read(members); err != nil {
			return nil, fmt.Errorf("key %d (%q): %w", i+1, rows[i].Name, err)
		}
	}
	return rows, nil
}

func (r *Row) read(members map[string]json.RawMessage) error {
	names := slices.Sorted(maps.Keys(members))
	// The name is told in errors; what is said of quotas comes behind them.
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	for _, name := range names {
		read := readers[name]
		switch {
		case bytes.Equal(members[name], []byte("null")):
			continue
		case read == nil:
			r.Ignored = append(r.Ignored, name)
			continue
		}
		if err := read(r, members[name]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func rank(name string) int {
	switch name {
	case "name":
		return 0
	case "policy", "limits", "budgets":
		return 1
	case "monthly_reset_policy":
		return 3
	}
	return 2
}
