package admin

import (
	"errors"
	"strings"
	"time"

	"turnpike/internal/identity"
	"turnpike/internal/store"
)

// Invitation is a link that is good once.
type Invitation struct {
	ID        string          `json:"id"`
	Kind      string          `json:"kind" enum:"invite,bootstrap,reset"`
	Account   string          `json:"account_id,omitempty" say:"of a new password: whose"`
	Email     string          `json:"email,omitempty"`
	Role      string          `json:"role,omitempty"`
	Scopes    identity.Scopes `json:"scopes"`
	Teams     []string        `json:"teams,omitempty" say:"ids"`
	UserID    string          `json:"user_id,omitempty"`
	CreatedBy string          `json:"created_by"`
	Created   time.Time       `json:"created_at,omitzero"`
	Expires   time.Time       `json:"expires_at,omitzero"`
}

// InvitationMade is a link with its secret, which is shown once.
type InvitationMade struct {
	Invitation
	Token string `json:"token"`
	Link  string `json:"link" say:"the console's page for it"`
}

// InvitationList is a page of invitations.
type InvitationList struct {
	Invitations []Invitation `json:"invitations"`
	Total       int          `json:"total"`
	Next        string       `json:"next,omitempty"`
}

var invitationOrder = order[Invitation]{
	by:    map[string]func(*Invitation) string{"created_at": func(i *Invitation) string { return moment(i.Created) }, "expires_at": func(i *Invitation) string { return moment(i.Expires) }},
	id:    func(i *Invitation) string { return i.ID },
	first: "created_at",
}

func viewInvitation(i *store.Invitation) Invitation {
	return Invitation{
		ID: i.ID, Kind: i.Kind, Account: i.AccountID, Email: i.Email, Role: i.Role, Scopes: identity.ReadScopes(i.Scopes), Teams: identity.ReadList(i.Teams),
		UserID: i.UserID, CreatedBy: i.CreatedBy, Created: i.CreatedAt, Expires: i.ExpiresAt,
	}
}

func listInvitations(c *call, q *Paging, _ *nothing) (InvitationList, error) {
	rows, err := c.Store.Invitations(c.ctx, c.Now())
	if err != nil {
		return InvitationList{}, err
	}
	list := make([]Invitation, 0, len(rows))
	for i := range rows {
		list = append(list, viewInvitation(&rows[i]))
	}
	part, next, err := page(list, q, invitationOrder)
	return InvitationList{part, len(list), next}, err
}

// InvitationCreate is a new invitation.
type InvitationCreate struct {
	Email  string          `json:"email,omitempty" say:"for whom it is; nothing is sent there"`
	Role   string          `json:"role" enum:"owner,admin,member,auditor"`
	Scopes identity.Scopes `json:"scopes,omitzero"`
	Teams  []string        `json:"teams,omitempty" say:"ids or names"`
	UserID string          `json:"user_id,omitempty" say:"a user there is already, whose keys are theirs then"`
	For    string          `json:"expires_in,omitempty" say:"how long it is good, such as 72h (what it is where this is left out)"`
}

func invite(c *call, _ *nothing, b *InvitationCreate) (InvitationMade, error) {
	d := identity.Draft{Email: strings.TrimSpace(b.Email), Role: b.Role, Scopes: b.Scopes, UserID: b.UserID}
	if b.For != "" {
		lasts, err := time.ParseDuration(b.For)
		if err != nil || lasts <= 0 {
			return InvitationMade{}, badField("expires_in", errors.New("must be a time such as 72h"))
		}
		d.For = lasts
	}
	if err := d.Check(); err != nil {
		return InvitationMade{}, wrong(err)
	}
	var err error
	if d.Teams, err = c.teamIDs(b.Teams); err == nil {
		err = c.userID(b.UserID)
	}
	if err != nil {
		return InvitationMade{}, err
	}
	secret, i, err := c.Accounts.Invite(c.ctx, c.who.Name, &d)
	return c.linkMade(&i, secret), err
}

func (c *call) linkMade(i *store.Invitation, secret string) InvitationMade {
	return InvitationMade{viewInvitation(i), secret, c.Members.Link(secret)}
}

func resetAccount(c *call, _ *nothing, _ *nothing) (InvitationMade, error) {
	row, err := c.Store.Account(c.ctx, c.id())
	if err != nil {
		return InvitationMade{}, err
	}
	if row.Login == "" {
		return InvitationMade{}, fail(409, "the account signs in by an identity provider alone: it has no password")
	}
	secret, i, err := c.Accounts.ResetLink(c.ctx, c.who.Name, c.id())
	return c.linkMade(&i, secret), err
}

func dropInvitation(c *call, _ *nothing, _ *nothing) (Deleted, error) {
	err := c.Store.DropInvitation(c.ctx, c.id())
	return Deleted{err == nil}, err
}
