package config

import (
	"slices"
	"testing"
)

func TestSecrets(t *testing.T) {
	cfg := mustLoad(t, `
auth: {admin_key: admin-1, api_key: client-1}
database: {url: "postgres://u:db%401@h/n"}
telemetry: {otlp: {endpoint: "http://c:4318", headers: {x-token: otlp-1}}, metrics: {token: scrape-1}}
providers:
  - {name: a, type: openai, api_key: sk-1, headers: {x-extra: extra-1}}
  - {name: b, type: bedrock, region: us-east-1, access_key_id: AKIA1, secret_access_key: aws-1}
`)
	got := cfg.Secrets()
	slices.Sort(got)
	if want := []string{"AKIA1", "admin-1", "aws-1", "client-1", "db%401", "db@1", "extra-1", "otlp-1", "postgres://u:db%401@h/n", "scrape-1", "sk-1"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestPlainDatabaseIsWarnedOf(t *testing.T) {
	for url, want := range map[string]int{
		"":                                     0,
		"postgres://u:p@h/n":                   1,
		"postgres://u@[::1]/n":                 0,
		"postgres://localhost/n":               0,
		"postgres:///n?host=/run/postgresql":   0,
		"postgresql://h/n?sslmode=disable":     1,
		"postgresql://h/n?sslmode=require":     0,
		"postgresql://h/n?sslmode=verify-full": 0,
	} {
		if got := mustLoad(t, "database: {url: '"+url+"'}").Warnings; len(got) != want {
			t.Errorf("%s: %q", url, got)
		}
	}
}
