package main

import (
	"time"

	"turnpike/internal/payload"
	"turnpike/internal/redact"
)

// newPayloads makes what keeps what requests say, nil where that is off.
func newPayloads(a *app) *payload.Recorder {
	c := a.cfg.Payloads
	if !c.Log {
		return nil
	}
	return payload.New(payload.Options{
		Store: a.store, Sealer: a.safe, Redact: redact.New(a.cfg.Secrets()...).Bytes, Log: a.log, Now: time.Now,
		Part: int(c.MaxPart), Keep: c.Keep, Bytes: int64(c.MaxBytes), Dropped: a.metrics.PayloadDropped,
	})
}

// payloadReader shows what was kept. It reads on where nothing is kept any more.
func payloadReader(a *app) *payload.Reader { return &payload.Reader{Store: a.store, Sealer: a.safe} }
