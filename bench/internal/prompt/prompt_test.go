package prompt

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

func TestSizes(t *testing.T) {
	for _, tc := range []struct {
		name     string
		c        Conversation
		min, max int
	}{
		{"small", Small(), 800, 1300},
		{"large", Large(), 95_000, 110_000},
	} {
		for _, api := range []API{Chat, Messages} {
			b := tc.c.Body(api, "mock-n40", true)
			if len(b) < tc.min || len(b) > tc.max || !json.Valid(b) || !utf8.Valid(b) {
				t.Errorf("%s as %v: %d bytes, want %d to %d of valid JSON", tc.name, api, len(b), tc.min, tc.max)
			}
			if again := tc.c.Body(api, "mock-n40", true); string(again) != string(b) {
				t.Errorf("%s as %v differs from one time to the next", tc.name, api)
			}
		}
	}
}

func TestChecksumDependsOnWordsNotOnGrouping(t *testing.T) {
	var whole, pieces, other Checksum
	whole.Add("one two three")
	for _, s := range []string{"one ", "", "two", " three"} {
		pieces.Add(s)
	}
	other.Add("one two thrxe")
	if whole != pieces || whole == other {
		t.Errorf("whole %x, pieces %x, other %x", whole, pieces, other)
	}
	if Small().Checksum() == Large().Checksum() {
		t.Error("two conversations add up to the same")
	}
}
