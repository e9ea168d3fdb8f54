package admin

import (
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"turnpike/internal/price"
	"turnpike/internal/store"
	"turnpike/internal/usage"
)

// Attempt is one try at one upstream, as the request log shows it.
type Attempt struct {
	ID             string        `json:"id"`
	RequestID      string        `json:"request_id"`
	Number         int           `json:"number"`
	At             time.Time     `json:"at"`
	KeyID          string        `json:"key_id,omitempty"`
	KeyName        string        `json:"key_name,omitempty"`
	TeamID         string        `json:"team_id,omitempty"`
	UserID         string        `json:"user_id,omitempty"`
	Tags           []string      `json:"tags,omitempty"`
	Session        string        `json:"session,omitempty"`
	Replica        string        `json:"replica,omitempty"`
	Dialect        string        `json:"dialect" say:"the client's"`
	Provider       string        `json:"provider"`
	Surface        string        `json:"surface" say:"the dialect spoken with the provider"`
	RequestedModel string        `json:"requested_model"`
	ServedModel    string        `json:"served_model"`
	Stream         bool          `json:"stream"`
	Status         int           `json:"status" say:"the upstream's; 0: there was none"`
	ErrorClass     string        `json:"error_class,omitempty"`
	Stop           string        `json:"stop,omitempty"`
	Usage          AttemptTokens `json:"usage"`
	Phases         Phases        `json:"phases"`
	Losses         int           `json:"losses"`
	LossReport     string        `json:"loss_report,omitempty"`
	CacheStory     string        `json:"cache_story,omitempty"`
	CostUSD        string        `json:"cost_usd,omitempty" say:"left out where it is not known"`
	Unpriced       bool          `json:"unpriced"`
	PriceVersion   string        `json:"price_version,omitempty"`
	Region         string        `json:"region,omitempty"`
	Geo            string        `json:"geo,omitempty"`
	Tier           string        `json:"tier,omitempty"`
	Lines          []CostLine    `json:"cost_lines,omitempty" say:"of one request: they add up to the cost exactly"`
}

// AttemptTokens counts tokens. Input excludes what was read from and written to the cache.
type AttemptTokens struct {
	Input        int64 `json:"input"`
	Output       int64 `json:"output"`
	CacheRead    int64 `json:"cache_read"`
	CacheWrite5m int64 `json:"cache_write_5m"`
	CacheWrite1h int64 `json:"cache_write_1h"`
	Reasoning    int64 `json:"reasoning" say:"of output"`
	WebSearches  int64 `json:"web_searches"`
	Estimated    bool  `json:"estimated"`
}

// Phases are times since the attempt began, in milliseconds; 0: it did not come to that.
type Phases struct {
	Queued       float64 `json:"queued_ms"`
	FirstByte    float64 `json:"first_byte_ms"`
	FirstContent float64 `json:"first_content_ms"`
	End          float64 `json:"end_ms"`
}

// CostLine is a class of what was used, and what it cost.
type CostLine struct {
	Class    string `json:"class"`
	Quantity int64  `json:"quantity"`
	Price    string `json:"price,omitempty" say:"dollars for a million tokens; for one search; left out where the book of today has another cost than the ledger"`
	CostUSD  string `json:"cost_usd"`
}

// AttemptList is a page of the request log, the newest first.
type AttemptList struct {
	Attempts []Attempt `json:"attempts"`
	Next     string    `json:"next,omitempty"`
}

