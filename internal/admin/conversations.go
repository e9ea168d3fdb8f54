package admin

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"turnpike/internal/store"
)

// Conversation is one of a coding agent, as far as the request log tells of it.
type Conversation struct {
	ID         string        `json:"id" say:"the digest that the request log has"`
	KeyID      string        `json:"key_id"`
	KeyName    string        `json:"key_name,omitempty"`
	Models     []string      `json:"models" say:"that were asked for"`
	Providers  []string      `json:"providers" say:"that served it"`
	First      time.Time     `json:"first_at"`
	Last       time.Time     `json:"last_at"`
	Turns      int           `json:"turns" say:"requests"`
	Attempts   int           `json:"attempts"`
	Errors     int           `json:"errors"`
	Usage      AttemptTokens `json:"usage"`
	Context    int64         `json:"context" say:"tokens of the last prompt that was answered"`
	CostUSD    string        `json:"cost_usd" say:"of the attempts whose cost is known"`
	Unpriced   int           `json:"unpriced" say:"attempts whose cost is not known"`
	costNano   int64
	contextNow time.Time
}

// ConversationList are the conversations of a period.
type ConversationList struct {
	Conversations []Conversation `json:"conversations"`
	Total         int            `json:"total"`
	Next          string         `json:"next,omitempty"`
	Complete      bool           `json:"complete" say:"the whole period was looked through; if not, its newest attempts alone"`
}

type conversationQuery struct {
	Paging
	From   time.Time `query:"from" say:"left out: a day before to"`
	To     time.Time `query:"to" say:"left out: now"`
	KeyID  string    `query:"key_id"`
	Model  string    `query:"model" say:"asked for or served"`
	Search string    `query:"q" say:"a part of the id, the key's name or a model"`
}

const (
	// conversationScan bounds the attempts that are looked through, conversationStep those that are read at once.
	conversationScan = 20_000
	conversationStep = 1000
)

var conversationOrder = order[Conversation]{
	by: map[string]func(*Conversation) string{
		"last_at": func(s *Conversation) string { return moment(s.Last) },
		"turns":   func(s *Conversation) string { return number(int64(s.Turns)) },
		"cost":    func(s *Conversation) string { return number(s.costNano) },
		"context": func(s *Conversation) string { return number(s.Context) },
	},
	id:    func(s *Conversation) string { return s.ID },
	first: "-last_at",
}

// listConversations adds up the attempts of a period by their conversation.
func listConversations(c *call, q *conversationQuery, _ *nothing) (ConversationList, error) {
	if q.To.IsZero() {
		q.To = c.Now()
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-logSpan)
	}
	if !q.From.Before(q.To) {
		return ConversationList{}, badParameter("from", errors.New("must be before to"))
	}
	names, err := c.Store.KeyNames(c.ctx, nil)
	if err != nil {
		return ConversationList{}, err
	}
	sums, complete, err := c.sumConversations(q)
	if err != nil {
		return ConversationList{}, err
	}
	search := strings.ToLower(q.Search)
	var list []Conversation
	for _, s := range sums {
		s.KeyName, s.CostUSD = names[s.KeyID], dollars(s.costNano)
		if strings.Contains(strings.ToLower(s.ID+" "+s.KeyName+" "+strings.Join(s.Models, " ")), search) {
			list = append(list, *s)
		}
	}
	part, next, err := page(list, &q.Paging, conversationOrder)
	return ConversationList{Conversations: part, Total: len(list), Next: next, Complete: complete}, err
}

// sumConversations walks the log from its newest attempt on, a piece at a time.
func (c *call) sumConversations(q *conversationQuery) (sums map[[2]string]*Conversation, complete bool, err error) {
	sums = map[[2]string]*Conversation{}
	search := store.AttemptQuery{From: q.From, To: q.To, KeyID: q.KeyID, Model: q.Model, Limit: conversationStep}
	if !c.who.whole("usage") {
		search.Of = c.who.Reach["usage"]
	}
	for range conversationScan / conversationStep {
		list, err := c.Store.SearchAttempts(c.ctx, &search)
		if err != nil {
			return nil, false, err
		}
		for i := range list {
			a := &list[i]
			if a.Session == "" {
				continue
			}
			at := [2]string{a.KeyID, a.Session}
			if sums[at] == nil {
				sums[at] = &Conversation{ID: a.Session, KeyID: a.KeyID, First: a.At, Last: a.At, Models: []string{}, Providers: []string{}}
			}
			sums[at].add(a)
		}
		if len(list) < conversationStep {
			return sums, true, nil
		}
		search.Before = list[len(list)-1].Ref()
	}
	return sums, false, nil
}

// add counts an attempt.
func (s *Conversation) add(a *store.Attempt) {
	u := &a.Usage
	s.Attempts++
	if a.Number == 1 {
		s.Turns++
	}
	if a.ErrorClass != "" {
		s.Errors++
	}
	s.First, s.Last = earlier(s.First, a.At), later(s.Last, a.At)
	s.Models, s.Providers = with(s.Models, a.RequestedModel), with(s.Providers, a.Provider)
	s.Usage.Input += u.Input
	s.Usage.Output += u.Output
	s.Usage.CacheRead += u.CacheRead
	s.Usage.CacheWrite5m += u.CacheWrite5m
	s.Usage.CacheWrite1h += u.CacheWrite1h
	s.Usage.Reasoning += u.Reasoning
	s.Usage.WebSearches += a.Charge.WebSearches
	s.Usage.Estimated = s.Usage.Estimated || u.Estimated
	if prompt := u.Input + u.CacheRead + u.CacheWrite5m + u.CacheWrite1h; prompt > 0 && a.At.After(s.contextNow) {
		s.Context, s.contextNow = prompt, a.At
	}
	switch {
	case a.Charge.Known():
		s.costNano += a.Charge.Nano
	case a.Charge.Unpriced:
		s.Unpriced++
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// with adds a word to a sorted list that has not got it.
func with(list []string, word string) []string {
	at, found := slices.BinarySearchFunc(list, word, cmp.Compare[string])
	if found || word == "" {
		return list
	}
	return slices.Insert(list, at, word)
}
