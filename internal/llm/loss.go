package llm

import (
	"slices"
	"strings"
)

// Loss names something of a request that the target cannot carry, or that had
// to be changed for it. Path is in the client's terms where it is known.
type Loss struct {
	Path   string
	Reason string
	Count  int
}

// Bounds of the report of one request: paths hold names that clients make up.
const (
	maxLosses   = 64
	maxLossText = 200
	maxHeader   = 1500
)

// AddLoss notes a loss; the same path and reason are counted, not repeated.
func AddLoss(list []Loss, path, reason string) []Loss {
	path, reason = clip(path), clip(reason)
	i := slices.IndexFunc(list, func(l Loss) bool { return l.Path == path && l.Reason == reason })
	if i >= 0 {
		list[i].Count++
		return list
	}
	if len(list) >= maxLosses {
		return list
	}
	return append(list, Loss{Path: path, Reason: reason, Count: 1})
}

func clip(s string) string {
	if len(s) <= maxLossText {
		return s
	}
	return strings.ToValidUTF8(s[:maxLossText], "") + "..."
}

// LossHeader writes a report as one header value: path (reason), path (reason).
func LossHeader(list []Loss) string {
	var b strings.Builder
	for i, l := range list {
		if b.Len() > maxHeader {
			b.WriteString(", ...")
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(headerSafe(clip(l.Path)) + " (" + headerSafe(clip(l.Reason)) + ")")
	}
	return b.String()
}

func headerSafe(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, s)
}
