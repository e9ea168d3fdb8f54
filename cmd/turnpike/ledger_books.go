package main

import (
	"context"
	"fmt"
	"time"

	"turnpike/internal/store"
)

// books are what is kept beside the attempts and must add up with them. Each says how
// much of it was compared and what differs, at most maxBookDifferences of it.
var books = []struct {
	name    string
	compare func(ctx context.Context, db *store.Store) (compared string, differences []string, err error)
}{
	{"sums of usage", compareUsage},
}

const maxBookDifferences = 100

// bookLine is the outcome for one of them.
type bookLine struct {
	Book        string   `json:"book"`
	Compared    string   `json:"compared"`
	Differences []string `json:"differences"`
}

func verifyBooks(ctx context.Context, db *store.Store) (list []bookLine, err error) {
	for _, b := range books {
		line := bookLine{Book: b.name}
		if line.Compared, line.Differences, err = b.compare(ctx, db); err != nil {
			return nil, fmt.Errorf("%s: %w", b.name, err)
		}
		list = append(list, line)
	}
	return list, nil
}

func goodBooks(list []bookLine) bool {
	for _, b := range list {
		if len(b.Differences) > 0 {
			return false
		}
	}
	return true
}

func (b *bookLine) print() {
	fmt.Printf("%s: %s\n", b.Book, b.Compared)
	for _, d := range b.Differences {
		fmt.Printf("%s: %s\n", b.Book, d)
	}
}

// compareUsage compares the sums by quarters of an hour with the attempts, a day at a
// time.
func compareUsage(ctx context.Context, db *store.Store) (compared string, differences []string, err error) {
	from, to, err := db.Extent(ctx)
	if err != nil {
		return "", nil, err
	}
	since, err := db.KeptSince(ctx)
	if err != nil {
		return "", nil, err
	}
	if from.Before(since) {
		from = since
	}
	if !from.Before(to) {
		return "there are no attempts to compare with", nil, nil
	}
	for at := from; at.Before(to) && len(differences) < maxBookDifferences; at = at.AddDate(0, 0, 1) {
		end := at.AddDate(0, 0, 1)
		if end.After(to) {
			end = to
		}
		list, err := db.CompareSums(ctx, at, end, maxBookDifferences-len(differences))
		if err != nil {
			return "", nil, err
		}
		for i := range list {
			d := &list[i]
			if d.Times {
				differences = append(differences, fmt.Sprintf("%s, key %s, %s at %s: not how long the attempts took", d.At.Format(time.RFC3339), d.KeyID, d.Model, d.Provider))
				continue
			}
			differences = append(differences, fmt.Sprintf("%s, key %s, %s at %s: above the attempts by %d attempts, %d nano-dollars, %d input and %d output tokens",
				d.At.Format(time.RFC3339), d.KeyID, d.Model, d.Provider, d.Over.Attempts, d.Over.CostNano, d.Over.Input, d.Over.Output))
		}
	}
	return "compared from " + from.Format(time.RFC3339) + " to " + to.Format(time.RFC3339), differences, nil
}
