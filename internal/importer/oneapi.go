package importer

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"turnpike/internal/budget"
	"turnpike/internal/policy"
	"turnpike/internal/roster"
)

// OneAPITables are the tables of one-api and new-api that are read.
var OneAPITables = []string{"channels", "tokens", "users"}

// quotaPerDollar is one-api's unit (common.QuotaPerUnit, its default).
const quotaPerDollar = 500_000

const nanoPerQuota = 1_000_000_000 / quotaPerDollar

// oneTypes are the types of channels by number (relay/channeltype/define.go): base is where
// the channel goes if it has no address of its own.
var oneTypes = map[int]struct{ kind, base string }{
	1: {"openai", ""}, 3: {"azure", ""}, 8: {"openai-compat", ""}, 14: {"anthropic", ""}, 24: {"gemini", ""}, 33: {"bedrock", ""},
	20: {"openai-compat", "https://openrouter.ai/api"}, 25: {"openai-compat", "https://api.moonshot.cn"}, 28: {"openai-compat", "https://api.mistral.ai"},
	29: {"openai-compat", "https://api.groq.com/openai"}, 30: {"openai-compat", "http://localhost:11434"}, 31: {"openai-compat", "https://api.lingyiwanwu.com"},
	32: {"openai-compat", "https://api.stepfun.com"}, 36: {"openai-compat", "https://api.deepseek.com"}, 39: {"openai-compat", "https://api.together.xyz"},
	2: {"openai-compat", "https://oa.api2d.net"}, 4: {"openai-compat", "https://api.closeai-proxy.xyz"}, 5: {"openai-compat", "https://api.openai-sb.com"},
	6: {"openai-compat", "https://api.openaimax.com"}, 7: {"openai-compat", "https://api.ohmygpt.com"},
}

// one-api's states: of channels and tokens 1 is on.
const oneEnabled = "1"

// OneAPI reads channels, tokens and users into the plan. Tokens are kept in the clear and are
// sent as sk-TOKEN: they stay good here.
func (p *Plan) OneAPI(t Tables) error {
	for _, r := range t["channels"] {
		p.channel(r)
	}
	users := map[string]string{}
	groups := []string{}
	for _, r := range t["users"] {
		o := Owner{ID: r.text("id"), Name: first(r.text("username"), "user-"+r.text("id")), Email: r.text("email"), Disabled: r.text("status") != oneEnabled}
		if group := r.text("group"); group != "" && group != "default" {
			o.Teams = []string{group}
			add(&groups, group)
		}
		if n := r.whole("quota"); n != nil && r.text("role") != "100" { // root pays for nothing
			o.Budgets = p.quota("user "+o.Name, *n)
		}
		users[o.ID] = o.Name
		p.Users = append(p.Users, o)
	}
	slices.Sort(groups)
	for _, g := range groups {
		p.Teams = append(p.Teams, Owner{ID: g, Name: g})
		p.lost("group "+g, "is a team; its ratio is not taken over (turnpike prices set)")
	}
	for _, r := range t["tokens"] {
		k, err := p.token(r)
		if err != nil {
			return fmt.Errorf("token %s: %w", r.text("id"), err)
		}
		k.User = users[r.text("user_id")]
		p.Keys = append(p.Keys, k)
	}
	return nil
}

