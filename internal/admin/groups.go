package admin

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"turnpike/internal/identity"
	"turnpike/internal/store"
)

// Mapping is what a group of an identity provider gives those who are in it.
type Mapping struct {
	ID       string          `json:"id"`
	Provider string          `json:"provider"`
	Group    string          `json:"group"`
	Role     string          `json:"role" enum:"owner,admin,member,auditor"`
	Scopes   identity.Scopes `json:"scopes"`
	Teams    []string        `json:"teams,omitempty" say:"ids"`
	Priority int64           `json:"priority" say:"of several groups of a person the one with the highest gives the role; teams are those of all"`
	Created  time.Time       `json:"created_at,omitzero"`
	Declared bool            `json:"declared" say:"the configuration has it (auth.group_mappings): it is read-only here"`
	Problem  string          `json:"problem,omitempty" say:"why it gives nothing"`
}

// MappingList is a page of mappings.
type MappingList struct {
	Mappings []Mapping `json:"mappings"`
	Total    int       `json:"total"`
	Next     string    `json:"next,omitempty"`
}

type mappingQuery struct {
	Paging
	Provider string `query:"provider"`
}

// MappingEdit is what can be changed of a mapping.
type MappingEdit struct {
	Role     Opt[string]          `json:"role" enum:"owner,admin,member,auditor"`
	Scopes   Opt[identity.Scopes] `json:"scopes"`
	Teams    Opt[[]string]        `json:"teams" say:"ids or names"`
	Priority Opt[int64]           `json:"priority"`
}

// MappingCreate is a new mapping.
type MappingCreate struct {
	Provider string          `json:"provider" say:"its name in the configuration (auth.oidc)"`
	Group    string          `json:"group" say:"as the provider names it: Entra ID tells object ids of groups, and values of app roles"`
	Role     string          `json:"role" enum:"owner,admin,member,auditor"`
	Scopes   identity.Scopes `json:"scopes,omitzero"`
	Teams    []string        `json:"teams,omitempty" say:"ids or names"`
	Priority int64           `json:"priority,omitempty"`
}

var mappingOrder = order[Mapping]{
	by: map[string]func(*Mapping) string{
		"group":    func(m *Mapping) string { return m.Provider + " " + m.Group },
		"priority": func(m *Mapping) string { return number(m.Priority + 1<<40) },
	},
	id:    func(m *Mapping) string { return m.ID },
	first: "-priority",
}

func viewMapping(m *store.GroupMapping) Mapping {
	return Mapping{
		ID: m.ID, Provider: m.Provider, Group: m.Group, Role: m.Role, Scopes: identity.ReadScopes(m.Scopes), Teams: identity.ReadList(m.Teams), Priority: m.Priority, Created: m.CreatedAt,
	}
}

func listMappings(c *call, q *mappingQuery, _ *nothing) (MappingList, error) {
	rows, err := c.Accounts.Mappings(c.ctx, q.Provider)
	if err != nil {
		return MappingList{}, err
	}
	list := make([]Mapping, 0, len(rows))
	for i := range rows {
		m := viewMapping(&rows[i].GroupMapping)
		if m.Declared = rows[i].Declared; rows[i].Beaten {
			m.Problem = "the configuration declares what this group gives (auth.group_mappings)"
		}
		list = append(list, m)
	}
	part, next, err := page(list, &q.Paging, mappingOrder)
	return MappingList{part, len(list), next}, err
}

const maxPriority = 1_000_000

// checkMapping tells what is wrong with a mapping.
func (c *call) checkMapping(m *store.GroupMapping) error {
	scopes := identity.ReadScopes(m.Scopes)
	switch err := identity.CheckRole(m.Role, &scopes); {
	case m.Group == "" || len(m.Group) > maxReason:
		return badField("group", errors.New("must be said, with at most 200 characters"))
	case !slices.Contains(c.Members.Providers, m.Provider):
		return badField("provider", errors.New("is none of the configuration (auth.oidc)"))
	case m.Priority < -maxPriority || m.Priority > maxPriority:
		return badField("priority", errors.New("must be between -1000000 and 1000000"))
	case err != nil:
		return wrong(err)
	}
	return nil
}

