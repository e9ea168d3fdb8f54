package admin

import "turnpike/internal/live"

// AlertRule is what people are told of.
type AlertRule struct {
	AlertRuleCreate
	Standing
}

// AlertRuleCreate is a rule to be made. Its members are those of alerts.rules in the
// configuration.
type AlertRuleCreate struct {
	Name     string   `json:"name"`
	When     string   `json:"when" enum:"spend,errors,unpriced,journal_lag,budget,provider_down" say:"what is watched"`
	Above    string   `json:"above" say:"dollars for spend, percent for errors and budget, a number for unpriced, a time for journal_lag and provider_down"`
	Per      string   `json:"per,omitempty" enum:"hour,day,month" say:"the period of spend"`
	Scope    string   `json:"scope,omitempty" enum:"all,key,team" say:"who has the threshold"`
	Least    int      `json:"least,omitempty" say:"how many attempts there must be for errors; 20 where it is left out"`
	Cooldown string   `json:"cooldown,omitempty" say:"how long after its end it does not begin again; 1h where it is left out"`
	Channels []string `json:"channels,omitempty" say:"none: the log"`
}

// AlertRuleEdit is what can be changed of a rule.
type AlertRuleEdit struct {
	When     Opt[string]   `json:"when" enum:"spend,errors,unpriced,journal_lag,budget,provider_down"`
	Above    Opt[string]   `json:"above"`
	Per      Opt[string]   `json:"per" enum:"hour,day,month"`
	Scope    Opt[string]   `json:"scope" enum:"all,key,team"`
	Least    Opt[int]      `json:"least"`
	Cooldown Opt[string]   `json:"cooldown"`
	Channels Opt[[]string] `json:"channels"`
}

var alertRules = &things[AlertRule, AlertRuleCreate, AlertRuleEdit]{
	kind: live.Rule, what: "alert rule",
	show: func(v live.View, s Standing) (AlertRule, error) {
		out := AlertRule{Standing: s}
		err := v.Read(&out.AlertRuleCreate)
		out.Name = v.Name
		return out, err
	},
	name: func(b *AlertRuleCreate) string { return b.Name },
}

// AlertChannel is a way to tell people.
type AlertChannel struct {
	Name         string   `json:"name"`
	Type         string   `json:"type"`
	AllowPrivate bool     `json:"allow_private,omitempty"`
	Server       string   `json:"server,omitempty"`
	TLS          string   `json:"tls,omitempty"`
	Username     string   `json:"username,omitempty"`
	From         string   `json:"from,omitempty"`
	To           []string `json:"to,omitempty"`
	Secrets      []string `json:"secrets,omitempty" say:"the names of those it has"`
	Standing
}

// AlertChannelCreate is a channel to be made. Its members are those of alerts.channels in the
// configuration.
type AlertChannelCreate struct {
	Name string `json:"name"`
	Type string `json:"type" enum:"webhook,slack,email"`
	AlertChannelEdit
}

// AlertChannelEdit is what can be changed of a channel.
type AlertChannelEdit struct {
	URL          Opt[string]   `json:"url" say:"where a webhook is posted to; kept and hidden as a secret"`
	Secret       Opt[string]   `json:"secret" say:"signs what is posted: X-Turnpike-Signature is HMAC SHA-256 over X-Turnpike-Timestamp, a dot and the body"`
	AllowPrivate Opt[bool]     `json:"allow_private" say:"also posts to private networks, where live.allow_private lets it"`
	Server       Opt[string]   `json:"server" say:"the mail server, host:port"`
	TLS          Opt[string]   `json:"tls" enum:"starttls,implicit,none"`
	Username     Opt[string]   `json:"username"`
	Password     Opt[string]   `json:"password"`
	From         Opt[string]   `json:"from"`
	To           Opt[[]string] `json:"to"`
}

var alertChannels = &things[AlertChannel, AlertChannelCreate, AlertChannelEdit]{
	kind: live.Channel, what: "alert channel",
	show: func(v live.View, s Standing) (AlertChannel, error) {
		out := AlertChannel{Standing: s}
		err := v.Read(&out)
		out.Name, out.Secrets, out.Standing = v.Name, v.Secrets, s
		return out, err
	},
	name: func(b *AlertChannelCreate) string { return b.Name },
}
