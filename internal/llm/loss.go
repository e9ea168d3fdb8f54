package llm

import (
	"bytes"
	"slices"
	"strings"
)

// Loss names something of a request that the target cannot carry, or that had
// to be changed for it. Path is in the client's terms where it is known.
type Loss struct {
	Kind   LossKind
	Path   string
	Reason string
	Count  int
}

// LossKind sorts losses by what became of the thing.
type LossKind string

// Kinds of loss. There are no others: metrics count by them.
const (
	LossDropped LossKind = "dropped" // it was left out
	LossChanged LossKind = "changed" // it has another form or value
	LossAdded   LossKind = "added"   // the client did not say it, and the target wants it
)

// LossKinds are all of them.
var LossKinds = [...]LossKind{LossDropped, LossChanged, LossAdded}

// Bounds of the report of one request: paths hold names that clients make up.
const (
	maxLosses   = 64
	maxLossText = 200
	maxHeader   = 1500
)

// AddLoss notes something left out; the same path and reason are counted, not repeated.
func AddLoss(list []Loss, path, reason string) []Loss {
	return NoteLoss(list, LossDropped, path, reason)
}

// NoteLoss notes a loss of any kind.
func NoteLoss(list []Loss, kind LossKind, path, reason string) []Loss {
	path, reason = clip(path), clip(reason)
	if kind == "" {
		kind = LossDropped
	}
	if i := find(list, path, reason); i >= 0 {
		list[i].Count++
		return list
	}
	if len(list) >= maxLosses-1 {
		path, reason = "...", "there are more than a report holds"
		if i := find(list, path, reason); i >= 0 {
			list[i].Count++
			return list
		}
	}
	return append(list, Loss{Kind: kind, Path: path, Reason: reason, Count: 1})
}

func find(list []Loss, path, reason string) int {
	return slices.IndexFunc(list, func(l Loss) bool { return l.Path == path && l.Reason == reason })
}

// AddLosses adds a list of losses to another.
func AddLosses(list, more []Loss) []Loss {
	for _, l := range more {
		before := len(list)
		list = NoteLoss(list, l.Kind, l.Path, l.Reason)
		if len(list) > before {
			list[before].Count = max(1, l.Count)
		} else if i := find(list, l.Path, l.Reason); i >= 0 {
			list[i].Count += max(1, l.Count) - 1
		}
	}
	return list
}

// LossList is part of what may lose something of an answer on its way. The zero
// value is ready.
type LossList struct{ losses []Loss }

// Lose notes a loss.
func (l *LossList) Lose(path, reason string) { l.losses = AddLoss(l.losses, path, reason) }

// Losses is what was lost so far.
func (l *LossList) Losses() []Loss { return l.losses }

// SaysNothing tells whether a value of JSON is one that nobody misses: null,
// false, 0, or an empty string, list or object.
func SaysNothing(raw []byte) bool {
	switch string(bytes.TrimSpace(raw)) {
	case "", "null", "false", "0", `""`, "[]", "{}":
		return true
	}
	return false
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
