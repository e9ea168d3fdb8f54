package price

import (
	"errors"
	"strings"
	"testing"
)

func TestParseAmount(t *testing.T) {
	for text, want := range map[string]Nano{
		"$10": 10_000_000_000, "10": 10_000_000_000, "10.50": 10_500_000_000, " $0.000000001 ": 1, ".5": 500_000_000,
		"0": 0, "$0": 0, "0.0000000010000": 1, "9223372036.854775807": 1<<63 - 1, "007": 7_000_000_000,
	} {
		if got, err := ParseAmount(text); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
	}
	for text, want := range map[string]error{
		"": ErrNotAnAmount, "$": ErrNotAnAmount, ".": ErrNotAnAmount, "1.": ErrNotAnAmount, "-1": ErrNotAnAmount, "+1": ErrNotAnAmount,
		"1e3": ErrNotAnAmount, "1,000": ErrNotAnAmount, "ten": ErrNotAnAmount, "$$1": ErrNotAnAmount, "1.2.3": ErrNotAnAmount, "١": ErrNotAnAmount,
		strings.Repeat("0", maxText+1): ErrNotAnAmount, "0.0000000001": ErrAmountFine, "9223372036.854775808": ErrAmountHigh, "99999999999": ErrAmountHigh,
	} {
		if got, err := ParseAmount(text); !errors.Is(err, want) || got != 0 {
			t.Errorf("%q: %d, %v; want %v", text, got, err, want)
		}
	}
}

func FuzzParseAmount(f *testing.F) {
	for _, seed := range []string{"$10", "0.000000001", "9223372036.854775807", ".", "1e9", "$"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := ParseAmount(text)
		if err != nil {
			return
		}
		// What is printed is read as the same.
		if again, err := ParseAmount(n.String()); err != nil || again != n || n < 0 {
			t.Fatalf("%q is %d, printed %s, read %d, %v", text, n, n, again, err)
		}
	})
}
