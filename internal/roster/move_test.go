package roster

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"turnpike/internal/budget"
	"turnpike/internal/keyring"
	"turnpike/internal/limit"
	"turnpike/internal/policy"
	"turnpike/internal/store"
	"turnpike/internal/tenancy"
)

const otherSecret = "test-jwt-secret-key-that-is-at-least-32-characters"

// TestExportAndImport: what one gateway exports another imports, and the clients'
// keys go on working, with all that was said of them.
func TestExportAndImport(t *testing.T) {
	from := newHouse(t, true)
	from.scope(tenancy.Team, "team_1", "")
	yes := true
	text, _ := json.Marshal(policy.Policy{Strict: &yes, Routing: &policy.Routing{Models: []string{"claude-*"}}})
	made := from.create(store.Key{
		Name: "full", Description: "d", TeamID: "team_1", Tags: []string{"a"}, Addresses: []string{"10.0.0.0/8"}, LogPayloads: true,
		ExpiresAt: noon.Add(time.Hour), Policy: string(text), Limits: `{"rpm":1,"models":[{"match":"x","limits":{"tpm":0}}]}`,
	}, store.Key{Name: "plain"})
	from.budget(tenancy.Key, made[0].ID, budget.Rule{Unit: budget.Dollars, Limit: 5, Period: budget.Rolling, Window: time.Hour})
	fernet, err := FernetFromSecret(otherSecret)
	if err != nil {
		t.Fatal(err)
	}
	for name, with := range map[string]bool{"with hashes": false, "with secrets": true} {
		t.Run(name, func(t *testing.T) {
			var rows []Row
			var err error
			if with {
				rows, _, err = from.Export(t.Context(), fernet)
			} else {
				rows, _, err = from.Export(t.Context(), nil)
			}
			if err != nil {
				t.Fatal(err)
			}
			file, err := json.Marshal(map[string]any{"version": 1, "keys": rows})
			if err != nil || strings.Contains(string(file), made[0].Secret[20:]) {
				t.Fatalf("a secret in the clear, or %v: %s", err, file)
			}
			to := newHouse(t, true)
			read, err := ReadRows(file)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := to.Import(t.Context(), read, fernet, false); !errors.Is(err, store.ErrNotFound) || !strings.Contains(err.Error(), "turnpike teams create") {
				t.Errorf("for a team that is not there: %v", err)
			}
			to.scope(tenancy.Team, "team_2", "")
			if _, err := to.Store.UpdateScope(t.Context(), tenancy.Team, "team_2", func(s *store.Scope) error { s.Name = "the team_1"; return nil }); err != nil {
				t.Fatal(err)
			}
			read, _ = ReadRows(file)
			if done, err := to.Import(t.Context(), read, fernet, true); err != nil || len(done.Keys) != 2 {
				t.Errorf("dry: %+v, %v", done, err)
			}
			if list, _ := to.Store.ListKeys(t.Context()); len(list) != 0 {
				t.Error("a dry run made keys")
			}
			done, err := to.Import(t.Context(), read, fernet, false)
			if err != nil || len(done.Keys) != 2 || len(done.Ignored) != 0 {
				t.Fatalf("%+v, %v", done, err)
			}
			was, _ := from.Store.FindKey(t.Context(), "full")
			is, _ := to.Store.FindKey(t.Context(), "full")
			if revealed, err := to.Reveal(t.Context(), "full"); with && (err != nil || revealed.Secret != made[0].Secret) || !with && err == nil {
				t.Errorf("revealed %v", err)
			}
			was.TeamID, was.Sealed, is.Sealed = "team_2", "", ""
			if !reflect.DeepEqual(is, was) {
				t.Errorf("%+v, was %+v", is, was)
			}
			p := to.who(made[0].Secret)
			if len(p.Chain) != 1 || p.Chain[0].Budgets[0].Window != time.Hour || p.Chain[0].Models[0].Match != "x" || !p.Policy.IsStrict() {
				t.Errorf("%+v", p)
			}
			read, _ = ReadRows(file)
			if done, err := to.Import(t.Context(), read, fernet, false); err != nil || len(done.Keys) != 0 || len(done.Known) != 2 {
				t.Errorf("twice: %+v, %v", done, err)
			}
		})
	}
}

