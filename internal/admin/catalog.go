package admin

import (
	"bytes"
	"encoding/json"
	"fmt"

	"turnpike/internal/catalog"
	"turnpike/internal/live"
)

// CatalogList are the rules of the catalogue, of which later ones refine earlier ones.
type CatalogList struct {
	Rules []catalog.Entry `json:"rules"`
}

type catalogQuery struct {
	Model string `query:"model" say:"only the rules that speak of it"`
}

func listCatalog(c *call, q *catalogQuery, _ *nothing) (CatalogList, error) {
	rules := c.Models.Entries()
	if q.Model != "" {
		rules = c.Models.Sources(q.Model)
	}
	return CatalogList{append([]catalog.Entry{}, rules...)}, nil
}

// ModelRule says what is known of some models, over what the catalogue says.
type ModelRule struct {
	ModelRuleCreate
	Standing
}

// ModelRuleCreate is a rule to be made.
type ModelRuleCreate struct {
	Name  string                     `json:"name"`
	Match []string                   `json:"match" say:"names of models, or patterns"`
	Caps  map[string]json.RawMessage `json:"caps" say:"in the words of the catalogue: {\"max_output\": 64000, \"no_images\": true}"`
}

// ModelRuleEdit is what can be changed of a rule.
type ModelRuleEdit struct {
	Match Opt[[]string]                   `json:"match"`
	Caps  Opt[map[string]json.RawMessage] `json:"caps"`
}

var modelRules = &things[ModelRule, ModelRuleCreate, ModelRuleEdit]{
	kind: live.Model, what: "model rule",
	show: func(v live.View, s Standing) (ModelRule, error) {
		out := ModelRule{Standing: s}
		out.Name, out.Caps = v.Name, map[string]json.RawMessage{}
		if list, ok := v.Members["match"].([]any); ok {
			for _, m := range list {
				out.Match = append(out.Match, fmt.Sprint(m))
			}
		}
		caps, _ := v.Members["caps"].(map[string]any)
		for name, value := range caps {
			text := json.RawMessage(fmt.Sprint(value))
			if !json.Valid(text) {
				var err error
				if text, err = json.Marshal(value); err != nil {
					return out, err
				}
			}
			out.Caps[name] = text
		}
		return out, nil
	},
	name:    func(b *ModelRuleCreate) string { return b.Name },
	members: modelRuleMembers,
}

// modelRuleMembers puts the values of caps into texts, as the configuration has them.
func modelRuleMembers(form any) (map[string]any, error) {
	members, err := membersOf(form)
	caps, ok := members["caps"].(map[string]any)
	if err != nil || !ok {
		return members, err
	}
	for name, value := range caps {
		var text bytes.Buffer
		enc := json.NewEncoder(&text)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(value); err != nil {
			return nil, err
		}
		caps[name] = string(bytes.TrimSpace(text.Bytes()))
	}
	return members, nil
}
