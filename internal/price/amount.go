package price

import (
	"errors"
	"strconv"
	"strings"
)

// Errors of ParseAmount.
var (
	ErrNotAnAmount = errors.New("is not an amount of money; write dollars such as $10 or 0.50")
	ErrAmountFine  = errors.New("is finer than a nano-dollar")
	ErrAmountHigh  = errors.New("is more than can be counted ($9,223,372,036)")
)

// ParseAmount reads an amount of money, exactly: "$10", "10.50", "0.000000001".
func ParseAmount(text string) (Nano, error) {
	s := strings.TrimPrefix(strings.TrimSpace(text), "$")
	whole, part, point := strings.Cut(s, ".")
	if whole == "" && part == "" || point && part == "" || len(s) > maxText || strings.Trim(whole+part, "0123456789") != "" {
		return 0, ErrNotAnAmount
	}
	part = strings.TrimRight(part, "0")
	if len(part) > nanoExp {
		return 0, ErrAmountFine
	}
	n, err := strconv.ParseInt(whole+part+strings.Repeat("0", nanoExp-len(part)), 10, 64)
	if err != nil {
		return 0, ErrAmountHigh
	}
	return Nano(n), nil
}
