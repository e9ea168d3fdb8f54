package promptcache

import (
	"bytes"
	"hash/maphash"
	"slices"

	"turnpike/internal/wire"
)

// scanner walks one body.
type scanner struct {
	r *wire.Reader
	p *Prompt
	h maphash.Hash
}

func (s *scanner) member(name string) {
	p, f := s.p, s.p.form
	switch {
	case name == f.tools:
		s.toolsIn(name)
	case name == f.turns:
		s.turns()
	case name == "cache_control" && f.style == styleMember:
		m, _ := s.mark()
		p.whole = &m
	case slices.Contains(f.system, name):
		from := s.begin()
		s.content(&p.system)
		s.end(&p.system, from)
	case slices.Contains(f.settings, name):
		s.setting(name)
	}
}

// begin starts to measure and hash a segment, end notes the outcome.
func (s *scanner) begin() (from int) {
	s.h.Reset()
	return s.r.Offset()
}

func (s *scanner) end(seg *segment, from int) {
	seg.size = s.r.Offset() - from
	seg.hash = s.h.Sum64()
}

func (s *scanner) toolsIn(name string) {
	if s.p.form.inner == "" || s.r.Kind() != '{' {
		s.tools()
		return
	}
	for inner := range s.r.Fields() {
		switch {
		case string(inner) == s.p.form.inner:
			s.tools()
		case slices.Contains(s.p.form.settings, string(inner)):
			s.setting(name)
		}
	}
}

func (s *scanner) tools() {
	seg := &s.p.tools
	from := s.begin()
	if s.r.Kind() != '[' {
		s.write(s.value())
	} else {
		for range s.r.Elements() {
			s.tool(seg)
		}
	}
	s.end(seg, from)
}

// setting adds one to the hash of the settings.
func (s *scanner) setting(name string) {
	s.h.Reset()
	s.write([]byte(name))
	s.write(s.value())
	s.p.settings = s.p.settings*31 + s.h.Sum64()
}

func (s *scanner) turns() {
	if s.r.Kind() != '[' { // Responses: a text
		s.p.turns = []segment{{role: roleUser}}
		t := &s.p.turns[0]
		from := s.begin()
		s.content(t)
		s.end(t, from)
		return
	}
	s.p.turns = make([]segment, 0, 32)
	for range s.r.Elements() {
		n := len(s.p.turns)
		s.p.turns = append(s.p.turns, segment{})
		t := &s.p.turns[n]
		from := s.begin()
		s.turn(t)
		s.end(t, from)
		if n == maxTurns {
			last := &s.p.turns[n-1]
			t.hash, t.size, t.marks = last.hash*31+t.hash, last.size+t.size, append(last.marks, t.marks...)
			*last = *t
			s.p.turns = s.p.turns[:n]
		}
	}
}

func (s *scanner) turn(t *segment) {
	if s.r.Kind() != '{' {
		s.write(s.value())
		return
	}
	for name := range s.r.Members() {
		switch string(name) {
		case "role":
			if s.r.Kind() == '"' {
				v := s.value()
				t.role = roles[string(v[1:len(v)-1])]
				s.write(v)
			}
		case "content":
			s.write(name)
			s.content(t)
		case "cache_control":
			s.add(&t.marks)
		default:
			s.write(name)
			s.write(s.value())
		}
	}
}

// content walks what is said: a text or a list of blocks. Both forms of one text
// count as the same, as they are to the model.
func (s *scanner) content(seg *segment) {
	switch s.r.Kind() {
	case '"':
		from := s.r.Offset()
		v := s.value()
		s.write([]byte("typetexttext"))
		s.write(v)
		if !blank(v) && !bytes.HasPrefix(v, []byte(attribution)) {
			seg.spot = spot{ok: true, from: from, at: s.r.Offset(), wrap: true}
			seg.plain = seg.spot
		}
	case '[':
		for range s.r.Elements() {
			s.block(seg)
		}
	default:
		s.write(s.value())
	}
}

