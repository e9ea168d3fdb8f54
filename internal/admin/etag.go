package admin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
)

// tag is the ETag of a row: another one whenever an edit changes it.
func tag(row any) string {
	text, err := json.Marshal(row)
	if err != nil { // rows are texts, numbers and times
		return ""
	}
	sum := sha256.Sum256(text)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// match refuses an edit of what somebody else has changed since the caller saw it. It is
// asked within the transaction that makes the edit.
func (c *call) match(row any) error {
	want := c.r.Header.Get("If-Match")
	if want == "" || strings.TrimSpace(want) == "*" {
		return nil
	}
	have := tag(row)
	for t := range strings.SplitSeq(want, ",") {
		if strings.TrimSpace(t) == have {
			return nil
		}
	}
	return fail(http.StatusPreconditionFailed, "it was changed since you read it: read it again")
}

// tagged tells the ETag with the answer.
func (c *call) tagged(row any) { c.w.Header().Set("ETag", tag(row)) }
