package otel

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxSeries bounds the sets of attributes; those beyond it share one
// (OpenTelemetry specification, metrics SDK, cardinality limits).
const maxSeries = 1000

// labels are the attributes metrics are told by: no keys, no users, no models that
// nobody knows.
type labels struct {
	name      string // of the metric
	operation string
	system    string
	model     string
	served    string // gen_ai.response.model
	host      string
	port      int64
	err       string
	kind      string // gen_ai.token.type
	overflow  bool
}

// series is one metric under one set of attributes, since the start.
type series struct {
	unit    string
	bounds  []float64 // nil: a counter
	buckets []uint64
	count   uint64
	sum     float64
	total   int64 // of a counter
}

// meter adds up metrics. The one goroutine that sends them owns it.
type meter struct {
	names  *naming
	known  func(model string) bool
	start  time.Time
	series map[labels]*series
}

func (m *meter) at(l labels, unit string, bounds []float64) *series {
	s := m.series[l]
	if s == nil && len(m.series) >= maxSeries {
		l = labels{name: l.name, overflow: true}
		s = m.series[l]
	}
	if s == nil {
		s = &series{unit: unit, bounds: bounds}
		if bounds != nil {
			s.buckets = make([]uint64, len(bounds)+1)
		}
		m.series[l] = s
	}
	return s
}

func (m *meter) observe(l labels, name, unit string, bounds []float64, v float64) {
	if name == "" {
		return
	}
	l.name = name
	s := m.at(l, unit, bounds)
	i, _ := slices.BinarySearch(s.bounds, v) // a bound is part of the bucket below it
	s.buckets[i]++
	s.count++
	s.sum += v
}

func (m *meter) add(l labels, name string, n int64) {
	if name == "" || n == 0 {
		return
	}
	l.name = name
	m.at(l, "{token}", nil).total += n
}

// take adds a request and its attempts.
func (m *meter) take(r *Request) {
	for i := range r.attempts {
		m.attempt(r, &r.attempts[i], i == len(r.attempts)-1)
	}
	l := labels{operation: r.Operation, err: r.Error}
	if n := len(r.attempts); n > 0 {
		l.of(&r.attempts[n-1], m.known)
		l.host, l.port = "", 0 // the server is the gateway
	}
	m.observe(l, m.names.served, "s", secondBuckets, r.Took.Seconds())
	if r.FirstContent > 0 {
		m.observe(l, m.names.firstToken, "s", firstBuckets, r.FirstContent.Seconds())
		if r.Output > 1 {
			m.observe(l, m.names.perToken, "s", chunkBuckets, (r.Took-r.FirstContent).Seconds()/float64(r.Output-1))
		}
	}
}

const otherModel = "other"

func (l *labels) of(a *Attempt, known func(string) bool) {
	l.system, l.host, l.port = system(a.Kind, a.host), a.host, a.port
	if l.model = otherModel; known(a.Model) {
		l.model = a.Model
	}
	if a.Served != "" {
		if l.served = otherModel; known(a.Served) {
			l.served = a.Served
		}
	}
}

func (m *meter) attempt(r *Request, a *Attempt, last bool) {
	l := labels{operation: r.Operation, err: a.Error}
	l.of(a, m.known)
	duration := m.names.duration
	if r.Operation == OpEmbeddings {
		duration = m.names.embedding
	}
	m.observe(l, duration, "s", secondBuckets, a.Took.Seconds())
	if a.Stream && a.FirstContent > 0 {
		m.observe(l, m.names.firstChunk, "s", firstBuckets, a.FirstContent.Seconds())
		if last && r.Chunks > 1 {
			m.observe(l, m.names.perChunk, "s", chunkBuckets, (r.Took-r.FirstContent).Seconds()/float64(r.Chunks-1))
		}
	}
	l.err = "" // tokens are told whatever became of the call
	u := a.Usage
	for _, t := range []struct {
		kind string
		n    int64
	}{{"input", u.Prompt()}, {"output", u.Output}} {
		by := l
		by.kind = t.kind
		m.observe(by, m.names.usage, "{token}", tokenBuckets, float64(t.n))
	}
	m.observe(l, m.names.inputSize, "{token}", tokenBuckets, float64(u.Prompt()))
	m.observe(l, m.names.outputSize, "{token}", tokenBuckets, float64(u.Output))
	m.add(l, m.names.input, u.Prompt())
	m.add(l, m.names.output, u.Output)
	m.add(l, m.names.cacheRead, u.CacheRead)
	m.add(l, m.names.cacheWrite, u.CacheWrite())
	m.add(l, m.names.reasoning, u.Reasoning)
}

func (l *labels) attrs(s *series) []attr {
	if l.overflow {
		return []attr{{"otel.metric.overflow", true}}
	}
	var out list
	out.str("gen_ai.operation.name", l.operation)
	out.str("gen_ai.provider.name", l.system)
	out.str("gen_ai.request.model", l.model)
	out.str("gen_ai.response.model", l.served)
	out.str("gen_ai.token.type", l.kind)
	out.str("server.address", l.host)
	out.num("server.port", l.port)
	out.str("error.type", l.err)
	if s.bounds == nil {
		out.str("gen_ai.token.modality", "unknown") // upstreams tell one figure for all of them
	}
	return out
}

// cumulative is AGGREGATION_TEMPORALITY_CUMULATIVE.
const cumulative = 2

// append writes all metrics, each with its points.
func (m *meter) append(out *msg, now time.Time) {
	byName := map[string][]labels{}
	for l := range m.series {
		byName[l.name] = append(byName[l.name], l)
	}
	names := make([]string, 0, len(byName))
	for name := range byName {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		points := byName[name]
		slices.SortFunc(points, func(a, b labels) int { return cmp.Compare(a.sortKey(), b.sortKey()) })
		first := m.series[points[0]]
		out.sub(2, func(metric *msg) {
			metric.str(1, name)
			metric.str(3, first.unit)
			field := protowire.Number(9)
			if first.bounds == nil {
				field = 7
			}
			metric.sub(field, func(data *msg) {
				for i := range points {
					s := m.series[points[i]]
					data.sub(1, func(p *msg) { s.point(p, points[i].attrs(s), m.start, now) })
				}
				data.varint(2, cumulative)
				if first.bounds == nil {
					data.varint(3, 1) // monotonic
				}
			})
		})
	}
}

func (l *labels) sortKey() string {
	return l.operation + "\x00" + l.system + "\x00" + l.model + "\x00" + l.served + "\x00" + l.host + "\x00" + l.kind + "\x00" + l.err + "\x00" + strconv.FormatInt(l.port, 10)
}

// point writes a number or a histogram.
func (s *series) point(p *msg, attrs []attr, start, now time.Time) {
	p.time(2, start)
	p.time(3, now)
	if s.bounds == nil {
		p.fixed64(6, uint64(s.total)) //nolint:gosec // two's complement is meant
		p.attrs(7, attrs)
		return
	}
	p.fixed64(4, s.count)
	p.double(5, s.sum)
	var buckets, bounds msg
	for _, n := range s.buckets {
		buckets = protowire.AppendFixed64(buckets, n)
	}
	for _, b := range s.bounds {
		bounds = protowire.AppendFixed64(bounds, math.Float64bits(b))
	}
	p.bytes(6, buckets)
	p.bytes(7, bounds)
	p.attrs(9, attrs)
}
