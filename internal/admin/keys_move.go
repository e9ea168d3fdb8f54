package admin

import (
	"context"
	"encoding/json"
	"errors"

	"turnpike/internal/roster"
)

// KeyFile is a file of keys: without secrets, but with the hashes by which they are known.
type KeyFile struct {
	Version int             `json:"version"`
	Keys    json.RawMessage `json:"keys"`
}

func exportKeys(c *call, _ *nothing, _ *nothing) (KeyFile, error) {
	rows, _, err := c.Keys.Export(c.ctx, nil)
	if err != nil {
		return KeyFile{}, err
	}
	text, err := json.Marshal(rows)
	return KeyFile{1, text}, err
}

type importQuery struct {
	Dry bool `query:"dry_run" say:"say what would be made, and make nothing"`
}

// Imported is what came of a file of keys.
type Imported struct {
	Made    []ImportedKey `json:"keys"`
	Known   []string      `json:"known" say:"names of keys that are there already"`
	Ignored []string      `json:"ignored" say:"members of the file that were not taken over"`
	Dry     bool          `json:"dry_run"`
}

// ImportedKey is a key that a file made.
type ImportedKey struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func importKeys(c *call, q *importQuery, b *json.RawMessage) (Imported, error) {
	rows, err := roster.ReadRows(*b)
	if err != nil {
		return Imported{}, badFields([]FieldError{{Pointer: "#", Detail: err.Error()}})
	}
	// What is wrong with the file shows when it is tried.
	done, err := c.Keys.Import(c.ctx, rows, nil, true)
	switch {
	case errors.Is(err, roster.ErrNoFernet):
		return Imported{}, badFields([]FieldError{{Pointer: "#", Detail: "encrypted_token is read by the command alone: turnpike keys import"}})
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return Imported{}, err
	case err != nil:
		return Imported{}, badFields([]FieldError{{Pointer: "#", Detail: err.Error()}})
	}
	if !q.Dry {
		if done, err = c.Keys.Import(c.ctx, rows, nil, false); err != nil {
			return Imported{}, err
		}
	}
	out := Imported{Made: []ImportedKey{}, Known: append([]string{}, done.Known...), Ignored: append([]string{}, done.Ignored...), Dry: q.Dry}
	for _, k := range done.Keys {
		out.Made = append(out.Made, ImportedKey{k.ID, k.Name})
	}
	return out, nil
}
