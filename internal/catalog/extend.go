package catalog

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"

	"turnpike/internal/llm"
)

// Extended is the built-in catalog with an operator's own rules behind it, which
// therefore win: JSON in the form of models.json, where either section may be
// missing. Of several, later ones win.
func Extended(texts ...[]byte) (*Catalog, error) {
	base := builtin().data
	all := &data{Bedrock: base.Bedrock, Rules: base.Rules}
	all.Bedrock.Aliases = maps.Clone(base.Bedrock.Aliases)
	for _, text := range texts {
		own, err := parse(text)
		if err != nil {
			return nil, err
		}
		all.Bedrock.Betas, all.Rules = slices.Concat(all.Bedrock.Betas, own.Bedrock.Betas), slices.Concat(all.Rules, own.Rules)
		maps.Copy(all.Bedrock.Aliases, own.Bedrock.Aliases)
	}
	return &Catalog{data: all, seen: map[string]llm.Caps{}}, nil
}

// Betas lists the beta flags Bedrock accepts for a model.
func (c *Catalog) Betas(id string) []string { return c.Lookup(id).Betas }

// Flags are all beta flags that are known of.
func (c *Catalog) Flags() []string { return c.rules().Bedrock.Betas }

// Entry is one rule, as people are shown it.
type Entry struct {
	Match  []string `json:"match"`
	Source string   `json:"source"`
	Caps   []Member `json:"caps"`
}

// Member is one capability in the words of models.json.
type Member struct {
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"`
}

// Entries lists all rules in their order.
func (c *Catalog) Entries() []Entry { return c.rules().entries(func(*rule) bool { return true }) }

// Sources lists the rules that speak of a model.
func (c *Catalog) Sources(id string) []Entry {
	name := Normal(id)
	return c.rules().entries(func(r *rule) bool { return r.matches(name) })
}

func (d *data) entries(which func(*rule) bool) (out []Entry) {
	for i := range d.Rules {
		r := &d.Rules[i]
		if which(r) {
			out = append(out, Entry{r.Match, r.Source, members(reflect.ValueOf(r.Caps))})
		}
	}
	return out
}

// Describe is what is known in the words of models.json; what is not known is
// left out.
func Describe(known llm.Caps) []Member { return members(reflect.ValueOf(known)) }

// members lists the fields that are set, by the names they have in the file.
func members(v reflect.Value) (out []Member) {
	for i := range v.NumField() {
		field := v.Field(i)
		if field.IsZero() {
			continue
		}
		as, ok := reflect.TypeFor[caps]().FieldByName(v.Type().Field(i).Name)
		if !ok {
			continue
		}
		name, _, _ := strings.Cut(as.Tag.Get("json"), ",")
		value, err := json.Marshal(field.Interface())
		if err != nil {
			continue
		}
		out = append(out, Member{name, value})
	}
	return out
}
