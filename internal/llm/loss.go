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

// maxLosses bounds the report of one request.
const maxLosses = 64

// AddLoss notes a loss; the same path and reason are counted, not repeated.
func AddLoss(list []Loss, path, reason string) []Loss {
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

// LossHeader writes a report as one header value: path;reason, and so on.
func LossHeader(list []Loss) string {
	var b strings.Builder
	for i, l := range list {
		if b.Len() > 1500 {
			b.WriteString(", ...")
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(headerSafe(l.Path) + " (" + headerSafe(l.Reason) + ")")
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
