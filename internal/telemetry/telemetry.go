// Package telemetry counts what the gateway does, for Prometheus.
package telemetry

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"turnpike/internal/llm"
)

// Metrics are the families the gateway fills. To add one: a field, a line in New.
type Metrics struct {
	registry *prometheus.Registry
	known    func(model string) bool
	rows     rows

	lost     [len(llm.LossKinds)]prometheus.Counter
	requests *prometheus.CounterVec
	tokens   *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// buckets of durations, in seconds: answers of reasoning models take minutes.
var buckets = []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600}

// New makes the families. known tells which models may be labels of their own.
func New(known func(model string) bool) *Metrics {
	f := family{prometheus.NewRegistry()}
	m := &Metrics{
		registry: f.Registry, known: known,
		requests: f.counter("requests_total", "Requests by the status of their answer.", "provider", "model", "status"),
		tokens:   f.counter("tokens_total", "Tokens; reasoning is part of output, the other types are disjoint.", "provider", "model", "type"),
		duration: f.histogram("request_duration_seconds", "Time from the head of a request to the end of its answer.", "provider", "model"),
	}
	losses := f.counter("losses_total", "Things that translation dropped, changed or added.", "kind")
	for i, kind := range llm.LossKinds {
		m.lost[i] = losses.WithLabelValues(string(kind))
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler serves the text that Prometheus reads.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// family makes metrics of one prefix and registers them.
type family struct{ *prometheus.Registry }

func (f family) counter(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "turnpike", Name: name, Help: help}, labels)
	f.MustRegister(v)
	return v
}

func (f family) histogram(name, help string, labels ...string) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "turnpike", Name: name, Help: help, Buckets: buckets}, labels)
	f.MustRegister(v)
	return v
}
