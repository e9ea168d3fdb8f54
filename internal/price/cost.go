package price

import "math/bits"

// Cost is what an attempt costs.
type Cost struct {
	// Nano is the amount; of an unpriced attempt the ceiling, which is what
	// limits count with, not what is owed.
	Nano Nano
	// Unpriced says that the book has no price: the cost is unknown, not zero.
	Unpriced bool
	// Missing is what has no price, for people.
	Missing string
	// Version is that of the book.
	Version string
	// Entry is the row of the book that priced it, nil if none did.
	Entry *Entry
	// Lines are the sum, where they were asked for.
	Lines []Line
}

// Line is one product of the sum.
type Line struct {
	Class    Class
	Quantity int64
	Price    Price
	// Nano is the line's share of the total: the lines add up to it exactly,
	// each less than a nano-dollar away from its own product.
	Nano Nano
}

// sum adds products of quantity and price. It is exact; one rounding, half up,
// comes at its end.
type sum struct{ hi, lo uint64 }

func (s *sum) add(quantity int64, p Price) {
	if quantity <= 0 || p <= 0 {
		return
	}
	hi, lo := bits.Mul64(uint64(quantity), uint64(p))
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, lo, 0)
	s.hi, _ = bits.Add64(s.hi, hi, carry)
}

// nano is the sum in nano-dollars, rounded half up; more than can be written is
// the most that can.
func (s sum) nano() Nano {
	lo, carry := bits.Add64(s.lo, million/2, 0)
	hi := s.hi + carry
	if hi >= million {
		return Nano(tooMuch) //nolint:gosec // it is made to fit
	}
	n, _ := bits.Div64(hi, lo, million)
	return Nano(min(n, tooMuch)) //nolint:gosec // it fits
}

// total prices usage; missing is a class that has no price.
func (r *Rates) total(u *Usage) (n Nano, missing Class, ok bool) {
	var s sum
	for c := range Classes {
		if u[c] <= 0 {
			continue
		}
		p, ok := r.charge(c)
		if !ok {
			return 0, c, false
		}
		s.add(u[c], p)
	}
	return s.nano(), 0, true
}

// lines are the products that total adds. Rounding the running sum, not each
// product, makes the lines add up to the rounded total.
func (r *Rates) lines(u *Usage) []Line {
	var out []Line
	var s sum
	before := Nano(0)
	for c := range Classes {
		p, ok := r.charge(c)
		if !ok || u[c] <= 0 {
			continue
		}
		s.add(u[c], p)
		now := s.nano()
		out = append(out, Line{Class: c, Quantity: u[c], Price: p, Nano: now - before})
		before = now
	}
	return out
}
