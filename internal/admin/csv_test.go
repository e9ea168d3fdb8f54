package admin

import (
	"encoding/csv"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"turnpike/internal/store"
)

// numeric is what a spreadsheet takes for a number.
var numeric = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// TestTablesHaveNoFormulas: whatever people and clients have called things, no cell of any
// table that is exported is taken for a formula (OWASP, CSV Injection).
func TestTablesHaveNoFormulas(t *testing.T) {
	oneDatabase(t)
	w := newWorld(t)
	var marks int
	for i, start := range []string{"=", "+", "-", "@", "\t=", "\r=", "\n="} {
		evil := start + `HYPERLINK("https://evil.example/` + itoa(i) + `","x")`
		name := marshal(strings.TrimSpace(evil))
		team := do[Scope](w, 201, "POST", "/admin/teams", `{"name":`+name+`}`)
		user := do[Scope](w, 201, "POST", "/admin/users", `{"name":`+name+`}`)
		k := do[KeyMade](w, 201, "POST", "/admin/keys", `{"name":`+name+`,"description":`+name+`,"team":"`+team.ID+`","user":"`+user.ID+`"}`, "User-Agent", strings.TrimSpace(evil))
		if err := w.opt.Store.InsertAttempts(t.Context(), []store.Attempt{{
			ID: store.NewID("att"), RequestID: evil, Number: 1, At: w.now.Add(-time.Duration(i+1) * time.Hour), KeyID: k.ID, TeamID: team.ID, UserID: user.ID, Provider: evil, ServedModel: evil, RequestedModel: evil,
			Status: 200, ErrorClass: evil, Session: evil, Replica: evil, Dialect: evil, Surface: evil, Stop: evil, Tags: marshal([]string{evil}), Usage: store.Usage{Input: 5},
			Charge: store.Charge{Version: evil, Kind: evil, Region: evil, Tier: evil, Nano: 5},
		}, {
			ID: store.NewID("att"), RequestID: "r", Number: 1, At: w.now.Add(-time.Duration(i+1) * time.Hour), KeyID: evil, TeamID: evil, UserID: evil, Provider: "p", ServedModel: "m", Tags: evil, Status: 200, Usage: store.Usage{Input: 5},
		}}); err != nil {
			t.Fatal(err)
		}
		w.quick("", "GET", "/admin/keys", "", "User-Agent", strings.TrimSpace(evil), "X-Forwarded-For", strings.TrimSpace(evil))
	}
	for _, path := range []string{
		"/admin/usage/export?from=2026-11-01T00:00:00Z", "/admin/usage/export?from=2026-11-01&by=key,team,user,tag,provider,model", "/admin/usage/export?from=2026-11-01&by=hour,key", "/admin/usage/export?from=2026-11-01T00:00:00Z&format=focus",
		"/admin/usage?from=2026-11-01&by=key,model", "/admin/audit/export?format=csv",
	} {
		rec := w.send("GET", path, "", "Accept", "text/csv")
		if rec.Code != 200 || !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/csv") {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
			continue
		}
		rows, err := csv.NewReader(rec.Body).ReadAll()
		if err != nil || len(rows) < 6 {
			t.Errorf("%s: %v, %d rows", path, err, len(rows))
			continue
		}
		for _, row := range rows[1:] {
			for i, c := range row {
				if strings.Contains(c, "HYPERLINK") {
					marks++
				}
				if c != "" && slices.Contains([]string{"=", "+", "-", "@", "\t", "\r", "\n"}, c[:1]) && !numeric.MatchString(c) {
					t.Errorf("%s: %s is %q", path, rows[0][i], c)
				}
			}
		}
	}
	if marks < 100 {
		t.Errorf("%d cells have what was planted", marks)
	}
}
