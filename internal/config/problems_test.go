package config

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/suggest"
)

// Each case is a whole file and the whole error it gives.
func TestProblems(t *testing.T) {
	sections := strings.Join(yamlNames(reflect.TypeFor[Config]()), ", ")
	tests := []struct {
		name, file, want string
	}{
		{
			"unknown key with a near name", "server: {}\n\n\n\n\n\nprvider: 1\n",
			`turnpike.yaml:7: unknown key "prvider" — did you mean "providers"?`,
		},
		{
			"unknown key in a section", "defaults:\n  prvider: x\n",
			`turnpike.yaml:2: unknown key "prvider" in defaults — did you mean "provider"?`,
		},
		{
			"dashes for underscores", "data-dir: x\n",
			`turnpike.yaml:1: unknown key "data-dir" — did you mean "data_dir"?`,
		},
		{
			"right name, wrong section", "log_level: debug\n",
			`turnpike.yaml:1: unknown key "log_level" — did you mean "server.log_level"?`,
		},
		{
			"unknown key, nothing near", "auth: {zebra: 1}\n",
			`turnpike.yaml:1: unknown key "zebra" in auth; known: admin_key, api_key, local, session, members, origins, oidc, group_mappings`,
		},
		{
			"misspelt required key is not also missing", "providers:\n- nmae: a\n  type: sandbox\n",
			`turnpike.yaml:2: unknown key "nmae" in providers[0] — did you mean "name"?`,
		},
		{
			"key written twice", "data_dir: a\ndata_dir: b\n",
			`turnpike.yaml:2: key "data_dir" is written twice, first on line 1`,
		},
		{
			"merge key", "a: &x {port: 1}\nserver:\n  <<: *x\n",
			`turnpike.yaml:1: unknown key "a"; known: ` + sections + "\n" +
				`turnpike.yaml:3: merge keys (<<) are not supported; write the keys out`,
		},
		{"no such catalog", "catalog: /no/such/file.json\n", `turnpike.yaml:1: catalog: there is no file "/no/such/file.json"`},
		{"empty key", "'': x\n", `turnpike.yaml:1: unknown key ""; known: ` + sections},
		{"not a number", "server: {port: http}\n", `turnpike.yaml:1: server.port: "http" is not a whole number`},
		{"fraction", "server: {port: 80.5}\n", `turnpike.yaml:1: server.port: "80.5" is not a whole number`},
		{"list for a scalar", "server:\n  port: [1]\n", `turnpike.yaml:2: server.port: needs a single value, found a list`},
		{"scalar for a section", "server: 8080\n", `turnpike.yaml:1: server needs keys and values, found a single value`},
		{"list for the file", "- a\n", `turnpike.yaml:1: the file needs keys and values, found a list`},
		{"missing space after the colon", "api_key:sk-secret\n", `turnpike.yaml:1: the file needs keys and values, found a single value`},
		{"scalar for a list", "providers: x\n", `turnpike.yaml:1: providers: needs a list, found a single value`},
		{"scalar for a provider", "providers: [x]\n", `turnpike.yaml:1: providers[0] needs keys and values, found a single value`},
		{
			"bool for text", "data_dir: true\n",
			`turnpike.yaml:1: data_dir: needs text; put true in quotes if you mean it`,
		},
		{
			"duration without unit", "server: {heartbeat: 15}\n",
			`turnpike.yaml:1: server.heartbeat: "15" is not a duration; write a number and a unit, for example 15s, 10m, 1h or 30d`,
		},
		{
			"size", "server: {max_body: big}\n",
			`turnpike.yaml:1: server.max_body: "big" is not a size; write for example 32MiB, 500KB or 1048576`,
		},
		{"size out of bounds", "server: {max_body: 5}\n", `turnpike.yaml:1: server.max_body: must be between 1KiB and 1GiB`},
		{
			"kept too shortly, too few, too little", "responses:\n  keep: 1s\n  max: 0\n  max_bytes: 1KiB\n",
			`turnpike.yaml:2: responses.keep: must be between 1m and 87600h; to keep nothing set responses.store to false` + "\n" +
				`turnpike.yaml:3: responses.max: must be between 1 and 100000000; to keep nothing set responses.store to false` + "\n" +
				`turnpike.yaml:4: responses.max_bytes: must be at least 1MiB; to keep nothing set responses.store to false`,
		},
		{"neither true nor false", "responses: {store: maybe}\n", `turnpike.yaml:1: responses.store: "maybe" is not true or false`},
		{
			"port", "server: {port: 65536}\n",
			`turnpike.yaml:1: server.port: 65536 is not a port; use 1 to 65535, or 0 to let the system choose`,
		},
		{
			"host", "server: {host: 'a b'}\n",
			`turnpike.yaml:1: server.host: must be an IP address or a host name; 0.0.0.0 listens on every interface`,
		},
		{
			"level", "server: {log_level: warm}\n",
			`turnpike.yaml:1: server.log_level: "warm" is not one of debug, info, warn, error — did you mean "warn"?`,
		},
		{
			"strategy", "defaults: {lb_strategy: roundrobin}\n",
			`turnpike.yaml:1: defaults.lb_strategy: "roundrobin" is not one of smart, weighted, round-robin, least-used, priority — did you mean "round-robin"?`,
		},
		{
			"default provider", "defaults: {provider: sandbax}\n",
			`turnpike.yaml:1: defaults.provider: no provider is named "sandbax" — did you mean "sandbox"?`,
		},
		{"equal keys", "auth: {admin_key: abc, api_key: abc}\n", `turnpike.yaml:1: auth.api_key: must differ from auth.admin_key, or every client could administrate`},
		{"media size", "media: {max_bytes: 1GiB}\n", `turnpike.yaml:1: media.max_bytes: must be between 1KiB and 100MiB`},
		{"media timeout", "media: {timeout: 5m}\n", `turnpike.yaml:1: media.timeout: must be between 1ms and 1m`},
		{"trusted proxy", "server: {trusted_proxies: [10.0.0.0/8, lb.example]}\n", `turnpike.yaml:1: server.trusted_proxies[1]: "lb.example" is not a network such as 10.0.0.0/8 or 2001:db8::/32, nor an address`},
		{"trusted depth", "server: {trusted_depth: 33}\n", `turnpike.yaml:1: server.trusted_depth: must be between 0 and 32`},
		{"media host", "media: {allow_hosts: [a.example, 'http://b/']}\n", `turnpike.yaml:1: media.allow_hosts[1]: "http://b/" is not a host, *.domain or host:port`},
		{"media port", "media: {deny_hosts: ['*.a.example', '[::1]:8080', 'b:99999']}\n", `turnpike.yaml:1: media.deny_hosts[2]: "b:99999" is not a host, *.domain or host:port`},
		{
			"rules", "policy: {rules: [identiti]}\nrules:\n  - {name: identity, strip_tags: [x]}\n  - {name: identity, drop_unknown_tools: true}\n  - {name: a, drop_unknown_tools: maybe}\n  - {name: b}\n",
			`turnpike.yaml:1: policy.rules[0]: no rule is named "identiti" — did you mean "identity"?` + "\n" +
				`turnpike.yaml:4: rules[1].name: "identity" is the name of another rule; names are unique` + "\n" +
				`turnpike.yaml:5: rules[2].drop_unknown_tools: "maybe" is not true or false` + "\n" +
				`turnpike.yaml:5: rules[2]: does nothing; give it strip_tags, replace or drop_unknown_tools` + "\n" +
				`turnpike.yaml:6: rules[3]: does nothing; give it strip_tags, replace or drop_unknown_tools`,
		},
		{
			"rules of a provider", "providers:\n  - {name: a, type: sandbox, policy: {rules: [x]}}\n",
			`turnpike.yaml:2: providers[0].policy.rules[0]: no rule is named "x"; rules lists none`,
		},
		{
			"ledger", "ledger: {fsync: allways, max_bytes: 1MiB, on_full: '', dir: ' '}\n",
			"turnpike.yaml:1: ledger.dir: must name a folder, or be empty for the one in data_dir\n" +
				`turnpike.yaml:1: ledger.fsync: "allways" is not one of always, interval, never — did you mean "always"?` + "\n" +
				"turnpike.yaml:1: ledger.max_bytes: must be at least 16MiB\n" +
				`turnpike.yaml:1: ledger.on_full: is empty; use one of refuse, run`,
		},
		{
			"database", "database:\n  url: 'mysql://u:pw-in-the-clear@h/n'\n  max_conns: 1\n",
			"turnpike.yaml:2: database.url: is no PostgreSQL address: write postgres://user:password@host:5432/name, special characters in it as %40\n" +
				"turnpike.yaml:3: database.max_conns: must be between 2 and 1000",
		},
		{
			"database that cannot be parsed", "database: {url: 'postgres://u:pw%-in-the-clear@h/n'}\n",
			"turnpike.yaml:1: database.url: is no PostgreSQL address: write postgres://user:password@host:5432/name, special characters in it as %40",
		},
		{
			"database password in the query", "database: {url: 'postgres://h/n?password=x'}\n",
			"turnpike.yaml:1: database.url: has the password behind the question mark; write postgres://user:password@host:5432/name",
		},
		{
			"database without name", "database: {url: 'postgres://h/'}\n",
			"turnpike.yaml:1: database.url: names no database: write postgres://user:password@host:5432/name",
		},
		{"data dir", "data_dir: ''\n", `turnpike.yaml:1: data_dir: must name a folder`},
		{"empty by an unset variable", "data_dir: ${DATA}\n", `turnpike.yaml:1: data_dir: must name a folder (DATA is not set)`},
		{"number by an unset variable", "server: {port: '${P}'}\n", `turnpike.yaml:1: server.port: "${P}" is not a whole number (P is not set)`},
		{
			"open brace", "data_dir: 'a${B'\n",
			`turnpike.yaml:1: data_dir: has "${" without "}"; write $$ for a literal dollar`,
		},
		{"second document", "data_dir: a\n---\ndata_dir: b\n", `turnpike.yaml:2: not valid YAML: a second document begins here; keep one`},
		{
			"all at once, in order", "server:\n  port: x\n  prot: 1\ndata_dir: []\nprovidrs: []\n",
			`turnpike.yaml:2: server.port: "x" is not a whole number` + "\n" +
				`turnpike.yaml:3: unknown key "prot" in server — did you mean "port"?` + "\n" +
				`turnpike.yaml:4: data_dir: needs a single value, found a list` + "\n" +
				`turnpike.yaml:5: unknown key "providrs" — did you mean "providers"?`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := fromText(t, tt.file)
			if err == nil {
				t.Fatal("no error")
			}
			if err.Error() != tt.want {
				t.Errorf("got\n%s\nwant\n%s", err, tt.want)
			}
		})
	}
}

