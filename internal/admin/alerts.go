package admin

import (
	"context"
	"slices"
	"time"

	"turnpike/internal/alert"
	"turnpike/internal/store"
)

// AlertState is what was told last of one subject of a rule.
type AlertState struct {
	Name    string    `json:"name"`
	Subject string    `json:"subject"`
	State   string    `json:"state"`
	Since   time.Time `json:"since"`
}

// Alerts are the rules, the channels, and what was told.
type Alerts struct {
	Rules    []AlertRule    `json:"rules"`
	Channels []AlertChannel `json:"channels" say:"beside log, which is always there"`
	States   []AlertState   `json:"states"`
}

func getAlerts(c *call, _ *nothing, _ *nothing) (out Alerts, err error) {
	out.States = []AlertState{}
	if out.Rules, err = alertRules.all(c); err != nil {
		return out, err
	}
	if out.Channels, err = alertChannels.all(c); err != nil {
		return out, err
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
	channel := c.Channels()[c.id()]
	if channel == nil {
		return ChannelTested{}, fail(404, "there is no channel %s", c.id())
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
