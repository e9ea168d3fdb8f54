package config

import (
	"strings"
	"testing"
)

func TestDetect(t *testing.T) {
	tests := []struct {
		name    string
		environ []string
		want    string // name(base_url,region,key) reason; …
	}{
		{"nothing", nil, ""},
		{"openai", []string{"OPENAI_API_KEY=sk-1"}, "openai(,,sk-1)"},
		{"openai elsewhere", []string{"OPENAI_API_KEY=sk-1", "OPENAI_BASE_URL=https://h/v1"}, "openai(https://h/v1,,sk-1)"},
		{"openai address without key", []string{"OPENAI_BASE_URL=https://h/v1"}, ""},
		{"openai empty key", []string{"OPENAI_API_KEY= "}, ""},
		{"anthropic", []string{"ANTHROPIC_API_KEY=sk-2\n", "ANTHROPIC_BASE_URL=https://a"}, "anthropic(https://a,,sk-2)"},
		{"gemini", []string{"GEMINI_API_KEY=g"}, "gemini(,,g)"},
		{"bedrock key", []string{"AWS_BEARER_TOKEN_BEDROCK=b", "AWS_REGION=us-east-1"}, "bedrock(,us-east-1,b)"},
		{"aws keys stay with the chain", []string{"AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=s", "AWS_DEFAULT_REGION=us-east-2"}, "bedrock(,us-east-2,)"},
		{"aws profile", []string{"AWS_PROFILE=p", "AWS_REGION=eu-west-1"}, "bedrock(,eu-west-1,)"},
		{"aws web identity", []string{"AWS_WEB_IDENTITY_TOKEN_FILE=/t", "AWS_REGION=eu-west-1"}, "bedrock(,eu-west-1,)"},
		{"ecs", []string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/x", "AWS_REGION=eu-west-1"}, "bedrock(,eu-west-1,)"},
		{"eks pod identity", []string{"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://x", "AWS_REGION=eu-west-1"}, "bedrock(,eu-west-1,)"},
		{"aws without region", []string{"AWS_PROFILE=p"}, ""},
		{"region without credentials", []string{"AWS_REGION=eu-west-1"}, ""},
		{
			"all, in order",
			[]string{"GEMINI_API_KEY=g", "AWS_PROFILE=p", "AWS_REGION=eu-west-1", "ANTHROPIC_API_KEY=a", "OPENAI_API_KEY=o"},
			"openai(,,o); anthropic(,,a); bedrock(,eu-west-1,); gemini(,,g)",
		},
		{"bad address", []string{"OPENAI_API_KEY=k", "OPENAI_BASE_URL=h:1/v1"}, "openai(,,k) OPENAI_BASE_URL must be an absolute address such as https://host/v1"},
		{"bad key", []string{"OPENAI_API_KEY=a b"}, "openai(,,) OPENAI_API_KEY holds a space or a character that cannot stand in a header"},
		{"bad region", []string{"AWS_PROFILE=p", "AWS_REGION=us/east"}, "bedrock(,,) AWS_REGION or AWS_DEFAULT_REGION is not a region such as us-east-1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, p := range Detect(tt.environ) {
				if p.Type != p.Name || p.Weight != 100 || p.Timeouts.Total == 0 {
					t.Errorf("provider %+v lacks its defaults", p)
				}
				key := p.APIKey.Reveal() + p.BearerToken.Reveal()
				got = append(got, strings.TrimSpace(p.Name+"("+p.BaseURL+","+p.Region+","+key+") "+p.Reason))
			}
			if s := strings.Join(got, "; "); s != tt.want {
				t.Errorf("got %q, want %q", s, tt.want)
			}
		})
	}
}

func TestDetectOnlyWithoutProviders(t *testing.T) {
	const key = "OPENAI_API_KEY=sk-1"
	if cfg := mustLoad(t, "data_dir: x", key); !cfg.Detected || cfg.Providers[0].Name != "openai" {
		t.Errorf("not detected: %+v", cfg.Providers)
	}
	if cfg := mustLoad(t, "providers: [{name: a, type: sandbox}]", key); cfg.Detected || len(cfg.Providers) != 1 {
		t.Errorf("detected although the file lists providers: %+v", cfg.Providers)
	}
}

// A shell set up for Claude Code points ANTHROPIC_BASE_URL at the gateway; the
// gateway started from it must not call itself.
func TestDetectedLoopIsDisabled(t *testing.T) {
	p := mustLoad(t, "", "ANTHROPIC_API_KEY=k", "ANTHROPIC_BASE_URL=http://127.0.0.1:8080").Providers[0]
	if !p.Disabled || !strings.Contains(p.Reason, "own address") {
		t.Errorf("provider %+v", p)
	}
}
