package importer

import (
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"turnpike/internal/config"
)

var update = flag.Bool("update", false, "write the golden files")

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// golden compares a plan with a file: the configuration, who is made, and what is lost. The
// configuration is one that the gateway takes.
func golden(t *testing.T, name string, p *Plan) {
	t.Helper()
	text, err := p.Text()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "turnpike.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"AZURE_EU=a", "OPENAI_API_KEY=o", "ANTHROPIC_API_KEY=n", "GROQ_API_KEY=g", "LITELLM_MASTER_KEY=sk-master-0123456789"}
	if _, err := config.Load(config.Options{Path: file, Environ: env}); err != nil {
		t.Errorf("the gateway refuses the file: %v", err)
	}
	var b strings.Builder
	b.Write(text)
	b.WriteString("---\n")
	for _, o := range p.Teams {
		fmt.Fprintf(&b, "team %s %s %s %s disabled=%v\n", o.ID, o.Name, shown(o.Limits), shown(o.Budgets), o.Disabled)
	}
	for _, o := range p.Users {
		fmt.Fprintf(&b, "user %s %s %s of %v %s %s disabled=%v\n", o.ID, o.Name, o.Email, o.Teams, shown(o.Limits), shown(o.Budgets), o.Disabled)
	}
	for i := range p.Keys {
		k := &p.Keys[i]
		fmt.Fprintf(&b, "key %s hash=%.8s secret=%.8s team=%s user=%s %s %s %s tags=%v addresses=%v inactive=%v expires=%v\n", k.Name, k.Hash, k.Secret, k.Team, k.User, shown(k.Limits), shown(k.Budgets), shown(k.Policy), k.Tags, k.Addresses, k.Inactive, k.Expires)
	}
	lost := make([]string, 0, len(p.Lost))
	for _, l := range p.Lost {
		lost = append(lost, "lost "+l.Where+": "+l.Why+"\n")
	}
	slices.Sort(lost)
	b.WriteString(strings.Join(lost, ""))
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := string(read(t, name)); b.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", b.String(), want)
	}
}

func shown(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func TestLiteLLM(t *testing.T) {
	p := &Plan{}
	if err := p.LiteLLM(read(t, "litellm.yaml")); err != nil {
		t.Fatal(err)
	}
	tables, err := ReadTables(t.Context(), "testdata/litellm.json", LiteLLMTables...)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.LiteLLMTables(tables); err != nil {
		t.Fatal(err)
	}
	golden(t, "litellm.golden", p)
}

func TestOneAPI(t *testing.T) {
	file := filepath.Join(t.TempDir(), "one-api.db")
	db, err := sql.Open("sqlite", "file:"+file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), string(read(t, "oneapi.sql"))); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	tables, err := ReadTables(t.Context(), file, OneAPITables...)
	if err != nil {
		t.Fatal(err)
	}
	p := &Plan{}
	if err := p.OneAPI(tables); err != nil {
		t.Fatal(err)
	}
	golden(t, "oneapi.golden", p)
}

// TestPostgres reads the same from LiteLLM's own kind of database.
func TestPostgres(t *testing.T) {
	dsn := os.Getenv("TURNPIKE_TEST_POSTGRES")
	if dsn == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("there is no PostgreSQL: run scripts/postgres.sh go test …")
		}
		t.Skip("there is no PostgreSQL: run scripts/postgres.sh go test …")
	}
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	t.Cleanup(func() { _, _ = db.Exec(`DROP TABLE IF EXISTS "LiteLLM_VerificationToken", "LiteLLM_TeamTable"`) })
	for _, statement := range []string{
		`DROP TABLE IF EXISTS "LiteLLM_VerificationToken", "LiteLLM_TeamTable"`,
		`CREATE TABLE "LiteLLM_TeamTable" (team_id TEXT, team_alias TEXT, max_budget DOUBLE PRECISION, spend DOUBLE PRECISION, models TEXT[], blocked BOOLEAN)`,
		`INSERT INTO "LiteLLM_TeamTable" VALUES ('t-1', 'web', 12.5, 0.25, '{"a b",c}', true)`,
		`CREATE TABLE "LiteLLM_VerificationToken" (token TEXT, key_alias TEXT, team_id TEXT, models TEXT[], metadata JSONB, rpm_limit BIGINT, expires TIMESTAMP(3))`,
		`INSERT INTO "LiteLLM_VerificationToken" VALUES (repeat('ab', 32), 'k', 't-1', '{gpt-4o}', '{"tags":["x"]}', 7, '2027-01-02 03:04:05')`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	tables, err := ReadTables(t.Context(), dsn, LiteLLMTables...)
	if err != nil {
		t.Fatal(err)
	}
	p := &Plan{}
	if err := p.LiteLLMTables(tables); err != nil {
		t.Fatal(err)
	}
	if k, team := p.Keys[0], p.Teams[0]; k.Team != "web" || *k.Limits.RPM != 7 || k.Tags[0] != "x" || k.Policy.Routing.Models[0] != "gpt-4o" || k.Expires.Year() != 2027 ||
		!team.Disabled || team.Budgets[0].Limit != 12_250_000_000 || !strings.Contains(p.Lost[1].Why, "a b, c") {
		t.Errorf("%+v %+v %+v", k, team, p.Lost)
	}
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "x.json")
	if err := os.WriteFile(file, []byte(`{"other":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]string{file: "none of the tables", filepath.Join(dir, "none"): "no such file", "testdata/litellm.yaml": "neither", "postgres://u:secret@127.0.0.1:1/x?connect_timeout=1": "the database"} {
		_, err := ReadTables(t.Context(), from, OneAPITables...)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", from, err, want)
		}
	}
	for text, want := range map[string]string{"a: [": "not a config.yaml", "x: 1": "neither model_list"} {
		if err := (&Plan{}).LiteLLM([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// FuzzLiteLLM: whatever is in a file, it is read or refused.
func FuzzLiteLLM(f *testing.F) {
	text, err := os.ReadFile("testdata/litellm.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("model_list: [{model_name: a, litellm_params: {model: 1, extra_headers: 2}}]\nrouter_settings: {fallbacks: [1]}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p := &Plan{}
		if p.LiteLLM(text) == nil {
			if _, err := p.Text(); err != nil {
				t.Error(err)
			}
		}
	})
}

// FuzzTables: whatever rows there are.
func FuzzTables(f *testing.F) {
	text, err := os.ReadFile("testdata/litellm.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"channels":[{"type":33,"key":"a|b|c","config":"{","model_mapping":"[]"}],"tokens":[{"key":1}],"users":[{"quota":-1}]}`))
	f.Fuzz(func(_ *testing.T, text []byte) {
		var t Tables
		if json.Unmarshal(text, &t) == nil {
			_ = (&Plan{}).LiteLLMTables(t)
			_ = (&Plan{}).OneAPI(t)
		}
	})
}
