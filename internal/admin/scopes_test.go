package admin

import (
	"strings"
	"testing"

	"turnpike/internal/operator"
)

func TestScopes(t *testing.T) {
	w := newWorld(t)
	red := do[Scope](w, 201, "POST", "/admin/teams", `{"name":" red ","description":"d","rpm":9}`)
	blue := do[Scope](w, 201, "POST", "/admin/teams", `{"name":"blue"}`)
	if red.Name != "red" || *red.Limits.RPM != 9 || red.State != "active" || !red.Created.Equal(w.now) {
		t.Errorf("made %+v", red)
	}
	w.refused(409, "there is one already", "POST", "/admin/teams", `{"name":"red"}`)
	w.refused(422, "name is needed", "POST", "/admin/teams", `{}`)
	w.refused(422, "email is not known", "POST", "/admin/teams", `{"name":"x","email":"a@b"}`)
	ann := do[Scope](w, 201, "POST", "/admin/users", `{"name":"ann","email":"ann@b.example","teams":["red","`+blue.ID+`"]}`)
	if len(ann.Teams) != 2 || ann.Email != "ann@b.example" {
		t.Errorf("made %+v", ann)
	}
	w.refused(422, "email is no address", "PATCH", "/admin/users/"+ann.ID, `{"email":"nowhere"}`)
	w.refused(422, `there is no team "green"`, "PATCH", "/admin/users/"+ann.ID, `{"teams":["green"]}`)
	if u := do[Scope](w, 200, "PATCH", "/admin/users/"+ann.ID, `{"teams":null,"disabled":true}`); u.Teams != nil || u.State != "disabled" || u.Email == "" {
		t.Errorf("changed %+v", u)
	}
	k := do[KeyMade](w, 201, "POST", "/admin/keys", `{"name":"k","user":"ann","team":"red","tags":["x"]}`)
	if who := w.opens(k.Secret); who == nil || !strings.Contains(who.Barred, `its user "ann" is disabled`) {
		t.Errorf("a disabled user's key: %+v", who)
	}
	do[Scope](w, 200, "PATCH", "/admin/users/"+ann.ID, `{"disabled":false}`)
	if who := w.opens(k.Secret); who == nil || who.Barred != "" {
		t.Errorf("it stays barred: %+v", who)
	}
	w.refused(409, "move_keys_to", "DELETE", "/admin/teams/"+red.ID, "")
	w.refused(404, "", "DELETE", "/admin/teams/"+red.ID+"?move_keys_to=green", "")
	if gone := do[Removed](w, 200, "DELETE", "/admin/teams/"+red.ID+"?move_keys_to=blue", ""); gone.Moved != 1 || !gone.Deleted {
		t.Errorf("removed %+v", gone)
	}
	if one := do[Scope](w, 200, "GET", "/admin/teams/"+blue.ID, ""); one.KeyCount != 1 {
		t.Errorf("moved %+v", one)
	}
	if list := do[ScopeList](w, 200, "GET", "/admin/teams?q=BLU", ""); list.Total != 1 || list.Items[0].ID != blue.ID {
		t.Errorf("list %+v", list)
	}
	if tag := do[Scope](w, 200, "PATCH", "/admin/tags/x", `{"tpm":5}`); tag.ID != "x" || tag.KeyCount != 1 || *tag.Limits.TPM != 5 {
		t.Errorf("tag %+v", tag)
	}
	w.refused(422, "a tag is a word", "PATCH", "/admin/tags/a%20b", `{"tpm":5}`)
	if o := do[Scope](w, 200, "PATCH", "/admin/organisation", `{"concurrent":3,"description":"all"}`); o.ID != "org" || *o.Limits.Concurrent != 3 || o.KeyCount != 1 {
		t.Errorf("organisation %+v", o)
	}
	if who := w.opens(k.Secret); len(who.Chain) != 2 { // the tag and the organisation
		t.Errorf("its chain has %d", len(who.Chain))
	}
}

