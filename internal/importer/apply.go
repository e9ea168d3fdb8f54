package importer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"turnpike/internal/budget"
	"turnpike/internal/roster"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

// Done is what came of a plan in the database.
type Done struct {
	Teams []string `json:"teams"` // that were made
	Users []string `json:"users"`
	Keys  []string `json:"keys"`
	There []string `json:"there"` // that were there already and are as they were
}

// Apply makes the teams, users and keys that are not there; with dry it tells what it would.
func (p *Plan) Apply(ctx context.Context, db *store.Store, keys *roster.Keys, dry bool) (d Done, err error) {
	d = Done{[]string{}, []string{}, []string{}, []string{}}
	teams := map[string]string{} // ids by name
	for i := range p.Teams {
		if err := p.owner(ctx, db, tenancy.Team, &p.Teams[i], teams, dry, keys.Now(), &d, &d.Teams); err != nil {
			return d, err
		}
	}
	for i := range p.Users {
		if err := p.owner(ctx, db, tenancy.User, &p.Users[i], teams, dry, keys.Now(), &d, &d.Users); err != nil {
			return d, err
		}
	}
	if len(p.Keys) == 0 {
		return d, nil
	}
	rows := p.Keys
	if dry { // what they belong to is not there yet
		rows = make([]roster.Row, len(p.Keys))
		for i := range rows {
			rows[i] = p.Keys[i]
			rows[i].Team, rows[i].User = "", ""
		}
	}
	done, err := keys.Import(ctx, rows, nil, dry)
	for i := range done.Keys {
		d.Keys = append(d.Keys, done.Keys[i].Name)
	}
	for _, name := range done.Known {
		d.There = append(d.There, "key "+name)
	}
	return d, err
}

// owner makes a team or a user with its budgets.
func (p *Plan) owner(ctx context.Context, db *store.Store, kind string, o *Owner, teams map[string]string, dry bool, now time.Time, d *Done, made *[]string) error {
	have, err := db.FindScope(ctx, kind, o.Name)
	if err == nil {
		d.There = append(d.There, kind+" "+o.Name)
		if kind == tenancy.Team {
			teams[o.Name] = have.ID
		}
		return nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	c := store.Scope{Kind: kind, ID: store.NewID(kind), Name: o.Name, Email: o.Email, CreatedAt: now.UTC()}
	if o.Disabled {
		c.DisabledAt = now.UTC()
	}
	for _, name := range o.Teams {
		if id := teams[name]; id != "" {
			c.Teams = append(c.Teams, id)
		}
	}
	if c.Limits, err = roster.WriteLimits(roster.Limits{Rule: o.Limits}); err != nil {
		return fmt.Errorf("%s %s: %w", kind, o.Name, err)
	}
	if err := roster.CheckScope(&c); err != nil {
		return err
	}
	*made = append(*made, o.Name)
	if kind == tenancy.Team {
		teams[o.Name] = c.ID
	}
	if dry {
		return nil
	}
	if err := db.CreateScope(ctx, c); err != nil {
		return fmt.Errorf("%s %s: %w", kind, o.Name, err)
	}
	return p.spend(ctx, db, kind, &c, o.Budgets, now)
}

func (p *Plan) spend(ctx context.Context, db *store.Store, kind string, c *store.Scope, list []budget.Rule, now time.Time) error {
	for _, r := range list {
		if _, _, err := roster.SetBudget(ctx, db, kind, c.ID, r, now); err != nil {
			return fmt.Errorf("the %s %s was made, but not its budget: %w", kind, c.Name, err)
		}
	}
	return nil
}