func (p *Plan) channel(r row) {
	name := first(r.text("name"), "channel-"+r.text("id"))
	where := "channel " + name
	number, _ := strconv.Atoi(r.text("type"))
	kind, known := oneTypes[number]
	if !known {
		p.lost(where, "its type %d is not known here; one that speaks OpenAI's API is of type openai-compat", number)
		return
	}
	mapping := r.object("model_mapping")
	keys := strings.Split(strings.TrimSpace(r.text("key")), "\n")
	var names []string
	for _, key := range keys {
		a := Provider{Name: name, Type: kind.kind, BaseURL: strings.TrimSuffix(first(r.text("base_url"), kind.base), "/"), Models: []string{}}
		if a.Type == "openai" && a.BaseURL != "" && !strings.Contains(a.BaseURL, "api.openai.com") {
			a.Type = "openai-compat"
		}
		if a.Type == "openai-compat" && a.BaseURL != "" && !strings.HasSuffix(a.BaseURL, "/v1") {
			a.BaseURL += "/v1"
		}
		if n := r.whole("weight"); n != nil && *n > 0 && *n <= 10_000 {
			a.Weight = int(*n)
		}
		if r.text("status") != oneEnabled {
			off := false
			a.Enabled = &off
		}
		p.secrets(where, &a, strings.TrimSpace(key), r)
		for _, model := range r.list("models") {
			if to := mapping.text(model); to != "" {
				model = to
			}
			add(&a.Models, model)
		}
		a.Name = p.freeName(plainName(a.Name))
		names = append(names, a.Name)
		p.File.Providers = append(p.File.Providers, a)
	}
	p.mapped(mapping, names)
	if n := r.whole("priority"); n != nil && *n != 0 {
		p.lost(where, "priority %d: weights and defaults.lb_strategy priority say who comes first", *n)
	}
	for _, group := range r.list("group") {
		if group != "default" {
			p.lost(where, "is for the group %s: allow its keys this provider (keys set --provider)", group)
		}
	}
}

// secrets puts a channel's key where the type has it.
func (p *Plan) secrets(where string, a *Provider, key string, r row) {
	key = strings.ReplaceAll(key, "$", "$$")
	config := r.object("config")
	switch a.Type {
	case "bedrock":
		a.AccessKeyID, a.SecretAccessKey, a.Region = config.text("ak"), config.text("sk"), config.text("region")
		if parts := strings.Split(key, "|"); a.AccessKeyID == "" && len(parts) == 3 {
			a.AccessKeyID, a.SecretAccessKey, a.Region = parts[0], parts[1], parts[2]
		}
		if a.AccessKeyID == "" {
			p.lost(where, "its AWS credentials are not understood: write access_key_id, secret_access_key and region")
		}
	case "azure":
		a.APIKey, a.APIVersion = key, first(config.text("api_version"), r.text("other"))
	default:
		a.APIKey = key
	}
}

// mapped makes the names of a channel's model_mapping aliases.
func (p *Plan) mapped(mapping row, providers []string) {
	for _, model := range slices.Sorted(maps.Keys(mapping)) {
		to := mapping.text(model)
		if to == "" || to == model {
			continue
		}
		at := slices.IndexFunc(p.File.Aliases, func(a Alias) bool { return a.Match == model })
		if at < 0 {
			at, p.File.Aliases = len(p.File.Aliases), append(p.File.Aliases, Alias{Match: model})
		}
		for _, name := range providers {
			add(&p.File.Aliases[at].To, name+"/"+to)
		}
	}
}

func (p *Plan) token(r row) (k roster.Row, err error) {
	secret := strings.TrimPrefix(strings.TrimSpace(r.text("key")), "sk-")
	if secret == "" {
		return k, fmt.Errorf("it has no key")
	}
	k = roster.Row{Secret: "sk-" + secret, Name: p.keyName(first(r.text("name"), "token-"+r.text("id"))), Description: "from one-api", Inactive: r.text("status") == "2"}
	where := "key " + k.Name
	for name, at := range map[string]*time.Time{"created_time": &k.Created, "expired_time": &k.Expires} {
		if n := r.whole(name); n != nil && *n > 0 {
			*at = time.Unix(*n, 0).UTC()
		}
	}
	if n := r.whole("remain_quota"); n != nil && !r.yes("unlimited_quota") {
		k.Budgets = p.quota(where, *n)
	}
	if models := r.list("models"); len(models) > 0 {
		k.Policy.Routing = &policy.Routing{Models: models}
	}
	k.Addresses = r.list("subnet")
	return k, nil
}

// quota is what is left of one-api's units, in dollars, for good.
func (p *Plan) quota(where string, n int64) []budget.Rule {
	p.lost(where, "its budget is the quota that is left: %d units of 1/500,000 dollar", n)
	return []budget.Rule{{Unit: budget.Dollars, Limit: n * nanoPerQuota, Period: budget.Lifetime}}
}
