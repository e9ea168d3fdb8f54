package gateway

import (
	"net/http"
	"strconv"
	"time"

	"turnpike/internal/limit"
)

// limitFamilies are the headers that clients of an API read limits from, by dialect.
var limitFamilies = map[string]*limitFamily{
	"messages":    {anthropicNames("Limit"), anthropicNames("Remaining"), anthropicNames("Reset"), appendRFC3339},
	"chat":        openaiFamily,
	"completions": openaiFamily,
	"responses":   openaiFamily,
}

type limitFamily struct {
	limit, remaining, reset [2]string // of requests, of tokens
	when                    func([]byte, time.Duration, time.Time) []byte
}

var openaiFamily = &limitFamily{openaiNames("Limit"), openaiNames("Remaining"), openaiNames("Reset"), appendDuration}

func anthropicNames(what string) [2]string {
	return [2]string{"Anthropic-Ratelimit-Requests-" + what, "Anthropic-Ratelimit-Tokens-" + what}
}

func openaiNames(what string) [2]string {
	return [2]string{"X-Ratelimit-" + what + "-Requests", "X-Ratelimit-" + what + "-Tokens"}
}

func appendRFC3339(b []byte, d time.Duration, now time.Time) []byte {
	return now.Add(d).UTC().AppendFormat(b, time.RFC3339)
}

// appendDuration writes as OpenAI does: 6m0s, 120ms.
func appendDuration(b []byte, d time.Duration, _ time.Time) []byte { return append(b, d.String()...) }

// tellLimits says how the limits of this gateway stand, those with the least room left:
// IETF's two headers (draft-ietf-httpapi-ratelimit-headers) and those of the client's
// API. An upstream's own never pass.
func (x *exchange) tellLimits(h http.Header) {
	var tight [3]*limit.Claim
	for k := range tight {
		tight[k] = tightest(x.limits, limit.Kind(k))
	}
	var w headerWriter
	w.text = w.room[:0]
	near := x.nearest(&tight)
	w.text = appendPolicies(w.text, &tight)
	w.end("Ratelimit-Policy")
	w.text = x.appendState(w.text, tight[near], near)
	w.end("Ratelimit")
	if family := limitFamilies[x.front.Name()]; family != nil {
		now := x.gw.opt.Now()
		for k, c := range tight[:limit.Concurrent] {
			if c == nil {
				continue
			}
			kind := limit.Kind(k)
			w.text = strconv.AppendInt(w.text, c.Max(kind), 10)
			w.end(family.limit[k])
			w.text = strconv.AppendInt(w.text, c.Left(kind), 10)
			w.end(family.remaining[k])
			w.text = family.when(w.text, x.resets(c, kind), now)
			w.end(family.reset[k])
		}
	}
	w.set(h)
}

// headerWriter makes values of headers that share their memory.
type headerWriter struct {
	room  [256]byte
	text  []byte
	names [8]string
	ends  [8]int
	n     int
}

// end ends a value.
func (w *headerWriter) end(name string) {
	w.names[w.n], w.ends[w.n] = name, len(w.text)
	w.n++
}

func (w *headerWriter) set(h http.Header) {
	text, values, from := string(w.text), make([]string, w.n), 0
	for i, to := range w.ends[:w.n] {
		values[i] = text[from:to]
		h[w.names[i]] = values[i : i+1 : i+1]
		from = to
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

func appendPolicies(b []byte, tight *[3]*limit.Claim) []byte {
	from := len(b)
	for k, c := range tight {
		if c == nil {
			continue
		}
		if len(b) > from {
			b = append(b, ", "...)
		}
		kind := limit.Kind(k)
		b = append(append(append(b, '"'), kind.String()...), `";q=`...)
		b = append(strconv.AppendInt(b, c.Max(kind), 10), quotas[k]...)
	}
	return b
}

// nearest is the kind of limit that has refused, or is closest to empty.
func (x *exchange) nearest(tight *[3]*limit.Claim) limit.Kind {
	if r := &x.limits.Refusal; r.Claim != nil {
		return r.Kind
	}
	near := limit.Kind(len(tight))
	for k, c := range tight {
		if c != nil && (int(near) == len(tight) || nearer(c, limit.Kind(k), tight[near], near)) {
			near = limit.Kind(k)
		}
	}
	return near
}

func (x *exchange) appendState(b []byte, c *limit.Claim, near limit.Kind) []byte {
	b = append(append(append(b, '"'), near.String()...), `";r=`...)
	b = strconv.AppendInt(b, c.Left(near), 10)
	if near != limit.Concurrent && c.Max(near) > 0 {
		b = append(append(b, ";t="...), seconds(x.resets(c, near))...)
	}
	return b
}

// nearer tells whether a limit is closer to empty than another.
func nearer(a *limit.Claim, ka limit.Kind, b *limit.Claim, kb limit.Kind) bool {
	return float64(a.Left(ka))*float64(max(1, b.Max(kb))) < float64(b.Left(kb))*float64(max(1, a.Max(ka)))
}
