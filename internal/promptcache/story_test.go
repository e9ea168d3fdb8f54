package promptcache

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"turnpike/internal/llm"
)

var start = time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)

// round is one request of a conversation.
type round struct {
	after           time.Duration // since the one before
	provider, model string
	body            string
	client          string // its own body, where it was translated
	usage           llm.Usage
	head, told      string
}

func TestStories(t *testing.T) {
	const (
		marked = `{"role":"user","content":[{"type":"text","text":"1",` + cc + `}]}`
		plain  = `{"role":"user","content":"1"}`
		answer = `{"role":"assistant","content":"2"}`
		newest = `{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":"3",` + cc + `}]}`
	)
	body := func(tools, system, turns string) string {
		return `{"tools":[{"name":"` + tools + `"}],"system":[{"type":"text","text":"` + system + `",` + cc + `}],"messages":[` + turns + `]}`
	}
	first, second := body("a", "s", marked), body("a", "s", plain+","+answer+","+newest)
	wrote := llm.Usage{Known: true, Input: 5, CacheWrite5m: 2000}
	read := llm.Usage{Known: true, Input: 5, CacheRead: 2000, CacheWrite5m: 100}
	nothing := llm.Usage{Known: true, Input: 2105}
	cold := llm.Usage{Known: true, Input: 5, CacheWrite5m: 2100}
	for _, c := range []struct {
		name   string
		rounds []round
	}{
		{"points move from turn to turn and change nothing", []round{
			{0, "p", "m", first, "", wrote, "first", "first; written=2000"},
			{time.Minute, "p", "m", second, "", read, "expected-hit", "hit; read=2000; written=100"},
		}},
		{"the client changed its system prompt", []round{
			{0, "p", "m", first, "", wrote, "first", "first; written=2000"},
			{time.Minute, "p", "m", body("a", "t", plain+","+answer+","+newest), "", cold, "expected-miss; first-change=system; by=client", "miss; written=2100; first-change=system; by=client"},
		}},
		{"the client changed its tools", []round{
			{0, "p", "m", first, "", wrote, "first", "first; written=2000"},
			{time.Minute, "p", "m", body("b", "s", plain+","+answer+","+newest), "", cold, "expected-miss; first-change=tools; by=client", "miss; written=2100; first-change=tools; by=client"},
		}},
		{"the client changed an old turn", []round{
			{0, "p", "m", second, "", wrote, "first", "first; written=2000"},
			{time.Minute, "p", "m", body("a", "s", plain+`,{"role":"assistant","content":"other"},`+newest+","+answer+","+newest), "", llm.Usage{Known: true, CacheRead: 500, CacheWrite5m: 9}, "expected-miss; first-change=turn-1; by=client", "partial; read=500; written=9; first-change=turn-1; by=client"},
		}},
		{"the client forgot turns", []round{
			{0, "p", "m", second, "", wrote, "first", "first; written=2000"},
			{time.Minute, "p", "m", first, "", cold, "expected-miss; first-change=turn-1; by=client", "miss; written=2100; first-change=turn-1; by=client"},
		}},
		{"how the model may call tools", []round{
			{0, "p", "m", first, "", wrote, "first", "first; written=2000"},
			{time.Minute, "p", "m", `{"tool_choice":{"type":"any"},` + second[1:], "", cold, "expected-miss; first-change=settings; by=client", "miss; written=2100; first-change=settings; by=client"},
		}},
		{"the gateway changed what the client left as it was", []round{
			{0, "p", "m", first, `{"messages":[{"role":"system","content":"s"},` + plain + `]}`, wrote, "first", "first; written=2000"},
			{time.Minute, "p", "m", body("a", "t", plain+","+answer+","+newest), `{"messages":[{"role":"system","content":"s"},` + plain + `,` + answer + `,{"role":"tool","content":"3"}]}`, cold, "expected-miss; first-change=system; by=gateway", "miss; written=2100; first-change=system; by=gateway"},
		}},
		{"the gateway changed a turn", []round{
			{0, "p", "m", first, `{"messages":[` + plain + `]}`, wrote, "first", "first; written=2000"},
			{time.Minute, "p", "m", body("a", "s", `{"role":"user","content":"1 "},`+answer+","+newest), `{"messages":[` + plain + `,` + answer + `]}`, cold, "expected-miss; first-change=turn-0; by=gateway", "miss; written=2100; first-change=turn-0; by=gateway"},
		}},
		{"another model", []round{
			{0, "p", "m", first, "", wrote, "first", "first; written=2000"},
			{time.Minute, "p", "n", second, "", cold, "expected-miss; switched=model", "miss; written=2100; switched=model"},
		}},
		{"another provider", []round{
			{0, "p", "m", first, "", wrote, "first", "first; written=2000"},
			{time.Minute, "q", "m", second, "", cold, "expected-miss; switched=provider", "miss; written=2100; switched=provider"},
		}},
		{"too late", []round{
			{0, "p", "m", first, "", wrote, "first", "first; written=2000"},
			{6 * time.Minute, "p", "m", second, "", cold, "expected-miss; idle=6m0s; lifetime=5m0s", "miss; written=2100; idle=6m0s; lifetime=5m0s"},
		}},
		{"in time for an hour", []round{
			{0, "p", "m", strings.ReplaceAll(first, cc, ccH), "", wrote, "first", "first; written=2000"},
			{50 * time.Minute, "p", "m", strings.ReplaceAll(second, cc, ccH), "", read, "expected-hit", "hit; read=2000; written=100"},
		}},
		{"the upstream did not keep it", []round{
			{0, "p", "m", first, "", wrote, "first", "first; written=2000"},
			{time.Minute, "p", "m", second, "", cold, "expected-hit", "miss; written=2100; by=upstream"},
			{time.Minute, "p", "m", second, "", llm.Usage{Known: true, CacheRead: 10, CacheWrite5m: 2090}, "expected-hit", "partial; read=10; written=2090; by=upstream"},
		}},
		{"too short", []round{
			{0, "p", "m", first, "", llm.Usage{Known: true, Input: 12}, "first", "none; prompt=12; minimum=1024"},
		}},
		{"nothing written although long enough", []round{
			{0, "p", "m", first, "", nothing, "first", "first"},
			{time.Minute, "p", "m", second, "", nothing, "expected-hit", "miss; by=upstream"},
		}},
		{"forgotten", []round{
			{0, "p", "m", first, "", wrote, "first", "first; written=2000"},
			{61 * time.Minute, "p", "m", second, "", cold, "first", "first; written=2100"},
		}},
		{"a hit of what others wrote", []round{{0, "p", "m", first, "", read, "first", "hit; read=2000; written=100"}}},
		{"how the model may call tools, where only the system prompt is cached", []round{
			{0, "p", "m", body("a", "s", plain), "", wrote, "first", "first; written=2000"},
			{time.Minute, "p", "m", `{"tool_choice":{"type":"any"},` + body("a", "s", plain)[1:], "", read, "expected-hit", "hit; read=2000; written=100"},
		}},
		{"helpers with the same tools and instructions", []round{
			{0, "p", "m", first, "", wrote, "first", "first; written=2000"},
			{time.Minute, "p", "m", body("a", "s", `{"role":"user","content":[{"type":"text","text":"other",`+cc+`}]}`), "", read, "expected-miss; first-change=turn-0; by=client", "partial; read=2000; written=100; first-change=turn-0; by=client"},
			{time.Minute, "p", "m", second, "", read, "expected-hit", "hit; read=2000; written=100"},
		}},
		{"an agent's helper has a story of its own", []round{
			{0, "p", "m", first, "", wrote, "first", "first; written=2000"},
			{time.Minute, "p", "m", body("a", "helper", `{"role":"user","content":"find it"}`), "", wrote, "first", "first; written=2000"},
			{time.Minute, "p", "m", second, "", read, "expected-hit", "hit; read=2000; written=100"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, now := NewMemory(), start
			for i, r := range c.rounds {
				now = now.Add(r.after)
				p := Read([]byte(r.body), "messages")
				var client *Prompt
				if r.client != "" {
					client = Read([]byte(r.client), "chat")
				}
				sent := p.Place("", &claude).Sent(now, r.provider, r.model, client)
				tale := m.Look(1, sent)
				if got := tale.Head(); got != r.head {
					t.Errorf("round %d: head %q, want %q", i, got, r.head)
				}
				if got := tale.Told(r.usage, 1024); got != r.told {
					t.Errorf("round %d: told %q, want %q", i, got, r.told)
				}
				m.Keep(1, sent, r.usage)
			}
		})
	}
}

// TestOnlyWhatIsCovered: what stands behind the last point was never cached.
func TestOnlyWhatIsCovered(t *testing.T) {
	m := NewMemory()
	send := func(turn string, at time.Time) string {
		p := Read([]byte(`{"system":[{"type":"text","text":"s",`+cc+`}],"messages":[{"role":"user","content":"`+turn+`"}]}`), "messages")
		s := p.Place("", &claude).Sent(at, "p", "m", nil)
		tale := m.Look(1, s)
		m.Keep(1, s, llm.Usage{Known: true, CacheRead: 1})
		return tale.Head()
	}
	send("one", start)
	if got := send("two", start.Add(time.Second)); got != "expected-hit" {
		t.Errorf("another question under the same system prompt: %q", got)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	m := NewMemory()
	say := func(i int) *Sent {
		return Read(fmt.Appendf(nil, `{"messages":[{"role":"user","content":"%d"}]}`, i), "messages").Place("", &claude).Sent(start, "p", "m", nil)
	}
	for i := range maxConversations + 100 {
		if i == maxConversations {
			m.Keep(0, say(0), llm.Usage{}) // the oldest is used again
		}
		m.Keep(uint64(i), say(i), llm.Usage{})
	}
	if tale := m.Look(0, say(0)); tale.first {
		t.Error("one that was used again is forgotten")
	}
	if tale := m.Look(1, say(1)); !tale.first {
		t.Error("the one not used for longest is remembered")
	}
	if n := m.Len(); n != maxConversations {
		t.Errorf("%d conversations are kept, not %d", n, maxConversations)
	}
	turns := strings.Repeat(`{"role":"user","content":"x"},`, maxTurns+50)
	long := Read([]byte(`{"messages":[`+strings.TrimSuffix(turns, ",")+`]}`), "messages")
	if n := len(long.turns); n != maxTurns {
		t.Errorf("%d turns are looked at one by one, not %d", n, maxTurns)
	}
	for i := range 400 {
		m.Keep(uint64(i), long.Place("", &claude).Sent(start.Add(time.Duration(i)), "p", "m", nil), llm.Usage{})
	}
	if m.hashes > maxHashes {
		t.Errorf("%d hashes are kept", m.hashes)
	}
	for i := range 2 * maxThreads { // helpers of one conversation
		s := Read(fmt.Appendf(nil, `{"system":"%d","messages":[{"role":"user","content":"%d"}]}`, i, i), "messages").Place("", &claude).Sent(start.Add(time.Hour), "p", "m", nil)
		m.Keep(7, s, llm.Usage{})
	}
	if n := len(m.byName[7].Value.(*conversation).threads); n != maxThreads {
		t.Errorf("%d threads are kept of one conversation, not %d", n, maxThreads)
	}
	sum := 0
	for e := m.recent.Front(); e != nil; e = e.Next() {
		for _, s := range e.Value.(*conversation).threads {
			sum += s.weight()
		}
	}
	if sum != m.hashes {
		t.Errorf("%d hashes are counted, %d are kept", m.hashes, sum)
	}
}

func TestLifetimes(t *testing.T) {
	untold := llm.Usage{CacheWrite5m: 9, LifeUntold: true}
	for _, c := range []struct {
		name, body, want string
		usage            llm.Usage
		hour             int64
	}{
		{"USE-07 all for an hour", `{"messages":[{"role":"user","content":[{"type":"text","text":"1",` + ccH + `}]}]}`, "", untold, 9},
		{"USE-07 ours for an hour", `{"messages":[{"role":"user","content":"1"}]}`, Hour, untold, 9},
		{"USE-07 five minutes", `{"messages":[{"role":"user","content":"1"}]}`, Min5, untold, 0},
		{"USE-07 both", `{"system":[{"type":"text","text":"s",` + ccH + `}],"messages":[{"role":"user","content":[{"type":"text","text":"1",` + cc + `}]}]}`, "", untold, 0},
		{"USE-07 what is told counts", `{"messages":[{"role":"user","content":"1"}]}`, Hour, llm.Usage{CacheWrite5m: 9}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := Lifetimes(c.usage, Read([]byte(c.body), "messages").Place(c.want, &claude).Hour())
			if u.CacheWrite1h != c.hour || u.CacheWrite() != 9 {
				t.Errorf("got %+v", u)
			}
		})
	}
}

// BenchmarkStory is what a request with cache points costs more: the walk, the
// hashes, the comparison.
func BenchmarkStory(b *testing.B) {
	m := NewMemory()
	for _, kib := range []int{10, 100, 1000} {
		turn := `{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":"` + strings.Repeat("The quick brown fox, 0123456789. ", 60) + `"}]},{"role":"assistant","content":"ok"},`
		var turns strings.Builder
		for turns.Len() < kib<<10 {
			turns.WriteString(turn)
		}
		body := []byte(`{"system":[{"type":"text","text":"s",` + cc + `}],"messages":[` + turns.String() + `{"role":"user","content":[{"type":"text","text":"q",` + cc + `}]}]}`)
		b.Run(fmt.Sprintf("%dKiB", kib), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				p := Read(body, "messages")
				s := p.Place("", &claude).Sent(start, "p", "m", nil)
				tale := m.Look(1, s)
				_ = tale.Head()
				m.Keep(1, s, llm.Usage{})
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(body))*1024, "ns/KiB")
		})
	}
}

// BenchmarkPlace is the planning and the splicing.
func BenchmarkPlace(b *testing.B) {
	turn := `{"role":"user","content":"` + strings.Repeat("The quick brown fox, 0123456789. ", 60) + `"},{"role":"assistant","content":"ok"},`
	body := []byte(`{"system":"s","messages":[` + strings.Repeat(turn, 50) + `{"role":"user","content":"q"}]}`)
	room := make([]byte, 0, 2*len(body))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		room = Read(body, "messages").Place(Min5, &claude).AppendTo(room[:0])
	}
}
