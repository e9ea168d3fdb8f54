package admin

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"turnpike/internal/store"
)

// Session is a conversation of a coding agent, as far as the request log tells of it.
type Session struct {
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

// SessionList are the sessions of a period.
type SessionList struct {
	Sessions []Session `json:"sessions"`
	Total    int       `json:"total"`
	Next     string    `json:"next,omitempty"`
	Complete bool      `json:"complete" say:"the whole period was looked through; if not, its newest attempts alone"`
}

type sessionQuery struct {
	Paging
	From   time.Time `query:"from" say:"left out: a day before to"`
	To     time.Time `query:"to" say:"left out: now"`
	KeyID  string    `query:"key_id"`
	Model  string    `query:"model" say:"asked for or served"`
	Search string    `query:"q" say:"a part of the id, the key's name or a model"`
}

const (
	// sessionScan bounds the attempts that are looked through, sessionStep those that are read at once.
	sessionScan = 20_000
	sessionStep = 1000
)

var sessionOrder = order[Session]{
	by: map[string]func(*Session) string{
		"last_at": func(s *Session) string { return moment(s.Last) },
		"turns":   func(s *Session) string { return number(int64(s.Turns)) },
		"cost":    func(s *Session) string { return number(s.costNano) },
		"context": func(s *Session) string { return number(s.Context) },
	},
	id:    func(s *Session) string { return s.ID },
	first: "-last_at",
}

// listSessions adds up the attempts of a period by their conversation.
func listSessions(c *call, q *sessionQuery, _ *nothing) (SessionList, error) {
	if q.To.IsZero() {
		q.To = c.Now()
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-logSpan)
	}
	if !q.From.Before(q.To) {
		return SessionList{}, badParameter("from", errors.New("must be before to"))
	}
	names, err := c.Store.KeyNames(c.ctx, nil)
	if err != nil {
		return SessionList{}, err
	}
	sums, complete, err := c.sumSessions(q)
	if err != nil {
		return SessionList{}, err
	}
	search := strings.ToLower(q.Search)
	var list []Session
	for _, s := range sums {
		s.KeyName, s.CostUSD = names[s.KeyID], dollars(s.costNano)
		if strings.Contains(strings.ToLower(s.ID+" "+s.KeyName+" "+strings.Join(s.Models, " ")), search) {
			list = append(list, *s)
		}
	}
	part, next, err := page(list, &q.Paging, sessionOrder)
	return SessionList{Sessions: part, Total: len(list), Next: next, Complete: complete}, err
}

// sumSessions walks the log from its newest attempt on, a piece at a time.
func (c *call) sumSessions(q *sessionQuery) (sums map[[2]string]*Session, complete bool, err error) {
	sums = map[[2]string]*Session{}
	search := store.AttemptQuery{From: q.From, To: q.To, KeyID: q.KeyID, Model: q.Model, Limit: sessionStep}
	for range sessionScan / sessionStep {
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
				sums[at] = &Session{ID: a.Session, KeyID: a.KeyID, First: a.At, Last: a.At, Models: []string{}, Providers: []string{}}
			}
			sums[at].add(a)
		}
		if len(list) < sessionStep {
			return sums, true, nil
		}
		search.Before = list[len(list)-1].Ref()
	}
	return sums, false, nil
}

// add counts an attempt.
func (s *Session) add(a *store.Attempt) {
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