// block walks one block of a list of content.
func (s *scanner) block(seg *segment) {
	if s.r.Kind() != '{' {
		s.write(s.value())
		return
	}
	from := s.r.Offset()
	what, empty, null := kindOther, false, 0
	named := s.p.form.style == styleElement // the name of the member is the type
	for name := range s.r.Members() {
		if named && what == kindOther {
			what = kinds[string(name)]
		}
		switch string(name) {
		case "cache_control", "cachePoint":
			null = s.add(&seg.marks)
			continue
		case "type":
			v := s.value()
			if !named && len(v) > 1 {
				what = kinds[string(v[1:len(v)-1])]
			}
			s.hashType(v)
			continue
		case "text":
			v := s.value()
			empty = blank(v) || bytes.HasPrefix(v, []byte(attribution))
			s.write(name)
			s.write(v)
			continue
		case "content":
			s.write(name)
			s.nested(seg)
			continue
		}
		s.write(name)
		s.write(s.value())
	}
	if what == kindText && empty {
		what = kindOther
	}
	s.settle(seg, from, null, what)
}

// settle takes the end of a block for a spot if it can be one. null is where a
// cache_control of null stands, 0 for nowhere.
func (s *scanner) settle(seg *segment, from, null int, what kind) {
	if what == kindOther || what == kindMarker {
		return
	}
	seg.spot = spot{ok: true, from: from, at: s.r.Offset()}
	switch {
	case null > 0:
		seg.spot.at, seg.spot.null = null, true
	case s.p.form.style == styleMember:
		seg.spot.at-- // before the brace
	}
	if what != kindCall {
		seg.plain = seg.spot
	}
}

// nested walks the content of a tool's result: points in it count, none is put there.
func (s *scanner) nested(seg *segment) {
	spot, plain := seg.spot, seg.plain
	s.content(seg)
	seg.spot, seg.plain = spot, plain
}

// tool walks one tool. One that is loaded later takes no point: the API refuses
// both together (Anthropic tool search guide).
func (s *scanner) tool(seg *segment) {
	if s.r.Kind() != '{' {
		s.write(s.value())
		return
	}
	from := s.r.Offset()
	later, point, null := false, false, 0
	for name := range s.r.Members() {
		switch string(name) {
		case "cache_control", "cachePoint":
			point = string(name) == "cachePoint"
			null = s.add(&seg.marks)
			continue
		case "defer_loading":
			later = s.r.Kind() == 't'
		}
		s.write(name)
		s.write(s.value())
	}
	if later || point {
		return
	}
	s.settle(seg, from, null, kindPlain)
}

// add notes the cache point that is about to be read. Where it is null it returns
// its place: null is no point.
func (s *scanner) add(marks *[]mark) (null int) {
	m, ok := s.mark()
	if !ok {
		return m.at
	}
	*marks = append(*marks, m)
	return 0
}

func (s *scanner) mark() (m mark, ok bool) {
	m.at = s.r.Offset()
	switch s.r.Kind() {
	case '{':
	case 'n':
		return m, false
	default:
		return m, true
	}
	for name := range s.r.Fields() {
		if string(name) == "ttl" && s.r.Kind() == '"' {
			m.hour = string(s.r.Bytes()) == "1h"
		}
	}
	return m, true
}

// value passes over a value and returns its text.
func (s *scanner) value() []byte {
	from := s.r.Offset()
	s.r.Skip()
	return s.p.body[from:s.r.Offset()]
}

func (s *scanner) write(b []byte) { _, _ = s.h.Write(b) }

func (s *scanner) hashType(v []byte) {
	s.write([]byte("type"))
	if len(v) > 1 {
		s.write(v[1 : len(v)-1])
	}
}

// blank tells whether a JSON string holds white space only.
func blank(v []byte) bool {
	if len(v) < 2 {
		return true
	}
	for i := 1; i < len(v)-1; i++ {
		switch v[i] {
		case ' ', '\t':
		case '\\':
			if i++; v[i] != 'n' && v[i] != 't' && v[i] != 'r' {
				return false
			}
		default:
			return false
		}
	}
	return true
}
