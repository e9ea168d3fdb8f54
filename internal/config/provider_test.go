package config

import (
	"slices"
	"strings"
	"testing"
)

func TestDisabledProviders(t *testing.T) {
	tests := []struct {
		name, entry string
		environ     []string
		reason      string
	}{
		{"key of an unset variable", "type: openai, api_key: '${K}'", nil, "no api_key (K is not set)"},
		{"key of an empty variable", "type: openai, api_key: '${K}'", []string{"K="}, "no api_key (K is empty)"},
		{"key of a set variable", "type: openai, api_key: '${K}'", []string{"K=k"}, ""},
		{"key with surroundings of blank", "type: openai, api_key: '${K}'", []string{"K= k\n"}, ""},
		{"optional key", "type: openai-compat, base_url: 'http://h', api_key: '${K:-}'", nil, ""},
		{"key of a compatible server", "type: openai-compat, base_url: 'http://h', api_key: '${K}'", nil, "no api_key (K is not set)"},
		{"address", "type: openai-compat, base_url: '${U}'", nil, "no base_url (U is not set)"},
		{"own server without key", "type: anthropic, base_url: 'http://h'", nil, ""},
		{"key in a header", "type: anthropic, headers: {authorization: Bearer x}", nil, ""},
		{"bedrock by the chain", "type: bedrock, region: us-east-1", nil, ""},
		{"bedrock without region", "type: bedrock", nil, ""},
		{"bedrock region variable", "type: bedrock, region: '${R}'", nil, "no region (R is not set)"},
		{"bedrock keys", "type: bedrock, access_key_id: '${A}', secret_access_key: '${S}'", []string{"A=a"}, "no secret_access_key (S is not set)"},
		{"bedrock optional token", "type: bedrock, access_key_id: a, secret_access_key: s, session_token: '${T}'", nil, ""},
		{"bedrock one of two ways", "type: bedrock, bearer_token: b, access_key_id: '${A}'", nil, ""},
		{"bedrock bearer", "type: bedrock, bearer_token: '${B}'", nil, "no bearer_token (B is not set)"},
		{"bedrock role", "type: bedrock, role_arn: '${ROLE}'", nil, "no role_arn (ROLE is not set)"},
		{"azure key", "type: azure, base_url: 'https://h', api_key: '${K}'", nil, "no api_key (K is not set)"},
		{"azure address", "type: azure, base_url: '${U}', api_key: k", nil, "no base_url (U is not set)"},
		{"azure application", "type: azure, base_url: 'https://h', tenant_id: t, client_id: c, client_secret: '${S}'", nil, "no client_secret (S is not set)"},
		{"azure one of two ways", "type: azure, base_url: 'https://h', api_key: k, client_secret: '${S:-}'", nil, ""},
		{"vertex by the machine", "type: vertex, project: p", nil, ""},
		{"vertex file", "type: vertex, credentials_file: '${F}'", nil, "no credentials_file (F is not set)"},
		{"switched off", "type: openai, api_key: k, enabled: false", nil, "switched off (enabled: false)"},
		{"unofficial", "type: kiro", nil, "it is unofficial (for personal testing and research; it may stop at any time and may breach the service's terms): unofficial: true allows it"},
		{"copilot", "type: copilot", nil, "it is unofficial (for personal testing and research; it may stop at any time and may breach the service's terms): unofficial: true allows it"},
		{"copilot, allowed", "type: copilot", []string{"TURNPIKE_UNOFFICIAL=true"}, ""},
		{"unofficial and allowed", "type: kiro", []string{"TURNPIKE_UNOFFICIAL=true"}, ""},
		{"switched on", "type: openai, api_key: k, enabled: true", nil, ""},
		{"itself", "type: anthropic, api_key: k, base_url: 'http://localhost:8080'", nil, "its base_url is this gateway's own address"},
		{"itself by address", "type: anthropic, api_key: k, base_url: 'http://127.0.0.1:8080/v1'", nil, "its base_url is this gateway's own address"},
		{"neighbour", "type: anthropic, api_key: k, base_url: 'http://localhost:8081'", nil, ""},
		{"same port elsewhere", "type: anthropic, api_key: k, base_url: 'http://10.0.0.1:8080'", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := mustLoad(t, "providers: [{name: a, "+tt.entry+"}]", tt.environ...).Providers[0]
			if p.Reason != tt.reason || p.Disabled != (tt.reason != "") {
				t.Errorf("Disabled %v, Reason %q; want %q", p.Disabled, p.Reason, tt.reason)
			}
			if p.APIKey != "" && p.APIKey != "k" {
				t.Errorf("key %q", p.APIKey.Reveal())
			}
		})
	}
}

