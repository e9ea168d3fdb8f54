package price

import (
	"errors"
	"math/big"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text string
		per  Per
		want Price
		err  error
	}{
		{"2.50", PerMillion, 2_500_000_000, nil},
		{"$2.50", PerMillion, 2_500_000_000, nil},
		{"0.0000025", PerUnit, 2_500_000_000, nil},
		{"2.5e-06", PerUnit, 2_500_000_000, nil},
		{"2.5E-6", PerUnit, 2_500_000_000, nil},
		{"0.0025", PerThousand, 2_500_000_000, nil},
		{"0.0033000000", PerThousand, 3_300_000_000, nil},
		{"0.01", PerUnit, 10_000_000_000_000, nil},
		{"0", PerMillion, 0, nil},
		{"0.00", PerUnit, 0, nil},
		{"0e99", PerUnit, 0, ErrNotAPrice},
		{"1e-15", PerUnit, 1, nil},
		{"0.000000001", PerMillion, 1, nil},
		{"1e-16", PerUnit, 0, ErrTooFine},
		{"0.0000000001", PerMillion, 0, ErrTooFine},
		{"1", PerUnit, 1_000_000_000_000_000, nil},
		{"1.01", PerUnit, 0, ErrTooHigh},
		{"1e50", PerUnit, 0, ErrTooHigh},
		{"99999999999999999999999999", PerMillion, 0, ErrTooFine},
		{"", PerMillion, 0, ErrNotAPrice},
		{".", PerMillion, 0, ErrNotAPrice},
		{"$", PerMillion, 0, ErrNotAPrice},
		{"-1", PerMillion, 0, ErrNotAPrice},
		{"1,5", PerMillion, 0, ErrNotAPrice},
		{"1.2.3", PerMillion, 0, ErrNotAPrice},
		{"NaN", PerMillion, 0, ErrNotAPrice},
		{"1e", PerMillion, 0, ErrNotAPrice},
		{"e5", PerMillion, 0, ErrNotAPrice},
		{strings.Repeat("1", 50), PerMillion, 0, ErrNotAPrice},
	} {
		got, err := Parse(c.text, c.per)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%q per 10^%d: %d, %v; want %d, %v", c.text, c.per, got, err, c.want, c.err)
		}
	}
}

// Files that went through floats hold such numbers.
func TestParseNear(t *testing.T) {
	for text, want := range map[string]Price{
		"1.2500000000000001e-06": 1_250_000_000,
		"9.999999999999999e-06":  10_000_000_000,
		"2.5e-06":                2_500_000_000,
		"3.0000000000000004e-07": 300_000_000,
		"1.59263611e-10":         159_264,
		"0":                      0,
	} {
		if got, err := ParseNear(text, PerUnit); got != want || err != nil {
			t.Errorf("%s: %d, %v; want %d", text, got, err, want)
		}
	}
}

func TestTimes(t *testing.T) {
	for _, c := range []struct {
		p      Price
		factor string
		want   Price
		err    error
	}{
		{2_500_000_000, "0.5", 1_250_000_000, nil},
		{5_000_000_000, "1.1", 5_500_000_000, nil},
		{100_000_000, "10", 1_000_000_000, nil},
		{0, "1.1", 0, nil},
		{1, "0.5", 0, ErrTooFine},
		{maxPrice, "2", 0, ErrTooHigh},
		{5, "x", 0, ErrNotAPrice},
	} {
		if got, err := c.p.times(c.factor); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%d times %s: %d, %v; want %d, %v", c.p, c.factor, got, err, c.want, c.err)
		}
	}
}

func TestMoneyIsShown(t *testing.T) {
	for got, want := range map[string]string{
		Price(2_500_000_000).String():       "$2.50",
		Price(75_000_000).String():          "$0.075",
		Price(1).String():                   "$0.000000001",
		Price(10_000_000_000_000).Each():    "$0.01",
		Nano(0).String():                    "$0.00",
		Nano(1_234_567_891).String():        "$1.234567891",
		Nano(-1_500_000_000).String():       "-$1.50",
		Nano(-9223372036854775808).String(): "-$9223372036.854775808",
	} {
		if got != want {
			t.Errorf("shown %s, want %s", got, want)
		}
	}
}

// FuzzParse holds that what is read is the exact number, and that it is read again
// from how it is shown.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"2.50", "$0.0000025", "1e-15", "7.5e-08", "0.000", "9e9", "1.", ".5", "--", "1e+2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := Parse(s, PerUnit)
		if _, near := ParseNear(s, PerUnit); err == nil && near != nil {
			t.Errorf("%q is read exactly but not nearly: %v", s, near)
		}
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(strings.TrimPrefix(strings.TrimSpace(s), "$"))
		if !ok || new(big.Rat).SetFrac64(int64(p), 1e15).Cmp(want) != 0 {
			t.Fatalf("%q is %d", s, p)
		}
		if again, err := Parse(p.Each(), PerUnit); again != p || err != nil {
			t.Errorf("%q is shown as %s and read as %d, %v", s, p.Each(), again, err)
		}
	})
}