type attemptQuery struct {
	Limit      int       `query:"limit" say:"how many at most, 1 to 500; 50 where it is left out"`
	Cursor     string    `query:"cursor" say:"where to go on: next of the page before"`
	From       time.Time `query:"from" say:"left out: a day before to; a request's id tells its time"`
	To         time.Time `query:"to" say:"left out: now"`
	KeyID      string    `query:"key_id"`
	TeamID     string    `query:"team_id"`
	UserID     string    `query:"user_id"`
	Provider   string    `query:"provider"`
	Dialect    string    `query:"dialect"`
	Model      string    `query:"model" say:"asked for or served"`
	RequestID  string    `query:"request_id"`
	Session    string    `query:"session"`
	Status     int       `query:"status" say:"the upstream's"`
	ErrorClass string    `query:"error_class"`
	Failed     string    `query:"failed" enum:"true,false"`
	Losing     bool      `query:"losses" say:"those that lost something in translation"`
	Unpriced   bool      `query:"unpriced"`
	LeastCost  string    `query:"min_cost_usd"`
}

// logSpan is how far the request log looks back where nobody says.
const logSpan = 24 * time.Hour

// search is the query as the store has it.
func (q *attemptQuery) search(now time.Time) (s store.AttemptQuery, err error) {
	size, err := (&Paging{Limit: q.Limit}).size()
	if err != nil {
		return s, err
	}
	s = store.AttemptQuery{
		From: q.From, To: q.To, KeyID: q.KeyID, TeamID: q.TeamID, UserID: q.UserID, Provider: q.Provider, Dialect: q.Dialect, Model: q.Model,
		RequestID: q.RequestID, Session: q.Session, Status: q.Status, ErrorClass: q.ErrorClass, Losing: q.Losing, Unpriced: q.Unpriced, Limit: size + 1,
	}
	if q.Failed != "" {
		failed := q.Failed == "true"
		s.Failed = &failed
	}
	if q.LeastCost != "" {
		n, err := price.ParseAmount(q.LeastCost)
		if err != nil {
			return s, badParameter("min_cost_usd", err)
		}
		s.LeastCost = int64(n)
	}
	if strings.ContainsAny(q.Session, `%"\`) {
		return s, badParameter("session", errors.New("is none"))
	}
	if at, ok := store.IDTime(q.RequestID); ok && q.From.IsZero() {
		s.From = at.Add(-time.Minute)
	}
	if s.From.IsZero() {
		if s.From = now.Add(-logSpan); !q.To.IsZero() {
			s.From = q.To.Add(-logSpan)
		}
	}
	if q.Cursor != "" {
		s.Before, err = readRef(q.Cursor)
	}
	return s, err
}

func writeRef(r store.Ref) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(r.At.UnixNano(), 10) + " " + r.ID))
}

func readRef(text string) (r store.Ref, err error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	at, id, ok := strings.Cut(string(b), " ")
	n, bad := strconv.ParseInt(at, 10, 64)
	if err != nil || !ok || bad != nil || id == "" {
		return r, badParameter("cursor", errCursor)
	}
	return store.Ref{At: time.Unix(0, n).UTC(), ID: id}, nil
}

func listAttempts(c *call, q *attemptQuery, _ *nothing) (AttemptList, error) {
	search, err := q.search(c.Now())
	if err != nil {
		return AttemptList{}, err
	}
	if !c.who.whole("usage") {
		search.Of = c.who.Reach["usage"]
	}
	list, err := c.Store.SearchAttempts(c.ctx, &search)
	if err != nil {
		return AttemptList{}, err
	}
	out := AttemptList{Attempts: []Attempt{}}
	if len(list) == search.Limit {
		list = list[:search.Limit-1]
		out.Next = writeRef(list[len(list)-1].Ref())
	}
	names, err := c.namesOf(list)
	for i := range list {
		out.Attempts = append(out.Attempts, viewAttempt(&list[i], names))
	}
	return out, err
}

// namesOf are the names of the keys that attempts came with.
func (c *call) namesOf(list []store.Attempt) (map[string]string, error) {
	ids := []string{}
	for i := range list {
		if !slices.Contains(ids, list[i].KeyID) {
			ids = append(ids, list[i].KeyID)
		}
	}
	return c.Store.KeyNames(c.ctx, ids)
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// dollars are nano-dollars in dollars, without a sign for the currency.
func dollars(nano int64) string { return strings.Replace(price.Nano(nano).String(), "$", "", 1) }

func viewAttempt(a *store.Attempt, names map[string]string) Attempt {
	u, ch := &a.Usage, &a.Charge
	out := Attempt{
		ID: a.ID, RequestID: a.RequestID, Number: a.Number, At: a.At, KeyID: a.KeyID, KeyName: names[a.KeyID], TeamID: a.TeamID, UserID: a.UserID,
		Session: a.Session, Replica: a.Replica, Dialect: a.Dialect, Provider: a.Provider, Surface: a.Surface,
		RequestedModel: a.RequestedModel, ServedModel: a.ServedModel, Stream: a.Stream, Status: a.Status, ErrorClass: a.ErrorClass, Stop: a.Stop,
		Usage:  AttemptTokens{u.Input, u.Output, u.CacheRead, u.CacheWrite5m, u.CacheWrite1h, u.Reasoning, ch.WebSearches, u.Estimated},
		Phases: Phases{millis(a.Queued), millis(a.FirstByte), millis(a.FirstContent), millis(a.Latency)},
		Losses: a.Losses, LossReport: a.LossReport, CacheStory: a.CacheStory, Unpriced: ch.Unpriced, PriceVersion: ch.Version,
		Region: ch.Region, Geo: ch.Geo, Tier: ch.Tier,
	}
	if a.Tags != "" {
		out.Tags = usage.Tags(a.Tags)
	}
	if ch.Known() {
		out.CostUSD = dollars(ch.Nano)
	}
	return out
}

// Request is one request with all its attempts.
type Request struct {
	ID       string    `json:"id"`
	Attempts []Attempt `json:"attempts"`
	CostUSD  string    `json:"cost_usd" say:"of the attempts whose cost is known"`
	Complete bool      `json:"cost_complete" say:"the cost of all of them is known"`
}

type requestQuery struct {
	From time.Time `query:"from" say:"for a request whose id does not tell its time: left out, a day ago"`
}

// requestAttempts bounds the attempts of one request.
const requestAttempts = 500

func getRequest(c *call, q *requestQuery, _ *nothing) (Request, error) {
	search := store.AttemptQuery{RequestID: c.id(), From: q.From, Limit: requestAttempts}
	if at, ok := store.IDTime(c.id()); ok && q.From.IsZero() {
		search.From, search.To = at.Add(-time.Minute), at.Add(7*24*time.Hour) // background answers may take days
	} else if q.From.IsZero() {
		search.From = c.Now().Add(-logSpan)
	}
	list, err := c.Store.SearchAttempts(c.ctx, &search)
	if err != nil {
		return Request{}, err
	}
	list = slices.DeleteFunc(list, func(a store.Attempt) bool { return !c.who.reaches("usage", a.KeyID, a.TeamID) })
	if len(list) == 0 {
		return Request{}, fail(404, "there is no request %s; one is in the log a moment after its end", c.id())
	}
	names, err := c.namesOf(list)
	if err != nil {
		return Request{}, err
	}
	out := Request{ID: c.id(), Complete: true}
	var nano int64
	for i := len(list) - 1; i >= 0; i-- { // the first attempt first
		a := &list[i]
		view := viewAttempt(a, names)
		view.Lines = costLines(c.Prices.Book(), a)
		out.Attempts = append(out.Attempts, view)
		if a.Charge.Known() {
			nano += a.Charge.Nano
		}
		out.Complete = out.Complete && a.Charge.Known()
	}
	out.CostUSD = dollars(nano)
	return out, nil
}

// costLines is the arithmetic of an attempt's cost.
func costLines(book *price.Book, a *store.Attempt) (lines []CostLine) {
	for _, l := range usage.Lines(book, a) {
		line := CostLine{Class: l.Class.String(), Quantity: l.Quantity, CostUSD: dollars(int64(l.Nano))}
		if l.Price != 0 {
			line.Price = strings.Replace(price.Show(l.Class, l.Price), "$", "", 1)
		}
		lines = append(lines, line)
	}
	return lines
}
