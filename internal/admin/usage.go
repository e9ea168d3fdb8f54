package admin

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"turnpike/internal/operator"
	"turnpike/internal/store"
	"turnpike/internal/usage"
)

// usageQuery says whose usage, when and by what.
type usageQuery struct {
	From   string `query:"from" say:"first day of the zone, or moment on a quarter of an hour: 2026-11-01 or 2026-11-01T08:00:00Z"`
	To     string `query:"to" say:"day or moment before which it ends; left out: now"`
	Period string `query:"period" say:"a period by name instead: today, yesterday, 7d, 30d, this-month (where nothing is said), last-month"`
	Zone   string `query:"zone" say:"IANA name of the zone whose hours, days and months are meant, such as Europe/Berlin; UTC where nothing is said"`
	By     string `query:"by" say:"dimensions with commas: hour, day, month (a series), key, team, user, tag, provider, model"`
}

type sumQuery struct {
	usageQuery
	Group    string `query:"group_by" enum:"key,model,provider,key_model,key_provider" say:"the same as by, in other words; key where neither is said"`
	KeyID    string `query:"key_id" say:"id or name"`
	TeamID   string `query:"team_id"`
	UserID   string `query:"user_id"`
	Provider string `query:"provider"`
	Model    string `query:"model" say:"as providers were asked for it"`
}

// UsageItem is what was used by those that have the values of the dimensions in common.
type UsageItem struct {
	KeyID         string `json:"key_id,omitempty"`
	KeyName       string `json:"key_name,omitempty"`
	Model         string `json:"model,omitempty"`
	Provider      string `json:"provider,omitempty"`
	TotalRequests int64  `json:"total_requests"`
	InputTokens   int64  `json:"input_tokens" say:"of prompts, from the cache or not"`
	OutputTokens  int64  `json:"output_tokens"`
	TotalTokens   int64  `json:"total_tokens"`
	CostUSD       string `json:"cost_usd"`
	operator.UsageRow
}

// UsageList is usage by dimensions, and its total.
type UsageList struct {
	From  time.Time   `json:"from,omitzero"`
	To    time.Time   `json:"to,omitzero"`
	Zone  string      `json:"zone"`
	By    []string    `json:"by"`
	Usage []UsageItem `json:"usage"`
	Total UsageItem   `json:"total" say:"counts everything once, which groups by tag do not"`
}

// resolve reads the period, the zone and the dimensions.
func (q *usageQuery) resolve(now time.Time) (p usage.Period, zone *time.Location, by []string, err error) {
	p, zone, err = operator.PeriodWords{Period: q.Period, From: q.From, To: q.To, Zone: q.Zone}.Read(now)
	if wrong, ok := errors.AsType[*operator.WordError](err); ok {
		return p, nil, nil, badParameter(wrong.Word, wrong.Err)
	}
	for name := range strings.SplitSeq(q.By, ",") {
		if name == "" {
			continue
		}
		if !slices.Contains(usage.DimensionNames(), name) || slices.Contains(by, name) {
			return p, nil, nil, badParameter("by", fmt.Errorf("has %q, which is said twice, or not one of %s", name, strings.Join(usage.DimensionNames(), ", ")))
		}
		by = append(by, name)
	}
	return p, zone, by, err
}

func sumUsage(c *call, q *sumQuery, _ *nothing) (UsageList, error) {
	if q.By == "" {
		q.By = strings.ReplaceAll(q.Group, "_", ",")
	}
	if q.By == "" {
		q.By = "key"
	}
	period, zone, by, err := q.resolve(c.Now())
	if err != nil {
		return UsageList{}, err
	}
	names, err := operator.UsageNames(c.ctx, c.Store)
	if err != nil {
		return UsageList{}, err
	}
	filter := operator.UsageFilter{Key: q.KeyID, Team: q.TeamID, User: q.UserID, Provider: q.Provider, Model: q.Model}
	list, total, err := usage.Sum(c.ctx, c.Store, usage.Query{Period: period, By: by, Zone: zone, Keep: c.usageInReach(filter.Keeps(names.Keys))})
	if err != nil {
		return UsageList{}, err
	}
	if strings.Contains(c.r.Header.Get("Accept"), "text/csv") {
		c.file = &file{media: "text/csv; charset=utf-8", name: "usage.csv", write: func(w io.Writer) error { return usage.WriteGroups(w, by, list, names) }}
		return UsageList{}, nil
	}
	out := UsageList{From: period.From, To: period.To, Zone: zone.String(), By: by, Usage: make([]UsageItem, 0, len(list)), Total: usageItem(nil, &total, names)}
	for _, g := range list {
		out.Usage = append(out.Usage, usageItem(by, g, names))
	}
	return out, nil
}

// usageInReach keeps what was used by keys and teams in the caller's scopes.
func (c *call) usageInReach(keep func(*store.UsageLine) bool) func(*store.UsageLine) bool {
	if c.who.whole("usage") {
		return keep
	}
	return func(u *store.UsageLine) bool {
		return c.who.reaches("usage", u.KeyID, u.TeamID) && (keep == nil || keep(u))
	}
}

func usageItem(by []string, g *usage.Group, names *usage.Names) UsageItem {
	r := operator.ViewUsage(by, g, names)
	u := UsageItem{
		KeyID: r.By["key"], Model: r.By["model"], Provider: r.By["provider"], TotalRequests: r.Requests,
		InputTokens: r.Input + r.CacheRead + r.CacheWrite5m + r.CacheWrite1h, OutputTokens: r.Output, UsageRow: r, CostUSD: dollars(r.CostNano),
	}
	u.KeyName, u.TotalTokens = names.Keys[u.KeyID], u.InputTokens+u.OutputTokens
	return u
}

type exportQuery struct {
	usageQuery
	Format string `query:"format" enum:"csv,focus" say:"csv (sums with by, else every attempt) or focus (FOCUS 1.2)"`
}

// exportUsage streams a file, a page of attempts at a time.
func exportUsage(c *call, q *exportQuery, _ *nothing) (*file, error) {
	period, zone, by, err := q.resolve(c.Now())
	if err != nil {
		return nil, err
	}
	if q.Format == "focus" && len(by) > 0 {
		return nil, badParameter("by", errors.New("is for csv: FOCUS says what its rows are"))
	}
	if q.Format == "focus" || len(by) == 0 {
		if err := operator.AttemptsKept(c.ctx, c.Store, period.From); errors.Is(err, operator.ErrGone) {
			return nil, badParameter("from", fmt.Errorf("is too early: attempts of then are deleted (ledger.keep); export sums with by"))
		} else if err != nil {
			return nil, err
		}
	}
	e := &operator.UsageExport{Period: period, Focus: q.Format == "focus", By: by, Zone: zone}
	return &file{media: "text/csv; charset=utf-8", name: "usage.csv", write: func(w io.Writer) error {
		return operator.ExportUsage(c.ctx, w, c.Store, c.Ceiling, e)
	}}, nil
}
