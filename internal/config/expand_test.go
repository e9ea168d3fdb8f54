package config

import (
	"strings"
	"testing"
)

func TestExpand(t *testing.T) {
	env := environment([]string{"A=one", "B_2=two", "EMPTY=", "TRICK=${A}$$", "LONG=x=y"})
	tests := []struct{ text, want, unset, err string }{
		{text: "plain", want: "plain"},
		{text: "${A}", want: "one"},
		{text: "<${A}-${B_2}>", want: "<one-two>"},
		{text: "${LONG}", want: "x=y"},
		{text: "${NONE}", unset: "NONE"},
		{text: "${EMPTY}", unset: "EMPTY"},
		{text: "a${NONE}b${EMPTY}", want: "ab", unset: "NONE"},
		{text: "${NONE:-fall back}", want: "fall back"},
		{text: "${EMPTY:-d}", want: "d"},
		{text: "${A:-d}", want: "one"},
		{text: "${NONE:-}", want: ""},
		{text: "${NONE:-a:-b}", want: "a:-b"},
		{text: "$$", want: "$"},
		{text: "$${A}", want: "${A}"},
		{text: "$$$$", want: "$$"},
		{text: "$${${A}", want: "${one"},
		{text: "$A costs 5$", want: "$A costs 5$"},
		{text: "${TRICK}", want: "${A}$$"}, // a value is not expanded again
		{text: "é${A}é", want: "éoneé"},
		{text: "${A", err: `without "}"`},
		{text: "${}", err: "not a variable"},
		{text: "${1A}", err: "not a variable"},
		{text: "${A-B}", err: "not a variable"},
		{text: "${A:-${B_2}}", err: "inside the default"},
	}
	for _, tt := range tests {
		got, unset, err := expand(tt.text, env)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("expand(%q) error %v, want %q", tt.text, err, tt.err)
			}
			continue
		}
		if err != nil || got != tt.want || unset != tt.unset {
			t.Errorf("expand(%q) = %q, unset %q, %v; want %q, %q", tt.text, got, unset, err, tt.want, tt.unset)
		}
	}
}

// Expansion comes after parsing: a value cannot change the structure.
func TestValuesCannotInjectYAML(t *testing.T) {
	const evil = "x, port: 1}\nauth: {api_key: stolen"
	cfg := mustLoad(t, "defaults: {model: \"${EVIL}\"}\ndata_dir: ${EVIL}\n", "EVIL="+evil)
	if cfg.Defaults.Model != evil || cfg.DataDir != evil || cfg.Auth.APIKey != "" || cfg.Server.Port != 8080 {
		t.Errorf("got %+v", cfg)
	}
}

func TestExpansionInEveryKindOfScalar(t *testing.T) {
	cfg := mustLoad(t, `
server: {port: "${PORT}", max_body: '${SIZE:-1MiB}', heartbeat: "${BEAT}"}
data_dir: ${DIR:-./here}
providers:
- {name: "${NAME}", type: sandbox, enabled: "${ON:-false}", models: ["${M}-*"], weight: "${W:-3}", headers: {a: "${PORT}"}}
`, "PORT=81", "BEAT=3s", "NAME=box", "M=gpt")
	p := cfg.Providers[0]
	if cfg.Server.Port != 81 || cfg.Server.MaxBody != MiB || cfg.Server.Heartbeat.String() != "3s" || cfg.DataDir != "./here" ||
		p.Name != "box" || *p.Enabled || p.Models[0] != "gpt-*" || p.Weight != 3 || p.Headers["a"] != "81" {
		t.Errorf("server %+v provider %+v", cfg.Server, p)
	}
}

// Values from the environment and from flags are taken as they are.
func TestOverridesAreNotExpanded(t *testing.T) {
	cfg, err := load("", nil, Options{
		Environ: []string{"TURNPIKE_DATA_DIR=${HOME}", "HOME=/h"},
		Flags:   map[string]string{"defaults.model": "$$x"},
	})
	if err != nil || cfg.DataDir != "${HOME}" || cfg.Defaults.Model != "$$x" {
		t.Errorf("%+v, %v", cfg, err)
	}
}
