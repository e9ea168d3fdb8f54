package usage

import (
	"context"
	"encoding/csv"
	"io"
	"time"

	"turnpike/internal/store"
)

// Attempts is where attempts are read from.
type Attempts interface {
	AttemptsBehind(ctx context.Context, from, to time.Time, behind store.Ref, limit int) ([]store.Attempt, error)
}

// page is how many attempts are in memory at once.
const page = 500

// eachAttempt goes through the attempts of a period, in the order of time.
func eachAttempt(ctx context.Context, src Attempts, p Period, each func(*store.Attempt) error) error {
	var behind store.Ref
	for {
		list, err := src.AttemptsBehind(ctx, p.From, p.To, behind, page)
		if err != nil {
			return err
		}
		for i := range list {
			if err := each(&list[i]); err != nil {
				return err
			}
		}
		if len(list) < page {
			return nil
		}
		behind = list[len(list)-1].Ref()
	}
}

// WriteAttempts writes the attempts of a period as CSV, a page at a time.
func WriteAttempts(ctx context.Context, w io.Writer, src Attempts, p Period, names *Names) error {
	out := csv.NewWriter(w)
	row := make([]string, len(attemptCells))
	for i, c := range attemptCells {
		row[i] = c.name
	}
	_ = out.Write(row) // what fails, Error tells
	err := eachAttempt(ctx, src, p, func(a *store.Attempt) error {
		for i, c := range attemptCells {
			row[i] = c.of(a, names)
		}
		return out.Write(row)
	})
	if err != nil {
		return err
	}
	out.Flush()
	return out.Error()
}
