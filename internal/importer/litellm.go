package importer

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// liteFile is config.yaml of LiteLLM, as far as it is read.
// https://docs.litellm.ai/docs/proxy/config_settings
type liteFile struct {
	Models      []liteModel          `yaml:"model_list"`
	Litellm     map[string]any       `yaml:"litellm_settings"`
	Router      map[string]any       `yaml:"router_settings"`
	General     map[string]any       `yaml:"general_settings"`
	Environment map[string]string    `yaml:"environment_variables"`
	Include     []string             `yaml:"include"`
	Rest        map[string]yaml.Node `yaml:",inline"`
}

// liteModel is one deployment: several of a name share its requests.
type liteModel struct {
	Name   string         `yaml:"model_name"`
	Params map[string]any `yaml:"litellm_params"`
	Info   map[string]any `yaml:"model_info"`
}

// liteTypes are the types of providers by what stands before the slash of a model. base is of
// those that speak OpenAI's API elsewhere. https://docs.litellm.ai/docs/providers
var liteTypes = map[string]struct{ kind, base string }{
	"openai": {"openai", ""}, "text-completion-openai": {"openai", ""}, "anthropic": {"anthropic", ""}, "bedrock": {"bedrock", ""}, "azure": {"azure", ""},
	"gemini": {"gemini", ""}, "vertex_ai": {"vertex", ""}, "vertex_ai_beta": {"vertex", ""},
	"groq": {"openai-compat", "https://api.groq.com/openai/v1"}, "mistral": {"openai-compat", "https://api.mistral.ai/v1"},
	"deepseek": {"openai-compat", "https://api.deepseek.com/v1"}, "together_ai": {"openai-compat", "https://api.together.xyz/v1"},
	"openrouter": {"openai-compat", "https://openrouter.ai/api/v1"}, "xai": {"openai-compat", "https://api.x.ai/v1"},
	"fireworks_ai": {"openai-compat", "https://api.fireworks.ai/inference/v1"}, "perplexity": {"openai-compat", "https://api.perplexity.ai"},
	"cerebras": {"openai-compat", "https://api.cerebras.ai/v1"}, "deepinfra": {"openai-compat", "https://api.deepinfra.com/v1/openai"},
	"nvidia_nim": {"openai-compat", "https://integrate.api.nvidia.com/v1"}, "sambanova": {"openai-compat", "https://api.sambanova.ai/v1"},
	"moonshot": {"openai-compat", "https://api.moonshot.ai/v1"}, "dashscope": {"openai-compat", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"},
	"ollama": {"openai-compat", "http://localhost:11434/v1"}, "ollama_chat": {"openai-compat", "http://localhost:11434/v1"},
	"hosted_vllm": {"openai-compat", ""}, "openai_like": {"openai-compat", ""}, "lm_studio": {"openai-compat", ""}, "litellm_proxy": {"openai-compat", ""},
	"llamafile": {"openai-compat", ""}, "custom_openai": {"openai-compat", ""}, "azure_ai": {"openai-compat", ""},
}

// liteKeys are the variables that LiteLLM reads keys from where the file names none.
var liteKeys = map[string]string{
	"openai": "OPENAI_API_KEY", "text-completion-openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY", "gemini": "GEMINI_API_KEY", "azure": "AZURE_API_KEY",
	"groq": "GROQ_API_KEY", "mistral": "MISTRAL_API_KEY", "deepseek": "DEEPSEEK_API_KEY", "together_ai": "TOGETHERAI_API_KEY", "openrouter": "OPENROUTER_API_KEY",
	"xai": "XAI_API_KEY", "fireworks_ai": "FIREWORKS_AI_API_KEY", "perplexity": "PERPLEXITYAI_API_KEY", "cerebras": "CEREBRAS_API_KEY", "deepinfra": "DEEPINFRA_API_KEY",
	"nvidia_nim": "NVIDIA_NIM_API_KEY", "sambanova": "SAMBANOVA_API_KEY", "moonshot": "MOONSHOT_API_KEY", "dashscope": "DASHSCOPE_API_KEY",
}

// liteStrategies are LiteLLM's ways to spread requests.
var liteStrategies = map[string]string{
	"simple-shuffle": "weighted", "least-busy": "least-used", "usage-based-routing": "least-used", "usage-based-routing-v2": "least-used", "latency-based-routing": "smart",
}

// liteParams are the parameters of a deployment that are taken over, and where.
var liteParams = map[string]func(*Provider) *string{
	"api_key": func(p *Provider) *string { return &p.APIKey }, "api_base": func(p *Provider) *string { return &p.BaseURL }, "base_url": func(p *Provider) *string { return &p.BaseURL },
	"api_version": func(p *Provider) *string { return &p.APIVersion }, "aws_region_name": func(p *Provider) *string { return &p.Region },
	"aws_access_key_id": func(p *Provider) *string { return &p.AccessKeyID }, "aws_secret_access_key": func(p *Provider) *string { return &p.SecretAccessKey },
	"aws_session_token": func(p *Provider) *string { return &p.SessionToken }, "aws_role_name": func(p *Provider) *string { return &p.RoleARN },
	"aws_profile_name": func(p *Provider) *string { return &p.Profile }, "aws_bedrock_runtime_endpoint": func(p *Provider) *string { return &p.BaseURL },
	"vertex_project": func(p *Provider) *string { return &p.Project }, "vertex_location": func(p *Provider) *string { return &p.Location },
	"vertex_credentials": func(p *Provider) *string { return &p.Credentials }, "tenant_id": func(p *Provider) *string { return &p.TenantID },
	"client_id": func(p *Provider) *string { return &p.ClientID }, "client_secret": func(p *Provider) *string { return &p.ClientSecret },
}

// group is what stands behind a name: its deployments in order.
type group struct {
	name    string
	targets []target
}

type target struct{ provider, model string }

// LiteLLM reads config.yaml into the plan.
func (p *Plan) LiteLLM(text []byte) error {
	var f liteFile
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&f); err != nil {
		return fmt.Errorf("it is not a config.yaml of LiteLLM: %w", err)
	}
	if len(f.Models) == 0 && f.General == nil {
		return errors.New("it has neither model_list nor general_settings: it is not a config.yaml of LiteLLM")
	}
	var groups []*group
	for i := range f.Models {
		m := &f.Models[i]
		at := slices.IndexFunc(groups, func(g *group) bool { return g.name == m.Name })
		if at < 0 {
			at, groups = len(groups), append(groups, &group{name: m.Name})
		}
		if t, ok := p.deployment(m); ok {
			groups[at].targets = append(groups[at].targets, t)
		}
	}
	p.liteAliases(groups, &f)
	p.liteSettings(&f)
	return nil
}

