package declare

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

var now = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// full says all that a file can say of them.
const full = `providers: [{ name: box, type: sandbox }]
teams:
  - { name: ops, disabled: true }
  - name: research
    description: they look
    limits: { rpm: 60, tpm: 1000, concurrent: 0, models: [{ match: "claude-*", limits: { rpm: 5 } }] }
keys:
  - name: nightly
    hash: sha256:1111111111111111111111111111111111111111111111111111111111111111
    key_prefix: sk-night
    description: a job
    team: research
    user: ann
    tags: [batch, night]
    addresses: [10.0.0.0/8]
    enabled: false
    log_payloads: true
    expires_at: 2027-01-31T00:00:00Z
    allowed_models: ["claude-*"]
    allowed_providers: [box]
    default_provider: box
    aliases: [{ match: fast, to: [claude-haiku-4-5] }]
    lb_strategy: priority
    limits: { rpm: 0 }
    policy: { cache: 1h, strict: true }
  - { name: plain, hash: "sha256:2222222222222222222222222222222222222222222222222222222222222222" }
budgets:
  - { name: all, scope: organisation, limit_tokens: 1000000, period: rolling, window: 24h, soft: true }
  - { name: ann, scope: user, scope_id: ann, limit_usd: "5.00", period: lifetime }
  - { name: batch, scope: tag, scope_id: batch, limit_usd: "5.00", period: daily }
  - { name: cap, scope: team, scope_id: research, limit_usd: "10.50", period: monthly, rollover: true, zone: Europe/Berlin }
  - { name: own, scope: key, scope_id: nightly, limit_usd: "0.00", period: daily }
`

func open(t *testing.T) *store.Store {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), store.FileName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func read(t *testing.T, text string) *config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "turnpike.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(config.Options{Path: file})
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// TestWhole: nothing that a file can say is lost between it and the store.
func TestWhole(t *testing.T) {
	db, cfg := open(t), read(t, full)
	if err := Apply(t.Context(), db, cfg, now); err != nil {
		t.Fatal(err)
	}
	before, err := db.DataVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := Apply(t.Context(), db, cfg, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if after, err := db.DataVersion(t.Context()); err != nil || after != before {
		t.Errorf("the same file again wrote something: %d, %d, %v", before, after, err)
	}
	got, err := People(t.Context(), db, true)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]config.Budget{}
	for _, b := range got.Budgets {
		byName[b.Name] = b
	}
	got.Budgets = nil
	for _, b := range cfg.Budgets.List {
		got.Budgets = append(got.Budgets, byName[b.Name])
	}
	byKey := map[string]config.APIKey{}
	for _, k := range got.Keys {
		byKey[k.Name] = k
	}
	got.Keys = []config.APIKey{byKey["nightly"], byKey["plain"]}
	if want := cfg.People(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if some, err := People(t.Context(), db, false); err != nil || some.Keys != nil || len(some.Budgets) != 4 {
		t.Errorf("without hashes: %+v, %v", some, err)
	}
	// Every member is said above, so that a new one is not forgotten here.
	for _, part := range []any{cfg.Teams[1], cfg.Keys.List[0]} {
		v := reflect.ValueOf(part)
		for f, value := range v.Fields() {
			if value.IsZero() && f.Name != "ID" && f.Name != "Disabled" {
				t.Errorf("%s.%s is not said in this test", v.Type().Name(), f.Name)
			}
		}
	}
}

// TestTwoFiles: of two gateways with different files the one that started last counts.
func TestTwoFiles(t *testing.T) {
	db := open(t)
	for _, file := range []string{full, "providers: [{ name: box, type: sandbox }]\n", full} {
		if err := Apply(t.Context(), db, read(t, file), now); err != nil {
			t.Fatal(err)
		}
		k, err := db.FindKey(t.Context(), store.DeclaredID(tenancy.Key, "plain"))
		if err != nil || k.Declared != (file == full) || k.DisabledAt.IsZero() != (file == full) {
			t.Errorf("%+v, %v", k, err)
		}
	}
}

// TestSameNames: keys of one name are told apart by their ids.
func TestSameNames(t *testing.T) {
	db := open(t)
	for i, id := range []string{"key_one", "key_two"} {
		if err := db.CreateKey(t.Context(), store.Key{ID: id, Name: "job", Hash: [32]byte{byte(i)}, CreatedAt: now.Add(time.Duration(i))}); err != nil {
			t.Fatal(err)
		}
	}
	p, err := People(t.Context(), db, true)
	if err != nil || len(p.Keys) != 2 || p.Keys[0].Name != "job" || p.Keys[1].Name != "job (key_two)" || p.Keys[1].ID != "key_two" {
		t.Errorf("%+v, %v", p.Keys, err)
	}
}
