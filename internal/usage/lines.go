package usage

import (
	"math/bits"

	"turnpike/internal/price"
	"turnpike/internal/store"
)

// Lines splits the cost of an attempt by class, so that the lines add up to it. Where
// the book of today makes another sum of it than stands in the ledger, the ledger
// counts: its sum is split as the book's is, or by quantity.
func Lines(book *price.Book, a *store.Attempt) []price.Line {
	c := &a.Charge
	model := a.ServedModel
	if c.Model != "" {
		model = c.Model
	}
	usage := price.Usage{
		price.Input: a.Usage.Input, price.Output: a.Usage.Output, price.CacheRead: a.Usage.CacheRead,
		price.CacheWrite5m: a.Usage.CacheWrite5m, price.CacheWrite1h: a.Usage.CacheWrite1h, price.WebSearch: c.WebSearches,
	}
	cost := book.Sum(&price.Attempt{
		Model: model, Kind: c.Kind, Provider: a.Provider, Region: c.Region, Geo: c.Geo, Tier: c.Tier, At: a.At, Usage: usage,
	})
	if c.Known() && !cost.Unpriced && int64(cost.Nano) == c.Nano {
		return withRest(cost.Lines, &usage)
	}
	var lines []price.Line
	for class := range price.Classes {
		if n := usage[class]; n > 0 {
			lines = append(lines, price.Line{Class: class, Quantity: n})
		}
	}
	if !c.Known() || c.Nano == 0 {
		return lines
	}
	if len(lines) == 0 { // a cost without usage is nobody's but the request's
		lines = append(lines, price.Line{Class: price.Input})
	}
	split(lines, cost.Lines, c.Nano)
	return lines
}

// withRest adds lines of what was used and cost nothing.
func withRest(lines []price.Line, usage *price.Usage) []price.Line {
	var seen [price.Classes]bool
	for i := range lines {
		seen[lines[i].Class] = true
	}
	for class := range price.Classes {
		if n := usage[class]; n > 0 && !seen[class] {
			lines = append(lines, price.Line{Class: class, Quantity: n})
		}
	}
	return lines
}

// split shares out an amount in proportion to what the book makes of the lines, else to
// their quantities: the shares are differences of the running sum, so nothing is lost.
func split(lines, like []price.Line, amount int64) {
	weights := make([]uint64, len(lines))
	var total uint64
	for i := range lines {
		for j := range like {
			if like[j].Class == lines[i].Class && like[j].Nano > 0 {
				weights[i] = uint64(like[j].Nano)
			}
		}
		total += weights[i]
	}
	if total == 0 {
		for i := range lines {
			weights[i] = uint64(max(lines[i].Quantity, 1)) //nolint:gosec // above zero
			total += weights[i]
		}
	}
	var sum uint64
	var given int64
	for i := range lines {
		sum += weights[i]
		hi, lo := bits.Mul64(abs(amount), sum)
		share, _ := bits.Div64(hi, lo, total) // hi < total, for sum is at most total
		part := int64(share)                  //nolint:gosec // at most the amount
		lines[i].Nano = price.Nano(part - given)
		given = part
	}
}