// deployment makes the account of a deployment, and notes the model there.
func (p *Plan) deployment(m *liteModel) (t target, ok bool) {
	where := "model_list: " + m.Name
	word := value(m.Params["model"])
	prefix, model, kind := liteKind(word)
	if kind == "" {
		p.lost(where, "%s is of a provider that is not known here; one that speaks OpenAI's API is of type openai-compat", word)
		return t, false
	}
	a := Provider{Name: prefix, Type: kind, BaseURL: liteTypes[prefix].base}
	var limits Limit
	for _, name := range slices.Sorted(maps.Keys(m.Params)) {
		v := m.Params[name]
		switch at := liteParams[name]; {
		case name == "model", name == "custom_llm_provider":
		case at != nil:
			*at(&a) = variable(value(v))
		case name == "rpm":
			limits.RPM, _ = strconv.ParseInt(value(v), 10, 64)
		case name == "tpm":
			limits.TPM, _ = strconv.ParseInt(value(v), 10, 64)
		case name == "weight":
			if n, err := strconv.ParseFloat(value(v), 64); err == nil && n > 0 {
				a.Weight = max(1, int(n*100))
			}
		case name == "extra_headers":
			a.Headers = stringMap(v)
		default:
			p.lost(where, "litellm_params.%s is not taken over", name)
		}
	}
	p.completed(&a, prefix)
	if kind == "bedrock" {
		model = strings.TrimPrefix(strings.TrimPrefix(model, "converse/"), "invoke/")
	}
	have := p.provider(&a)
	if kind == "azure" {
		deployment := model
		if base := value(m.Info["base_model"]); base != "" {
			model = path.Base(base)
		}
		if model != deployment {
			if have.Deployments == nil {
				have.Deployments = map[string]string{}
			}
			have.Deployments[model] = deployment
		}
	}
	add(&have.Models, model)
	if limits.Model = model; limits.RPM > 0 || limits.TPM > 0 {
		have.Limits = append(have.Limits, limits)
	}
	return target{have.Name, model}, true
}

// completed fills in what LiteLLM takes from elsewhere, and puts addresses as they are here.
func (p *Plan) completed(a *Provider, prefix string) {
	if name := liteKeys[prefix]; a.APIKey == "" && name != "" && a.ClientID == "" {
		a.APIKey = "${" + name + "}"
	}
	base := strings.TrimSuffix(a.BaseURL, "/")
	switch prefix {
	case "ollama", "ollama_chat":
		if base != "" && !strings.HasSuffix(base, "/v1") {
			base += "/v1"
		}
	case "anthropic", "gemini", "bedrock", "vertex_ai", "vertex_ai_beta":
		base = strings.TrimSuffix(base, "/v1")
	}
	a.BaseURL = base
	if a.Type == "openai" && base != "" && !strings.Contains(base, "api.openai.com") {
		a.Type = "openai-compat"
	}
	if a.Type == "openai-compat" && base == "" {
		p.lost("providers: "+a.Name, "has no api_base: write base_url")
	}
}

