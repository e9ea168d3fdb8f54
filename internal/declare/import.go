package declare

import (
	"context"
	"time"

	"turnpike/internal/live"
	"turnpike/internal/store"
)

// Import sets what a file says while gateways run: providers, aliases and what else can be set,
// then teams, keys and budgets, then what groups give. What is wrong with any of it changes nothing. Teams, keys and
// budgets that the file does not have stay, whether the import prunes or not: it is no place to
// end keys.
func Import(ctx context.Context, book *live.Book, db *store.Store, in live.Import, now time.Time) (*live.Imported, error) {
	trial := in
	trial.Dry = true
	done, err := book.Import(ctx, trial)
	if err != nil {
		return done, err
	}
	d, err := of(done.People, now)
	if err != nil {
		return done, &live.Unfit{Err: err}
	}
	d.Live, d.Dry = true, true
	people, err := db.Declare(ctx, d)
	if err != nil {
		return done, &live.Unfit{Err: err}
	}
	declared := book.State().Declared
	groups, err := importGroups(ctx, db, declared, done.People.Groups, now, true)
	if err != nil {
		return done, &live.Unfit{Err: err}
	}
	if !in.Dry {
		if done, err = book.Import(ctx, in); err != nil {
			return done, err
		}
		d.Dry = false
		if people, err = db.Declare(ctx, d); err != nil {
			return done, err
		}
		if groups, err = importGroups(ctx, db, declared, done.People.Groups, now, false); err != nil {
			return done, err
		}
	}
	for _, p := range people {
		done.Changes = append(done.Changes, live.Change{Kind: p.Kind, Name: p.Name, What: p.What})
	}
	done.Changes = append(done.Changes, groups...)
	return done, nil
}
