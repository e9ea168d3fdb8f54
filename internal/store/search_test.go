package store

import (
	"strings"
	"testing"
	"time"
)

func TestSearchAttempts(t *testing.T) {
	s, _ := newStore(t)
	ctx, start := t.Context(), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	yes, no := true, false
	rows := []Attempt{
		{ID: "a1", RequestID: "r1", KeyID: "k1", Provider: "p", RequestedModel: "fast", ServedModel: "m1", Status: 200, Session: "abc", Number: 1, Charge: Charge{Version: "v", Nano: 10}},
		{ID: "a2", RequestID: "r2", KeyID: "k2", TeamID: "t", Provider: "p", RequestedModel: "m2", ServedModel: "m2", Status: 429, ErrorClass: "rate_limit", Number: 1},
		{ID: "a3", RequestID: "r2", KeyID: "k2", TeamID: "t", Provider: "q", RequestedModel: "m2", ServedModel: "m2", Status: 200, Number: 2, Losses: 2, LossReport: "x", Charge: Charge{Version: "v", Nano: 500}},
		{ID: "a4", RequestID: "r3", KeyID: "k1", UserID: "u", Provider: "q", RequestedModel: "m1", ServedModel: "m1", Status: 200, Number: 1, Charge: Charge{Version: "v", Unpriced: true}},
	}
	for i := range rows {
		rows[i].At = start.Add(time.Duration(i/2) * time.Minute) // two at a time
	}
	if err := s.InsertAttempts(ctx, rows); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		q    AttemptQuery
		want string
	}{
		"all":            {AttemptQuery{}, "a4 a3 a2 a1"},
		"a key":          {AttemptQuery{KeyID: "k1"}, "a4 a1"},
		"a team":         {AttemptQuery{TeamID: "t"}, "a3 a2"},
		"a user":         {AttemptQuery{UserID: "u"}, "a4"},
		"a provider":     {AttemptQuery{Provider: "q"}, "a4 a3"},
		"a model":        {AttemptQuery{Model: "m1"}, "a4 a1"},
		"a model asked":  {AttemptQuery{Model: "fast"}, "a1"},
		"a request":      {AttemptQuery{RequestID: "r2"}, "a3 a2"},
		"a session":      {AttemptQuery{Session: "abc"}, "a1"},
		"no session":     {AttemptQuery{Session: "ab"}, ""},
		"no pattern":     {AttemptQuery{Session: "a_c"}, ""},
		"no other one":   {AttemptQuery{Session: "%"}, ""},
		"a status":       {AttemptQuery{Status: 429}, "a2"},
		"a class":        {AttemptQuery{ErrorClass: "rate_limit"}, "a2"},
		"failed":         {AttemptQuery{Failed: &yes}, "a2"},
		"fine":           {AttemptQuery{Failed: &no}, "a4 a3 a1"},
		"losses":         {AttemptQuery{Losing: true}, "a3"},
		"unpriced":       {AttemptQuery{Unpriced: true}, "a4"},
		"dear":           {AttemptQuery{LeastCost: 100}, "a3"},
		"a time":         {AttemptQuery{From: start.Add(time.Second), To: start.Add(time.Hour)}, "a4 a3"},
		"first page":     {AttemptQuery{Limit: 2}, "a4 a3"},
		"next page":      {AttemptQuery{Limit: 2, Before: Ref{rows[2].At, "a3"}}, "a2 a1"},
		"within a time":  {AttemptQuery{Before: Ref{rows[3].At, "a4"}, Limit: 1}, "a3"},
		"with two marks": {AttemptQuery{KeyID: "k1", Provider: "q"}, "a4"},
	} {
		if c.q.Limit == 0 {
			c.q.Limit = 10
		}
		list, err := s.SearchAttempts(ctx, &c.q)
		var ids []string
		for i := range list {
			ids = append(ids, list[i].ID)
		}
		if got := strings.Join(ids, " "); err != nil || got != c.want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
		}
	}
	if _, err := s.SearchAttempts(ctx, &AttemptQuery{Session: `"`, Limit: 1}); err == nil {
		t.Error("what JSON writes otherwise is taken for a session")
	}
}

func TestIDTime(t *testing.T) {
	at := time.UnixMilli(1_800_000_000_123).UTC()
	if got, ok := IDTime(newID("req", at)); !ok || !got.Equal(at) {
		t.Errorf("%v %v, want %v", got, ok, at)
	}
	for _, bad := range []string{"", "req", "req_", "req_é", "req_0", strings.Repeat("0", 30)} {
		if at, ok := IDTime(bad); ok {
			t.Errorf("%q is of %v", bad, at)
		}
	}
}
