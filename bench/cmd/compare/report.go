package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// outcome is a group with its rows.
type outcome struct {
	group group
	rows  []*row
}

// find gives the medians of a row.
func (o outcome) find(target, route string) (figures, bool) {
	for _, r := range o.rows {
		if r.entry.target == target && r.entry.route == route && len(r.runs) > 0 {
			return r.median(), true
		}
	}
	return figures{}, false
}

// column is one figure in a table.
type column struct {
	title  string
	metric metric
	format func(float64) string
	bare   bool // without ratios
}

func (g group) columns() []column {
	first := []column{{"first event p50", first50, duration, false}, {"first event p99", first99, duration, false}}
	whole := []column{{"p50", p50, duration, false}, {"p99", p99, duration, false}}
	cost := []column{{"CPU-s per 1,000", cpu, three, false}}
	memory := []column{{"RSS MB", peak, megabytes, false}}
	if g.accounts { // there are no yardsticks but each other
		return []column{{"requests/s", rate, count, true}, {"p50", p50, duration, true}, {"p99", p99, duration, true}, {"CPU-s per 1,000", cpu, three, true}, {"RSS MB", peak, megabytes, true}}
	}
	if g.conns == 0 {
		return join([]column{{"streams", right, count, true}}, first,
			[]column{{"chunk's way p50", transit50, duration, false}, {"chunk's way p99", transit99, duration, false}}, cost,
			[]column{{"RSS MB idle", idle, megabytes, false}, {"RSS MB held", peak, megabytes, false}, {"KB a stream", perStream, kilobytes, false}})
	}
	if g.stream {
		return join([]column{{"streams/s", rate, count, false}}, whole, first, cost, memory)
	}
	return join([]column{{"requests/s", rate, count, false}}, whole, cost, memory)
}

func join(lists ...[]column) (all []column) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// table writes a group in Markdown: each figure, and in brackets its ratio to nginx's and to the proxy's.
func (o outcome) table(w *strings.Builder) {
	columns := o.group.columns()
	fmt.Fprintf(w, "### %s\n\n| %s |", o.group.title, o.group.api)
	for _, c := range columns {
		fmt.Fprintf(w, " %s |", c.title)
	}
	fmt.Fprintf(w, " notes |\n|---|%s---|\n", strings.Repeat("---:|", len(columns)))
	byNginx, _ := o.find(nginx, "")
	byProxy, _ := o.find(proxy, "")
	for _, r := range o.rows {
		fmt.Fprintf(w, "| %v |", r.entry)
		m := r.median()
		for _, c := range columns {
			fmt.Fprintf(w, " %s |", cell(c, m[c.metric], byNginx[c.metric], byProxy[c.metric]))
		}
		fmt.Fprintf(w, " %s |\n", r.notes(m))
	}
	w.WriteByte('\n')
}

func cell(c column, v, byNginx, byProxy float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	if c.bare {
		return c.format(v)
	}
	return fmt.Sprintf("%s (%s / %s)", c.format(v), ratio(v, byNginx), ratio(v, byProxy))
}

// loud is the share of the machine above which other programs are mentioned.
const loud = 0.15

func (r *row) notes(m figures) string {
	var notes []string
	if m[foreign] > loud {
		notes = append(notes, fmt.Sprintf("other programs took %.0f %% of the machine", 100*m[foreign]))
	}
	if r.wrong > 0 {
		notes = append(notes, fmt.Sprintf("**%d wrong**: %s", r.wrong, clean(strings.Join(r.faults, "; "))))
	}
	return strings.Join(notes, "; ")
}

// clean makes text fit for a table's cell.
func clean(s string) string {
	return strings.NewReplacer("|", "¦", "\n", " ", "\r", " ", "`", "'").Replace(s)
}

// report is the whole text.
func report(outcomes []outcome, s size, began time.Time, cpus int, goVersion string) string {
	var w strings.Builder
	fmt.Fprintf(&w, "# Benchmark of %s\n\n%d CPUs, %s; rounds of %v: %d, of held streams: %d. Each figure is the median over the rounds; in brackets its ratio to nginx's and "+
		"to the 20-line proxy's in the same group. The yardsticks pass the client's own API through; `turnpike → x` names the upstream behind the gateway. "+
		"CPU-seconds per 1,000 requests is the figure to trust. Every answer's text, order, stop reason and usage were checked.\n\n",
		began.Format("2006-01-02 15:04"), cpus, goVersion, s.window, s.rounds, s.holdRounds)
	for _, o := range outcomes {
		o.table(&w)
	}
	w.WriteString(verdict(outcomes))
	return w.String()
}

func ratio(v, by float64) string {
	if by == 0 || math.IsNaN(by) {
		return "–"
	}
	return fmt.Sprintf("%.2f×", v/by)
}

func duration(v float64) string {
	switch {
	case v < 1e-3:
		return fmt.Sprintf("%.0f µs", v*1e6)
	case v < 100e-3:
		return fmt.Sprintf("%.1f ms", v*1e3)
	}
	return fmt.Sprintf("%.0f ms", v*1e3)
}

func three(v float64) string     { return fmt.Sprintf("%.3f", v) }
func megabytes(v float64) string { return fmt.Sprintf("%.0f", v/(1<<20)) }
func kilobytes(v float64) string { return fmt.Sprintf("%.0f", v/(1<<10)) }

// count writes a whole number with commas.
func count(v float64) string {
	s := strconv.FormatInt(int64(math.Round(v)), 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
