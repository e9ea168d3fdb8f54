package admin

import (
	"errors"
	"time"

	"turnpike/internal/payload"
	"turnpike/internal/store"
	"turnpike/internal/vault"
)

// Payload is what a request said, as far as it was kept.
type Payload struct {
	RequestID string        `json:"request_id"`
	KeyID     string        `json:"key_id"`
	At        time.Time     `json:"at"`
	Dropped   string        `json:"dropped,omitempty" say:"why nothing was kept"`
	Client    payload.Part  `json:"client" say:"what the client sent"`
	Calls     []PayloadCall `json:"calls" say:"what went upstream and what came back"`
	Omitted   int           `json:"omitted_calls,omitempty" say:"calls before these"`
}

// PayloadCall is one call upstream.
type PayloadCall struct {
	Provider string       `json:"provider"`
	Status   int          `json:"status"`
	Sent     payload.Part `json:"sent"`
	Came     payload.Part `json:"came"`
}

// getPayload shows what was kept of a request.
func getPayload(c *call, _ *nothing, _ *nothing) (Payload, error) {
	if c.Payloads == nil {
		return Payload{}, fail(404, "nothing is kept of what requests say: payloads.log is off in the configuration")
	}
	row, rec, err := c.Payloads.Read(c.ctx, c.id())
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Payload{}, fail(404, "nothing is kept of what the request %s said: its key has no log_payloads, or it is gone", c.id())
	case errors.Is(err, vault.ErrForgotten):
		return Payload{}, fail(410, "%s", err.Error())
	case err != nil:
		return Payload{}, err
	}
	out := Payload{RequestID: row.RequestID, KeyID: row.KeyID, At: row.At, Dropped: row.Dropped, Client: rec.Client, Calls: []PayloadCall{}, Omitted: rec.Omitted}
	for _, k := range rec.Calls {
		out.Calls = append(out.Calls, PayloadCall(k))
	}
	return out, nil
}
