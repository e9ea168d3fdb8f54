package config

import (
	"strings"
	"testing"
	"time"
)

const alertsText = `alerts:
  zone: Asia/Kathmandu
  channels:
    - { name: ops, type: webhook, url: "https://hooks.example.org/secret-path", secret: whsec }
    - { name: mail, type: email, server: "mail.example.org:587", username: u, password: p-secret, from: a@example.org, to: [b@example.org] }
  rules:
    - { name: day, when: spend, above: "250.50", per: day, scope: team, channels: [ops, mail] }
    - { name: lag, when: journal_lag, above: 5m, cooldown: 2h }
    - { name: errors, when: errors, above: 20%, least: 50 }
    - { name: unpriced, when: unpriced, above: "0", channels: [log] }
`

func TestAlerts(t *testing.T) {
	cfg := mustLoad(t, alertsText)
	for i, want := range []int64{250_500_000_000, int64(5 * time.Minute), 20, 0} {
		if got, err := cfg.Alerts.Rules[i].Threshold(); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", cfg.Alerts.Rules[i].Name, got, err, want)
		}
	}
	printed, err := Print(cfg)
	if err != nil || strings.Contains(string(printed), "secret-path") || strings.Contains(string(printed), "p-secret") || !strings.Contains(string(printed), "250.50") {
		t.Errorf("%s, %v", printed, err)
	}
}

func TestAlertProblems(t *testing.T) {
	for change, want := range map[string]string{
		"zone: Asia/Kathmandu=>zone: Mars":                    "alerts.zone",
		"above: \"250.50\"=>above: lots":                      "is not an amount",
		"above: 5m=>above: soon":                              "is not a time",
		"above: 20%=>above: -1":                               "is not a whole number",
		"when: spend=>when: weather":                          "alerts.rules[0].when",
		"per: day=>per: week":                                 "alerts.rules[0].per",
		"scope: team=>scope: planet":                          "alerts.rules[0].scope",
		"when: journal_lag=>scope: key, when: journal_lag":    "is for spend, errors and unpriced",
		"cooldown: 2h=>per: day":                              "is for spend only",
		"name: lag=>name: day":                                "no other rule has",
		"name: mail=>name: ops":                               "no other channel has",
		"name: ops, type=>name: log, type":                    "log is taken",
		"[ops, mail]=>[ops, pager]":                           "there is no channel",
		"https://hooks=>http://hooks":                         "must be https",
		"https://hooks.example.org/secret-path=>hooks":        "absolute address",
		"type: email=>type: pigeon":                           "alerts.channels[1].type",
		"mail.example.org:587=>mail.example.org":              "host:port",
		"from: a@example.org=>tls: none, from: a@example.org": "on this machine only",
		"password: p-secret, =>":                              "go together",
		"to: [b@example.org]=>to: []":                         "must name somebody",
		"to: [b@example.org]=>to: [b]":                        "is not a mail address",
		"from: a@example.org=>from: \"Ops <a@example.org>\"":  "is not a mail address",
		"least: 50=>least: -1":                                "must not be below 0",
		"cooldown: 2h=>cooldown: 4000d":                       "must be between 0 and 3650d",
	} {
		old, fresh, _ := strings.Cut(change, "=>")
		if !strings.Contains(alertsText, old) {
			t.Fatalf("%q is not in the text", old)
		}
		if _, err := fromText(t, strings.Replace(alertsText, old, fresh, 1)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", change, err)
		}
	}
}

func TestKeep(t *testing.T) {
	if got := mustLoad(t, "ledger: {keep: 90d, keep_sums: 0}").Ledger; got.Keep != 90*24*time.Hour || got.KeepSums != 0 {
		t.Errorf("%+v", got)
	}
	for text, want := range map[string]string{
		"{keep: 1h}": "between 1d and 3650d", "{keep: 100d, keep_sums: 90d}": "must not be shorter", "{keep: 0, keep_sums: 90d}": "must not be shorter",
		"{keep: 1000000000000d}": "not a duration", "{keep: 1.5d}": "not a duration", "{keep: d}": "not a duration",
	} {
		if _, err := fromText(t, "ledger: "+text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
