package admin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"turnpike/internal/store"
)

const (
	keepAnswers = 24 * time.Hour  // how long a request may be sent again
	stuckAfter  = 5 * time.Minute // a request without an answer has died with its gateway
	maxKey      = 255
)

// keptAnswer is an answer as it is sealed.
type keptAnswer struct {
	ETag string          `json:"etag,omitempty"`
	Body json.RawMessage `json:"body"`
}

// once does what a request with an Idempotency-Key asks the first time it comes; then it
// gives the same answer again.
func (c *call) once(op *operation, key string) {
	if len(key) > maxKey {
		c.problem(fail(http.StatusBadRequest, "an Idempotency-Key has at most %d characters", maxKey))
		return
	}
	c.r.Body = http.MaxBytesReader(c.w, c.r.Body, maxBody)
	body, err := readAll(c.r)
	if err != nil {
		c.problem(err)
		return
	}
	c.r.Body = io.NopCloser(bytes.NewReader(body))
	claim := store.AdminAnswer{ID: digest(c.who.Name, op.method+" "+op.path, key), Request: digest(c.r.URL.RequestURI(), string(body)), MadeAt: c.Now()}
	there, mine, err := c.Store.ClaimAnswer(c.ctx, claim, claim.MadeAt.Add(-keepAnswers), claim.MadeAt.Add(-stuckAfter))
	switch {
	case err != nil:
		c.problem(err)
	case mine:
		c.first(op, &claim)
	case there.Request != claim.Request:
		c.problem(fail(http.StatusUnprocessableEntity, "this Idempotency-Key was sent with another request: take another one"))
	case there.Status == 0:
		c.w.Header().Set("Retry-After", "1")
		c.problem(fail(http.StatusConflict, "the request with this Idempotency-Key is still under way"))
	default:
		c.again(&there)
	}
}

// first does it and keeps the answer. What fails is not kept: it may be tried again.
func (c *call) first(op *operation, claim *store.AdminAnswer) {
	after, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), usual)
	defer cancel()
	done := false
	defer func() {
		if !done {
			if err := c.Store.DropAnswer(after, claim.ID); err != nil {
				c.Log.Warn("an Idempotency-Key is not free again", "error", err)
			}
		}
	}()
	status, answer, err := c.do(op)
	text, isJSON := answer.(json.RawMessage)
	if err == nil && isJSON {
		var kept []byte
		if kept, err = json.Marshal(keptAnswer{c.w.Header().Get("ETag"), text}); err == nil {
			claim.Status, claim.Answer = status, c.Sealer.Seal(kept, SealPlace(claim.ID))
			if keep := c.Store.KeepAnswer(after, *claim); keep != nil {
				c.Log.Warn("an answer of the admin API could not be kept", "error", keep)
			}
			done = true
		}
	}
	c.tell(status, answer, err)
}

// again gives an answer that was kept.
func (c *call) again(there *store.AdminAnswer) {
	var kept keptAnswer
	text, err := c.Sealer.Unseal(there.Answer, SealPlace(there.ID))
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	if err != nil {
		c.problem(err)
		return
	}
	c.w.Header().Set("Idempotency-Replayed", "true")
	if kept.ETag != "" {
		c.w.Header().Set("ETag", kept.ETag)
	}
	c.tell(there.Status, kept.Body, nil)
}

// SealPlace is where a sealed answer belongs.
func SealPlace(id string) string { return "admin/answers/" + id }

func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil))
}