func TestProviderProblems(t *testing.T) {
	tests := []struct {
		name, entries, want string
	}{
		{"no name", "{type: sandbox}", "providers[0].name: is missing"},
		{"bad name", "{name: Big Name, type: sandbox}", `providers[0].name: "Big Name" is not a name`},
		{"name taken", "{name: a, type: sandbox}, {name: a, type: sandbox}", `providers[1].name: "a" is taken by providers[0]`},
		{"reserved name", "{name: sandbox, type: openai, api_key: k}", `the name "sandbox" is kept for the built-in`},
		{"no type", "{name: a}", "providers[0].type: is missing; use one of openai,"},
		{"kiro has no one address", "{name: a, type: kiro, base_url: 'http://h'}", "does not apply to type kiro"},
		{"an enterprise's address", "{name: a, type: copilot, enterprise: 'https://acme.ghe.com'}", "is not a host such as company.ghe.com"},
		{"an enterprise elsewhere", "{name: a, type: kiro, enterprise: acme.ghe.com}", "applies to type copilot only"},
		{"no such API at Copilot", "{name: a, type: copilot, api: converse}", "is not one of chat, responses, messages"},
		{"kiro's profile", "{name: a, type: kiro, profile_arn: p}", `must begin with "arn:"`},
		{"kiro's settings elsewhere", "{name: a, type: openai, api_key: k, settings_file: f}", "applies to type kiro and copilot only"},
		{"bad type", "{name: a, type: antropic}", `"antropic" is not one of openai, openai-compat, azure, anthropic, bedrock, gemini, vertex, sandbox, kiro, copilot — did you mean "anthropic"?`},
		{"api of another type", "{name: a, type: openai, api_key: k, api: converse}", `providers[0].api: "converse" is not one of chat, responses`},
		{"api of bedrock", "{name: a, type: bedrock, api: messages}", `providers[0].api: "messages" is not one of invoke, converse, chat, responses`},
		{"api of a model", "{name: a, type: openai, api_key: k, apis: {'gpt-5*': response}}", `providers[0].apis.gpt-5*: "response" is not one of chat, responses — did you mean "responses"?`},
		{"api of a model of a type with one", "{name: a, type: gemini, api_key: k, apis: {'*': chat}}", "providers[0].apis.*: does not apply to type gemini"},
		{"apis in a list", "{name: a, type: openai, api_key: k, apis: [chat]}", "providers[0].apis: needs patterns and APIs, found a list"},
		{"pattern twice", "{name: a, type: openai, api_key: k, apis: {x: chat, x: responses}}", "written twice"},
		{"azure without address", "{name: a, type: azure, api_key: k}", "providers[0].base_url: is missing; type azure needs the address"},
		{"azure without a way in", "{name: a, type: azure, base_url: 'https://h'}", "providers[0].api_key: is missing; type azure needs a key, or tenant_id"},
		{"azure with two ways in", "{name: a, type: azure, base_url: 'https://h', api_key: k, tenant_id: t, client_id: c, client_secret: hid}", "keep one"},
		{"half an application", "{name: a, type: azure, base_url: 'https://h', tenant_id: t, client_secret: hid}", "belong together; set all three"},
		{"version", "{name: a, type: azure, base_url: 'https://h', api_key: k, api_version: v1}", `providers[0].api_version: "v1" is not a version such as 2024-10-21`},
		{"deployment", "{name: a, type: azure, base_url: 'https://h', api_key: k, deployments: {gpt-4o: a/b}}", `providers[0].deployments.gpt-4o: "a/b" is not the name of a deployment`},
		{"deployments elsewhere", "{name: a, type: openai, api_key: k, deployments: {gpt-4o: b}}", "providers[0].deployments: applies to type azure only, not to openai"},
		{"project elsewhere", "{name: a, type: gemini, api_key: k, project: p}", "providers[0].project: applies to type vertex only, not to gemini"},
		{"key for vertex", "{name: a, type: vertex, api_key: k}", "providers[0].api_key: does not apply to type vertex"},
		{"credentials twice", "{name: a, type: vertex, credentials: '{}', credentials_file: f}", "keep one"},
		{"credentials that are none", "{name: a, type: vertex, credentials: hid.json}", "providers[0].credentials: must be the JSON key"},
		{"project", "{name: a, type: vertex, project: 'a/b'}", "providers[0].project: is not the id"},
		{"location", "{name: a, type: vertex, location: 'a/b'}", "providers[0].location: is not a location"},
		{"mantle address", "{name: a, type: bedrock, mantle_url: 'h/v1'}", "providers[0].mantle_url: must be an absolute address"},
		{"api of a type with one", "{name: a, type: anthropic, api_key: k, api: chat}", "providers[0].api: does not apply to type anthropic"},
		{"no key", "{name: a, type: anthropic}", "providers[0].api_key: is missing; type anthropic needs a key"},
		{"no address", "{name: a, type: openai-compat}", "providers[0].base_url: is missing"},
		{"relative address", "{name: a, type: openai-compat, base_url: localhost:1/v1}", "providers[0].base_url: must be an absolute address"},
		{"ftp address", "{name: a, type: openai-compat, base_url: 'ftp://h/v1'}", "must be an absolute address"},
		{"port of address", "{name: a, type: openai-compat, base_url: 'http://h:99999'}", "must be an absolute address"},
		{"user in address", "{name: a, type: openai-compat, base_url: 'http://u:hidden@h/v1'}", "must not hold a user or password"},
		{"query in address", "{name: a, type: openai-compat, base_url: 'http://h/v1?a=b'}", "must not hold a query"},
		{"region elsewhere", "{name: a, type: openai, api_key: k, region: us-east-1}", "providers[0].region: applies to type bedrock only, not to openai"},
		{"key for bedrock", "{name: a, type: bedrock, api_key: k}", "a Bedrock API key goes into bearer_token"},
		{"bad region", "{name: a, type: bedrock, region: 'us-east-1.evil.example/'}", "providers[0].region: is not an AWS region"},
		{"half a credential", "{name: a, type: bedrock, access_key_id: AK}", "belong together"},
		{"token alone", "{name: a, type: bedrock, session_token: T}", "needs access_key_id and secret_access_key"},
		{"two ways to sign in", "{name: a, type: bedrock, bearer_token: B, profile: p}", "keep one"},
		{"two sources", "{name: a, type: bedrock, profile: p, access_key_id: A, secret_access_key: B}", "keep one"},
		{"role", "{name: a, type: bedrock, role_arn: role/x}", `must begin with "arn:"`},
		{"key in two lines", `{name: a, type: openai, api_key: "hid\nden"}`, "providers[0].api_key: holds a space or a character"},
		{"aws key in two lines", `{name: a, type: bedrock, access_key_id: A, secret_access_key: "hid den"}`, "providers[0].secret_access_key: holds a space"},
		{"key of the sandbox", "{name: a, type: sandbox, api_key: k}", "does not apply to type sandbox"},
		{"address of the sandbox", "{name: a, type: sandbox, base_url: 'http://h'}", "does not apply to type sandbox"},
		{"weight", "{name: a, type: sandbox, weight: -1}", "providers[0].weight: must be between 0 and 1000000"},
		{"empty pattern", "{name: a, type: sandbox, models: [x, '${NONE}']}", "providers[0].models[1]: must be a model name or a pattern such as gpt-* (NONE is not set)"},
		{"enabled", "{name: a, type: sandbox, enabled: maybe}", `providers[0].enabled: "maybe" is not true or false`},
		{"header name", "{name: a, type: sandbox, headers: {'a b': c}}", "is not a header name"},
		{"header of the transport", "{name: a, type: sandbox, headers: {Host: c}}", "is set by the gateway itself"},
		{"header value", `{name: a, type: sandbox, headers: {x: "hid\nden"}}`, "cannot stand in a header"},
		{"header twice", "{name: a, type: sandbox, headers: {x: a, x: b}}", "written twice"},
		{"headers list", "{name: a, type: sandbox, headers: [x]}", "needs names and values, found a list"},
		{"timeout zero", "{name: a, type: sandbox, timeouts: {idle: 0s}}", "providers[0].timeouts.idle: must be between 1ms and 24h"},
		{"timeout too long", "{name: a, type: sandbox, timeouts: {total: 25h}}", "providers[0].timeouts.total: must be between"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := fromText(t, "\n\nproviders: ["+tt.entries+"]\n")
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.HasPrefix(err.Error(), "turnpike.yaml:3: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want line 3 and %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("one mistake gave several problems:\n%s", err)
			}
			if strings.Contains(err.Error(), "hid") {
				t.Errorf("a secret is shown: %s", err)
			}
		})
	}
}