func TestIsSelf(t *testing.T) {
	tests := []struct {
		url, host string
		port      int
		want      bool
	}{
		{"http://127.0.0.1:8080", "0.0.0.0", 8080, true},
		{"http://[::1]:8080/v1", "127.0.0.1", 8080, true},
		{"http://gate.example", "gate.example", 80, true},
		{"https://GATE.example", "gate.example", 443, true},
		{"http://gate.example", "127.0.0.1", 80, false},
		{"http://localhost:8080", "10.1.1.1", 8080, false},
		{"http://127.0.0.1:0", "127.0.0.1", 0, false},
		{"", "127.0.0.1", 8080, false},
	}
	for _, tt := range tests {
		if got := isSelf(tt.url, Server{Host: tt.host, Port: tt.port}); got != tt.want {
			t.Errorf("isSelf(%q, %s:%d) = %v", tt.url, tt.host, tt.port, got)
		}
	}
}

func TestSandboxIsAlwaysThere(t *testing.T) {
	names := func(text string) []string {
		var out []string
		for _, p := range mustLoad(t, text).Providers {
			out = append(out, p.Type+" "+p.Name)
		}
		return out
	}
	for text, want := range map[string][]string{
		"":                                       {"sandbox sandbox"},
		"providers: []":                          {"sandbox sandbox"},
		"providers: [{name: a, type: sandbox}]":  {"sandbox a"},
		"providers: [{name: b, type: bedrock}]":  {"bedrock b", "sandbox sandbox"},
		"defaults: {provider: sandbox}":          {"sandbox sandbox"},
		"defaults: {provider: sandbox, model: }": {"sandbox sandbox"},
	} {
		if got := names(text); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	off := mustLoad(t, "providers: [{name: sandbox, type: sandbox, enabled: false}]")
	if len(off.Active()) != 0 {
		t.Errorf("the sandbox cannot be switched off: %+v", off.Providers)
	}
}

func TestBedrockRegionFromTheEnvironment(t *testing.T) {
	const file = "providers: [{name: b, type: bedrock}]"
	for want, environ := range map[string][]string{
		"us-west-2":     {"AWS_REGION=us-west-2", "AWS_DEFAULT_REGION=eu-west-1"},
		"eu-west-1":     {"AWS_DEFAULT_REGION=eu-west-1"},
		"":              nil,
		"ap-east-1":     {"AWS_REGION=", "AWS_DEFAULT_REGION=ap-east-1"},
		"us-gov-east-1": {"AWS_REGION=us-gov-east-1"},
	} {
		if got := mustLoad(t, file, environ...).Providers[0].Region; got != want {
			t.Errorf("%v: region %q, want %q", environ, got, want)
		}
	}
}

func TestAPIRulesKeepTheirOrder(t *testing.T) {
	cfg := mustLoad(t, `providers: [{name: a, type: openai, api_key: k, api: chat, apis: {"gpt-5-chat*": chat, "gpt-5*": responses, "a*": "${API}"}}]`, "API=responses")
	want := APIRules{{"gpt-5-chat*", APIChat}, {"gpt-5*", APIResponses}, {"a*", APIResponses}}
	if got := cfg.Providers[0].APIs; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	out, err := Print(cfg)
	if err != nil || !strings.Contains(string(out), "apis:\n      \"gpt-5-chat*\": chat\n      \"gpt-5*\": responses\n") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestOffered(t *testing.T) {
	for entry, want := range map[string][]string{
		"type: azure, base_url: 'https://h', api_key: k, deployments: {gpt-4o: b, gpt-4.1: c}":              {"gpt-4.1", "gpt-4o"},
		"type: azure, base_url: 'https://h', api_key: k, deployments: {gpt-4o: b}, models: ['gpt-*', 'o1']": {"gpt-*", "o1"},
		"type: azure, base_url: 'https://h', api_key: k":                                                    nil,
	} {
		p := mustLoad(t, "providers: [{name: a, "+entry+"}]").Providers[0]
		if got := p.Offered(); !slices.Equal(got, want) {
			t.Errorf("%s offers %v", entry, got)
		}
	}
}