// liteKind splits a model's word, and tells the type of its provider. Without a slash LiteLLM
// goes by the name.
func liteKind(word string) (prefix, model, kind string) {
	prefix, model, slash := strings.Cut(word, "/")
	if slash {
		return prefix, model, liteTypes[prefix].kind
	}
	for _, n := range []struct{ start, prefix string }{
		{"gpt-", "openai"},
		{"o1", "openai"},
		{"o3", "openai"},
		{"o4", "openai"},
		{"text-embedding-", "openai"},
		{"chatgpt-", "openai"},
		{"claude-", "anthropic"},
		{"gemini-", "vertex_ai"},
		{"anthropic.", "bedrock"},
		{"amazon.", "bedrock"},
		{"meta.", "bedrock"},
		{"us.", "bedrock"},
		{"eu.", "bedrock"},
	} {
		if strings.HasPrefix(word, n.start) {
			return n.prefix, word, liteTypes[n.prefix].kind
		}
	}
	return "", word, ""
}

// liteAliases makes the names of deployments aliases, with what stands in for them behind.
func (p *Plan) liteAliases(groups []*group, f *liteFile) {
	chains := map[string][]string{}
	for _, g := range groups {
		chains[g.name] = p.chain(g)
	}
	for name, to := range stringMap(f.Router["model_group_alias"]) {
		chains[name] = chains[to]
		groups = append(groups, &group{name: name})
	}
	behind := map[string][]string{}
	for _, settings := range []map[string]any{f.Litellm, f.Router} {
		for _, kind := range []string{"fallbacks", "context_window_fallbacks", "content_policy_fallbacks"} {
			for name, list := range lists(settings[kind]) {
				if kind != "fallbacks" {
					p.lost(kind+": "+name, "a chain is followed for every error that may pass elsewhere, not for one kind")
				}
				behind[name] = append(behind[name], list...)
			}
		}
	}
	for _, g := range groups {
		to := slices.Clone(chains[g.name])
		for _, other := range behind[g.name] {
			for _, word := range chains[other] {
				add(&to, word)
			}
		}
		plain := len(to) == 1 && to[0] == g.name
		if len(to) > 0 && !plain && !slices.ContainsFunc(to, func(w string) bool { return strings.Contains(w, "*") }) {
			p.File.Aliases = append(p.File.Aliases, Alias{g.name, to})
		}
	}
	slices.SortStableFunc(p.File.Aliases, func(a, b Alias) int { return strings.Compare(a.Match, b.Match) })
}

// chain is what stands for a name. Where all deployments have one model, the accounts that
// serve it share it; else the first comes first.
func (p *Plan) chain(g *group) (to []string) {
	models := []string{}
	for _, t := range g.targets {
		add(&models, t.model)
	}
	if len(models) == 1 && len(g.targets) > 1 || len(models) == 1 && models[0] == g.name {
		return models
	}
	for _, t := range g.targets {
		add(&to, t.provider+"/"+t.model)
	}
	if len(to) > 1 {
		p.lost("model_list: "+g.name, "its deployments have different models: they are asked in order here, and do not share")
	}
	return to
}

// liteSettings takes over what is said of all.
func (p *Plan) liteSettings(f *liteFile) {
	if key := value(f.General["master_key"]); key != "" {
		p.File.Auth = &Auth{variable(key)}
	}
	if s := value(f.Router["routing_strategy"]); s != "" {
		if mine := liteStrategies[s]; mine != "" {
			p.File.Defaults = &Defaults{mine}
		} else {
			p.lost("router_settings.routing_strategy", "%s has no equal; smart is used", s)
		}
	}
	taken := map[string][]string{
		"router_settings":  {"routing_strategy", "model_group_alias", "fallbacks", "context_window_fallbacks", "content_policy_fallbacks"},
		"litellm_settings": {"fallbacks", "context_window_fallbacks", "content_policy_fallbacks"}, "general_settings": {"master_key"},
	}
	for section, values := range map[string]map[string]any{"router_settings": f.Router, "litellm_settings": f.Litellm, "general_settings": f.General} {
		for name := range values {
			if !slices.Contains(taken[section], name) {
				p.lost(section+"."+name, "is not taken over")
			}
		}
	}
	for name := range f.Environment {
		p.lost("environment_variables."+name, "set it where the gateway runs")
	}
	for _, file := range f.Include {
		p.lost("include", "%s was not read: import it too", file)
	}
	for name := range f.Rest {
		p.lost(name, "is not taken over")
	}
}

// value is a plain value as text.
func value(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		return fmt.Sprint(v)
	}
}

// variable writes os.environ/NAME as it is written here.
func variable(text string) string {
	if name, ok := strings.CutPrefix(text, "os.environ/"); ok {
		return "${" + name + "}"
	}
	return strings.ReplaceAll(text, "$", "$$")
}

func stringMap(v any) map[string]string {
	m, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	out := map[string]string{}
	for name, v := range m {
		if inner, ok := v.(map[string]any); ok { // {model: …, hidden: …}
			v = inner["model"]
		}
		out[name] = variable(value(v))
	}
	return out
}

// lists reads [{a: [b, c]}, …].
func lists(v any) map[string][]string {
	out := map[string][]string{}
	outer, _ := v.([]any)
	for _, one := range outer {
		m, _ := one.(map[string]any)
		for name, inner := range m {
			words, _ := inner.([]any)
			for _, w := range words {
				out[name] = append(out[name], value(w))
			}
		}
	}
	return out
}