func TestReadRows(t *testing.T) {
	const secret = "sk-ant-api03_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	hash := keyring.Hash(secret)
	// A token of a gateway that keeps encrypted_token, as its tables and API name things.
	tokens := `{"version":"1.0","tokens":[{"id":"5f0c2b9e-0000-4000-8000-000000000001","name":"ci","description":null,"token_hash":"` + hex.EncodeToString(hash[:]) + `",
		"key_prefix":"sk-ant-api03_AAAAA","expires_at":"2027-01-31T10:00:00.123456","quota_usd":"10.50","monthly_quota_usd":100.25,"monthly_reset_policy":"rollover",
		"allowed_ips":["10.0.0.0/8","192.0.2.7"],"is_active":true,"token_metadata":{"prompt_cache_enabled":true,"prompt_cache_ttl":"1h","color":"red"},
		"used_usd":"3.1","allowed_models":["claude-*"],"created_at":"2026-07-14T00:00:00+00:00"}]}`
	// A key of a gateway that keeps keys in the clear.
	keys := `[{"id":"0123456789abcdef","key":"ag-0123456789abcdef0123456789abcdef0123456789abcdef","name":"dev","enabled":false,"allowed_models":[],
		"allowed_providers":["openai"],"default_provider":"openai","qpm_limit":60,"tpm":100000,"metadata":{}}]`
	rows, err := ReadRows([]byte(tokens))
	if err != nil || len(rows) != 1 {
		t.Fatal(err)
	}
	want := Row{
		ID: "5f0c2b9e-0000-4000-8000-000000000001", Name: "ci", Hash: hex.EncodeToString(hash[:]), Prefix: "sk-ant-api03_AAAAA", Addresses: []string{"10.0.0.0/8", "192.0.2.7"},
		Expires: time.Date(2027, 1, 31, 10, 0, 0, 123456000, time.UTC), Created: time.Date(2026, 7, 14, 0, 0, 0, 0, time.UTC),
		Budgets: []budget.Rule{
			{Unit: budget.Dollars, Limit: 100_250_000_000, Period: budget.Monthly, Rollover: true},
			{Unit: budget.Dollars, Limit: 10_500_000_000, Period: budget.Lifetime},
		},
		Policy: policy.Policy{Cache: policy.Cache1h, Routing: &policy.Routing{Models: []string{"claude-*"}}}, Ignored: []string{"token_metadata.color", "used_usd"},
	}
	if !reflect.DeepEqual(rows[0], want) {
		t.Errorf("got  %+v\nwant %+v", rows[0], want)
	}
	rows, err = ReadRows([]byte(keys))
	if err != nil || len(rows) != 1 {
		t.Fatal(err)
	}
	want = Row{
		ID: "0123456789abcdef", Name: "dev", Secret: "ag-0123456789abcdef0123456789abcdef0123456789abcdef", Inactive: true,
		Limits:  &Limits{Rule: limit.Rule{RPM: new(int64(60)), TPM: new(int64(100_000))}},
		Policy:  policy.Policy{Routing: &policy.Routing{Provider: "openai", Providers: []string{"openai"}, Models: []string{}}},
		Ignored: []string{"allowed_models that are empty: the key may use every model", "metadata"},
	}
	if !reflect.DeepEqual(rows[0], want) {
		t.Errorf("got  %+v\nwant %+v", rows[0], want)
	}
	h := newHouse(t, false)
	done, err := h.Import(t.Context(), rows, nil, false)
	if err != nil || len(done.Keys) != 1 || done.Keys[0].RevokedAt.IsZero() || !strings.HasPrefix(done.Keys[0].ID, "key_") || done.Keys[0].Prefix != "ag-0123456789abcd" {
		t.Errorf("%+v, %v", done, err)
	}
}

