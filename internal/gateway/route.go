package gateway

import (
	"log/slog"
	"strings"
	"time"

	"turnpike/internal/route"
	"turnpike/internal/session"
)

// route finds where the request may go.
func (x *exchange) route() error {
	ask := route.Ask{Model: x.model, Key: x.who.Policy.Routing}
	if x.ask.Op != Embed && x.gw.opt.Table.Stays(&ask) {
		ask.Conversation = session.Of(x.who.KeyID, x.r.Header, x.object)
	}
	choice, err := x.gw.opt.Table.Candidates(ask)
	if err != nil {
		return err
	}
	x.targets, x.choice, x.talk = choice.Targets, choice, ask.Conversation
	return nil
}

// How long a conversation stays where it was served: as long as the upstream keeps
// its prompt (Anthropic and OpenAI prompt caching guides).
const (
	stayShort = 5 * time.Minute
	stayLong  = time.Hour
)

// stay keeps the conversation where it was served.
func (x *exchange) stay() {
	if x.talk == "" {
		return
	}
	x.gw.opt.Metrics.Affinity(x.choice.Kept || x.choice.Left != "", x.choice.Kept && x.at == 0)
	ttl := stayShort
	if x.caching != nil && x.caching.hour {
		ttl = stayLong
	}
	x.gw.opt.Table.Keep(x.talk, &x.targets[x.at], ttl)
}

// routedAttrs are what the log says of the choice: accounts that were passed over
// because they cool, or for whatever reason where the request failed, and why a
// conversation left its place.
func (x *exchange) routedAttrs(attrs []slog.Attr) []slog.Attr {
	var b strings.Builder
	for _, e := range x.choice.Excluded {
		if e.Until.IsZero() && x.err == nil {
			continue // switched off, forbidden: so it is with every request
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(e.Provider + "/" + e.Model + ": " + e.Reason)
		if !e.Until.IsZero() {
			b.WriteString(" until " + e.Until.UTC().Format(time.TimeOnly))
		}
	}
	if b.Len() > 0 {
		attrs = append(attrs, slog.String("passed_over", b.String()))
	}
	if x.choice.Left != "" {
		attrs = append(attrs, slog.String("moved", x.choice.Left))
	}
	return attrs
}