func createMapping(c *call, _ *nothing, b *MappingCreate) (Mapping, error) {
	teams, err := c.teamIDs(b.Teams)
	if err != nil {
		return Mapping{}, err
	}
	return c.putMapping("", func(m *store.GroupMapping) {
		*m = store.GroupMapping{
			ID: store.NewID("map"), Provider: b.Provider, Group: strings.TrimSpace(b.Group), Role: b.Role, Scopes: identity.WriteScopes(b.Scopes), Teams: identity.WriteList(teams),
			Priority: b.Priority, CreatedAt: c.Now(),
		}
	})
}

func setMapping(c *call, _ *nothing, b *MappingEdit) (Mapping, error) {
	teams, err := c.teamIDs(orZero(b.Teams.Value))
	if err != nil {
		return Mapping{}, err
	}
	return c.putMapping(c.id(), func(m *store.GroupMapping) {
		b.Role.over(&m.Role)
		b.Priority.over(&m.Priority)
		if b.Scopes.Given || b.Role.Given && m.Role != identity.Admin {
			m.Scopes = identity.WriteScopes(orZero(b.Scopes.Value))
		}
		if b.Teams.Given {
			m.Teams = identity.WriteList(teams)
		}
	})
}

// declaredMapping refuses what the configuration declares: by its id, or for its group.
func (c *call) declaredMapping(id, provider, group string) error {
	if m, ok := c.Accounts.DeclaredMapping(id, provider, group); ok {
		return fail(http.StatusConflict, "the configuration declares what the group %s of %s gives: it is read-only here", m.Group, m.Provider)
	}
	return nil
}

func (c *call) putMapping(id string, lay func(*store.GroupMapping)) (Mapping, error) {
	if err := c.declaredMapping(id, "", ""); err != nil {
		return Mapping{}, err
	}
	m, err := c.Store.PutGroupMapping(c.ctx, id, func(m *store.GroupMapping) error {
		if id != "" {
			if err := c.match(*m); err != nil {
				return err
			}
		}
		lay(m)
		if err := c.declaredMapping("", m.Provider, m.Group); err != nil {
			return err
		}
		return c.checkMapping(m)
	})
	if err != nil {
		return Mapping{}, err
	}
	c.Accounts.Tell(c.ctx, identity.Event{Action: "group_mapping", Outcome: identity.OK, Actor: c.who.Name, Target: m.ID, Detail: m.Provider + "/" + m.Group + " " + m.Role})
	c.tagged(m)
	return viewMapping(&m), nil
}

func dropMapping(c *call, _ *nothing, _ *nothing) (Deleted, error) {
	if err := c.declaredMapping(c.id(), "", ""); err != nil {
		return Deleted{}, err
	}
	err := c.Store.DropGroupMapping(c.ctx, c.id())
	return Deleted{err == nil}, err
}

// Service is a machine that changes tokens of another issuer for the gateway's.
type Service struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Issuer   string            `json:"issuer"`
	Audience string            `json:"audience"`
	Claims   map[string]string `json:"claims"`
	Role     string            `json:"role" enum:"admin,auditor"`
	Scopes   identity.Scopes   `json:"scopes"`
	Lifetime string            `json:"lifetime"`
	State    string            `json:"state" enum:"active,disabled"`
	Created  time.Time         `json:"created_at,omitzero"`
	Used     time.Time         `json:"last_used_at,omitzero"`
}

// ServiceList is a page of services.
type ServiceList struct {
	Services []Service `json:"services"`
	Total    int       `json:"total"`
	Next     string    `json:"next,omitempty"`
}

// ServiceEdit is what can be said of a service.
type ServiceEdit struct {
	Name     Opt[string]            `json:"name"`
	Issuer   Opt[string]            `json:"issuer" say:"its address with https, as its tokens have it in iss: of GitHub Actions token.actions.githubusercontent.com"`
	Audience Opt[string]            `json:"audience" say:"whom its tokens must be made out to"`
	Claims   Opt[map[string]string] `json:"claims" say:"what its tokens must say, such as repository: acme/app; a * at the end stands for anything"`
	Role     Opt[string]            `json:"role" enum:"admin,auditor"`
	Scopes   Opt[identity.Scopes]   `json:"scopes"`
	Lifetime Opt[string]            `json:"lifetime" say:"how long the gateway's tokens are good, 1m to 1h; 15m where it is left out"`
	Disabled Opt[bool]              `json:"disabled"`
}

// ServiceCreate is a new service.
type ServiceCreate struct {
	Name     string            `json:"name"`
	Issuer   string            `json:"issuer"`
	Audience string            `json:"audience"`
	Claims   map[string]string `json:"claims"`
	Role     string            `json:"role" enum:"admin,auditor"`
	ServiceEdit
}

