package admin

import (
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"turnpike/internal/store"
)

// documented are the admin routes of the gateways that people come from, as their documents have
// them: what is sent, and the members of what comes back. list is the member that holds the rows.
var documented = []struct {
	status             int
	method, path, body string
	list, members      string
}{
	{201, "POST", "/admin/keys", `{"name":"dev-team","allowed_models":["gpt-*"],"allowed_providers":["b"],"default_provider":"b","qpm_limit":60,"tpm_limit":100000}`, "", "id key key_prefix name enabled allowed_models allowed_providers default_provider qpm tpm qpm_limit tpm_limit created_at"},
	{201, "POST", "/admin/keys", `{"name":"other","qpm":5,"tpm":7}`, "", "id key key_prefix name enabled qpm tpm created_at"},
	{200, "GET", "/admin/keys?q=dev", "", "keys", "id key_prefix name enabled created_at"},
	{200, "GET", "/admin/keys/{id}", "", "", "id key_prefix name enabled allowed_models allowed_providers default_provider qpm tpm created_at"},
	{200, "PUT", "/admin/keys/{id}", `{"enabled":true,"qpm":null,"allowed_models":null}`, "", "id name enabled allowed_models qpm"},
	{200, "DELETE", "/admin/keys/{id}", "", "", "deleted"},
	{201, "POST", "/admin/providers", `{"name":"openai-main","type":"openai","weight":100,"base_url":"https://api.openai.com/v1","api_key":"sk-secret","models":["gpt-*"],"enabled":true}`, "", "id name type weight base_url models enabled healthy"},
	{200, "GET", "/admin/providers", "", "providers", "id name type weight enabled healthy"},
	{200, "GET", "/admin/providers/openai-main", "", "", "id name type weight base_url models enabled healthy"},
	{200, "PUT", "/admin/providers/openai-main", `{"weight":50,"models":null}`, "", "weight models"},
	{200, "DELETE", "/admin/providers/openai-main", "", "", "deleted"},
	{200, "GET", "/admin/usage?group_by=key&from=2026-01-01T00:00:00Z&to=2027-01-01T00:00:00Z", "", "usage", "key_id key_name total_requests input_tokens output_tokens total_tokens"},
	{200, "GET", "/admin/usage?from=2026-01-01T00:00:00Z", "", "usage", "key_id key_name total_requests"},
	{200, "GET", "/admin/usage?group_by=model&from=2026-01-01T00:00:00Z&provider=b", "", "usage", "model total_requests input_tokens output_tokens total_tokens"},
	{200, "GET", "/admin/usage?group_by=provider&from=2026-01-01T00:00:00Z", "", "usage", "provider total_requests"},
	{200, "GET", "/admin/usage?group_by=key_model&from=2026-01-01T00:00:00Z", "", "usage", "key_id key_name model total_requests"},
	{200, "GET", "/admin/usage?group_by=key_provider&from=2026-01-01T00:00:00Z&model=gpt-5", "", "usage", "key_id provider total_requests"},
}

// TestSeedsAsDocumented: scripts for those gateways go on.
func TestSeedsAsDocumented(t *testing.T) {
	w := newWorld(t)
	id := ""
	for _, c := range documented {
		path := strings.ReplaceAll(c.path, "{id}", id)
		got := do[map[string]any](w, c.status, c.method, path, c.body)
		if c.list != "" {
			rows, ok := got[c.list].([]any)
			if !ok || len(rows) == 0 {
				t.Errorf("%s %s: no %s in %v", c.method, path, c.list, got)
				continue
			}
			got = rows[0].(map[string]any)
		}
		for member := range strings.FieldsSeq(c.members) {
			if _, ok := got[member]; !ok {
				t.Errorf("%s %s: no %s in %v", c.method, path, member, got)
			}
		}
		if id == "" {
			id, _ = got["id"].(string)
			row := store.Attempt{
				ID: "att_1", RequestID: "req_1", Number: 1, KeyID: id, At: w.now.Add(-time.Hour), Provider: "b", ServedModel: "gpt-5", Usage: store.Usage{Input: 10, Output: 5},
			}
			if err := w.opt.Store.InsertAttempts(t.Context(), []store.Attempt{row}); err != nil {
				t.Fatal(err)
			}
		}
	}
	rec := w.send("GET", "/admin/usage?from=2026-01-01T00:00:00Z", "", "Accept", "text/csv")
	if rows, err := csv.NewReader(rec.Body).ReadAll(); err != nil || len(rows) != 2 || !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/csv") {
		t.Errorf("as CSV: %v, %v", rows, err)
	}
	w.refused(404, "", "PUT", "/admin/keys/key_0", `{"enabled":true}`)
	w.refused(409, "already", "POST", "/admin/providers", `{"name":"a","type":"sandbox"}`)
	w.refused(422, "type must be one of", "POST", "/admin/providers", `{"name":"x","type":"nobody"}`)
}
