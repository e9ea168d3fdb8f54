package admin

import (
	"strings"

	"turnpike/internal/catalog"
	"turnpike/internal/operator"
	"turnpike/internal/policy"
)

// Model is a model that clients can ask for.
type Model struct {
	ID           string               `json:"id"`
	Provider     string               `json:"provider,omitempty" say:"who serves it first"`
	Alias        bool                 `json:"alias"`
	Target       string               `json:"target,omitempty" say:"what an alias stands for first"`
	Family       string               `json:"family,omitempty"`
	Context      int64                `json:"context,omitempty"`
	MaxOutput    int64                `json:"max_output,omitempty"`
	Capabilities []catalog.Member     `json:"capabilities,omitempty" say:"in the words of the catalogue"`
	Prices       []operator.PriceView `json:"prices,omitempty" say:"those in force now for the model, whoever serves it"`
}

// ModelList is a page of models.
type ModelList struct {
	Models []Model `json:"models"`
	Total  int     `json:"total"`
	Next   string  `json:"next,omitempty"`
}

type modelQuery struct {
	Paging
	Search   string `query:"q" say:"a part of the id"`
	Provider string `query:"provider"`
	Aliases  bool   `query:"aliases" say:"aliases only"`
}

var modelOrder = order[Model]{
	by: map[string]func(*Model) string{
		"id":       func(m *Model) string { return m.ID },
		"provider": func(m *Model) string { return m.Provider },
		"context":  func(m *Model) string { return number(m.Context) },
	},
	id:    func(m *Model) string { return m.ID },
	first: "id",
}

func listModels(c *call, q *modelQuery, _ *nothing) (ModelList, error) {
	search := strings.ToLower(q.Search)
	var list []Model
	for _, l := range c.Table.List(nil) {
		if q.Provider != "" && q.Provider != l.Provider || q.Aliases && !l.Alias || !strings.Contains(strings.ToLower(l.ID), search) {
			continue
		}
		list = append(list, Model{ID: l.ID, Provider: l.Provider, Alias: l.Alias, Target: l.Target, Context: l.Context})
	}
	part, next, err := page(list, &q.Paging, modelOrder)
	if err != nil {
		return ModelList{}, err
	}
	book := c.Prices.Book()
	for i := range part {
		m := &part[i]
		name := strings.TrimPrefix(m.ID, m.Provider+"/")
		if m.Target != "" {
			name = m.Target
		}
		caps := c.Models.Lookup(name)
		m.Family, m.MaxOutput, m.Capabilities = caps.Family, caps.MaxOutput, catalog.Describe(caps)
		if m.Context == 0 {
			m.Context = caps.Context
		}
		for _, p := range operator.Prices(book, operator.PriceQuery{Model: name}, c.Now()) {
			if p.Model == strings.ToLower(name) {
				m.Prices = append(m.Prices, p)
			}
		}
	}
	return ModelList{part, len(list), next}, nil
}

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

// Alias is a name for other models.
type Alias struct {
	policy.Alias
	Declared bool `json:"declared" say:"the configuration has it: it is read-only here"`
}

// AliasList are the gateway's aliases; keys may have their own in their policies.
type AliasList struct {
	Aliases []Alias `json:"aliases"`
	Total   int     `json:"total"`
}

func listAliases(c *call, _ *nothing, _ *nothing) (AliasList, error) {
	out := AliasList{Aliases: []Alias{}, Total: len(c.Aliases)}
	for _, a := range c.Aliases {
		out.Aliases = append(out.Aliases, Alias{a, true})
	}
	return out, nil
}
