package main

import (
	"fmt"
	"strings"
)

// goal is a limit for the gateway, as a ratio to the proxy of the same run.
type goal struct {
	group  string
	route  string
	metric metric
	limit  float64
}

// goals derives the limits from the groups: what one hop may cost.
func goals(groups []group) []goal {
	var list []goal
	for _, g := range groups {
		for _, r := range g.routes {
			var limit float64
			switch own := !g.translated(r); {
			case g.accounts:
				continue // these have goals of their own
			case g.conns == 1:
				continue // latency alone; the cost is judged under load
			case g.conns == 0:
				list = append(list, goal{g.id, r.name, peak, 1.3})
				continue
			case g.large && !own:
				continue // no limit is set
			case g.large:
				limit = 0.7
			case g.stream && own:
				limit = 1.2
			case g.stream:
				limit = 3
			case own:
				limit = 1.5
			default:
				limit = 2.5
			}
			list = append(list, goal{g.id, r.name, cpu, limit})
		}
	}
	return list
}

// additions are what limits, budgets and the journal may add to a request, beside a gateway without them in the same run.
var additions = []struct {
	group, name string
	metric      metric
	scale       float64 // to seconds
	limit       float64 // seconds
}{
	{"accounts", "CPU a request", cpu, 1e-3, 25e-6},
	{"accounts-open", "p99", p99, 1, 1e-3},
}

// added compares the gateway with limits and budgets with the one without accounting.
func added(outcomes []outcome) string {
	var w strings.Builder
	for _, a := range additions {
		for _, o := range outcomes {
			if o.group.id != a.group {
				continue
			}
			off, ok := o.find(bare, o.group.routes[0].name)
			on, ok2 := o.find(accounted, o.group.routes[0].name)
			if !ok || !ok2 {
				continue
			}
			more, word := (on[a.metric]-off[a.metric])*a.scale, "pass"
			if more > a.limit {
				word = "**miss**"
			}
			fmt.Fprintf(&w, "| %s | %s | %s | %s | %s | ≤ %s | %s |\n", a.group, a.name, duration(on[a.metric]*a.scale), duration(off[a.metric]*a.scale), signed(more), duration(a.limit), word)
		}
	}
	if w.Len() == 0 {
		return ""
	}
	return "\n### Goals: limits, budgets and journal on, against off\n\n| group | figure | on | off | added | goal | |\n|---|---|---:|---:|---:|---:|---|\n" + w.String()
}

func signed(v float64) string {
	if v < 0 {
		return "−" + duration(-v)
	}
	return duration(v)
}

// verdict compares the gateway with its goals, a line for each.
func verdict(outcomes []outcome) string {
	var w strings.Builder
	w.WriteString("### Goals: turnpike against the 20-line proxy\n\n| group | upstream | figure | turnpike | proxy | ratio | goal | |\n|---|---|---|---:|---:|---:|---:|---|\n")
	var groups []group
	byID := map[string]outcome{}
	for _, o := range outcomes {
		groups = append(groups, o.group)
		byID[o.group.id] = o
	}
	passed, missed, absent := 0, 0, 0
	for _, g := range goals(groups) {
		name, format := "CPU-s per 1,000", three
		if g.metric == peak {
			name, format = "RSS MB held", megabytes
		}
		ours, ok := byID[g.group].find(turnpike, g.route)
		theirs, ok2 := byID[g.group].find(proxy, "")
		if !ok || !ok2 || theirs[g.metric] == 0 {
			absent++
			fmt.Fprintf(&w, "| %s | %s | %s | – | – | – | ≤ %.1f× | not measured |\n", g.group, g.route, name, g.limit)
			continue
		}
		v := ours[g.metric] / theirs[g.metric]
		word := "pass"
		if v <= g.limit {
			passed++
		} else {
			word = "**miss**"
			missed++
		}
		fmt.Fprintf(&w, "| %s | %s | %s | %s | %s | %.2f× | ≤ %.1f× | %s |\n", g.group, g.route, name, format(ours[g.metric]), format(theirs[g.metric]), v, g.limit, word)
	}
	if passed+missed+absent == 0 {
		return added(outcomes)
	}
	fmt.Fprintf(&w, "\n%d pass, %d miss, %d not measured.\n", passed, missed, absent)
	return w.String() + added(outcomes)
}
