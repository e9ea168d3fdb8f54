package price

import (
	"errors"
	"math/bits"
	"strconv"
	"strings"
)

// Nano is an amount of money in nano-dollars.
type Nano int64

// Price is nano-dollars for a million of a unit: of tokens, of searches.
type Price int64

// Per is for how many units a price is written down.
type Per int

// How prices are written down: per token (LiteLLM), per thousand tokens
// (AmazonBedrock), per million (everybody else).
const (
	PerUnit     Per = 0 // the power of ten
	PerThousand Per = 3
	PerMillion  Per = 6
)

const (
	million  = 1_000_000
	nanoExp  = 9               // a dollar is 10^9 nano-dollars
	maxPrice = Price(1e15)     // one dollar a token; anything above is a mistake of units
	maxText  = 40              // characters of a number
	maxExp   = 60              // of a number in scientific form
	noise    = 15              // significant digits a float is good for
	tooMuch  = ^uint64(0) >> 1 // the largest amount
)

// What can be wrong with a price.
var (
	ErrNotAPrice = errors.New("is not a price; write dollars such as 2.50")
	ErrTooHigh   = errors.New("is more than a dollar a unit; is it for a thousand or a million?")
	ErrTooFine   = errors.New("is finer than a nano-dollar for a million")
)

// Parse reads dollars, exactly: "2.50", "$2.50", "0.0000025", "2.5e-06".
func Parse(text string, per Per) (Price, error) {
	n, exp, err := decimal(text)
	if err != nil {
		return 0, err
	}
	return scale(n, exp+nanoExp+int(PerMillion-per))
}

// ParseNear is Parse for numbers that went through a float: what such a number
// has behind its fifteenth digit is noise and is rounded away.
func ParseNear(text string, per Per) (Price, error) {
	n, exp, err := decimal(text)
	if err != nil {
		return 0, err
	}
	exp += nanoExp + int(PerMillion-per)
	for digits := len(strconv.FormatUint(n, 10)); digits > noise || exp < 0 && n > 0; digits-- {
		if n%10 >= 5 {
			n += 10
		}
		n /= 10
		exp++
	}
	return scale(n, exp)
}

// decimal reads a number as n·10^exp.
func decimal(text string) (n uint64, exp int, err error) {
	s := strings.TrimPrefix(strings.TrimSpace(text), "$")
	if s == "" || len(s) > maxText {
		return 0, 0, ErrNotAPrice
	}
	if at := strings.IndexAny(s, "eE"); at >= 0 {
		if exp, err = strconv.Atoi(s[at+1:]); err != nil || exp > maxExp || exp < -maxExp {
			return 0, 0, ErrNotAPrice
		}
		s = s[:at]
	}
	whole, part, _ := strings.Cut(s, ".")
	part = strings.TrimRight(part, "0")
	exp -= len(part)
	digits := strings.TrimLeft(whole+part, "0")
	if whole+part == "" && !strings.Contains(s, "0") {
		return 0, 0, ErrNotAPrice
	}
	if digits == "" {
		digits, exp = "0", 0
	}
	for _, c := range whole + part {
		if c < '0' || c > '9' {
			return 0, 0, ErrNotAPrice
		}
	}
	if n, err = strconv.ParseUint(digits, 10, 63); err != nil {
		return 0, 0, ErrTooFine
	}
	for n != 0 && n%10 == 0 {
		n, exp = n/10, exp+1
	}
	return n, exp, nil
}

// scale is n·10^exp as a price.
func scale(n uint64, exp int) (Price, error) {
	if n == 0 {
		return 0, nil
	}
	if exp < 0 {
		return 0, ErrTooFine // n does not end in zeros
	}
	for range exp {
		if n > uint64(maxPrice) {
			return 0, ErrTooHigh
		}
		n *= 10
	}
	if n > uint64(maxPrice) {
		return 0, ErrTooHigh
	}
	return Price(n), nil
}

// times multiplies a price by a factor such as 0.5 or 1.1, exactly.
func (p Price) times(factor string) (Price, error) {
	n, exp, err := decimal(factor)
	if err != nil {
		return 0, err
	}
	hi, lo := bits.Mul64(uint64(p), n)
	if hi != 0 {
		return 0, ErrTooHigh
	}
	for ; exp < 0 && lo%10 == 0; exp++ {
		lo /= 10
	}
	return scale(lo, exp)
}

// String is the price for a million units, in dollars.
func (p Price) String() string { return dollars(int64(p), nanoExp, 2) }

// Each is the price of one unit, in dollars.
func (p Price) Each() string { return dollars(int64(p), nanoExp+int(PerMillion), 2) }

// String is the amount in dollars, to the last nano-dollar.
func (n Nano) String() string { return dollars(int64(n), nanoExp, 2) }

// dollars writes n·10^-places with at least so many decimals.
func dollars(n int64, places, least int) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	s := strconv.FormatUint(uint64(n), 10) //nolint:gosec // not negative any more, the least number included
	if short := places + 1 - len(s); short > 0 {
		s = strings.Repeat("0", short) + s
	}
	whole, part := s[:len(s)-places], s[len(s)-places:]
	for len(part) > least && part[len(part)-1] == '0' {
		part = part[:len(part)-1]
	}
	return sign + "$" + whole + "." + part
}
