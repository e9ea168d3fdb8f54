package price

import (
	"testing"
	"time"
)

func TestMerge(t *testing.T) {
	one, two := simple(t, "1", "2"), simple(t, "3", "4")
	open := Entry{ID: "open", Model: "m", Kind: "k", Rates: one}
	since := Entry{ID: "since", Model: "m", Kind: "k", Rates: one, From: day.Add(-time.Hour)}
	over := Entry{ID: "over", Model: "m", Kind: "k", Rates: two, To: day.Add(-time.Hour)}
	fresh := Entry{Model: "m", Kind: "k", Rates: one}
	dearer := Entry{Model: "m", Kind: "k", Rates: two}
	planned := Entry{Model: "m", Kind: "k", Rates: two, From: day.Add(time.Hour)}
	for _, c := range []struct {
		name           string
		old, fresh     []Entry
		correct        bool
		add, end, drop int
		same           int
		from           time.Time // of what is added
	}{
		{"what is new holds for all time", nil, []Entry{fresh}, false, 1, 0, 0, 0, time.Time{}},
		{"the same again", []Entry{open}, []Entry{fresh}, false, 0, 0, 0, 1, time.Time{}},
		{"the same since a change", []Entry{over, since}, []Entry{fresh}, false, 0, 0, 0, 1, time.Time{}},
		{"another price holds from now on", []Entry{open}, []Entry{dearer}, false, 1, 1, 0, 0, day},
		{"a correction holds for all time", []Entry{open}, []Entry{dearer}, true, 1, 0, 1, 0, time.Time{}},
		{"a correction of what is over too", []Entry{over, since}, []Entry{dearer}, true, 1, 0, 2, 0, time.Time{}},
		{"not told any more", []Entry{open}, nil, false, 0, 1, 0, 0, time.Time{}},
		{"what is over stays over", []Entry{over}, []Entry{dearer}, false, 1, 0, 0, 0, time.Time{}},
		{"a date is taken at its word", []Entry{open}, []Entry{fresh, planned}, false, 1, 0, 0, 1, day.Add(time.Hour)},
		{"for another tier", []Entry{open}, []Entry{fresh, {Model: "m", Kind: "k", Tier: Flex, Rates: one}}, false, 1, 0, 0, 1, time.Time{}},
	} {
		got := Merge(c.old, c.fresh, day, c.correct)
		if len(got.Add) != c.add || len(got.End) != c.end || len(got.Drop) != c.drop || got.Same != c.same || got.Empty() != (c.add+c.end+c.drop == 0) {
			t.Errorf("%s: %+v", c.name, got)
			continue
		}
		if c.add == 1 && !got.Add[0].From.Equal(c.from) {
			t.Errorf("%s: from %s", c.name, got.Add[0].From)
		}
	}
}
