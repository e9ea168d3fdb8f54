package admin

import (
	"errors"
	"slices"
	"time"

	"turnpike/internal/operator"
	"turnpike/internal/roster"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

// MyKeyEdit is what people may say of their own keys: what they are called and what narrows
// them. What a team may use and spend holds for them whatever is said here.
type MyKeyEdit struct {
	Name          Opt[string]    `json:"name"`
	Description   Opt[string]    `json:"description"`
	Team          Opt[string]    `json:"team" say:"id or name of one of your teams"`
	Expires       Opt[time.Time] `json:"expires_at"`
	Addresses     Opt[[]string]  `json:"addresses" say:"networks it may be used from, such as 10.0.0.0/8"`
	AllowedModels Opt[[]string]  `json:"allowed_models" say:"patterns; none: all that your team may use"`
	RPM           Opt[int64]     `json:"rpm" say:"requests in a minute, within those of your team"`
	TPM           Opt[int64]     `json:"tpm" say:"tokens in a minute, within those of your team"`
}

// MyKeyCreate is a new key of one's own.
type MyKeyCreate struct {
	Name string `json:"name"`
	MyKeyEdit
}

// edit is the same as operators say it.
func (e *MyKeyEdit) edit() *KeyEdit {
	return &KeyEdit{
		Name: e.Name, Description: e.Description, Team: e.Team, Expires: e.Expires, Addresses: e.Addresses, AllowedModels: e.AllowedModels,
		LimitsEdit: LimitsEdit{RPM: e.RPM, TPM: e.TPM},
	}
}

// myUser is the user whose keys are the caller's.
func (c *call) myUser() (store.Scope, error) {
	if c.who.User == "" {
		return store.Scope{}, fail(409, "%s has no keys of its own: sign in as a person", c.who.Name)
	}
	return c.Store.FindScope(c.ctx, tenancy.User, c.who.User)
}

// myTeams are the ids of the caller's teams.
func (c *call) myTeams() ([]string, error) {
	if c.who.User == "" {
		return nil, nil
	}
	u, err := c.myUser()
	return u.Teams, err
}

// myKeys are the caller's keys that are not revoked.
func (c *call) myKeys() (list []store.Key, err error) {
	if c.who.User == "" {
		return nil, nil
	}
	all, err := c.Store.ListKeys(c.ctx)
	for i := range all {
		if all[i].UserID == c.who.User && all[i].RevokedAt.IsZero() {
			list = append(list, all[i])
		}
	}
	return list, err
}

// myKey is the key of the path, if it is the caller's.
func (c *call) myKey() (store.Key, error) {
	k, err := c.Store.FindKey(c.ctx, c.id())
	if err == nil && (k.ID != c.id() || k.UserID == "" || k.UserID != c.who.User) || errors.Is(err, store.ErrAmbiguous) {
		err = fail(404, "you have no key %s", c.id())
	}
	return k, err
}

func myKeys(c *call, q *Paging, _ *nothing) (KeyList, error) {
	list, err1 := c.myKeys()
	names, err2 := operator.ReadNames(c.ctx, c.Store)
	budgets, err3 := c.Store.Budgets(c.ctx)
	if err := errors.Join(err1, err2, err3); err != nil {
		return KeyList{}, err
	}
	part, next, err := page(list, q, keyOrder)
	out := KeyList{Keys: make([]Key, 0, len(part)), Total: len(list), Next: next}
	for i := range part {
		out.Keys = append(out.Keys, c.view(&part[i], names, budgets))
	}
	return out, err
}

// layMine lays an edit over a key of the caller's, and keeps it theirs.
func (c *call) layMine(k *store.Key, e *MyKeyEdit, teams []string) error {
	before := *k
	if err := c.edit(k, e.edit()); err != nil {
		return err
	}
	k.UserID = c.who.User
	if moved := k.TeamID != before.TeamID; moved && !slices.Contains(teams, k.TeamID) && (k.TeamID != "" || len(teams) > 0) {
		return badField("team", errors.New("must be one of your teams"))
	}
	if before.ID != "" {
		if err := narrower(&before, k); err != nil {
			return err
		}
	}
	if err := roster.Check(k); err != nil {
		return wrong(err)
	}
	return nil
}

// narrower refuses to take from a key what narrows it: an operator may have set it.
func narrower(before, after *store.Key) error {
	had, has, err := modelsOf(before, after)
	if err != nil {
		return err
	}
	was, err1 := roster.ReadLimits(before.Limits)
	is, err2 := roster.ReadLimits(after.Limits)
	switch {
	case errors.Join(err1, err2) != nil:
		return errors.Join(err1, err2)
	case len(had) > 0 && (len(has) == 0 || slices.ContainsFunc(has, func(m string) bool { return !slices.Contains(had, m) })):
		return badField("allowed_models", errNarrow)
	case len(before.Addresses) > 0 && !slices.Equal(before.Addresses, after.Addresses):
		return badField("addresses", errNarrow)
	case !before.ExpiresAt.IsZero() && (after.ExpiresAt.IsZero() || after.ExpiresAt.After(before.ExpiresAt)):
		return badField("expires_at", errNarrow)
	case was.RPM != nil && (is.RPM == nil || *is.RPM > *was.RPM):
		return badField("rpm", errNarrow)
	case was.TPM != nil && (is.TPM == nil || *is.TPM > *was.TPM):
		return badField("tpm", errNarrow)
	}
	return nil
}

var errNarrow = errors.New("can be narrowed only: make another key, or ask an operator")

func modelsOf(before, after *store.Key) (had, has []string, err error) {
	was, err1 := roster.ReadPolicy(before.Policy)
	is, err2 := roster.ReadPolicy(after.Policy)
	if was.Routing != nil {
		had = was.Routing.Models
	}
	if is.Routing != nil {
		has = is.Routing.Models
	}
	return had, has, errors.Join(err1, err2)
}

func createMyKey(c *call, _ *nothing, b *MyKeyCreate) (KeyMade, error) {
	user, err := c.myUser()
	if err != nil {
		return KeyMade{}, err
	}
	if len(user.Teams) == 0 && (!c.who.May(KeysWrite) || c.who.limited(KeysWrite)) {
		return KeyMade{}, fail(409, "you are in no team, and keys of your own may do what your team may: ask an operator")
	}
	have, err := c.myKeys()
	if err != nil {
		return KeyMade{}, err
	}
	if len(have) >= c.Members.MaxKeys {
		return KeyMade{}, fail(409, "you have %d keys, and may have %d (auth.members.max_keys): revoke one", len(have), c.Members.MaxKeys)
	}
	var draft store.Key
	b.MyKeyEdit.Name = Opt[string]{true, &b.Name}
	if len(user.Teams) == 1 && !b.Team.Given {
		draft.TeamID = user.Teams[0]
	}
	if err := c.layMine(&draft, &b.MyKeyEdit, user.Teams); err != nil {
		return KeyMade{}, err
	}
	if draft.TeamID == "" && len(user.Teams) > 0 {
		return KeyMade{}, badField("team", errors.New("is needed: you are in several"))
	}
	made, err := c.Keys.Create(c.ctx, draft)
	if err != nil {
		return KeyMade{}, err
	}
	k, err := c.viewed(&made[0].Key)
	return KeyMade{k, made[0].Secret}, err
}

func getMyKey(c *call, _ *nothing, _ *nothing) (Key, error) {
	k, err := c.myKey()
	if err != nil {
		return Key{}, err
	}
	return c.viewed(&k)
}

func setMyKey(c *call, _ *nothing, b *MyKeyEdit) (Key, error) {
	if _, err := c.myKey(); err != nil {
		return Key{}, err
	}
	teams, err := c.myTeams()
	if err != nil {
		return Key{}, err
	}
	k, err := c.Store.UpdateKey(c.ctx, c.id(), func(k *store.Key) error {
		if err := c.match(keyRow(k)); err != nil {
			return err
		}
		if k.UserID != c.who.User { // given away a moment ago
			return store.ErrNotFound
		}
		return c.layMine(k, b, teams)
	})
	if err != nil {
		return Key{}, err
	}
	return c.viewed(&k)
}

func deleteMyKey(c *call, _ *nothing, _ *nothing) (Deleted, error) {
	k, err := c.myKey()
	if err == nil {
		_, err = c.Store.RevokeKey(c.ctx, k.ID, c.Now())
	}
	return Deleted{err == nil}, err
}

func rotateMyKey(c *call, _ *nothing, b *rotation) (KeyMade, error) {
	k, err := c.myKey()
	if err != nil {
		return KeyMade{}, err
	}
	return c.rotate(k.ID, b)
}