var serviceOrder = order[Service]{
	by:    map[string]func(*Service) string{"name": func(s *Service) string { return s.Name }, "created_at": func(s *Service) string { return moment(s.Created) }},
	id:    func(s *Service) string { return s.ID },
	first: "name",
}

func viewService(v *store.Service) Service {
	s := Service{
		ID: v.ID, Name: v.Name, Issuer: v.Issuer, Audience: v.Audience, Claims: identity.ReadClaims(v.Claims), Role: v.Role, Scopes: identity.ReadScopes(v.Scopes),
		Lifetime: v.Lifetime.String(), State: "active", Created: v.CreatedAt, Used: v.LastUsedAt,
	}
	if !v.DisabledAt.IsZero() {
		s.State = "disabled"
	}
	return s
}

func listServices(c *call, q *Paging, _ *nothing) (ServiceList, error) {
	rows, err := c.Store.Services(c.ctx, "")
	if err != nil {
		return ServiceList{}, err
	}
	list := make([]Service, 0, len(rows))
	for i := range rows {
		list = append(list, viewService(&rows[i]))
	}
	part, next, err := page(list, q, serviceOrder)
	return ServiceList{part, len(list), next}, err
}

func getService(c *call, _ *nothing, _ *nothing) (Service, error) {
	v, err := c.Store.Service(c.ctx, c.id())
	if err != nil {
		return Service{}, err
	}
	c.tagged(serviceRow(&v))
	return viewService(&v), nil
}

// serviceRow is what an edit of a service changes: not when it was used.
func serviceRow(v *store.Service) store.Service {
	row := *v
	row.LastUsedAt = time.Time{}
	return row
}

func (e *ServiceEdit) lay(v *store.Service, now time.Time) error {
	e.Name.over(&v.Name)
	e.Issuer.over(&v.Issuer)
	e.Audience.over(&v.Audience)
	e.Role.over(&v.Role)
	if e.Claims.Given {
		v.Claims = identity.WriteClaims(maps.Clone(orZero(e.Claims.Value)))
	}
	if e.Scopes.Given || e.Role.Given && v.Role != identity.Admin {
		v.Scopes = identity.WriteScopes(orZero(e.Scopes.Value))
	}
	if e.Lifetime.Given {
		if v.Lifetime = 0; e.Lifetime.Value != nil {
			d, err := time.ParseDuration(*e.Lifetime.Value)
			if err != nil {
				return badField("lifetime", errors.New("must be a time such as 15m"))
			}
			v.Lifetime = d
		}
	}
	if e.Disabled.Given {
		if v.DisabledAt = (time.Time{}); orZero(e.Disabled.Value) {
			v.DisabledAt = now
		}
	}
	if err := identity.CheckService(v); err != nil {
		return wrong(err)
	}
	return nil
}

func createService(c *call, _ *nothing, b *ServiceCreate) (Service, error) {
	e := &b.ServiceEdit
	e.Name, e.Issuer, e.Audience, e.Role = Opt[string]{true, &b.Name}, Opt[string]{true, &b.Issuer}, Opt[string]{true, &b.Audience}, Opt[string]{true, &b.Role}
	e.Claims = Opt[map[string]string]{true, &b.Claims}
	return c.putService("", func(v *store.Service) error {
		*v = store.Service{ID: store.NewID(identity.NewService), CreatedAt: c.Now(), Scopes: "{}"}
		return e.lay(v, c.Now())
	})
}

func setService(c *call, _ *nothing, b *ServiceEdit) (Service, error) {
	return c.putService(c.id(), func(v *store.Service) error {
		if err := c.match(serviceRow(v)); err != nil {
			return err
		}
		return b.lay(v, c.Now())
	})
}

func (c *call) putService(id string, lay func(*store.Service) error) (Service, error) {
	v, err := c.Store.PutService(c.ctx, id, lay)
	if err != nil {
		return Service{}, err
	}
	c.Accounts.Tell(c.ctx, identity.Event{Action: "service", Outcome: identity.OK, Actor: c.who.Name, Target: v.ID, Detail: v.Name + " " + v.Role})
	c.tagged(serviceRow(&v))
	return viewService(&v), nil
}

func dropService(c *call, _ *nothing, _ *nothing) (Deleted, error) {
	err := c.Store.DropService(c.ctx, c.id())
	return Deleted{err == nil}, err
}
