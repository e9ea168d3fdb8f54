package telemetry

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"turnpike/internal/llm"
)

// Request is what is counted of one request when it is over.
type Request struct {
	Provider     string // empty if it reached none
	Model        string // as it was served
	Status       int
	Took         time.Duration
	FirstContent time.Duration // of a stream; 0 for none
	Chunks       int64         // of content in a stream
	Usage        llm.Usage
	Losses       []llm.Loss
}

// Attempt is what is counted of one call to an upstream.
type Attempt struct {
	Provider string
	Model    string
	Status   int   // the upstream's, 0 for none
	Limited  bool  // it said that this was too fast
	Cost     int64 // in nano-dollars
	Unpriced bool  // what it cost is not known
}

// Labels of what has no name of its own, and how many models may have one.
const (
	none      = "none"
	other     = "other"
	maxModels = 500
)

// Types of tokens, in the order counts has them.
var types = [...]string{"input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "reasoning"}

func counts(u *llm.Usage) [len(types)]int64 {
	return [...]int64{u.Input, u.Output, u.CacheRead, u.CacheWrite5m, u.CacheWrite1h, u.Reasoning}
}

// row holds the metrics of one provider and model, so that a request looks up
// labels once. What not every one of them has is made when it is needed.
type row struct {
	key      rowKey
	duration prometheus.Observer
	first    prometheus.Observer
	chunk    prometheus.Observer
	attempts prometheus.Counter
	cost     prometheus.Counter
	unpriced prometheus.Counter
	tokens   [len(types)]prometheus.Counter
	statuses map[int]prometheus.Counter
	upstream map[int]prometheus.Counter
}

type rowKey struct{ provider, model string }

type rows struct {
	mu     sync.Mutex
	rows   map[rowKey]*row
	models map[string]bool
}

// Count counts a request.
func (m *Metrics) Count(r *Request) {
	if m == nil {
		return
	}
	m.rows.mu.Lock()
	row := m.row(r.Provider, r.Model, r.Status < 400)
	status := m.status(row, r.Status)
	first, chunk := m.streamed(row, r)
	m.rows.mu.Unlock()
	status.Inc()
	row.duration.Observe(r.Took.Seconds())
	if first != nil {
		first.Observe(r.FirstContent.Seconds())
	}
	if chunk != nil {
		chunk.Observe((r.Took - r.FirstContent).Seconds() / float64(r.Chunks-1))
	}
	row.spend(&r.Usage)
	for _, l := range r.Losses {
		for i, kind := range llm.LossKinds {
			if l.Kind == kind || l.Kind == "" && kind == llm.LossDropped {
				m.lost[i].Add(float64(max(1, l.Count)))
			}
		}
	}
}

// Attempt counts a call to an upstream.
func (m *Metrics) Attempt(a *Attempt) {
	if m == nil {
		return
	}
	m.rows.mu.Lock()
	row := m.row(a.Provider, a.Model, a.Status >= 200 && a.Status < 300)
	answer := m.answer(row, a.Status)
	m.charge(row, a)
	m.rows.mu.Unlock()
	row.attempts.Inc()
	answer.Inc()
	if a.Limited {
		m.RateLimited(LimitUpstream, a.Provider)
	}
}

// charge counts what an attempt cost.
func (m *Metrics) charge(row *row, a *Attempt) {
	if a.Cost > 0 {
		if row.cost == nil {
			row.cost = m.counters[cost].WithLabelValues(row.key.provider, row.key.model)
		}
		row.cost.Add(float64(a.Cost) / 1e9)
	}
	if a.Unpriced {
		if row.unpriced == nil {
			row.unpriced = m.counters[unpriced].WithLabelValues(row.key.provider, row.key.model)
		}
		row.unpriced.Inc()
	}
}

// Spend counts tokens that became known after their request was over, and what
// they cost.
func (m *Metrics) Spend(a *Attempt, u *llm.Usage) {
	if m == nil {
		return
	}
	m.rows.mu.Lock()
	row := m.row(a.Provider, a.Model, true)
	m.charge(row, a)
	m.rows.mu.Unlock()
	row.spend(u)
}

func (r *row) spend(u *llm.Usage) {
	for i, n := range counts(u) {
		if n > 0 {
			r.tokens[i].Add(float64(n))
		}
	}
}

// labels are those a request is counted under. Models that nobody knows and
// those beyond the bound share one: clients make up names.
func (m *Metrics) labels(provider, model string, served bool) rowKey {
	if provider == "" {
		return rowKey{none, none}
	}
	switch {
	case m.rows.models[model]:
	case served && len(m.rows.models) < maxModels && m.known(model):
		if m.rows.models == nil {
			m.rows.models = map[string]bool{}
		}
		m.rows.models[model] = true
	default:
		model = other
	}
	return rowKey{provider, model}
}

func (m *Metrics) row(provider, model string, served bool) *row {
	key := m.labels(provider, model, served)
	if found := m.rows.rows[key]; found != nil {
		return found
	}
	if m.rows.rows == nil {
		m.rows.rows = map[rowKey]*row{}
	}
	made := &row{
		key: key, duration: m.histograms[requestDuration].WithLabelValues(key.provider, key.model),
		attempts: m.counters[attempts].WithLabelValues(key.provider, key.model),
		statuses: map[int]prometheus.Counter{}, upstream: map[int]prometheus.Counter{},
	}
	for i, kind := range types {
		made.tokens[i] = m.counters[tokens].WithLabelValues(key.provider, key.model, kind)
	}
	m.rows.rows[key] = made
	return made
}

// streamed are the metrics that only streams have; nil where the request has no
// such figure.
func (m *Metrics) streamed(row *row, r *Request) (first, chunk prometheus.Observer) {
	if r.FirstContent <= 0 {
		return nil, nil
	}
	if row.first == nil {
		row.first = m.histograms[firstToken].WithLabelValues(row.key.provider, row.key.model)
		row.chunk = m.histograms[perChunk].WithLabelValues(row.key.provider, row.key.model)
	}
	if r.Chunks > 1 {
		chunk = row.chunk
	}
	return row.first, chunk
}

// status is the counter of an answer's status. One that was never sent is 499, as
// elsewhere for clients that left.
func (m *Metrics) status(row *row, status int) prometheus.Counter {
	if status < 100 || status > 599 {
		status = 499
	}
	if found := row.statuses[status]; found != nil {
		return found
	}
	made := m.counters[requests].WithLabelValues(row.key.provider, row.key.model, strconv.Itoa(status))
	row.statuses[status] = made
	return made
}

// answer is the counter of an upstream's status.
func (m *Metrics) answer(row *row, status int) prometheus.Counter {
	if status < 100 || status > 599 {
		status = 0
	}
	if found := row.upstream[status]; found != nil {
		return found
	}
	label := none
	if status != 0 {
		label = strconv.Itoa(status)
	}
	made := m.counters[upstreamResponses].WithLabelValues(row.key.provider, label)
	row.upstream[status] = made
	return made
}
