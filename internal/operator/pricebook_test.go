package operator

import (
	"fmt"
	"testing"
	"time"

	"turnpike/internal/price"
	"turnpike/internal/store"
)

// TestStoredPrices holds that a price comes back from the store as it went there.
func TestStoredPrices(t *testing.T) {
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	e := price.Entry{
		Model: "m", Tier: "flex", Geo: "eu", Region: "eu-west-1", From: day, To: day.AddDate(0, 1, 0), Rank: price.Override, Source: OverrideSource,
		Long: []price.Long{{Above: 5}},
	}
	for class, text := range map[price.Class]string{price.Input: "1", price.CacheWrite1h: "2"} {
		p, err := price.ParseClass(class, text)
		if err != nil {
			t.Fatal(err)
		}
		e.Rates.Set(class, p)
		e.Long[0].Rates.Set(class, p)
	}
	row, err := rowOf(e, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	back, err := entryOf(row)
	if back.ID = ""; err != nil || fmt.Sprint(back) != fmt.Sprint(e) {
		t.Errorf("%+v, %v; want %+v", back, err, e)
	}
	if _, err := entryOf(store.PriceRow{Rates: "{"}); err == nil {
		t.Error("a row that cannot be read was read")
	}
}
