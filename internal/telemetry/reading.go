package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Reading is how things stand when Prometheus asks.
type Reading struct {
	InFlight  int64
	Providers []Provider
	Journal   Journal
	OTLP      *Delivery // nil: there is no collector
	Redis     *Redis    // nil: limits are counted in memory
}

// Provider is how an account stands that is in use.
type Provider struct {
	Name      string
	Healthy   bool
	InFlight  int64
	Waiting   int
	Cooling   map[string]int   // models that are left alone, by reason
	Cooldowns map[string]int64 // that have begun, by reason
}

// Journal is how the ledger stands.
type Journal struct {
	Waiting, Bytes, InMemory, Lost int64
	Away                           time.Duration
}

// Delivery is what became of what a collector was to get.
type Delivery struct{ Sent, Dropped, Failed int64 }

// Redis is how the place stands where limits are counted.
type Redis struct {
	Up                                 bool
	Replicas, Fallbacks, Waiting, Lost int64
}

// Read makes the families that are read come from a function. It is called once.
func (m *Metrics) Read(now func() Reading) {
	r := &reader{now: now}
	for i, f := range table {
		if f.read {
			r.descs[i] = prometheus.NewDesc(prefix+f.Name, f.Help, f.Labels, nil)
		}
	}
	m.registry.MustRegister(r)
}

// reader collects what is read.
type reader struct {
	now   func() Reading
	descs [families]*prometheus.Desc
}

// Describe is prometheus.Collector's.
func (r *reader) Describe(out chan<- *prometheus.Desc) {
	for _, d := range r.descs {
		if d != nil {
			out <- d
		}
	}
}

// Collect is prometheus.Collector's.
func (r *reader) Collect(out chan<- prometheus.Metric) {
	put := func(family int, v float64, labels ...string) {
		kind := prometheus.GaugeValue
		if table[family].Kind == Counter {
			kind = prometheus.CounterValue
		}
		out <- prometheus.MustNewConstMetric(r.descs[family], kind, v, labels...)
	}
	now := r.now()
	put(inFlight, float64(now.InFlight))
	for _, p := range now.Providers {
		p.put(put)
	}
	put(journalLag, float64(now.Journal.Waiting))
	put(journalBytes, float64(now.Journal.Bytes))
	put(journalUnsafe, float64(now.Journal.InMemory))
	put(journalLost, float64(now.Journal.Lost))
	put(databaseAway, now.Journal.Away.Seconds())
	if s := now.Redis; s != nil {
		put(redisUp, truth(s.Up))
		put(redisReplicas, float64(s.Replicas))
		put(redisFallbacks, float64(s.Fallbacks))
		put(redisWaiting, float64(s.Waiting))
		put(redisLost, float64(s.Lost))
	}
	if d := now.OTLP; d != nil {
		put(otlpRecords, float64(d.Sent), "sent")
		put(otlpRecords, float64(d.Dropped), "dropped")
		put(otlpRecords, float64(d.Failed), "failed")
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (p *Provider) put(put func(family int, v float64, labels ...string)) {
	put(providerHealth, truth(p.Healthy), p.Name)
	put(upstreamInFlight, float64(p.InFlight), p.Name)
	put(queueDepth, float64(p.Waiting), p.Name)
	for reason, n := range p.Cooling {
		put(coolingModels, float64(n), p.Name, reason)
	}
	for reason, n := range p.Cooldowns {
		put(cooldowns, float64(n), p.Name, reason)
	}
}
