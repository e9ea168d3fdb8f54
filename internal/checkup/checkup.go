// Package checkup looks over an installation, one thing after the other, and says of
// each that is not right what to do.
package checkup

import (
	"context"
	"fmt"
	"io"
	"time"
)

// State is how a thing was found.
type State string

// States, from good to bad.
const (
	Good    State = "good"
	Skipped State = "skipped" // there is no such thing here, or it was not asked for
	Warning State = "warning" // it works, and will not for ever or not for all
	Bad     State = "bad"
)

// Finding is what was found of one thing.
type Finding struct {
	Check string `json:"check"`
	State State  `json:"state"`
	Found string `json:"found"`
	// Do is what to do about it, where it is not good.
	Do string `json:"do,omitempty"`
}

// Fine is a good finding.
func Fine(format string, args ...any) Finding {
	return Finding{State: Good, Found: fmt.Sprintf(format, args...)}
}

// None says why there was nothing to look at.
func None(why string) Finding { return Finding{State: Skipped, Found: why} }

// Warn is a finding that somebody should look at.
func Warn(do, format string, args ...any) Finding {
	return Finding{State: Warning, Found: fmt.Sprintf(format, args...), Do: do}
}

// Wrong is a finding that has to be mended.
func Wrong(do, format string, args ...any) Finding {
	return Finding{State: Bad, Found: fmt.Sprintf(format, args...), Do: do}
}

// Check looks at one thing. It may find several of its kind.
type Check struct {
	Name string
	Look func(context.Context) []Finding
}

// Report is all that was found.
type Report struct {
	Findings []Finding `json:"findings"`
	Warnings int       `json:"warnings"`
	Bad      int       `json:"bad"`
}

// Run looks at everything in its order. Each check has so much time.
func Run(ctx context.Context, limit time.Duration, checks []Check) *Report {
	r := &Report{Findings: []Finding{}}
	for _, c := range checks {
		r.look(ctx, limit, c)
	}
	return r
}

func (r *Report) look(ctx context.Context, limit time.Duration, c Check) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for _, f := range c.Look(ctx) {
		if f.Check == "" {
			f.Check = c.Name
		}
		r.Findings = append(r.Findings, f)
		switch f.State {
		case Warning:
			r.Warnings++
		case Bad:
			r.Bad++
		case Good, Skipped:
		}
	}
}

// Print writes a report for people.
func (r *Report) Print(w io.Writer) error {
	for _, f := range r.Findings {
		if _, err := fmt.Fprintf(w, "%-8s %-18s %s\n", f.State, f.Check, f.Found); err != nil {
			return err
		}
		if f.Do == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "%-8s %-18s → %s\n", "", "", f.Do); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\n%d looked at, %d to be mended, %d to be looked at.\n", len(r.Findings), r.Bad, r.Warnings)
	return err
}
