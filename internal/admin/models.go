package admin

import (
	"strings"

	"turnpike/internal/catalog"
	"turnpike/internal/operator"
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