func TestProblemsOutsideTheFile(t *testing.T) {
	_, err := load("", nil, Options{
		Environ: []string{"TURNPIKE_SERVER_PORT=x", "TURNPIKE_AUTH_API_KEY=hid den"},
		Flags:   map[string]string{"server.prot": "1", "server.log_format": "xml"},
	})
	want := `environment variable TURNPIKE_SERVER_PORT: server.port: "x" is not a whole number
flag: unknown setting "server.prot" — did you mean "server.port"?
flag: server.log_format: "xml" is not one of text, json
environment variable TURNPIKE_AUTH_API_KEY: auth.api_key: holds a space or a character that cannot stand in a header`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestSyntaxErrorsCarryTheLine(t *testing.T) {
	for text, line := range map[string]string{
		"server:\n  port: [1\n":           "turnpike.yaml:",
		"a: b\n\tc: d\n":                  "turnpike.yaml:2: not valid YAML: ",
		"server: {port: 1}\n}\n":          "turnpike.yaml:",
		"data_dir: *nowhere\n":            "turnpike.yaml: not valid YAML: unknown anchor",
		"server: {}\ndata_dir: \"\\q\"\n": "turnpike.yaml:2: not valid YAML: ",
	} {
		_, err := fromText(t, text)
		if err == nil || !strings.HasPrefix(err.Error(), line) {
			t.Errorf("%q: got %v, want %s…", text, err, line)
		}
	}
}

func TestWorkIsBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("providers:\n- &p {name: a, type: sandbox, models: &m [")
	b.WriteString(strings.Repeat("x,", 2000))
	b.WriteString("]}\n")
	b.WriteString(strings.Repeat("- *p\n", 2000))
	_, err := fromText(t, b.String())
	if err == nil || !strings.Contains(err.Error(), "too many values") {
		t.Errorf("4 million values by aliases: %.200v", err)
	}
	_, err = fromText(t, strings.Repeat("unknown: 1\n", 50_000))
	var ps Problems
	if !errors.As(err, &ps) || len(ps) != maxProblems {
		t.Errorf("%d problems, want the list cut at %d", len(ps), maxProblems)
	}
}

func TestNearest(t *testing.T) {
	words := []string{"name", "type", "base_url", "api_key", "round-robin"}
	for word, want := range map[string]string{
		"nmae": "name", "BaseURL": "base_url", "apikey": "api_key", "api-key": "api_key", "tpye": "type",
		"round_robin": "round-robin", "zebra": "", "": "", "x": "", strings.Repeat("n", 1000): "",
	} {
		if got := suggest.Nearest(word, words); got != want {
			t.Errorf("suggest.Nearest(%.20q) = %q, want %q", word, got, want)
		}
	}
}
