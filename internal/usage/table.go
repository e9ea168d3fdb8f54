package usage

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"turnpike/internal/store"
)

// cell makes a text safe for spreadsheets, which take what begins like this for a
// formula (OWASP, CSV Injection). Numbers are not texts.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}

// decimal writes n·10^-places without needless zeros.
func decimal(n int64, places int) string {
	sign := ""
	if n < 0 {
		sign = "-"
	}
	digits := fmt.Sprintf("%0*d", places+1, abs(n))
	whole, part := digits[:len(digits)-places], strings.TrimRight(digits[len(digits)-places:], "0")
	if part == "" {
		return sign + whole
	}
	return sign + whole + "." + part
}

func abs(n int64) uint64 {
	if n < 0 {
		return -uint64(n) //nolint:gosec // the least number too
	}
	return uint64(n)
}

// nanoPlaces are the decimals of a nano-dollar.
const nanoPlaces = 9

// dollars writes nano-dollars as dollars.
func dollars(nano int64) string { return decimal(nano, nanoPlaces) }

func count(n int64) string { return strconv.FormatInt(n, 10) }

// sumCells are the columns of sums in a table.
var sumCells = []struct {
	name string
	of   func(*Group) string
}{
	{"requests", func(g *Group) string { return count(g.Requests) }},
	{"attempts", func(g *Group) string { return count(g.Attempts) }},
	{"errors", func(g *Group) string { return count(g.Errors) }},
	{"input", func(g *Group) string { return count(g.Input) }},
	{"output", func(g *Group) string { return count(g.Output) }},
	{"cache_read", func(g *Group) string { return count(g.CacheRead) }},
	{"cache_write_5m", func(g *Group) string { return count(g.CacheWrite5m) }},
	{"cache_write_1h", func(g *Group) string { return count(g.CacheWrite1h) }},
	{"reasoning", func(g *Group) string { return count(g.Reasoning) }},
	{"web_searches", func(g *Group) string { return count(g.WebSearches) }},
	{"estimated", func(g *Group) string { return count(g.Estimated) }},
	{"unpriced", func(g *Group) string { return count(g.Unpriced) }},
	{"cost_usd", func(g *Group) string { return dollars(g.CostNano) }},
	{"latency_p50_s", func(g *Group) string { return quantile(g.Times.Latency, P50) }},
	{"latency_p95_s", func(g *Group) string { return quantile(g.Times.Latency, P95) }},
	{"first_content_p50_s", func(g *Group) string { return quantile(g.Times.FirstContent, P50) }},
	{"first_content_p95_s", func(g *Group) string { return quantile(g.Times.FirstContent, P95) }},
}

// The quantiles that are told.
const (
	P50 = .50
	P95 = .95
)

// quantile is empty where no time is known. What the buckets tell is no finer than a
// tenth of a millisecond.
func quantile(h store.Histogram, part float64) string {
	d, ok := h.Quantile(part)
	if !ok {
		return ""
	}
	return decimal(int64(d.Round(100*time.Microsecond)), nanoPlaces)
}

// WriteGroups writes sums as CSV. Beside the ids of those that have names stand these.
func WriteGroups(w io.Writer, by []string, list []*Group, names *Names) error {
	out := csv.NewWriter(w)
	var row []string
	for _, name := range by {
		if row = append(row, name); names.of(name) != nil {
			row = append(row, name+"_name")
		}
	}
	for _, c := range sumCells {
		row = append(row, c.name)
	}
	_ = out.Write(row) // what fails, Error tells
	for _, g := range list {
		row = row[:0]
		for i, v := range g.Values {
			if row = append(row, cell(v)); names.of(by[i]) != nil {
				row = append(row, cell(names.of(by[i])[v]))
			}
		}
		for _, c := range sumCells {
			row = append(row, c.of(g))
		}
		_ = out.Write(row)
	}
	out.Flush()
	return out.Error()
}

