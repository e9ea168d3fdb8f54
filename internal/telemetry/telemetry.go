// Package telemetry counts what the gateway does, for Prometheus.
package telemetry

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"turnpike/internal/llm"
)

// Metrics are the families the gateway fills. To add one: a line in the table of
// families, and a place where it is counted or read. A nil Metrics counts nothing.
type Metrics struct {
	registry *prometheus.Registry
	known    func(model string) bool
	rows     rows

	counters   [families]*prometheus.CounterVec
	histograms [families]*prometheus.HistogramVec
	lost       [len(llm.LossKinds)]prometheus.Counter
}

// New makes the families. known tells which models may be labels of their own.
func New(known func(model string) bool) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), known: known}
	for i, f := range table {
		switch {
		case f.read:
		case f.Kind == Histogram:
			m.histograms[i] = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: prefix + f.Name, Help: f.Help, Buckets: f.Buckets}, f.Labels)
			m.registry.MustRegister(m.histograms[i])
		default:
			m.counters[i] = prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + f.Name, Help: f.Help}, f.Labels)
			m.registry.MustRegister(m.counters[i])
		}
	}
	for i, kind := range llm.LossKinds {
		m.lost[i] = m.counters[losses].WithLabelValues(string(kind))
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the text that Prometheus reads.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
