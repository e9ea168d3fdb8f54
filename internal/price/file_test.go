package price

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestReadFileRefuses(t *testing.T) {
	whole := `{"format":"turnpike-prices/1","entries":[{"models":["m"],"prices":{"input":"1"}}]}`
	if list, err := ReadFile([]byte(whole), Override); err != nil || len(list) != 1 {
		t.Fatalf("%v, %v", list, err)
	}
	for name, c := range map[string]struct{ old, new, want string }{
		"not JSON":         {`{"format"`, `{format`, "read the price file"},
		"another format":   {"prices/1", "prices/9", `"turnpike-prices/9"`},
		"more behind":      {`}]}`, `}]} {}`, "behind its end"},
		"an unknown class": {`"input":"1"`, `"inptu":"1"`, `no class "inptu"`},
		"no price":         {`"input":"1"`, `"input":"one"`, "is not a price"},
		"a float":          {`"input":"1"`, `"input":1.5`, "read the price file"},
		"nothing priced":   {`{"input":"1"}`, `{}`, "has no prices"},
		"no model":         {`["m"]`, `[]`, "none is named"},
		"an empty model":   {`["m"]`, `[""]`, "model"},
		"no date":          {`"prices"`, `"from":"soon","prices"`, "is not a date"},
		"ends before":      {`"prices"`, `"from":"2026-01-02","to":"2026-01-01","prices"`, "later than from"},
		"falling steps":    {`"prices"`, `"long":[{"above":5,"prices":{"input":"1"}},{"above":5,"prices":{"input":"1"}}],"prices"`, "rising"},
		"a bad factor":     {`"prices"`, `"also":[{"tier":"flex","times":"half"}],"prices"`, "is not a price"},
		"an unknown field": {`"prices"`, `"price":1,"prices"`, "unknown field"},
	} {
		_, err := ReadFile([]byte(strings.Replace(whole, c.old, c.new, 1)), Override)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestRatesAsJSON(t *testing.T) {
	r := rates(t, map[Class]string{Input: "3", WebSearch: "0.01"})
	b, err := json.Marshal(r)
	if err != nil || string(b) != `{"input":3000000000,"web_search":10000000000000}` {
		t.Fatalf("%s, %v", b, err)
	}
	var again Rates
	if err := json.Unmarshal(b, &again); err != nil || again != r {
		t.Errorf("%v, %v", again.Map(), err)
	}
	for _, bad := range []string{`{"inputs":1}`, `{"input":-1}`, `{"input":1000000000000001}`, `{"input":1.5}`, `[]`} {
		if err := json.Unmarshal([]byte(bad), &again); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}
