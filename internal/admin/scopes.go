package admin

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"turnpike/internal/operator"
	"turnpike/internal/roster"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

// Scope is a team, a user, a tag or the organisation as the API shows it.
type Scope struct {
	ID          string                `json:"id"`
	Name        string                `json:"name"`
	Description string                `json:"description,omitempty"`
	Email       string                `json:"email,omitempty"`
	Teams       []string              `json:"teams,omitempty" say:"names of the teams a user is in"`
	State       string                `json:"state" enum:"active,disabled"`
	Declared    bool                  `json:"declared" say:"the configuration has it: it cannot be changed here"`
	KeyCount    int                   `json:"keys" say:"how many keys belong to it"`
	Limits      *roster.Limits        `json:"limits,omitempty"`
	Budgets     []operator.BudgetView `json:"budgets,omitempty"`
	Created     time.Time             `json:"created_at,omitzero"`
}

// ScopeList is a page of teams, users or tags.
type ScopeList struct {
	Items []Scope `json:"items"`
	Total int     `json:"total"`
	Next  string  `json:"next,omitempty"`
}

type scopeQuery struct {
	Paging
	Search string `query:"q" say:"a part of the name, the id, the address or the description"`
	State  string `query:"state" enum:"active,disabled"`
}

// OrgEdit is what can be said of every scope.
type OrgEdit struct {
	Description Opt[string] `json:"description"`
	LimitsEdit
}

// TeamEdit is what can be said of a team.
type TeamEdit struct {
	Name     Opt[string] `json:"name"`
	Disabled Opt[bool]   `json:"disabled" say:"its keys are refused"`
	OrgEdit
}

// UserEdit is what can be said of a user.
type UserEdit struct {
	Email Opt[string]   `json:"email"`
	Teams Opt[[]string] `json:"teams" say:"ids or names"`
	TeamEdit
}

// TeamCreate is a new team.
type TeamCreate struct {
	Name string `json:"name"`
	TeamEdit
}

// UserCreate is a new user.
type UserCreate struct {
	Name string `json:"name"`
	UserEdit
}

// scopeEdit is any of the edits.
type scopeEdit interface {
	lay(c *call, s *store.Scope) error
}

func (e *OrgEdit) lay(_ *call, s *store.Scope) (err error) {
	e.Description.over(&s.Description)
	s.Limits, err = e.limit(s.Limits)
	return err
}

func (e *TeamEdit) lay(c *call, s *store.Scope) error {
	e.Name.over(&s.Name)
	if e.Disabled.Given {
		switch disabled := e.Disabled.Value != nil && *e.Disabled.Value; {
		case !disabled:
			s.DisabledAt = time.Time{}
		case s.DisabledAt.IsZero():
			s.DisabledAt = c.Now()
		}
	}
	return e.OrgEdit.lay(c, s)
}

func (e *UserEdit) lay(c *call, s *store.Scope) error {
	e.Email.over(&s.Email)
	if s.Email = strings.TrimSpace(s.Email); s.Email != "" && !strings.Contains(s.Email, "@") {
		return badField("email", errors.New("is no address"))
	}
	if e.Teams.Given {
		s.Teams = nil
		var names []string
		e.Teams.over(&names)
		for _, name := range names {
			team, err := c.Store.FindScope(c.ctx, tenancy.Team, name)
			if errors.Is(err, store.ErrNotFound) {
				return badField("teams", fmt.Errorf("there is no team %q", name))
			}
			if err != nil {
				return err
			}
			s.Teams = append(s.Teams, team.ID)
		}
	}
	return e.TeamEdit.lay(c, s)
}

func (e *TeamCreate) lay(c *call, s *store.Scope) error {
	e.TeamEdit.Name = Opt[string]{true, &e.Name}
	return e.TeamEdit.lay(c, s)
}

func (e *UserCreate) lay(c *call, s *store.Scope) error {
	e.TeamEdit.Name = Opt[string]{true, &e.Name}
	return e.UserEdit.lay(c, s)
}

// layScope lays an edit over a scope and checks it.
func (c *call) layScope(e scopeEdit, s *store.Scope) error {
	if err := e.lay(c, s); err != nil {
		return err
	}
	if err := roster.CheckScope(s); err != nil {
		return badFields([]FieldError{{Pointer: "#", Detail: err.Error()}})
	}
	return nil
}

// scopes are the functions for one kind.
type scopes struct{ kind, prefix string }

var (
	teams = scopes{tenancy.Team, "team"}
	users = scopes{tenancy.User, "user"}
	tags  = scopes{kind: tenancy.Tag}
	org   = scopes{kind: tenancy.Organisation}
)

var scopeOrder = order[Scope]{
	by: map[string]func(*Scope) string{
		"name":       func(s *Scope) string { return strings.ToLower(s.Name) },
		"created_at": func(s *Scope) string { return moment(s.Created) },
		"keys":       func(s *Scope) string { return number(int64(s.KeyCount)) },
	},
	id:    func(s *Scope) string { return s.ID },
	first: "name",
}

