package admin

import (
	"context"
	"maps"
	"slices"
	"time"

	"turnpike/internal/alert"
	"turnpike/internal/store"
)

// AlertRule is what people are told of.
type AlertRule struct {
	Name     string   `json:"name"`
	Kind     string   `json:"kind"`
	Above    int64    `json:"above" say:"in the unit of its kind: nano-dollars, percent, attempts, nanoseconds"`
	Per      string   `json:"per,omitempty"`
	Scope    string   `json:"scope,omitempty"`
	Cooldown string   `json:"cooldown"`
	Channels []string `json:"channels"`
}

// AlertState is what was told last of one subject of a rule.
type AlertState struct {
	Name    string    `json:"name"`
	Subject string    `json:"subject"`
	State   string    `json:"state"`
	Since   time.Time `json:"since"`
}

// Alerts are the rules, the channels, and what was told.
type Alerts struct {
	Declared bool         `json:"declared" say:"the configuration has the rules and the channels: they are read-only here"`
	Rules    []AlertRule  `json:"rules"`
	Channels []string     `json:"channels"`
	States   []AlertState `json:"states"`
}

func getAlerts(c *call, _ *nothing, _ *nothing) (Alerts, error) {
	out := Alerts{Declared: true, Rules: []AlertRule{}, Channels: slices.Sorted(maps.Keys(c.Channels)), States: []AlertState{}}
	for _, r := range c.AlertRules {
		out.Rules = append(out.Rules, AlertRule{r.Name, string(r.Kind), r.Above, r.Per, r.Scope, r.Cooldown.String(), r.Channels})
	}
	list, err := c.Store.Alerts(c.ctx)
	slices.SortFunc(list, func(a, b store.AlertState) int { return b.ChangedAt.Compare(a.ChangedAt) })
	for _, a := range list {
		out.States = append(out.States, AlertState{a.Name, a.Subject, a.State, a.ChangedAt})
	}
	return out, err
}

// ChannelTested is what came of a message that says it is a test.
type ChannelTested struct {
	Delivered bool   `json:"delivered"`
	Reason    string `json:"reason,omitempty"`
}

func testChannel(c *call, _ *nothing, _ *nothing) (ChannelTested, error) {
	channel := c.Channels[c.id()]
	if channel == nil {
		return ChannelTested{}, fail(404, "there is no channel %s; the configuration lists them under alerts.channels", c.id())
	}
	ctx, cancel := context.WithTimeout(c.ctx, usual)
	defer cancel()
	err := channel.Send(ctx, &alert.Message{
		ID: store.NewID("alr"), Alert: "test", Kind: "test", State: "firing", Subject: "all", Value: "1", Above: "0", At: c.Now().UTC(),
		Text: "This is a test of the channel " + c.id() + " that somebody asked for by the admin API.",
	})
	if err != nil {
		return ChannelTested{Reason: c.Hide(err.Error())}, nil
	}
	return ChannelTested{Delivered: true}, nil
}
