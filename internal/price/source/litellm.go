package source

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"turnpike/internal/price"
)

// LiteLLM's model_prices_and_context_window.json: dollars for one token by
// model. Tiers and long prompts are told by the ends of names
// (https://docs.litellm.ai/docs/proxy/model_cost_map).

// kinds are LiteLLM's providers that are kinds of ours.
var kinds = map[string]string{
	"openai": "openai", "anthropic": "anthropic", "gemini": "gemini", "bedrock": "bedrock", "bedrock_converse": "bedrock",
}

// member takes the name of a price apart.
var member = regexp.MustCompile(`^(input_cost_per_token|output_cost_per_token|cache_read_input_token_cost|cache_creation_input_token_cost)` +
	`(_above_1hr)?(?:_above_(\d{1,5})k_tokens)?(?:_(batches|flex|priority))?$`)

var litellmClasses = map[string]price.Class{
	"input_cost_per_token": price.Input, "output_cost_per_token": price.Output,
	"cache_read_input_token_cost": price.CacheRead, "cache_creation_input_token_cost": price.CacheWrite5m,
}

var litellmTiers = map[string]string{"": price.Standard, "batches": price.Batch, "flex": price.Flex, "priority": price.Priority}

func readLiteLLM(b []byte, opt Options) ([]price.Entry, *Report, error) {
	var models map[string]json.RawMessage
	rep := &Report{Form: FormLiteLLM}
	if err := json.Unmarshal(b, &models); err != nil {
		return nil, nil, errNothing
	}
	var out []price.Entry
	for _, name := range slices.Sorted(maps.Keys(models)) {
		var m map[string]json.RawMessage
		if err := json.Unmarshal(models[name], &m); err != nil || name == "sample_spec" {
			rep.skip("not a model")
			continue
		}
		list, reason := litellmModel(name, m, opt)
		if reason != "" {
			rep.skip(reason)
			continue
		}
		out = append(out, list...)
	}
	if rep.Entries = len(out); len(out) == 0 {
		return nil, rep, errNothing
	}
	return out, rep, nil
}

// litellmModel makes the entries of a model, one for each tier.
func litellmModel(name string, m map[string]json.RawMessage, opt Options) (list []price.Entry, reason string) {
	var provider string
	_ = json.Unmarshal(m["litellm_provider"], &provider)
	base := price.Entry{Kind: kinds[provider], Rank: price.Imported, Confidence: "reported"}
	if as := opt.As[provider]; as != "" {
		base.Kind, base.Provider = "", as
	}
	if base.Kind == "" && base.Provider == "" {
		return nil, "of a provider that is none here"
	}
	if base = place(base, name, provider); base.Model == "" {
		return nil, "not a model's own name"
	}
	prices, reason := tiers(m)
	if reason != "" {
		return nil, reason
	}
	search, searched := searchPrice(m["search_context_cost_per_query"])
	for _, tier := range slices.Sorted(maps.Keys(prices)) {
		e := base
		e.Tier = tier
		prices[tier].fill(&e)
		if searched {
			e.Rates.Set(price.WebSearch, search)
			for i := range e.Long {
				e.Long[i].Rates.Set(price.WebSearch, search)
			}
		}
		if _, ok := e.Rates.Get(price.Input); !ok {
			continue // half a price is none
		}
		if e.Check() != nil {
			return nil, "not a model's own name"
		}
		list = append(list, e)
	}
	if len(list) == 0 {
		return nil, "not charged by the token"
	}
	return list, ""
}

// place finds where a name belongs: bedrock/us-east-1/anthropic.claude… is of a
// region, us.anthropic.claude… of a geography.
func place(e price.Entry, name, provider string) price.Entry {
	name = strings.TrimPrefix(strings.ToLower(name), provider+"/")
	if e.Kind == "bedrock" {
		name = strings.TrimPrefix(name, "bedrock/")
		if region, rest, ok := strings.Cut(name, "/"); ok && strings.Count(region, "-") >= 2 {
			e.Region, name = region, rest
		}
		e.Geo, name = price.Split(name)
	}
	if strings.Contains(name, "/") && e.Provider == "" { // 1024-x-1024/gpt-image-1, commitments
		return e
	}
	e.Model = name
	return e
}

// steps are the prices of a tier, by the length of the prompt above which they hold.
type steps map[int64]*price.Rates

func (s steps) fill(e *price.Entry) {
	for _, above := range slices.Sorted(maps.Keys(s)) {
		if above == 0 {
			e.Rates = *s[0]
			continue
		}
		e.Long = append(e.Long, price.Long{Above: above, Rates: *s[above]})
	}
	// A step that tells only some prices leaves the others as they were.
	for i := range e.Long {
		before := e.Rates
		if i > 0 {
			before = e.Long[i-1].Rates
		}
		for c := range price.Classes {
			if _, ok := e.Long[i].Rates.Get(c); !ok {
				if p, ok := before.Get(c); ok {
					e.Long[i].Rates.Set(c, p)
				}
			}
		}
	}
}

// tiers reads all prices of tokens. A file of this size has mistakes in it: a
// model one of whose prices cannot be read is left out.
func tiers(m map[string]json.RawMessage) (map[string]steps, string) {
	out := map[string]steps{}
	paid := false
	for name, raw := range m {
		at := member.FindStringSubmatch(name)
		if at == nil || string(raw) == "null" {
			continue
		}
		p, err := price.ParseNear(string(raw), price.PerUnit)
		if err != nil {
			return nil, "a price that cannot be read"
		}
		class := litellmClasses[at[1]]
		if at[2] != "" {
			if class != price.CacheWrite5m {
				continue
			}
			class = price.CacheWrite1h
		}
		above, _ := strconv.ParseInt("0"+at[3], 10, 64)
		tier := litellmTiers[at[4]]
		if out[tier] == nil {
			out[tier] = steps{}
		}
		if out[tier][above*1000] == nil {
			out[tier][above*1000] = &price.Rates{}
		}
		out[tier][above*1000].Set(class, p)
		paid = paid || p > 0
	}
	for _, s := range out {
		if s[0] == nil {
			return nil, "a long prompt's price without a short one's"
		}
	}
	if !paid && len(out) > 0 {
		return nil, "zero, which there means unknown as often as free"
	}
	return out, ""
}

// searchPrice is what one search costs: the highest, where it depends on how much
// is searched for.
func searchPrice(raw json.RawMessage) (most price.Price, ok bool) {
	var sizes map[string]json.Number
	if json.Unmarshal(raw, &sizes) != nil {
		return 0, false
	}
	for _, n := range sizes {
		p, err := price.ParseNear(n.String(), price.PerUnit)
		if err != nil {
			return 0, false
		}
		most, ok = max(most, p), true
	}
	return most, ok
}