func TestBudgets(t *testing.T) {
	w := newWorld(t)
	k := do[KeyMade](w, 201, "POST", "/admin/keys", `{"name":"k"}`)
	b := do[operator.BudgetView](w, 201, "POST", "/admin/budgets", `{"scope":"key","scope_id":"k","period":"monthly","limit_usd":"$10","zone":"Europe/Paris"}`)
	if b.Limit != "$10.00" || b.Name != "k" || b.ScopeID != k.ID || b.Left != "$10.00" || b.Resets == nil || b.Resets.UTC().Format("02T15") != "30T23" {
		t.Errorf("made %+v", b)
	}
	again := do[operator.BudgetView](w, 201, "POST", "/admin/budgets", `{"scope":"key","scope_id":"`+k.ID+`","period":"monthly","limit_usd":"20"}`)
	if again.ID != b.ID || again.Limit != "$20.00" {
		t.Errorf("the same again: %+v", again)
	}
	path := "/admin/budgets/" + b.ID
	if c := do[operator.BudgetView](w, 200, "PATCH", path, `{"limit_usd":"30","soft":true}`); c.Limit != "$30.00" || !c.Soft || c.ID != b.ID {
		t.Errorf("changed %+v", c)
	}
	if c := do[operator.BudgetView](w, 200, "POST", path+"/recharge", `{"amount":"$5","note":"a gift"}`); c.Left != "$35.00" {
		t.Errorf("recharged %+v", c)
	}
	if c := do[operator.BudgetView](w, 200, "POST", path+"/reset", ""); c.Left != "$30.00" {
		t.Errorf("reset %+v", c)
	}
	if c := do[operator.BudgetView](w, 200, "POST", path+"/adjust", `{"amount":"-$2.50","note":"a wrong charge"}`); c.Left != "$27.50" || c.Allows != "$27.50" || c.Limit != "$30.00" {
		t.Errorf("adjusted %+v", c)
	}
	if c := do[operator.BudgetView](w, 200, "POST", "/admin/keys/"+k.ID+"/adjust", `{"amount":"+1","note":"and back"}`); c.Left != "$28.50" || c.ID != b.ID {
		t.Errorf("adjusted by the key %+v", c)
	}
	if c := do[operator.BudgetView](w, 200, "POST", "/admin/keys/"+k.ID+"/recharge", `{"amount":"1.50"}`); c.Left != "$30.00" {
		t.Errorf("recharged by the key %+v", c)
	}
	for body, words := range map[string]string{
		`{"amount":"-1"}`:                     "note is needed",
		`{"amount":"-1","note":" "}`:          "note must say why",
		`{"amount":"0","note":"x"}`:           "it is not 0",
		`{"amount":"-+1","note":"x"}`:         "must be dollars",
		`{"amount":"-30.01","note":"x"}`:      "takes away more than the budget allows in this period: $30.00",
		`{"amount":"much","note":"x"}`:        "must be dollars",
		`{"amount":"1","note":"x","why":"y"}`: "why",
	} {
		w.refused(422, words, "POST", path+"/adjust", body)
	}
	other := do[operator.BudgetView](w, 201, "POST", "/admin/budgets", `{"scope":"key","scope_id":"k","period":"daily","limit_tokens":100}`)
	w.refused(422, "budget_id is needed", "POST", "/admin/keys/"+k.ID+"/adjust", `{"amount":"1","note":"x"}`)
	if c := do[operator.BudgetView](w, 200, "POST", "/admin/keys/"+k.ID+"/adjust", `{"amount":"-40","note":"x","budget_id":"`+other.ID+`"}`); c.Left != "60" {
		t.Errorf("adjusted tokens %+v", c)
	}
	w.refused(409, "has no such budget", "POST", "/admin/keys/"+k.ID+"/recharge", `{"amount":"1","budget_id":"bud_0"}`)
	do[Deleted](w, 200, "DELETE", "/admin/budgets/"+other.ID, "")
	events := do[BudgetEvents](w, 200, "GET", path+"/events", "")
	if len(events.Events) != 5 || !strings.Contains(marshal(events), `"note":"a gift"`) || !strings.Contains(marshal(events), `"kind":"adjust","amount":"-$2.50","note":"a wrong charge"`) || !strings.Contains(marshal(events), `"amount":"$5.00"`) {
		t.Errorf("events %+v", events)
	}
	for body, words := range map[string]string{
		`{"scope":"key","scope_id":"k","period":"monthly"}`:                                "limit_tokens is needed",
		`{"scope":"key","scope_id":"z","period":"monthly","limit_usd":"1"}`:                "scope_id is no key",
		`{"scope":"planet","period":"monthly","limit_usd":"1"}`:                            "scope must be one of key,",
		`{"scope":"organisation","period":"monthly","limit_usd":"much"}`:                   "limit_usd",
		`{"scope":"organisation","period":"monthly","limit_usd":"1","limit_tokens":1}`:     "give one",
		`{"scope":"organisation","period":"rolling","limit_usd":"1"}`:                      "window belongs",
		`{"scope":"organisation","period":"rolling","limit_usd":"1","window":"soon"}`:      "window must be",
		`{"scope":"organisation","period":"daily","limit_tokens":-1}`:                      "limit must be 0 or more",
		`{"scope":"organisation","period":"daily","limit_tokens":1,"zone":"Mars/Olympus"}`: "zone",
		`{"scope":"organisation","period":"daily","limit_tokens":1,"rollover":true}`:       "roll over",
		`{"scope":"tag","scope_id":"a b","period":"daily","limit_tokens":1}`:               "a tag is a word",
	} {
		w.refused(422, words, "POST", "/admin/budgets", body)
	}
	w.refused(422, "unit of a budget stays", "PATCH", path, `{"limit_tokens":5}`)
	w.refused(422, "cannot be cleared", "PATCH", path, `{"limit_usd":null}`)
	w.refused(422, "amount", "POST", path+"/recharge", `{"amount":"-5"}`)
	w.refused(404, "", "POST", "/admin/budgets/bud_0/recharge", `{"amount":"5"}`)
	do[operator.BudgetView](w, 201, "POST", "/admin/budgets", `{"scope":"tag","scope_id":"x","period":"rolling","window":"24h","limit_tokens":100}`)
	if list := do[BudgetList](w, 200, "GET", "/admin/budgets?scope=tag", ""); list.Total != 1 || list.Budgets[0].Left != "100" {
		t.Errorf("list %+v", list)
	}
	if key := do[Key](w, 200, "GET", "/admin/keys/"+k.ID, ""); len(key.Budgets) != 1 || key.Budgets[0].ID != b.ID {
		t.Errorf("the key's %+v", key.Budgets)
	}
	do[Deleted](w, 200, "DELETE", path, "")
	w.refused(404, "", "GET", path, "")
	w.refused(404, "", "DELETE", path, "")
}