// attemptCells are the columns of an attempt in a table.
var attemptCells = []struct {
	name string
	of   func(*store.Attempt, *Names) string
}{
	{"at", func(a *store.Attempt, _ *Names) string { return a.At.UTC().Format(time.RFC3339Nano) }},
	{"id", func(a *store.Attempt, _ *Names) string { return cell(a.ID) }},
	{"request", func(a *store.Attempt, _ *Names) string { return cell(a.RequestID) }},
	{"number", func(a *store.Attempt, _ *Names) string { return count(int64(a.Number)) }},
	{"key", func(a *store.Attempt, _ *Names) string { return cell(a.KeyID) }},
	{"key_name", func(a *store.Attempt, n *Names) string { return cell(n.Keys[a.KeyID]) }},
	{"team", func(a *store.Attempt, _ *Names) string { return cell(a.TeamID) }},
	{"team_name", func(a *store.Attempt, n *Names) string { return cell(n.Teams[a.TeamID]) }},
	{"user", func(a *store.Attempt, _ *Names) string { return cell(a.UserID) }},
	{"user_name", func(a *store.Attempt, n *Names) string { return cell(n.Users[a.UserID]) }},
	{"tags", func(a *store.Attempt, _ *Names) string { return cell(a.Tags) }},
	{"session", func(a *store.Attempt, _ *Names) string { return cell(a.Session) }},
	{"replica", func(a *store.Attempt, _ *Names) string { return cell(a.Replica) }},
	{"dialect", func(a *store.Attempt, _ *Names) string { return cell(a.Dialect) }},
	{"provider", func(a *store.Attempt, _ *Names) string { return cell(a.Provider) }},
	{"kind", func(a *store.Attempt, _ *Names) string { return cell(a.Charge.Kind) }},
	{"region", func(a *store.Attempt, _ *Names) string { return cell(a.Charge.Region) }},
	{"surface", func(a *store.Attempt, _ *Names) string { return cell(a.Surface) }},
	{"requested_model", func(a *store.Attempt, _ *Names) string { return cell(a.RequestedModel) }},
	{"served_model", func(a *store.Attempt, _ *Names) string { return cell(a.ServedModel) }},
	{"stream", func(a *store.Attempt, _ *Names) string { return strconv.FormatBool(a.Stream) }},
	{"status", func(a *store.Attempt, _ *Names) string { return count(int64(a.Status)) }},
	{"error", func(a *store.Attempt, _ *Names) string { return cell(a.ErrorClass) }},
	{"stop", func(a *store.Attempt, _ *Names) string { return cell(a.Stop) }},
	{"input", func(a *store.Attempt, _ *Names) string { return count(a.Usage.Input) }},
	{"output", func(a *store.Attempt, _ *Names) string { return count(a.Usage.Output) }},
	{"cache_read", func(a *store.Attempt, _ *Names) string { return count(a.Usage.CacheRead) }},
	{"cache_write_5m", func(a *store.Attempt, _ *Names) string { return count(a.Usage.CacheWrite5m) }},
	{"cache_write_1h", func(a *store.Attempt, _ *Names) string { return count(a.Usage.CacheWrite1h) }},
	{"reasoning", func(a *store.Attempt, _ *Names) string { return count(a.Usage.Reasoning) }},
	{"web_searches", func(a *store.Attempt, _ *Names) string { return count(a.Charge.WebSearches) }},
	{"estimated", func(a *store.Attempt, _ *Names) string { return strconv.FormatBool(a.Usage.Estimated) }},
	{"queued_s", func(a *store.Attempt, _ *Names) string { return decimal(int64(a.Queued), nanoPlaces) }},
	{"first_byte_s", func(a *store.Attempt, _ *Names) string { return decimal(int64(a.FirstByte), nanoPlaces) }},
	{"first_content_s", func(a *store.Attempt, _ *Names) string { return decimal(int64(a.FirstContent), nanoPlaces) }},
	{"latency_s", func(a *store.Attempt, _ *Names) string { return decimal(int64(a.Latency), nanoPlaces) }},
	{"losses", func(a *store.Attempt, _ *Names) string { return count(int64(a.Losses)) }},
	{"cost_usd", costCell},
	{"unpriced", func(a *store.Attempt, _ *Names) string { return strconv.FormatBool(a.Charge.Unpriced) }},
	{"price_version", func(a *store.Attempt, _ *Names) string { return cell(a.Charge.Version) }},
	{"tier", func(a *store.Attempt, _ *Names) string { return cell(a.Charge.Tier) }},
}

// costCell is empty where the cost is not known.
func costCell(a *store.Attempt, _ *Names) string {
	if !a.Charge.Known() {
		return ""
	}
	return dollars(a.Charge.Nano)
}
