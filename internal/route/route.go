// Package route decides which accounts may serve a model, in what order, and
// keeps the reasons.
package route

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync/atomic"

	"turnpike/internal/llm"
	"turnpike/internal/policy"
	"turnpike/internal/provider"
)

// Account is a provider with what the configuration says about its use.
type Account struct {
	Provider provider.Provider
	Models   []string // globs of the models it serves; none: any
	Weight   int
	Off      string // why it is not used; empty when it is
	Policy   policy.Policy
	listed   atomic.Pointer[map[string]provider.Model]
}

// SetListed stores what the account says it offers.
func (a *Account) SetListed(models []provider.Model) {
	m := make(map[string]provider.Model, len(models))
	for _, x := range models {
		m[x.ID] = x
	}
	a.listed.Store(&m)
}

// Listed is what the account said it offers, nil if it was not asked.
func (a *Account) Listed() map[string]provider.Model {
	if m := a.listed.Load(); m != nil {
		return *m
	}
	return nil
}

// Target is a place a request may be sent to.
type Target struct {
	Provider provider.Provider
	Model    string // as the upstream wants it
	Why      string // how it came to be a target
	Policy   policy.Policy
}

// Table resolves models.
type Table struct {
	accounts        []*Account
	defaultProvider string
	defaultModel    string
}

// New makes a table.
func New(accounts []*Account, defaultProvider, defaultModel string) *Table {
	return &Table{accounts: accounts, defaultProvider: defaultProvider, defaultModel: defaultModel}
}

// Accounts lists all accounts, also those not in use.
func (t *Table) Accounts() []*Account { return t.accounts }

// Resolve gives the targets for the model a client asks for, best first. The
// order of the rules: the provider's name before a slash; accounts whose
// configuration lists the model; accounts that said they offer it; accounts of
// the vendor the model's name tells; the default provider; the only provider
// there is.
func (t *Table) Resolve(model string) ([]Target, *llm.Error) {
	if model == "" {
		model = t.defaultModel
	}
	if model == "" {
		return nil, &llm.Error{Kind: llm.ErrInvalid, Param: "model", Message: "model: name the model you want; GET /v1/models lists them"}
	}
	if name, rest, ok := strings.Cut(model, "/"); ok && rest != "" {
		if a := t.named(name); a != nil {
			return a.asked(rest)
		}
	}
	for _, rule := range []struct {
		why  string
		fits func(*Account) bool
	}{
		{"lists the model", func(a *Account) bool { return a.Serves(model) }},
		{"offers the model", func(a *Account) bool { _, ok := a.Listed()[model]; return ok && len(a.Models) == 0 }},
		{"is of the model's vendor", func(a *Account) bool { return len(a.Models) == 0 && vendor(model) == a.Provider.Kind() }},
		{"is the default provider", func(a *Account) bool {
			return a.Provider.Name() == t.defaultProvider && (len(a.Models) == 0 || a.Serves(model))
		}},
	} {
		if ts := t.pick(model, rule.why, rule.fits); len(ts) > 0 {
			return ts, nil
		}
	}
	if a := t.only(); a != nil {
		return []Target{a.target(model, "is the only provider")}, nil
	}
	return nil, &llm.Error{
		Kind: llm.ErrNotFound, Code: "model_not_found", Param: "model", NoRetry: true,
		Message: fmt.Sprintf("model %q: no provider serves it. Ask for provider/model, or set defaults.provider; GET /v1/models lists what there is", model),
	}
}

// asked is the account as the one target, for who named it.
func (a *Account) asked(model string) ([]Target, *llm.Error) {
	var why string
	switch {
	case a.Off != "":
		why = "is not in use: " + a.Off
	case len(a.Models) > 0 && !a.Serves(model):
		why = "is not set up to serve it (its models)"
	default:
		return []Target{a.target(model, "named by the model's prefix")}, nil
	}
	return nil, &llm.Error{
		Kind: llm.ErrNotFound, Code: "model_not_found", Param: "model", NoRetry: true,
		Message: fmt.Sprintf("model %q: provider %s %s", model, a.Provider.Name(), why),
	}
}

func (a *Account) target(model, why string) Target {
	return Target{Provider: a.Provider, Model: model, Why: why, Policy: a.Policy}
}

func (t *Table) named(name string) *Account {
	for _, a := range t.accounts {
		if a.Provider.Name() == name {
			return a
		}
	}
	return nil
}

func (t *Table) pick(model, why string, fits func(*Account) bool) []Target {
	var found []*Account
	for _, a := range t.accounts {
		if a.Off == "" && fits(a) {
			found = append(found, a)
		}
	}
	slices.SortStableFunc(found, func(a, b *Account) int { return cmp.Compare(b.Weight, a.Weight) })
	out := make([]Target, len(found))
	for i, a := range found {
		out[i] = a.target(model, why)
	}
	return out
}

// only is the single account in use beside the sandbox, which never stands in
// for a real one.
func (t *Table) only() *Account {
	var one *Account
	for _, a := range t.accounts {
		if a.Off != "" || a.Provider.Kind() == "sandbox" || len(a.Models) > 0 {
			continue
		}
		if one != nil {
			return nil
		}
		one = a
	}
	return one
}

// Serves tells whether the configuration lists a model for the account. In its
// globs a star stands for slashes too: models are not files.
func (a *Account) Serves(model string) bool {
	for _, g := range a.Models {
		if ok, err := path.Match(noSlash(g), noSlash(model)); err == nil && ok || g == model {
			return true
		}
	}
	return false
}

func noSlash(s string) string { return strings.ReplaceAll(s, "/", "\x00") }

// vendors tell the kind of account from how a model's name begins.
var vendors = []struct{ prefix, kind string }{
	{"sandbox", "sandbox"},
	{"claude-", "anthropic"},
	{"gpt-", "openai"},
	{"chatgpt-", "openai"},
	{"o1", "openai"},
	{"o3", "openai"},
	{"o4-", "openai"},
	{"codex-", "openai"},
	{"gemini-", "gemini"},
	{"arn:aws", "bedrock"},
}

// bedrockVendors are the first words of Bedrock model ids (AWS: supported foundation models).
var bedrockVendors = []string{
	"anthropic.", "amazon.", "meta.", "mistral.", "cohere.", "ai21.", "deepseek.", "qwen.", "openai.", "writer.",
	"moonshot.", "moonshotai.", "minimax.", "zai.", "google.", "nvidia.", "stability.", "luma.", "twelvelabs.",
}

var geoPrefixes = []string{"us.", "eu.", "apac.", "au.", "ca.", "jp.", "global.", "us-gov."}

func vendor(model string) string {
	for _, v := range vendors {
		if strings.HasPrefix(model, v.prefix) {
			return v.kind
		}
	}
	for _, g := range geoPrefixes {
		if rest, ok := strings.CutPrefix(model, g); ok {
			model = rest
			break
		}
	}
	for _, v := range bedrockVendors {
		if strings.HasPrefix(model, v) {
			return "bedrock"
		}
	}
	return ""
}
