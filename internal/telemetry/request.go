package telemetry

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"turnpike/internal/llm"
)

// Request is what is counted of one request when it is over.
type Request struct {
	Provider string // empty if it reached none
	Model    string // as it was served
	Status   int
	Took     time.Duration
	Usage    llm.Usage
	Losses   []llm.Loss
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
// labels once.
type row struct {
	duration prometheus.Observer
	tokens   [len(types)]prometheus.Counter
	statuses map[int]prometheus.Counter
}

type rowKey struct{ provider, model string }

type rows struct {
	mu     sync.Mutex
	rows   map[rowKey]*row
	models map[string]bool
}

// Count counts a request. A nil Metrics counts nothing.
func (m *Metrics) Count(r *Request) {
	if m == nil {
		return
	}
	m.rows.mu.Lock()
	row := m.row(r)
	status := row.status(m, r)
	m.rows.mu.Unlock()
	status.Inc()
	row.duration.Observe(r.Took.Seconds())
	row.spend(&r.Usage)
	for _, l := range r.Losses {
		for i, kind := range llm.LossKinds {
			if l.Kind == kind || l.Kind == "" && kind == llm.LossDropped {
				m.lost[i].Add(float64(max(1, l.Count)))
			}
		}
	}
}

// Spend counts tokens that became known after their request was over.
func (m *Metrics) Spend(provider, model string, u *llm.Usage) {
	if m == nil {
		return
	}
	m.rows.mu.Lock()
	row := m.row(&Request{Provider: provider, Model: model, Status: http.StatusOK})
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
func (m *Metrics) labels(r *Request) rowKey {
	key := rowKey{r.Provider, r.Model}
	if key.provider == "" {
		return rowKey{none, none}
	}
	switch {
	case m.rows.models[key.model]:
	case r.Status < 400 && len(m.rows.models) < maxModels && m.known(key.model):
		if m.rows.models == nil {
			m.rows.models = map[string]bool{}
		}
		m.rows.models[key.model] = true
	default:
		key.model = other
	}
	return key
}

func (m *Metrics) row(r *Request) *row {
	key := m.labels(r)
	if found := m.rows.rows[key]; found != nil {
		return found
	}
	if m.rows.rows == nil {
		m.rows.rows = map[rowKey]*row{}
	}
	made := &row{duration: m.duration.WithLabelValues(key.provider, key.model), statuses: map[int]prometheus.Counter{}}
	for i, kind := range types {
		made.tokens[i] = m.tokens.WithLabelValues(key.provider, key.model, kind)
	}
	m.rows.rows[key] = made
	return made
}

// status is the counter of an answer's status. One that was never sent is 499, as
// elsewhere for clients that left.
func (r *row) status(m *Metrics, req *Request) prometheus.Counter {
	status := req.Status
	if status < 100 || status > 599 {
		status = 499
	}
	if found := r.statuses[status]; found != nil {
		return found
	}
	key := m.labels(req)
	made := m.requests.WithLabelValues(key.provider, key.model, strconv.Itoa(status))
	r.statuses[status] = made
	return made
}
