package gateway

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"turnpike/internal/limit"
)

// limitFamilies are the headers that clients of an API read limits from, by dialect.
var limitFamilies = map[string]struct {
	limit, remaining, reset [2]string // of requests, of tokens
	when                    func(time.Duration, time.Time) string
}{
	"messages":    {anthropicNames("Limit"), anthropicNames("Remaining"), anthropicNames("Reset"), rfc3339},
	"chat":        {openaiNames("Limit"), openaiNames("Remaining"), openaiNames("Reset"), asDuration},
	"completions": {openaiNames("Limit"), openaiNames("Remaining"), openaiNames("Reset"), asDuration},
	"responses":   {openaiNames("Limit"), openaiNames("Remaining"), openaiNames("Reset"), asDuration},
}

func anthropicNames(what string) [2]string {
	return [2]string{"Anthropic-Ratelimit-Requests-" + what, "Anthropic-Ratelimit-Tokens-" + what}
}

func openaiNames(what string) [2]string {
	return [2]string{"X-Ratelimit-" + what + "-Requests", "X-Ratelimit-" + what + "-Tokens"}
}

func rfc3339(d time.Duration, now time.Time) string { return now.Add(d).UTC().Format(time.RFC3339) }

// asDuration is as OpenAI writes it: 6m0s, 120ms.
func asDuration(d time.Duration, _ time.Time) string { return d.String() }

// tellLimits says how the limits of this gateway stand, those with the least room left:
// IETF's two headers (draft-ietf-httpapi-ratelimit-headers) and those of the client's
// API. An upstream's own never pass.
func (x *exchange) tellLimits(h http.Header) {
	t := x.limits
	var tight [3]*limit.Claim
	for k := range tight {
		tight[k] = tightest(t, limit.Kind(k))
	}
	x.tellIETF(h, &tight)
	family, ok := limitFamilies[x.front.Name()]
	if !ok {
		return
	}
	now := x.gw.opt.Now()
	for k, c := range tight[:limit.Concurrent] {
		if c == nil {
			continue
		}
		kind := limit.Kind(k)
		h[family.limit[k]] = []string{strconv.FormatInt(c.Max(kind), 10)}
		h[family.remaining[k]] = []string{strconv.FormatInt(c.Left(kind), 10)}
		h[family.reset[k]] = []string{family.when(x.resets(c, kind), now)}
	}
}

// resets is when a limit has all its room again; of the one that refused, when the
// request may come again.
func (x *exchange) resets(c *limit.Claim, k limit.Kind) time.Duration {
	if r := &x.limits.Refusal; r.Claim == c && r.Kind == k {
		return r.Wait
	}
	return c.Reset(k)
}

// tightest is the claim with the least left of a kind, or the one that refused.
func tightest(t *limit.Ticket, k limit.Kind) (least *limit.Claim) {
	if r := &t.Refusal; r.Claim != nil && r.Kind == k {
		return r.Claim
	}
	for i := range t.Claims {
		if c := &t.Claims[i]; c.Max(k) >= 0 && (least == nil || c.Left(k) < least.Left(k)) {
			least = c
		}
	}
	return least
}

// quotas are what stands behind a limit's name in RateLimit-Policy.
var quotas = [3]string{";w=60", `;qu="tokens";w=60`, `;qu="concurrent-requests"`}

func (x *exchange) tellIETF(h http.Header, tight *[3]*limit.Claim) {
	var policies strings.Builder
	near := limit.Kind(len(tight))
	for k, c := range tight {
		if c == nil {
			continue
		}
		kind := limit.Kind(k)
		if policies.Len() > 0 {
			policies.WriteString(", ")
		}
		policies.WriteString(`"` + kind.String() + `";q=` + strconv.FormatInt(c.Max(kind), 10) + quotas[k])
		if int(near) == len(tight) || nearer(c, kind, tight[near], near) {
			near = kind
		}
	}
	if r := &x.limits.Refusal; r.Claim != nil {
		near = r.Kind
	}
	h["Ratelimit-Policy"] = []string{policies.String()}
	c := tight[near]
	state := `"` + near.String() + `";r=` + strconv.FormatInt(c.Left(near), 10)
	if d := x.resets(c, near); near != limit.Concurrent && c.Max(near) > 0 {
		state += ";t=" + seconds(d)
	}
	h["Ratelimit"] = []string{state}
}

// nearer tells whether a limit is closer to empty than another.
func nearer(a *limit.Claim, ka limit.Kind, b *limit.Claim, kb limit.Kind) bool {
	return float64(a.Left(ka))*float64(max(1, b.Max(kb))) < float64(b.Left(kb))*float64(max(1, a.Max(ka)))
}
