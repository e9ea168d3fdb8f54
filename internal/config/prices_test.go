package config

import (
	"strings"
	"testing"

	"turnpike/internal/price"
)

func TestPrices(t *testing.T) {
	for text, want := range map[string]string{
		"prices: {sync: daily, sources: [https://prices.example/a.json, 'http://127.0.0.1:9/b']}": "",
		"prices: {ceiling_input: '15.5', ceiling_output: $75}":                                    "",
		"prices: {sync: hourly}":                                    "is not one of off, daily",
		"prices: {sync: daily}":                                     "",
		"prices: {sources: [http://prices.example/a.json]}":         "must be https",
		"prices: {sources: [a.json]}":                               "absolute address",
		"prices: {sources: ['https://u:p@prices.example/']}":        "without user",
		"prices: {sources: [https://a.example, https://a.example]}": "prices.sources[0] again",
		"prices: {ceiling_input: cheap}":                            "is not a price",
		"prices: {ceiling_output: '-1'}":                            "is not a price",
	} {
		cfg, err := load("turnpike.yaml", []byte(text), Options{})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
		if err == nil && (len(cfg.Warnings) > 0) != strings.HasSuffix(text, "daily}") {
			t.Errorf("%s: warnings %q", text, cfg.Warnings)
		}
		if want == "" && strings.Contains(text, "75") {
			r := cfg.Prices.Ceiling()
			if out, _ := r.Get(price.Output); out.String() != "$75.00" {
				t.Errorf("ceiling %s", out)
			}
		}
	}
}
