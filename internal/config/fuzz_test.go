package config

import (
	"strings"
	"testing"
)

// FuzzLoad feeds any bytes as the configuration file. Whatever comes: no
// panic, errors without secrets, and what loads prints without secrets given
// through variables of secret fields.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"", "a", "server: {port: 1}", "server: [", "- - -", "data_dir: ${S}", "server: {port: '${S}', host: \"${S}\"}",
		"providers: [{name: '${S}', type: '${S}', base_url: '${S}', api_key: '${S}', models: ['${S}']}]",
		"providers: [{name: a, type: openai, api_key: '${S}', headers: {x: '${S}', '${S}': y}}]",
		"providers: &p [{name: a, type: bedrock, models: *p}]", "a: &a [*a]", "? [a]\n: b", "<<: {a: b}",
		"auth: {admin_key: '${S}', api_key: '${S}'}", "defaults: {provider: '${S}', lb_strategy: '${S}'}",
		"server: {max_body: 1e9GiB, heartbeat: 1h1h}", "\ufeffdata_dir: x", "%YAML 1.1\n---\n{}", "!!str a: !!int b",
		"data_dir: ${S:-${S}}", "providers: [{'': {}}]", "'': x", "data_dir: $$${S}$", "data_dir: \"\\x00\"", "a: b\n---\nc: d", "server: !!binary aGk=",
	} {
		f.Add([]byte(seed))
	}
	// Capital letters and a bang: not a name, a level or an address.
	const secret = "FUZZ!SECRET!0123456789!VALUE"
	f.Fuzz(func(t *testing.T, data []byte) {
		if strings.Contains(string(data), secret) {
			t.Skip("the secret is in the file")
		}
		cfg, err := load("fuzz.yaml", data, Options{Environ: []string{"S=" + secret}})
		if err != nil {
			if strings.Contains(err.Error(), secret) {
				t.Fatalf("error shows a secret: %v", err)
			}
			if strings.TrimSpace(err.Error()) == "" {
				t.Fatal("an error without words")
			}
			return
		}
		if len(cfg.Providers) == 0 {
			t.Fatal("no provider, not even the sandbox")
		}
		out, err := Print(cfg)
		if err != nil {
			t.Fatalf("print: %v", err)
		}
		for i := range cfg.Providers {
			p := &cfg.Providers[i]
			if p.Disabled != (p.Reason != "") {
				t.Fatalf("disabled %v with reason %q", p.Disabled, p.Reason)
			}
		}
		if cfg.DataDir != "" && !strings.Contains(cfg.DataDir, secret) && !strings.Contains(cfg.Defaults.Model, secret) &&
			!modelsHold(cfg, secret) && strings.Contains(string(out), secret) {
			t.Fatalf("print shows a secret:\n%s", out)
		}
	})
}

func modelsHold(cfg *Config, s string) bool {
	for i := range cfg.Providers {
		if strings.Contains(strings.Join(cfg.Providers[i].Models, " "), s) || strings.Contains(cfg.Providers[i].Profile, s) ||
			strings.Contains(cfg.Providers[i].RoleARN, s) || strings.Contains(cfg.Providers[i].BaseURL, s) {
			return true
		}
	}
	return false
}
