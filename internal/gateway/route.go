package gateway

import (
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
