package operator

import (
	"encoding/json"
	"strings"
	"time"

	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

// KeyView is a key as lists show it.
type KeyView struct {
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	Prefix      string          `json:"prefix"`
	State       string          `json:"state"`
	Declared    bool            `json:"declared,omitempty"`
	Description string          `json:"description,omitempty"`
	Team        string          `json:"team,omitempty"`
	User        string          `json:"user,omitempty"`
	Tags        []string        `json:"tags,omitempty"`
	Addresses   []string        `json:"addresses,omitempty"`
	Created     time.Time       `json:"created_at"`
	Used        time.Time       `json:"last_used_at,omitzero"`
	Expires     time.Time       `json:"expires_at,omitzero"`
	Revoked     time.Time       `json:"revoked_at,omitzero"`
	OldUntil    time.Time       `json:"old_key_until,omitzero"`
	Revealable  bool            `json:"revealable,omitempty"`
	LogPayloads bool            `json:"log_payloads,omitempty"`
	Limits      json.RawMessage `json:"limits,omitempty"`
	Policy      json.RawMessage `json:"policy,omitempty"`
	Budgets     []BudgetView    `json:"budgets,omitempty"`
}

// KeyState says in a word whether the key works.
func KeyState(k *store.Key, now time.Time) string {
	switch {
	case !k.RevokedAt.IsZero():
		return "revoked"
	case !k.DisabledAt.IsZero():
		return "disabled"
	case !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt):
		return "expired"
	}
	return "valid"
}

// ViewKey is a key with the names of whom it belongs to.
func ViewKey(k *store.Key, names Names, now time.Time) KeyView {
	l := KeyView{
		ID: k.ID, Name: k.Name, Prefix: k.Prefix, State: KeyState(k, now), Declared: k.Declared, Description: k.Description,
		Team: names.Of(tenancy.Team, k.TeamID), User: names.Of(tenancy.User, k.UserID), Tags: k.Tags, Addresses: k.Addresses,
		Created: k.CreatedAt, Used: k.LastUsedAt, Expires: k.ExpiresAt, Revoked: k.RevokedAt, Revealable: k.Sealed != "",
		LogPayloads: k.LogPayloads, Limits: json.RawMessage(k.Limits), Policy: json.RawMessage(k.Policy),
	}
	if now.Before(k.OldUntil) {
		l.OldUntil = k.OldUntil
	}
	return l
}

// SplitNames takes names apart as people paste them: lines, commas, semicolons,
// the wide forms too.
func SplitNames(text string) (names []string) {
	for _, w := range strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune(",;，；、\r\n", c) }) {
		if w = strings.TrimSpace(w); w != "" {
			names = append(names, w)
		}
	}
	return names
}
