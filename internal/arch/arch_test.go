// Package arch holds the house rules as tests: who may import whom, and that
// every package says what it is for.
package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "turnpike"

// maxLines is the hard cap of a file.
const maxLines = 600

type pkg struct {
	ImportPath string
	Dir        string
	Doc        string
	GoFiles    []string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,Doc,GoFiles,Imports", module+"/cmd/...", module+"/internal/...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

// rules say what a package may import of this module: the longest matching
// prefix decides. "std" forbids anything outside the standard library too.
var rules = []struct {
	pkg string
	may []string
	std bool
	why string
}{
	{"internal/wire", nil, true, "bytes only: everything stands on it"},
	{"internal/llm", []string{"internal/wire"}, true, "the vocabulary knows no API and no account"},
	{"internal/llm/schema", []string{"internal/wire"}, true, "tools' schemas are JSON, whoever takes them"},
	{"internal/llm/jsontool", []string{"internal/llm", "internal/wire"}, true, "requests into requests, answers into answers, whatever the API"},
	{"internal/dialect/", []string{"internal/llm", "internal/llm/schema", "internal/wire"}, true, "a dialect never sees another, nor an account"},
	{"internal/dialect/turns", []string{"internal/llm"}, true, "what alternating conversations have in common, whichever API wants them so"},
	{"internal/dialect/converse", []string{"internal/llm", "internal/llm/schema", "internal/wire", "internal/dialect/turns"}, true, "turns alternate here; it never sees another dialect"},
	{"internal/dialect/codewhisperer", []string{"internal/llm", "internal/llm/schema", "internal/wire", "internal/dialect/turns"}, true, "turns alternate here; it never sees another dialect"},
	{"internal/dialect/gemini", []string{"internal/llm", "internal/llm/schema", "internal/wire", "internal/dialect/turns"}, true, "turns alternate here; it never sees another dialect"},
	{"internal/dialect/openai", []string{"internal/llm", "internal/wire"}, true, "what OpenAI's two generation APIs have in common knows neither of them"},
	{
		"internal/dialect/chat",
		[]string{"internal/llm", "internal/wire", "internal/dialect/openai"},
		true,
		"one of OpenAI's two generation APIs: shares what both have, never sees the other",
	},
	{
		"internal/dialect/responses",
		[]string{"internal/llm", "internal/wire", "internal/dialect/openai"},
		true,
		"one of OpenAI's two generation APIs: shares what both have, never sees the other",
	},
	{"internal/egress", nil, true, "whom the gateway may call where somebody else names the address: for all who do"},
	{"internal/fetch", []string{"internal/egress"}, true, "calls addresses that clients choose: it knows nothing worth stealing"},
	{
		"internal/dialect/completions",
		[]string{"internal/llm", "internal/wire", "internal/dialect/openai"},
		true,
		"OpenAI's older API: has its errors in common with the two generation APIs",
	},
	{"internal/heal", []string{"internal/llm", "internal/wire"}, true, "upstreams' words and edits of bodies: pure, sends nothing"},
	{"internal/checkup", nil, true, "what was found and what to do about it: who looks knows the parts"},
	{"internal/doctor", []string{"internal/provider", "internal/catalog", "internal/llm"}, true, "asks accounts by their contract, says it in the catalog's words"},
	{"internal/learned", []string{"internal/catalog", "internal/heal", "internal/llm", "internal/store"}, true, "lessons in memory, kept by the store"},
	{"internal/catalog", []string{"internal/llm"}, true, "data about models"},
	{"internal/provider", []string{"internal/llm", "internal/wire"}, false, "an account knows no codec, no road, no store"},
	{"internal/provider/", []string{"internal/provider", "internal/llm", "internal/wire"}, false, "an account never sees another"},
	{"internal/provider/kiro", []string{"internal/provider", "internal/llm", "internal/wire", "internal/signin"}, false, "an account that lives by a person's login"},
	{"internal/provider/copilot", []string{"internal/provider", "internal/llm", "internal/wire", "internal/signin"}, false, "an account that lives by a person's login"},
	{"internal/provider/copilot/copilottest", []string{"internal/wire"}, false, "a service of its own, for tests: shares nothing with the account it judges"},
	{"internal/signin", []string{"internal/llm"}, true, "tokens of people's logins, whoever issues them and wherever they are kept"},
	{"internal/provider/kiro/kirotest", []string{"internal/wire"}, false, "a service of its own, for tests: shares nothing with the account it judges"},
	{
		"internal/route",
		[]string{"internal/provider", "internal/llm", "internal/policy", "internal/health", "internal/affinity", "internal/throttle", "internal/retry"},
		true,
		"choosing is not sending",
	},
	{"internal/health", []string{"internal/llm"}, true, "learns from outcomes, knows no account and no choice"},
	{"internal/affinity", nil, true, "conversations and places are strings to it"},
	{"internal/affinity/replicas", []string{"internal/affinity"}, false, "pins that several gateways have in common; Redis is where they lie"},
	{"internal/retry", []string{"internal/llm", "internal/health"}, true, "pure decisions about what comes next"},
	{"internal/throttle", []string{"internal/llm"}, true, "waits for room at an account, whatever is sent there"},
	{"internal/discover", []string{"internal/provider", "internal/route", "internal/health"}, true, "asks accounts for their lists and keeps the last good ones"},
	{"internal/policy", nil, true, "what the operator wants, said once for gateway, provider and key"},
	{"internal/promptcache", []string{"internal/llm", "internal/wire"}, true, "looks at bodies about to be sent, knows no account and no road"},
	{"internal/session", []string{"internal/wire"}, true, "which conversation a request belongs to, for whoever needs it"},
	{"internal/rules", []string{"internal/llm"}, true, "changes of answers, whatever dialect they come in or go out"},
	{"internal/stitch", []string{"internal/llm"}, true, "one answer of several, whatever dialect they come in or go out"},
	{"internal/price", nil, true, "money is arithmetic: it knows no request, no store, no network"},
	{
		"internal/operator",
		[]string{"internal/store", "internal/roster", "internal/tenancy", "internal/budget", "internal/price", "internal/price/source", "internal/usage", "internal/signin", "internal/vault", "internal/egress"},
		true,
		"what operators do and see, without a word of flags or HTTP",
	},
	{
		"internal/live",
		[]string{"internal/config", "internal/store"},
		false,
		"what is declared and what was set, in the configuration's words: the configuration's own YAML comes with it",
	},
	{
		"internal/declare",
		[]string{"internal/config", "internal/live", "internal/store", "internal/roster", "internal/tenancy", "internal/budget", "internal/limit", "internal/price", "internal/identity"},
		false,
		"teams, keys, budgets and group mappings of the file in the store's words, and back: the configuration's YAML comes with it",
	},
	{
		"internal/importer",
		[]string{"internal/store", "internal/roster", "internal/tenancy", "internal/budget", "internal/limit", "internal/policy", "internal/price"},
		false,
		"what other gateways were set up with, in this one's words: their files are YAML",
	},
	{
		"internal/admin",
		[]string{
			"internal/live", "internal/declare",
			"internal/operator", "internal/store", "internal/roster", "internal/tenancy", "internal/budget", "internal/policy", "internal/price",
			"internal/route", "internal/health", "internal/affinity", "internal/catalog", "internal/peer", "internal/usage", "internal/alert", "internal/suggest", "internal/signin",
			"internal/identity", "internal/origin", "internal/tries", "internal/audit", "internal/payload", "internal/vault",
		},
		true,
		"the operators' door: it never sees the road",
	},
	{"internal/identity", []string{"internal/store"}, false, "who may sign in and what they may do, without a word of HTTP; argon2 and JOSE are not written here"},
	{
		"internal/signon",
		[]string{"internal/identity", "internal/store", "internal/origin", "internal/peer", "internal/tries", "internal/redact", "internal/egress"},
		false,
		"the door people sign in by: it never sees the road, nor the admin API",
	},
	{"internal/origin", nil, true, "which pages may ask, whatever they ask for"},
	{"internal/tries", nil, true, "counts what goes wrong, whoever tried and whatever it was"},
	{"internal/keyring", []string{"internal/policy", "internal/tenancy"}, true, "keys in memory, wherever they come from"},
	{"internal/limit", nil, false, "counts requests and tokens for names: it knows no key and no road; Redis is a place to count in"},
	{"internal/budget", nil, true, "reserves and settles amounts for names: it knows no key, no price and no road"},
	{"internal/tenancy", []string{"internal/limit", "internal/budget"}, true, "who belongs to whom, as data"},
	{
		"internal/roster",
		[]string{"internal/store", "internal/keyring", "internal/tenancy", "internal/limit", "internal/budget", "internal/policy", "internal/peer", "internal/price", "internal/vault"},
		true,
		"whose keys there are, from what the store keeps: the command line and the admin API do the same by it",
	},
	{"internal/peer", nil, true, "addresses of whoever calls"},
	{"internal/store", nil, false, "all SQL is here and nothing else"},
	{"internal/audit", []string{"internal/store"}, true, "who did what, in a chain of rows that the store keeps"},
	{"internal/firewall", nil, true, "counts and looks at addresses of requests, whoever answers them"},
	{"internal/payload", []string{"internal/store"}, true, "texts of requests, whoever seals them; it never holds up the road"},
	{"internal/vault", []string{"internal/store"}, true, "secrets at rest: data keys lie in the store, wrapped"},
	{"internal/vault/awskeys", []string{"internal/vault"}, false, "master keys of AWS; the SDK has the credentials and the signature"},
	{"internal/suggest", nil, true, "words that are nearly the same, whoever asks"},
	{"internal/config", []string{"internal/suggest", "internal/peer", "internal/policy", "internal/price", "internal/rules"}, false, "one struct, no behaviour"},
	{"internal/archive", []string{"internal/store", "internal/llm"}, true, "exchanges, kept by the store; what is in them is the dialect's"},
	{"internal/background", []string{"internal/store", "internal/llm"}, true, "follows answers made elsewhere: who asks for them, and how, is the road's affair"},
	{"internal/ledger", []string{"internal/store"}, true, "accounts, journalled here and kept by the store"},
	{"internal/usage", []string{"internal/store", "internal/price"}, true, "sums and exports of what the store keeps, split as the price book says"},
	{"internal/alert", []string{"internal/store", "internal/usage", "internal/egress"}, true, "thresholds over what was used, told to people; its webhooks go where they may"},
	{"internal/ledger/journal", []string{"internal/ledger/mapped"}, true, "records on the disk, whatever they hold"},
	{"internal/ledger/mapped", nil, true, "files written through memory, whatever is in them"},
	{"internal/redact", nil, true, "text without secrets, whatever the text"},
	{"internal/otel", []string{"internal/llm"}, false, "tells a collector what it is told; it writes OTLP itself"},
	{"internal/telemetry", []string{"internal/llm"}, false, "counts what it is told and asks nobody"},
	{
		"internal/gateway",
		[]string{
			"internal/provider", "internal/policy", "internal/rules", "internal/stitch", "internal/route", "internal/keyring", "internal/ledger", "internal/archive", "internal/background", "internal/price", "internal/store", "internal/llm", "internal/llm/jsontool", "internal/wire", "internal/fetch",
			"internal/promptcache", "internal/session", "internal/payload", "internal/telemetry", "internal/otel", "internal/heal", "internal/learned",
			"internal/health", "internal/retry", "internal/throttle", "internal/limit", "internal/tenancy", "internal/peer",
			"internal/budget", "internal/redact",
			"internal/dialect/embeddings", "internal/dialect/counting", "internal/dialect/bedrock",
		},
		true,
		"the road knows dialects and accounts by their contracts only; embeddings, counting and Bedrock's extras have one client form, so no pair to keep apart",
	},
	{"internal/arch", nil, true, "tests"},
	{"internal/conformance", nil, true, "tests"},
	{"cmd/", []string{"internal/", "console"}, false, "wiring"},
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		rel := strings.TrimPrefix(p.ImportPath, module+"/")
		best := -1
		for i, r := range rules {
			if (rel == r.pkg || strings.HasSuffix(r.pkg, "/") && strings.HasPrefix(rel, r.pkg) || strings.HasPrefix(rel, r.pkg+"/")) &&
				(best < 0 || len(r.pkg) > len(rules[best].pkg)) {
				best = i
			}
		}
		if best < 0 {
			t.Errorf("%s: no rule says what it may import: add one with its reason", rel)
			continue
		}
		r := rules[best]
		for _, imp := range p.Imports {
			own, inside := strings.CutPrefix(imp, module+"/")
			switch {
			case !inside && r.std && strings.Contains(strings.SplitN(imp, "/", 2)[0], "."):
				t.Errorf("%s imports %s: it may use the standard library only (%s)", rel, imp, r.why)
			case inside && !allowed(rel, own, r.may):
				t.Errorf("%s imports %s: not allowed (%s)", rel, own, r.why)
			}
		}
	}
}

