package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"turnpike/internal/operator"
)

// TestBudgetEndToEnd: a key spends its budget, is refused, is given more.
func TestBudgetEndToEnd(t *testing.T) {
	data := alone(t)
	k := createdKey(t, data, "spender")
	run := func(args ...string) string { t.Helper(); return commandOut(t, append(args, "--data-dir", data)...) }
	run("prices", "set", "sandbox", "--input", "1000", "--output", "1000") // a tenth of a cent for a token
	run("budgets", "set", "key", "spender", "--limit", "$1.10", "--period", "monthly", "--zone", "Europe/Berlin")
	list := func() (l operator.BudgetView) {
		t.Helper()
		var lines []operator.BudgetView
		if err := json.Unmarshal([]byte(run("budgets", "list", "--json")), &lines); err != nil || len(lines) != 1 {
			t.Fatalf("%+v, %v", lines, err)
		}
		return lines[0]
	}
	id := list().ID
	r := start(t, load(t, data, nil, ""))
	ask := func() (int, string) {
		return r.ask("/v1/messages", `{"model":"sandbox","max_tokens":1000,"messages":[{"role":"user","content":"Hello!"}]}`, "X-Api-Key", k.Key)
	}
	if status, body := ask(); status != http.StatusOK {
		t.Fatalf("a dollar of 1.10: %d %s", status, body)
	}
	for range 100 { // each costs a few cents at most, and needs a dollar
		if status, _ := ask(); status != http.StatusOK {
			break
		}
	}
	if status, body := ask(); status != http.StatusTooManyRequests || !strings.Contains(body, "billing_error") || !strings.Contains(body, `key \"spender\" has not enough left`) {
		t.Errorf("%d %s", status, body)
	}
	if l := list(); l.Resets == nil || l.Spent == "$0.00" && l.Reserved == "$0.00" {
		t.Errorf("%+v", l)
	}
	if out := run("budgets", "recharge", id, "$2", "--note", "a gift"); !strings.Contains(out, "of $3.10") {
		t.Error(out)
	}
	deadline, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for status := 0; status != http.StatusOK; status, _ = ask() {
		if deadline.Err() != nil {
			t.Fatal("a running gateway does not follow a recharge")
		}
	}
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	if out := run("ledger", "verify"); !strings.Contains(out, "1 periods of budgets have come to exactly what their attempts count") {
		t.Error(out)
	}
	if l := list(); l.Reserved != "$0.00" || l.Spent == "$0.00" || l.Allows != "$3.10" {
		t.Errorf("everything is given back at the end: %+v", l)
	}
	if out := run("budgets", "reset", id); !strings.Contains(out, "has $1.10 left of $") {
		t.Error(out)
	}
	if out := run("budgets", "list"); !strings.Contains(out, "STARTS AGAIN") || !strings.Contains(out, "CE") {
		t.Error(out)
	}
	refused(t, "not found", "budgets", "reset", "bud_none", "--data-dir", data)
	refused(t, "usage", "budgets", "recharge", id, "--data-dir", data)
	refused(t, "dollars above 0", "budgets", "recharge", id, "0", "--data-dir", data)
}
