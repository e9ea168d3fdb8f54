package copilot

import (
	"context"
	"time"

	"turnpike/internal/signin"
)

// Usage asks GitHub what the account has used and may use.
func (a *Account) Usage(ctx context.Context) (signin.Usage, error) {
	c, err := a.keeper.Token(ctx)
	if err != nil {
		return signin.Usage{Notice: Notice}, err
	}
	u, err := a.usageOf(ctx, &c)
	if err == nil && u.User == "" {
		u.User, err = a.Username(ctx)
	}
	return u, err
}

// usageAnswer is what copilot_internal/user answers with.
type usageAnswer struct {
	Login     string              `json:"login"`
	Plan      string              `json:"copilot_plan"`
	SKU       string              `json:"access_type_sku"`
	Reset     string              `json:"quota_reset_date"`
	Snapshots map[string]snapshot `json:"quota_snapshots"`
}

type snapshot struct {
	Entitlement float64 `json:"entitlement"`
	Remaining   float64 `json:"remaining"`
	Unlimited   bool    `json:"unlimited"`
	Permitted   bool    `json:"overage_permitted"`
	Overage     float64 `json:"overage_count"`
}

// allowances are the kinds of use, in the order they are shown.
var allowances = []struct{ member, name string }{
	{"premium_interactions", "premium requests"}, {"chat", "chat"}, {"completions", "completions"},
}

func (a *Account) usageOf(ctx context.Context, c *signin.Credential) (signin.Usage, error) {
	out := signin.Usage{Notice: Notice, Lines: []signin.Line{}}
	var u usageAnswer
	if err := a.askGitHub(ctx, a.set.UsagePath, c.Refresh, &u); err != nil {
		return out, err
	}
	out.Plan, out.User, out.Reset = u.Plan, u.Login, day(u.Reset)
	if out.Plan == "" {
		out.Plan = u.SKU
	}
	for _, k := range allowances {
		s, ok := u.Snapshots[k.member]
		if !ok {
			continue
		}
		l := signin.Line{Name: k.name, Unit: "requests", Used: max(0, s.Entitlement-s.Remaining) + s.Overage, Limit: s.Entitlement}
		if s.Unlimited {
			l.Name, l.Used, l.Limit = k.name+" (unlimited)", 0, 0
		}
		if s.Permitted {
			out.Overage = "permitted"
		}
		out.Lines = append(out.Lines, l)
	}
	return out, nil
}

// day is a date or a time the service tells, zero where it is neither.
func day(s string) time.Time {
	for _, form := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}