func allowed(rel, imp string, may []string) bool {
	return slices.ContainsFunc(may, func(m string) bool {
		return imp == m || strings.HasSuffix(m, "/") && strings.HasPrefix(imp, m) || rel == "internal/llm/llmtest" && imp == "internal/llm"
	}) || strings.HasPrefix(imp, rel+"/") || strings.HasPrefix(rel, imp+"/") && !strings.HasPrefix(rel, "internal/provider/")
}

// TestSQL keeps database access in one place.
func TestSQL(t *testing.T) {
	for _, p := range packages(t) {
		if strings.HasSuffix(p.ImportPath, "internal/store") {
			continue
		}
		for _, imp := range p.Imports {
			if imp == "database/sql" || strings.HasPrefix(imp, "modernc.org/") {
				t.Errorf("%s imports %s: SQL belongs to internal/store", p.ImportPath, imp)
			}
		}
	}
}

// TestResponseWriter keeps the writing side of HTTP to the road, the operators' and the people's door
// and the console.
func TestResponseWriter(t *testing.T) {
	for _, p := range packages(t) {
		rel := strings.TrimPrefix(p.ImportPath, module+"/")
		served := []string{"internal/gateway", "internal/admin", "internal/signon", "internal/provider/sandbox", "internal/provider/kiro/kirotest", "internal/provider/copilot/copilottest", "internal/vault/awskeys/awstest"}
		if slices.Contains(served, rel) || strings.HasPrefix(rel, "cmd/") {
			continue
		}
		for _, f := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, f))
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(text, []byte("http.ResponseWriter")) {
				t.Errorf("%s/%s touches a ResponseWriter", rel, f)
			}
		}
	}
}

