package main

import (
	"cmp"
	"context"
	"time"

	"turnpike/internal/alert"
	"turnpike/internal/config"
)

// defaultLeast is how many attempts make a share of errors worth a word.
const (
	defaultLeast    = 20
	defaultCooldown = time.Hour
)

// watch tells people of what passes a threshold, until ctx ends. It returns how to wait
// for the end.
func (a *app) watch(ctx context.Context) (wait func(), err error) {
	if len(a.cfg.Alerts.Rules) == 0 {
		return func() {}, nil
	}
	zone, err := time.LoadLocation(a.cfg.Alerts.Zone)
	if err != nil {
		return nil, err
	}
	rules, err := alertRules(&a.cfg.Alerts)
	if err != nil {
		return nil, err
	}
	w := alert.New(alert.Options{
		Rules: rules, Channels: alertChannels(a), Store: a.store, Log: a.log, Now: time.Now, Leads: a.leads(ctx, "alerts"),
		Gauges: alert.Gauges{
			Usage: a.store, Zone: zone, Away: func() time.Time { return a.ledger.State().Away }, Replica: replica(a.address()), Budgets: &a.spent,
		},
	})
	done := make(chan struct{})
	go func() { defer close(done); w.Run(ctx) }()
	return func() { <-done }, nil
}

func alertRules(cfg *config.Alerts) ([]alert.Rule, error) {
	list := make([]alert.Rule, 0, len(cfg.Rules))
	for i := range cfg.Rules {
		r := &cfg.Rules[i]
		above, err := r.Threshold()
		if err != nil {
			return nil, err
		}
		channels := r.Channels
		if len(channels) == 0 {
			channels = []string{config.ChannelLog}
		}
		list = append(list, alert.Rule{
			Name: r.Name, Kind: alert.Kind(r.When), Above: above, Per: r.Per, Scope: cmp.Or(r.Scope, "all"), Least: int64(cmp.Or(r.Least, defaultLeast)),
			Cooldown: cmp.Or(r.Cooldown, defaultCooldown), Channels: channels,
		})
	}
	return list, nil
}

func alertChannels(a *app) map[string]alert.Channel {
	out := map[string]alert.Channel{config.ChannelLog: alert.Log{Log: a.log}}
	for i := range a.cfg.Alerts.Channels {
		c := &a.cfg.Alerts.Channels[i]
		if c.Type == "webhook" {
			out[c.Name] = alert.NewWebhook(c.URL.Reveal(), c.Secret.Reveal(), c.AllowPrivate, time.Now)
			continue
		}
		out[c.Name] = &alert.Mail{
			Server: c.Server, TLS: cmp.Or(c.TLS, alert.StartTLS), Username: c.Username, Password: c.Password.Reveal(), From: c.From, To: c.To, Now: time.Now,
		}
	}
	return out
}