func TestImportRefuses(t *testing.T) {
	h := newHouse(t, false)
	other := keyring.Hash("other")
	wrong := hex.EncodeToString(other[:])
	for file, want := range map[string]string{
		`[{"name":"a"}]`: ErrNoSecret.Error(),
		`[{"name":"a","encrypted_token":"gAAAAA=="}]`:                         ErrNoFernet.Error(),
		`[{"name":"a","hash":"12"}]`:                                          ErrHash.Error(),
		`[{"name":"a","hash":"` + strings.Repeat("x", 64) + `"}]`:             ErrHash.Error(),
		`[{"name":"a","hash":"` + wrong + `00"}]`:                             ErrHash.Error(),
		`[{"name":"a","key":"0123456789abcdef","hash":"` + wrong + `"}]`:      ErrWrongHash.Error(),
		`[{"name":"a","key":"short"}]`:                                        ErrSecretLength.Error(),
		`[{"name":"a","key":"0123456789 abcdef"}]`:                            ErrSecretLength.Error(),
		`[{"key":"0123456789abcdef"}]`:                                        "needs a name",
		`[{"name":"a","key":"0123456789abcdef","budgets":[{"unit":"euro"}]}]`: "unit must be",
		`[{"name":"a","key":"0123456789abcdef","team":"t"}]`:                  "turnpike teams create",
	} {
		rows, err := ReadRows([]byte(file))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if done, err := h.Import(t.Context(), rows, nil, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v; want %q", file, done, err, want)
		}
	}
	for _, file := range []string{
		``, `{}`, `7`, `{"keys":7}`, `[{"name":7}]`, `[{"name":"a","quota_usd":"ten"}]`, `[{"name":"a","quota_usd":1e3}]`, `[{"name":"a","expires_at":"soon"}]`,
		`[{"name":"a","monthly_reset_policy":"never"}]`, `[{"name":"a","qpm":1,"rpm":"x"}]`, `[{"name":"a","token_metadata":[]}]`,
	} {
		if rows, err := ReadRows([]byte(file)); err == nil {
			t.Errorf("%s was read as %+v", file, rows)
		}
	}
	if list, _ := h.Store.ListKeys(t.Context()); len(list) != 0 {
		t.Errorf("%d keys were made", len(list))
	}
}

// TestImportEncrypted: a token that another program's library encrypted.
func TestImportEncrypted(t *testing.T) {
	const token = "gAAAAABoTuGAqvMOflFlZns6vrKDNyojuyBt9kMw-wvVKDpuce7Ge8QHhDqKtq_I3eNSYpYoZOJorlWcfStZOUWHuYyHeHAX93oQBiKG5D3QyjK0M1tvvMN_csAw3ddzjMYaL27VO5cLC9ymIK4zIz2syB9NR74f3Q=="
	fernet, err := FernetFromSecret(otherSecret + "\n")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := ReadRows([]byte(`[{"name":"a","encrypted_token":"` + token + `"}]`))
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, true)
	if _, err := h.Import(t.Context(), rows, fernet, false); err != nil {
		t.Fatal(err)
	}
	const secret = "sk-ant-api03_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	if p := h.who(secret); p.Name != "a" {
		t.Errorf("%+v", p)
	}
	if got, err := h.Reveal(t.Context(), "a"); err != nil || got.Secret != secret {
		t.Errorf("%v", err)
	}
}

func FuzzReadRows(f *testing.F) {
	for _, seed := range []string{
		`[{"name":"a","key":"0123456789abcdef","qpm":1}]`, `{"keys":[{"name":"a","limits":{"models":[{"match":"x","limits":{}}]}}]}`, `{"tokens":[]}`, `[null]`,
		`[{"token_metadata":{"prompt_cache_ttl":"5m"},"monthly_quota_usd":"1","monthly_reset_policy":"rollover"}]`, `[{"budgets":[{"window":1}]}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := ReadRows(data)
		if err != nil {
			return
		}
		// What is understood is written so that it is read alike.
		text, err := json.Marshal(rows)
		if err != nil {
			t.Skip() // a time out of the range JSON has
		}
		again, err := ReadRows(text)
		if err != nil || len(again) != len(rows) {
			t.Fatalf("%s becomes %s, %v", data, text, err)
		}
	})
}
