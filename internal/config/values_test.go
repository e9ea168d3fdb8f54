package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func TestSecretMask(t *testing.T) {
	for secret, want := range map[Secret]string{
		"": "", "a": "…", "elevenchars": "…", "twelve-chars": "…hars", "sk-ant-api03-abcdefgh": "…efgh", "ééééééééééé1": "…ééé1",
	} {
		if got := secret.String(); got != want {
			t.Errorf("mask of %q is %q, want %q", secret.Reveal(), got, want)
		}
		if secret.Reveal() != string(secret) {
			t.Errorf("Reveal %q", secret.Reveal())
		}
	}
}

func TestSecretsNeverShow(t *testing.T) {
	const clear = "clear-text-secret-0123456789"
	p := Provider{APIKey: clear, Headers: Headers{"x-key": clear}}
	var shown []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T %v"} {
		for _, v := range []any{Secret(clear), p, &p, []Secret{clear}, map[string]Secret{"k": clear}, p.Headers} {
			shown = append(shown, fmt.Sprintf(verb, v, v))
		}
	}
	var logs bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&logs, nil), slog.NewJSONHandler(&logs, nil)} {
		slog.New(h).Info("m", "key", Secret(clear), "provider", p, "headers", p.Headers)
	}
	j, err1 := json.Marshal(p)
	y, err2 := yaml.Marshal(p)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	shown = append(shown, logs.String(), string(j), string(y), fmt.Errorf("x: %v", p.APIKey).Error())
	for _, s := range shown {
		if strings.Contains(s, "clear") || strings.Contains(s, fmt.Sprintf("%x", "clear")) {
			t.Errorf("shows the secret: %s", s)
		}
	}
	if !strings.Contains(logs.String(), "…6789") {
		t.Errorf("the log does not show the mask: %s", logs.String())
	}
}

func TestHeadersAreAPlainMap(t *testing.T) {
	var plain map[string]string = Headers{"a": "b"}
	if plain["a"] != "b" {
		t.Error("lost a header")
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]Size{
		"0": 0, "1": 1, "1048576": MiB, "32MiB": 32 * MiB, "32 mib": 32 * MiB, "5KB": 5000, "5kB": 5000, "7B": 7,
		"1.5GiB": GiB + GiB/2, "2GB": 2e9, "3MB": 3e6, "4KiB": 4096, " 9 ": 9,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "-1.5MiB", "1e3", "0x10", "1_000", "NaN", "Inf", "infinity", "1TB", "9223372036854775807KiB", "99999999999999999999", "1 2"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) = %d, want an error", text, got)
		}
	}
}

func TestSizeRoundTrip(t *testing.T) {
	for _, s := range []Size{0, 1, 1000, 1023, KiB, 1500, MiB, 3 * GiB, GiB + 1, 1 << 62} {
		if got, err := ParseSize(s.String()); err != nil || got != s {
			t.Errorf("%d -> %s -> %d, %v", s, s, got, err)
		}
	}
}
