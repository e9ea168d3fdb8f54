package main

import (
	"cmp"
	"context"
	"log/slog"
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
	zone, err := time.LoadLocation(a.cfg.Alerts.Zone)
	if err != nil {
		return nil, err
	}
	cfg := a.config()
	rules, err := alertRules(&cfg.Alerts)
	if err != nil {
		return nil, err
	}
	a.alerts = alert.New(alert.Options{
		Rules: rules, Channels: alertChannels(&cfg.Alerts, a.log), Store: a.store, Log: a.log, Now: time.Now, Leads: a.leads(ctx, "alerts"),
		Gauges: alert.Gauges{
			Usage: a.store, Zone: zone, Away: func() time.Time { return a.ledger.State().Away }, Replica: replica(a.address()), Budgets: &a.spent, Down: a.down,
		},
	})
	done := make(chan struct{})
	go func() { defer close(done); a.alerts.Run(ctx) }()
	return func() { <-done }, nil
}

// down are the providers that are in use and take no requests.
func (a *app) down() (names []string) {
	for _, s := range a.table.Summaries() {
		if !s.Healthy {
			names = append(names, s.Provider)
		}
	}
	return names
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

func alertChannels(cfg *config.Alerts, log *slog.Logger) map[string]alert.Channel {
	out := map[string]alert.Channel{config.ChannelLog: alert.Log{Log: log}}
	for i := range cfg.Channels {
		c := &cfg.Channels[i]
		if c.Type == "slack" {
			out[c.Name] = alert.NewSlack(c.URL.Reveal(), c.AllowPrivate, time.Now)
			continue
		}
		if c.Type == "webhook" {
			out[c.Name] = alert.NewWebhook(c.URL.Reveal(), c.Secret.Reveal(), c.AllowPrivate, time.Now)
			continue
		}
		out[c.Name] = &alert.Mail{
			Server: c.Server, Guarded: c.Guarded, TLS: cmp.Or(c.TLS, alert.StartTLS), Username: c.Username, Password: c.Password.Reveal(), From: c.From, To: c.To, Now: time.Now,
		}
	}
	return out
}
