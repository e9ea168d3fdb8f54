package admin

import (
	"errors"
	"slices"
	"strings"
	"time"

	"turnpike/internal/operator"
	"turnpike/internal/policy"
	"turnpike/internal/roster"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

// Key is a key as the API shows it. Some members say the same under the names that other
// gateways have for them.
type Key struct {
	ID               string                `json:"id"`
	Name             string                `json:"name"`
	Prefix           string                `json:"key_prefix" say:"its beginning"`
	State            string                `json:"state" enum:"valid,disabled,expired,revoked"`
	Enabled          bool                  `json:"enabled"`
	Declared         bool                  `json:"declared" say:"the configuration has it: it cannot be changed here"`
	Description      string                `json:"description,omitempty"`
	Team             string                `json:"team,omitempty"`
	TeamID           string                `json:"team_id,omitempty"`
	User             string                `json:"user,omitempty"`
	UserID           string                `json:"user_id,omitempty"`
	Tags             []string              `json:"tags,omitempty"`
	Addresses        []string              `json:"addresses,omitempty" say:"networks it may be used from; none: anywhere"`
	AllowedModels    []string              `json:"allowed_models,omitempty" say:"patterns; none: all"`
	AllowedProviders []string              `json:"allowed_providers,omitempty" say:"none: all"`
	DefaultProvider  string                `json:"default_provider,omitempty"`
	QPM              *int64                `json:"qpm,omitempty" say:"the same as limits.rpm"`
	TPM              *int64                `json:"tpm,omitempty" say:"the same as limits.tpm"`
	QPMLimit         *int64                `json:"qpm_limit,omitempty" say:"the same as limits.rpm"`
	TPMLimit         *int64                `json:"tpm_limit,omitempty" say:"the same as limits.tpm"`
	Limits           *roster.Limits        `json:"limits,omitempty"`
	Policy           *policy.Policy        `json:"policy,omitempty"`
	Budgets          []operator.BudgetView `json:"budgets,omitempty"`
	LogPayloads      bool                  `json:"log_payloads"`
	Revealable       bool                  `json:"revealable"`
	Created          time.Time             `json:"created_at,omitzero"`
	Used             time.Time             `json:"last_used_at,omitzero"`
	Expires          time.Time             `json:"expires_at,omitzero"`
	Revoked          time.Time             `json:"revoked_at,omitzero"`
	OldUntil         time.Time             `json:"old_key_until,omitzero" say:"the secret before the last rotation is good until then"`
}

// declaredKey is the id of the configuration's own key, as in the ledger.
const declaredKey = "config"

// KeyMade is a key with its secret, which is shown once.
type KeyMade struct {
	Key
	Secret string `json:"key"`
}

// KeyList is a page of keys.
type KeyList struct {
	Keys  []Key  `json:"keys"`
	Total int    `json:"total" say:"that fit the filters, on all pages"`
	Next  string `json:"next,omitempty"`
}

type keyQuery struct {
	Paging
	Search string `query:"q" say:"a part of the name, the prefix, the id or the description"`
	Team   string `query:"team" say:"id or name"`
	User   string `query:"user" say:"id or name"`
	Tag    string `query:"tag"`
	State  string `query:"state" enum:"valid,disabled,expired,revoked"`
}

// view shows a key.
func (c *call) view(k *store.Key, names operator.Names, budgets []store.Budget) Key {
	l := operator.ViewKey(k, names, c.Now())
	out := Key{
		ID: l.ID, Name: l.Name, Prefix: l.Prefix + "...", State: l.State, Enabled: k.DisabledAt.IsZero() && k.RevokedAt.IsZero(), Declared: k.Declared, Description: l.Description,
		Team: l.Team, TeamID: k.TeamID, User: l.User, UserID: k.UserID, Tags: l.Tags, Addresses: l.Addresses, LogPayloads: l.LogPayloads,
		Revealable: l.Revealable, Created: l.Created, Used: l.Used, Expires: l.Expires, Revoked: l.Revoked, OldUntil: l.OldUntil,
	}
	if limits, err := roster.ReadLimits(k.Limits); err == nil && k.Limits != "" {
		out.Limits = &limits
		out.QPM, out.QPMLimit, out.TPM, out.TPMLimit = limits.RPM, limits.RPM, limits.TPM, limits.TPM
	}
	if p, err := roster.ReadPolicy(k.Policy); err == nil && k.Policy != "" {
		out.Policy = &p
		if r := p.Routing; r != nil {
			out.AllowedModels, out.AllowedProviders, out.DefaultProvider = r.Models, r.Providers, r.Provider
		}
	}
	for _, b := range budgets {
		if b.ScopeKind == tenancy.Key && b.ScopeID == k.ID {
			out.Budgets = append(out.Budgets, operator.ViewBudget(b, names))
		}
	}
	return out
}

// viewed shows a key that was just read or changed.
func (c *call) viewed(k *store.Key) (Key, error) {
	names, err1 := operator.ReadNames(c.ctx, c.Store)
	budgets, err2 := c.Store.Budgets(c.ctx)
	if err := errors.Join(err1, err2); err != nil {
		return Key{}, err
	}
	c.tagged(keyRow(k))
	return c.view(k, names, budgets), nil
}

// keyRow is what an edit of a key changes: not when it was used.
func keyRow(k *store.Key) store.Key {
	row := *k
	row.LastUsedAt = time.Time{}
	return row
}

var keyOrder = order[store.Key]{
	by: map[string]func(*store.Key) string{
		"created_at":   func(k *store.Key) string { return moment(k.CreatedAt) },
		"last_used_at": func(k *store.Key) string { return moment(k.LastUsedAt) },
		"expires_at":   func(k *store.Key) string { return moment(k.ExpiresAt) },
		"name":         func(k *store.Key) string { return strings.ToLower(k.Name) },
	},
	id:    func(k *store.Key) string { return k.ID },
	first: "name",
}

func listKeys(c *call, q *keyQuery, _ *nothing) (KeyList, error) {
	list, err1 := c.Store.ListKeys(c.ctx)
	names, err2 := operator.ReadNames(c.ctx, c.Store)
	budgets, err3 := c.Store.Budgets(c.ctx)
	if err := errors.Join(err1, err2, err3); err != nil {
		return KeyList{}, err
	}
	if c.Declared {
		list = append(list, store.Key{ID: declaredKey, Name: "auth.api_key"})
	}
	list = slices.DeleteFunc(list, func(k store.Key) bool { return !c.reachesKey(&k) || !q.fits(&k, names, c.Now()) })
	part, next, err := page(list, &q.Paging, keyOrder)
	if err != nil {
		return KeyList{}, err
	}
	out := KeyList{Keys: make([]Key, 0, len(part)), Total: len(list), Next: next}
	for i := range part {
		k := c.view(&part[i], names, budgets)
		if k.ID == declaredKey {
			k.Declared, k.Prefix = true, ""
		}
		out.Keys = append(out.Keys, k)
	}
	return out, nil
}

func (q *keyQuery) fits(k *store.Key, names operator.Names, now time.Time) bool {
	search := strings.ToLower(q.Search)
	found := search == "" || slices.ContainsFunc([]string{k.Name, k.Prefix, k.ID, k.Description}, func(s string) bool { return strings.Contains(strings.ToLower(s), search) })
	return found && (q.Team == "" || q.Team == k.TeamID || q.Team == names.Of(tenancy.Team, k.TeamID)) &&
		(q.User == "" || q.User == k.UserID || q.User == names.Of(tenancy.User, k.UserID)) &&
		(q.Tag == "" || slices.Contains(k.Tags, q.Tag)) && (q.State == "" || q.State == operator.KeyState(k, now))
}

// reachesKey tells whether a key is in the caller's scopes: it, or its team.
func (c *call) reachesKey(k *store.Key) bool { return c.who.reaches("keys", k.ID, k.TeamID) }

// outOfReach refuses to make or leave a key outside of the caller's scopes.
func (c *call) outOfReach(k *store.Key) error {
	if c.reachesKey(k) {
		return nil
	}
	return badField("team", errors.New("must be one of those that your scopes list"))
}

// key is the key of the path. Names and prefixes are no ids here.
func (c *call) key() (store.Key, error) {
	if c.id() == declaredKey && c.Declared {
		return store.Key{}, fail(409, "the configuration declares this key (auth.api_key): it is read-only here")
	}
	k, err := c.Store.FindKey(c.ctx, c.id())
	if err == nil && k.ID != c.id() || errors.Is(err, store.ErrAmbiguous) {
		err = fail(404, "there is no key %s", c.id())
	}
	if err == nil && !c.reachesKey(&k) {
		err = fail(404, "there is no key %s", c.id())
	}
	return k, err
}

func getKey(c *call, _ *nothing, _ *nothing) (Key, error) {
	k, err := c.key()
	if err != nil {
		return Key{}, err
	}
	return c.viewed(&k)
}

func createKey(c *call, _ *nothing, b *KeyCreate) (KeyMade, error) {
	made, err := c.create([]string{b.Name}, &b.KeyEdit)
	if err != nil {
		return KeyMade{}, err
	}
	return made[0], nil
}

// KeysMade are keys with their secrets, which are shown once.
type KeysMade struct {
	Keys  []KeyMade `json:"keys"`
	Total int       `json:"total"`
}

func createKeys(c *call, _ *nothing, b *KeyBatch) (KeysMade, error) {
	var list []string
	for _, text := range b.Names {
		list = append(list, operator.SplitNames(text)...)
	}
	if len(list) == 0 || len(list) > roster.MaxBatch {
		return KeysMade{}, badField("names", errors.New("must be between 1 and 100 names"))
	}
	made, err := c.create(list, &b.KeyEdit)
	return KeysMade{made, len(made)}, err
}

// create makes keys that have all but the name in common, all or none.
func (c *call) create(list []string, e *KeyEdit) ([]KeyMade, error) {
	drafts := make([]store.Key, len(list))
	for i, name := range list {
		if err := c.edit(&drafts[i], e); err != nil {
			return nil, err
		}
		if drafts[i].Name = name; true {
			if err := roster.Check(&drafts[i]); err != nil {
				return nil, badField("name", err)
			}
		}
		if err := c.outOfReach(&drafts[i]); err != nil {
			return nil, err
		}
	}
	made, err := c.Keys.Create(c.ctx, drafts...)
	if err != nil {
		return nil, err
	}
	names, err := operator.ReadNames(c.ctx, c.Store)
	if err != nil {
		return nil, err
	}
	out := make([]KeyMade, len(made))
	for i := range made {
		out[i] = KeyMade{c.view(&made[i].Key, names, nil), made[i].Secret}
	}
	if len(made) == 1 {
		c.tagged(keyRow(&made[0].Key))
	}
	return out, nil
}

func setKey(c *call, _ *nothing, b *KeyEdit) (Key, error) {
	if _, err := c.key(); err != nil {
		return Key{}, err
	}
	k, err := c.Store.UpdateKey(c.ctx, c.id(), func(k *store.Key) error {
		if err := c.match(keyRow(k)); err != nil {
			return err
		}
		if err := c.edit(k, b); err != nil {
			return err
		}
		if err := roster.Check(k); err != nil {
			return badFields([]FieldError{{Pointer: "#", Detail: err.Error()}})
		}
		return c.outOfReach(k)
	})
	if err != nil {
		return Key{}, err
	}
	return c.viewed(&k)
}

type rotation struct {
	Grace Opt[string] `json:"grace" say:"how long the old secret stays good, such as 24h (what it is where this is left out) or 0s"`
}

func rotateKey(c *call, _ *nothing, b *rotation) (KeyMade, error) {
	if _, err := c.key(); err != nil {
		return KeyMade{}, err
	}
	return c.rotate(c.id(), b)
}

func (c *call) rotate(id string, b *rotation) (KeyMade, error) {
	grace := 24 * time.Hour
	if b.Grace.Value != nil {
		d, err := time.ParseDuration(*b.Grace.Value)
		if err != nil || d < 0 || d > roster.MaxGrace {
			return KeyMade{}, badField("grace", errors.New("must be between 0s and 2160h, such as 24h"))
		}
		grace = d
	}
	m, err := c.Keys.Rotate(c.ctx, id, grace)
	if err != nil {
		return KeyMade{}, err
	}
	k, err := c.viewed(&m.Key)
	return KeyMade{k, m.Secret}, err
}

func revokeKey(c *call, _ *nothing, _ *nothing) (Key, error) {
	if _, err := c.key(); err != nil {
		return Key{}, err
	}
	k, err := c.Store.RevokeKey(c.ctx, c.id(), c.Now())
	if err != nil {
		return Key{}, err
	}
	return c.viewed(&k)
}

// Deleted says that something is gone; of keys it says that they are revoked.
type Deleted struct {
	Deleted bool `json:"deleted"`
}

func deleteKey(c *call, q *nothing, b *nothing) (Deleted, error) {
	k, err := revokeKey(c, q, b)
	if err == nil {
		err = c.Store.ForgetPayloads(c.ctx, k.ID)
	}
	return Deleted{err == nil}, err
}

// Revealed is the secret of a key that was kept.
type Revealed struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Key  string `json:"key"`
}

func revealKey(c *call, _ *nothing, _ *nothing) (Revealed, error) {
	if _, err := c.key(); err != nil {
		return Revealed{}, err
	}
	m, err := c.Keys.Reveal(c.ctx, c.id())
	return Revealed{m.ID, m.Name, m.Secret}, err
}
