package otel

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// retried are the answers after which the same may be sent again (OTLP
// specification, "OTLP/HTTP Response").
var retried = map[int]bool{429: true, 502: true, 503: true, 504: true}

// send brings a message to the collector, in a few tries. What it does not take
// then is gone: telling must not fill the memory.
func (t *Tracer) send(path string, body []byte) bool {
	pause := firstPause
	for try := 1; ; try++ {
		status, wait, err := t.post(path, body)
		switch {
		case err == nil && status/100 == 2:
			t.recovered()
			return true
		case try == maxTries, t.ending(), err == nil && !retried[status]:
			t.complain(path, status, err)
			return false
		}
		if wait == 0 {
			wait = pause/2 + time.Duration(rand.Int64N(int64(pause))) //nolint:gosec // jitter
			pause *= 2
		}
		timer := time.NewTimer(min(wait, longestWait))
		select {
		case <-timer.C:
		case <-t.closing:
		case <-t.ctx.Done():
			timer.Stop()
		}
	}
}

// ending tells whether the gateway shuts down: it does not wait for a collector.
func (t *Tracer) ending() bool {
	select {
	case <-t.closing:
		return true
	default:
		return t.ctx.Err() != nil
	}
}

// post sends it once.
func (t *Tracer) post(path string, body []byte) (status int, wait time.Duration, err error) {
	ctx, cancel := context.WithTimeout(t.ctx, callFor)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.opt.Endpoint+path, bytes.NewReader(body))
	if err != nil {
		return 0, 0, err
	}
	for name, value := range t.opt.Headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("User-Agent", "turnpike/"+t.opt.Version)
	res, err := t.client.RoundTrip(req)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	if n, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && n > 0 {
		wait = time.Duration(min(n, 3600)) * time.Second
	}
	return res.StatusCode, wait, nil
}

// complain logs the first of a row of failures.
func (t *Tracer) complain(path string, status int, err error) {
	if t.complained {
		return
	}
	t.complained = true
	why := fmt.Sprintf("it answered %d", status)
	if err != nil {
		why = err.Error()
	}
	t.opt.Log.Warn("the OpenTelemetry collector does not take what it is sent", "path", path, "error", why)
}

func (t *Tracer) recovered() {
	if t.complained {
		t.complained = false
		t.opt.Log.Info("the OpenTelemetry collector takes what it is sent again")
	}
}