func viewScope(l *operator.ScopeView) Scope {
	s := Scope{
		ID: l.ID, Name: l.Name, Description: l.Description, Email: l.Email, Teams: l.Teams, State: l.State, Declared: l.Declared, KeyCount: l.Keys, Budgets: l.Budgets, Created: l.Created,
	}
	if limits, err := roster.ReadLimits(string(l.Limits)); err == nil && len(l.Limits) > 0 {
		s.Limits = &limits
	}
	return s
}

func (k scopes) list(c *call, q *scopeQuery, _ *nothing) (ScopeList, error) {
	lines, err := operator.Scopes(c.ctx, c.Store, k.kind)
	if err != nil {
		return ScopeList{}, err
	}
	search := strings.ToLower(q.Search)
	var list []Scope
	for i := range lines {
		l := &lines[i]
		if found := slices.ContainsFunc([]string{l.Name, l.ID, l.Email, l.Description}, func(s string) bool { return strings.Contains(strings.ToLower(s), search) }); !found ||
			q.State != "" && q.State != l.State || !c.who.reaches("teams", l.ID) {
			continue
		}
		list = append(list, viewScope(l))
	}
	part, next, err := page(list, &q.Paging, scopeOrder)
	return ScopeList{part, len(list), next}, err
}

// row is the scope of the path. Names are no ids here.
func (k scopes) row(c *call) (store.Scope, error) {
	id := c.id()
	if k.kind == tenancy.Organisation {
		id = tenancy.OrganisationID
	}
	s, err := c.Store.FindScope(c.ctx, k.kind, id)
	if err == nil && (s.ID != id || !c.who.reaches("teams", id)) {
		err = fail(404, "there is no %s %s", k.kind, id)
	}
	return s, err
}

func (k scopes) show(c *call, id string) (Scope, error) {
	s, err := c.Store.FindScope(c.ctx, k.kind, id)
	if err != nil {
		return Scope{}, err
	}
	lines, err := operator.Scopes(c.ctx, c.Store, k.kind)
	if err != nil {
		return Scope{}, err
	}
	at := slices.IndexFunc(lines, func(l operator.ScopeView) bool { return l.ID == s.ID })
	if at < 0 {
		return Scope{}, store.ErrNotFound
	}
	c.tagged(s)
	return viewScope(&lines[at]), nil
}

func (k scopes) get(c *call, _ *nothing, _ *nothing) (Scope, error) {
	s, err := k.row(c)
	if err != nil {
		return Scope{}, err
	}
	return k.show(c, s.ID)
}

// createScope makes a team or a user.
func createScope[B any, P interface {
	*B
	scopeEdit
}](k scopes) func(*call, *nothing, *B) (Scope, error) {
	return func(c *call, _ *nothing, b *B) (Scope, error) {
		s := store.Scope{Kind: k.kind, ID: store.NewID(k.prefix), CreatedAt: c.Now()}
		if err := c.layScope(P(b), &s); err != nil {
			return Scope{}, err
		}
		if err := c.Store.CreateScope(c.ctx, s); err != nil {
			return Scope{}, err
		}
		return k.show(c, s.ID)
	}
}

// setScope changes a scope; a tag comes into being by it.
func setScope[B any, P interface {
	*B
	scopeEdit
}](k scopes) func(*call, *nothing, *B) (Scope, error) {
	return func(c *call, _ *nothing, b *B) (Scope, error) {
		s, err := k.row(c)
		if k.kind == tenancy.Tag && errors.Is(err, store.ErrNotFound) {
			if c.r.Header.Get("If-Match") != "" {
				return Scope{}, fail(http.StatusPreconditionFailed, "there is no such tag")
			}
			s = store.Scope{Kind: k.kind, ID: c.id(), Name: c.id(), CreatedAt: c.Now()}
			if err = c.layScope(P(b), &s); err == nil {
				err = c.Store.CreateScope(c.ctx, s)
			}
		} else if err == nil {
			_, err = c.Store.UpdateScope(c.ctx, k.kind, s.ID, func(s *store.Scope) error {
				if err := c.match(s); err != nil {
					return err
				}
				return c.layScope(P(b), s)
			})
		}
		if err != nil {
			return Scope{}, err
		}
		return k.show(c, s.ID)
	}
}

type scopeRemoval struct {
	MoveTo string `query:"move_keys_to" say:"the id or name of another one its keys belong to then, or none"`
}

// Removed says that a scope is gone, and how many keys went to another one.
type Removed struct {
	Deleted bool  `json:"deleted"`
	Moved   int64 `json:"keys_moved"`
}

func (k scopes) remove(c *call, q *scopeRemoval, _ *nothing) (Removed, error) {
	s, err := k.row(c)
	if err != nil {
		return Removed{}, err
	}
	if q.MoveTo != "" && q.MoveTo != "none" && !c.who.whole("teams") {
		to, err := c.Store.FindScope(c.ctx, k.kind, q.MoveTo)
		if err != nil || !c.who.reaches("teams", to.ID) {
			return Removed{}, badParameter("move_keys_to", errors.New("must be one of those that your scopes list"))
		}
	}
	moved, err := c.Store.DeleteScope(c.ctx, k.kind, s.ID, q.MoveTo)
	if errors.Is(err, store.ErrInUse) {
		return Removed{}, fail(409, "%s; say with move_keys_to whose they are then, or none", err)
	}
	return Removed{err == nil, moved}, err
}