// modelName is a question about a model by its name, in code.
var modelName = regexp.MustCompile(`strings\.(HasPrefix|HasSuffix|Contains|EqualFold|Index)\([^\n]*"(claude|gpt|o[134]|gemini|nova|titan|llama|mistral|deepseek|qwen|kimi|grok|amazon\.|anthropic\.)[^"]*"` +
	`|(==|!=|case) "(claude-|gpt-|o[134]-|gemini-|nova-|llama|mistral|deepseek|qwen|kimi|grok)[^"]*"`)

// TestNoModelNames: what models can do is data (internal/catalog). No codec and no part
// of the road asks for a model by its name.
func TestNoModelNames(t *testing.T) {
	seen := 0
	for _, p := range packages(t) {
		rel := strings.TrimPrefix(p.ImportPath, module+"/internal/")
		first, _, _ := strings.Cut(rel, "/")
		if !slices.Contains([]string{"dialect", "gateway", "llm", "promptcache", "heal", "learned", "stitch", "rules", "session", "health", "retry"}, first) {
			continue
		}
		for _, f := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, f))
			if err != nil {
				t.Fatal(err)
			}
			seen++
			for _, found := range modelName.FindAll(text, -1) {
				t.Errorf("%s/%s: %s: what a model can do belongs into internal/catalog/models.json", rel, f, found)
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d files were looked at", seen)
	}
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

func TestFilesCanBeReadInOneSitting(t *testing.T) {
	for _, p := range packages(t) {
		for _, f := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, f))
			if err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(text, []byte("\n")); n > maxLines {
				t.Errorf("%s/%s has %d lines, more than %d", p.ImportPath, f, n, maxLines)
			}
		}
	}
}

// TestExperiments: with GOEXPERIMENT=jsonv2 the meaning of struct tags changes
// silently; and other experiments have not been looked at.
func TestExperiments(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOEXPERIMENT").Output()
	if err != nil {
		t.Fatal(err)
	}
	if s := strings.TrimSpace(string(out)); s != "" {
		t.Errorf("GOEXPERIMENT is %q; build without experiments", s)
	}
}
