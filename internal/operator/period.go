package operator

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"turnpike/internal/usage"
)

// PeriodWords say which time usage is asked for, as people write it: a period with a
// name, or the ends of one, in the days and hours of a zone.
type PeriodWords struct{ Period, From, To, Zone string }

// WordError is what is wrong with one of some words.
type WordError struct {
	Word string // its name
	Err  error
}

func (e *WordError) Error() string { return e.Word + ": " + e.Err.Error() }

// Unwrap is the error itself.
func (e *WordError) Unwrap() error { return e.Err }

// Read reads them. Errors are *WordError.
func (w PeriodWords) Read(now time.Time) (p usage.Period, zone *time.Location, err error) {
	wrong := func(word, format string, args ...any) error { return &WordError{word, fmt.Errorf(format, args...)} }
	if zone, err = time.LoadLocation(w.Zone); err != nil || w.Zone == "Local" {
		return p, nil, wrong("zone", "is no time zone: write an IANA name such as Europe/Berlin")
	}
	if w.From == "" && w.To == "" {
		name := cmp.Or(w.Period, "this-month")
		if !slices.Contains(usage.PresetNames(), name) {
			return p, nil, wrong("period", "must be one of %s", strings.Join(usage.PresetNames(), ", "))
		}
		p, err = usage.Preset(name, now, zone)
		return p, zone, err
	}
	if w.Period != "" {
		return p, nil, &WordError{"period", errors.New("says both ends: leave out from and to")}
	}
	for _, end := range []struct {
		word, text string
		to         *time.Time
	}{{"from", w.From, &p.From}, {"to", w.To, &p.To}} {
		if end.text == "" {
			continue
		}
		if *end.to, err = usage.ParseTime(end.text, zone); err != nil {
			return p, nil, &WordError{end.word, err}
		}
	}
	if !p.To.IsZero() && !p.From.Before(p.To) {
		return p, nil, &WordError{"from", errors.New("must be before to")}
	}
	return p, zone, nil
}
