package otel

import (
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// The messages are those of opentelemetry-proto v1; the numbers below are its
// fields. Only these few are ever written, so they are written by hand: the
// official SDK brings gRPC and 130 packages with it.

// msg is a message under way.
type msg []byte

func (m *msg) bytes(field protowire.Number, b []byte) {
	*m = protowire.AppendBytes(protowire.AppendTag(*m, field, protowire.BytesType), b)
}

func (m *msg) str(field protowire.Number, s string) {
	if s != "" {
		*m = protowire.AppendString(protowire.AppendTag(*m, field, protowire.BytesType), s)
	}
}

func (m *msg) varint(field protowire.Number, v uint64) {
	*m = protowire.AppendVarint(protowire.AppendTag(*m, field, protowire.VarintType), v)
}

func (m *msg) fixed64(field protowire.Number, v uint64) {
	*m = protowire.AppendFixed64(protowire.AppendTag(*m, field, protowire.Fixed64Type), v)
}

func (m *msg) fixed32(field protowire.Number, v uint32) {
	*m = protowire.AppendFixed32(protowire.AppendTag(*m, field, protowire.Fixed32Type), v)
}

func (m *msg) double(field protowire.Number, v float64) { m.fixed64(field, math.Float64bits(v)) }

func (m *msg) time(field protowire.Number, t time.Time) {
	m.fixed64(field, uint64(t.UnixNano())) //nolint:gosec // after 1970
}

// sub writes a message inside another.
func (m *msg) sub(field protowire.Number, write func(*msg)) {
	var in msg
	write(&in)
	m.bytes(field, in)
}

// attr is an attribute. Its value is a string, an int64, a float64, a bool or a
// list of strings.
type attr struct {
	key   string
	value any
}

func (m *msg) attrs(field protowire.Number, list []attr) {
	for _, a := range list {
		m.sub(field, func(kv *msg) {
			kv.str(1, a.key)
			kv.sub(2, func(v *msg) { v.value(a.value) })
		})
	}
}

func (m *msg) value(v any) {
	switch v := v.(type) {
	case string:
		m.bytes(1, []byte(v))
	case bool:
		n := uint64(0)
		if v {
			n = 1
		}
		m.varint(2, n)
	case int64:
		m.varint(3, uint64(v)) //nolint:gosec // two's complement is meant
	case float64:
		m.double(4, v)
	case []string:
		m.sub(5, func(list *msg) {
			for _, s := range v {
				list.sub(1, func(e *msg) { e.value(s) })
			}
		})
	}
}

// envelope is what stands around spans and around metrics alike: resource, scope,
// and the items in field 2 of it.
func (t *Tracer) envelope(items func(*msg)) []byte {
	var out msg
	out.sub(1, func(r *msg) {
		r.sub(1, func(res *msg) {
			res.attrs(1, []attr{{"service.name", t.opt.Service}, {"service.version", t.opt.Version}, {"service.instance.id", t.instance}})
		})
		r.sub(2, func(scope *msg) {
			scope.sub(1, func(s *msg) { s.str(1, "turnpike"); s.str(2, t.opt.Version) })
			items(scope)
			scope.str(3, t.names.schema)
		})
		r.str(3, t.names.schema)
	})
	return out
}
