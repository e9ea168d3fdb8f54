package price

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Rank says whose word counts more where several sources price the same.
type Rank int

// The ranks, least first.
const (
	Snapshot Rank = iota // came with this version
	Imported             // a price file of others
	Listed               // the upstream's own price list
	Override             // the operator's
)

var rankNames = []string{"snapshot", "imported", "listed", "override"}

func (r Rank) String() string { return rankNames[min(max(int(r), 0), len(rankNames)-1)] }

// The tiers a request may be served in. Standard is the empty one.
const (
	Standard = ""
	Batch    = "batch"
	Flex     = "flex"
	Priority = "priority"
	Latency  = "latency" // latency-optimised
	Fast     = "fast"    // Anthropic's fast mode
)

// Regional stands for every geography but global: upstreams charge in-region and
// geographic routing alike.
const Regional = "regional"

// Entry is a row of the book: what some requests cost for some time.
type Entry struct {
	ID string // in the store, empty where the row is not there
	// Model is a model's id without region prefix, snapshot date and version, or
	// with them to price one snapshot only, or a pattern with *.
	Model string
	// Kind and Provider are the type and the name of accounts, Region is an AWS
	// region, Geo the geography of a profile (global, regional, us, eu …): empty
	// is any.
	Kind, Provider, Region, Geo string
	// Tier is the service tier, exactly: a tier that is not priced is not
	// charged as another.
	Tier string
	// From and To are when the price holds, To itself not; zero is open.
	From, To time.Time
	Rates    Rates
	Long     []Long // rising
	// Rank and Source say who says so, Checked when it was read there, and
	// Confidence how sure that is: official, or reported by others.
	Rank                        Rank
	Source, Checked, Confidence string
}

const (
	maxName = 256
	maxLong = 8
)

// Check says what is wrong with an entry.
func (e *Entry) Check() error {
	switch {
	case e.Model == "" || len(e.Model) > maxName || strings.ContainsAny(e.Model, " \t\n"):
		return errors.New("model: is missing or no model's name")
	case e.Rates.Empty():
		return errors.New("has no prices")
	case !e.From.IsZero() && !e.To.IsZero() && !e.From.Before(e.To):
		return errors.New("to: must be later than from")
	case len(e.Long) > maxLong:
		return fmt.Errorf("long: more than %d steps", maxLong)
	}
	for i := range e.Long {
		if e.Long[i].Above <= 0 || i > 0 && e.Long[i].Above <= e.Long[i-1].Above || e.Long[i].Rates.Empty() {
			return errors.New("long: steps need a rising number of tokens and prices")
		}
	}
	return nil
}

// rates are the prices for a prompt of a length.
func (e *Entry) rates(prompt int64) *Rates {
	for i := len(e.Long) - 1; i >= 0; i-- {
		if prompt > e.Long[i].Above {
			return &e.Long[i].Rates
		}
	}
	return &e.Rates
}

// weight orders entries of one rank: the more they say, the more they count.
func (e *Entry) weight() int {
	w := 0
	for i, said := range []string{e.Kind, e.Geo, e.Region, e.Provider} {
		if said != "" {
			w |= 1 << i
		}
	}
	if e.Geo == Regional { // says less than a geography
		w--
	}
	return w
}

// before orders entries so that the first that fits is the one that counts.
func before(a, b *Entry) int {
	if a.Rank != b.Rank {
		return int(b.Rank - a.Rank)
	}
	if n := literal(b.Model) - literal(a.Model); n != 0 {
		return n
	}
	if n := b.weight() - a.weight(); n != 0 {
		return n
	}
	if n := b.From.Compare(a.From); n != 0 {
		return n
	}
	return strings.Compare(a.Source+a.ID, b.Source+b.ID)
}

// literal is how much of a pattern is no star.
func literal(model string) int { return len(model) - strings.Count(model, "*") }

// fits tells whether an entry is about an attempt, whatever its model.
func (e *Entry) fits(a *Attempt, geo string) bool {
	return e.Tier == a.Tier &&
		(e.Kind == "" || e.Kind == a.Kind) &&
		(e.Provider == "" || e.Provider == a.Provider) &&
		(e.Region == "" || e.Region == a.Region) &&
		(e.Geo == "" || e.Geo == geo || e.Geo == Regional && geo != "global") &&
		(e.From.IsZero() || !a.At.Before(e.From)) &&
		(e.To.IsZero() || a.At.Before(e.To))
}

// Where tells what an entry is about besides its model, for people.
func (e *Entry) Where() string {
	said := slices.DeleteFunc([]string{e.Provider, e.Kind, e.Region, e.Geo, e.Tier}, func(s string) bool { return s == "" })
	return strings.Join(said, " ")
}
