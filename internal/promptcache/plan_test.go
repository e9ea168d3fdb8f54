package promptcache

import (
	"encoding/json"
	"strings"
	"testing"

	"turnpike/internal/llm"
)

var (
	claude = llm.Caps{Family: "claude", CachePoints: 4, Cache1h: true}
	nova   = llm.Caps{Family: "nova", CachePoints: 4, CacheSpots: []string{"system", "messages"}}
)

const (
	cc  = `"cache_control":{"type":"ephemeral"}`
	ccH = `"cache_control":{"type":"ephemeral","ttl":"1h"}`
	cp  = `{"cachePoint":{"type":"default"}}`
	cpH = `{"cachePoint":{"type":"default","ttl":"1h"}}`
)

// place plans and splices, and holds that nothing but points was put in.
func place(t *testing.T, dialect, body, want string, caps llm.Caps) string {
	t.Helper()
	p := Read([]byte(body), dialect)
	if p == nil {
		t.Fatalf("not read: %s", body)
	}
	plan := p.Place(want, &caps)
	out := plan.AppendTo(nil)
	if !json.Valid(out) {
		t.Fatalf("no JSON: %s", out)
	}
	if len(out) > plan.Size() {
		t.Errorf("%d bytes, more than the %d announced", len(out), plan.Size())
	}
	after := Read(out, dialect)
	if after == nil {
		t.Fatalf("not read again: %s", out)
	}
	if n := after.marks(); n != p.marks()+plan.Len() {
		t.Errorf("%d points after %d were put beside %d: %s", n, plan.Len(), p.marks(), out)
	}
	if a, b := p.fingerprint(), after.fingerprint(); a.tools != b.tools || a.system != b.system || !begins(a.turns, b.turns) || !begins(b.turns, a.turns) {
		t.Errorf("the points change what is compared: %s", out)
	}
	return string(out)
}

func TestPlace(t *testing.T) {
	const (
		tools = `"tools":[{"name":"a"},{"name":"b"}]`
		talk  = `"messages":[{"role":"user","content":"1"},{"role":"assistant","content":"2"},{"role":"user","content":"3"}]`
		bill  = `{"type":"text","text":"x-anthropic-billing-header: cc_version=2"}`
	)
	for _, c := range []struct {
		name, dialect, want string
		caps                llm.Caps
		body, out           string // out empty: as body
	}{
		{
			"all four points", "messages", Min5, claude,
			`{` + tools + `,"system":"s",` + talk + `}`,
			`{"tools":[{"name":"a"},{"name":"b",` + cc + `}],"system":[{"type":"text","text":"s",` + cc + `}],"messages":[{"role":"user","content":[{"type":"text","text":"1",` + cc +
				`}]},{"role":"assistant","content":"2"},{"role":"user","content":[{"type":"text","text":"3",` + cc + `}]}]}`,
		},
		{
			"an hour, whatever the order of members", "messages", Hour, claude,
			`{"messages":[{"content":"1","role":"user"}],"system":[{"text":"s","type":"text"}]}`,
			`{"messages":[{"content":[{"type":"text","text":"1",` + ccH + `}],"role":"user"}],"system":[{"text":"s","type":"text",` + ccH + `}]}`,
		},
		{
			"an hour where the model has none", "messages", Hour,
			llm.Caps{Family: "claude"},
			`{"messages":[{"role":"user","content":"1"}]}`, `{"messages":[{"role":"user","content":[{"type":"text","text":"1",` + cc + `}]}]}`,
		},
		{"off", "messages", "off", claude, `{` + tools + `,` + talk + `}`, ""},
		{"a model that takes none", "messages", Min5, llm.Caps{NoCache: true}, `{` + tools + `,` + talk + `}`, ""},
		{"auto leaves a lone question alone", "messages", Auto, claude, `{"system":"s","messages":[{"role":"user","content":"1"}],"tools":[]}`, ""},
		{
			"auto where tools are offered", "messages", Auto, claude, `{"tools":[{"name":"a"}],"messages":[{"role":"user","content":"1"}]}`,
			`{"tools":[{"name":"a",` + cc + `}],"messages":[{"role":"user","content":[{"type":"text","text":"1",` + cc + `}]}]}`,
		},
		{
			"auto where the assistant has spoken", "messages", Auto, claude, `{` + talk + `}`,
			`{"messages":[{"role":"user","content":[{"type":"text","text":"1",` + cc + `}]},{"role":"assistant","content":"2"},{"role":"user","content":[{"type":"text","text":"3",` + cc + `}]}]}`,
		},
		{
			"CACHE-06 the client's are counted first", "messages", Min5, claude,
			`{"tools":[{"name":"a",` + cc + `}],"system":[{"type":"text","text":"s",` + cc + `},{"type":"text","text":"t",` + cc + `}],` + talk + `}`,
			`{"tools":[{"name":"a",` + cc + `}],"system":[{"type":"text","text":"s",` + cc + `},{"type":"text","text":"t",` + cc + `}],"messages":[{"role":"user","content":"1"},{"role":"assistant","content":"2"},{"role":"user","content":[{"type":"text","text":"3",` + cc + `}]}]}`,
		},
		{
			"CACHE-06 the client's own within a result, and one for the whole", "messages", Min5, claude,
			`{` + cc + `,` + tools + `,"system":"s","messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":[{"type":"text","text":"1",` + cc + `},{"type":"text","text":"2",` + cc + `}]}]}]}`,
			`{` + cc + `,` + tools + `,"system":[{"type":"text","text":"s",` + cc + `}],"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"c","content":[{"type":"text","text":"1",` + cc + `},{"type":"text","text":"2",` + cc + `}]}]}]}`,
		},
		{"one for the whole stands on the newest turn", "messages", Min5, claude, `{` + cc + `,"messages":[{"role":"user","content":"1"}]}`, ""},
		{
			"CACHE-07 ours before the client's hour is an hour", "messages", Min5, claude,
			`{"tools":[{"name":"a"}],"system":[{"type":"text","text":"s",` + ccH + `}],"messages":[{"role":"user","content":"1"}]}`,
			`{"tools":[{"name":"a",` + ccH + `}],"system":[{"type":"text","text":"s",` + ccH + `}],"messages":[{"role":"user","content":[{"type":"text","text":"1",` + ccH + `}]}]}`,
		},
		{
			"CACHE-07 ours behind the client's five minutes is five minutes", "messages", Hour, claude,
			`{"tools":[{"name":"a",` + cc + `}],"system":"s","messages":[{"role":"user","content":"1"}]}`,
			`{"tools":[{"name":"a",` + cc + `}],"system":[{"type":"text","text":"s",` + cc + `}],"messages":[{"role":"user","content":[{"type":"text","text":"1",` + cc + `}]}]}`,
		},
		{
			"CACHE-07 ours between an hour and five minutes", "messages", Hour, claude,
			`{"tools":[{"name":"a",` + ccH + `}],"system":"s","messages":[{"role":"user","content":[{"type":"text","text":"1",` + cc + `}]}]}`,
			`{"tools":[{"name":"a",` + ccH + `}],"system":[{"type":"text","text":"s",` + cc + `}],"messages":[{"role":"user","content":[{"type":"text","text":"1",` + cc + `}]}]}`,
		},
		{
			"CACHE-08 not on thinking, not on blank text", "messages", Min5, claude,
			`{"messages":[{"role":"user","content":[{"type":"text","text":"q"},{"type":"text","text":" \n"},{"type":"thinking","thinking":"x"}]}]}`,
			`{"messages":[{"role":"user","content":[{"type":"text","text":"q",` + cc + `},{"type":"text","text":" \n"},{"type":"thinking","thinking":"x"}]}]}`,
		},
		{"CACHE-10 the attribution stays unmarked", "messages", Min5, claude, `{"system":[` + bill + `],"messages":[{"role":"assistant","content":"1"}]}`, ""},
		{"CACHE-10 as a string too", "messages", Min5, claude, `{"system":"x-anthropic-billing-header: cc_version=2","messages":[]}`, ""},
		{
			"CACHE-10 the block behind it is marked", "messages", Min5, claude, `{"system":[` + bill + `,{"type":"text","text":"s"}],"messages":[]}`,
			`{"system":[` + bill + `,{"type":"text","text":"s",` + cc + `}],"messages":[]}`,
		},
		{
			"a tool that is loaded later takes none", "messages", Min5, claude, `{"tools":[{"name":"a"},{"name":"b","defer_loading":true}],"messages":[]}`,
			`{"tools":[{"name":"a",` + cc + `},{"name":"b","defer_loading":true}],"messages":[]}`,
		},
		{
			"a null gives way", "messages", Min5, claude, `{"messages":[{"role":"user","content":[{"type":"text","cache_control":null,"text":"q"}]}],"tools":[{"cache_control":null,"name":"a"}]}`,
			`{"messages":[{"role":"user","content":[{"type":"text",` + cc + `,"text":"q"}]}],"tools":[{` + cc + `,"name":"a"}]}`,
		},
		{"below the minimum", "messages", Min5, llm.Caps{Family: "claude", CacheMin: 1024}, `{"system":"s","messages":[{"role":"user","content":"1"}]}`, ""},
		{
			"only the piece that reaches it", "messages", Min5,
			llm.Caps{Family: "claude", CacheMin: 10},
			`{"system":"s","messages":[{"role":"user","content":"123456789"}]}`,
			`{"system":"s","messages":[{"role":"user","content":[{"type":"text","text":"123456789",` + cc + `}]}]}`,
		},
		{
			"the last turn of the user, before a prefill", "messages", Min5, claude, `{"messages":[{"role":"user","content":"1"},{"role":"assistant","content":"{"}]}`,
			`{"messages":[{"role":"user","content":[{"type":"text","text":"1",` + cc + `}]},{"role":"assistant","content":"{"}]}`,
		},
		{
			"Converse for Claude", "converse", Hour, claude,
			`{"toolConfig":{"tools":[{"toolSpec":{"name":"a"}}],"toolChoice":{"auto":{}}},"system":[{"text":"s"}],"messages":[{"role":"user","content":[{"toolResult":{"toolUseId":"c","content":[{"text":"x"}]}}]}]}`,
			`{"toolConfig":{"tools":[{"toolSpec":{"name":"a"}},` + cpH + `],"toolChoice":{"auto":{}}},"system":[{"text":"s"},` + cpH + `],"messages":[{"role":"user","content":[{"toolResult":{"toolUseId":"c","content":[{"text":"x"}]}},` + cpH + `]}]}`,
		},
		{
			"CACHE-04 Converse for Nova: not among the tools, not behind results", "converse", Min5, nova,
			`{"toolConfig":{"tools":[{"toolSpec":{"name":"a"}}]},"system":[{"text":"s"}],"messages":[{"role":"user","content":[{"text":"q"},{"toolResult":{"toolUseId":"c","content":[{"text":"x"}]}}]}]}`,
			`{"toolConfig":{"tools":[{"toolSpec":{"name":"a"}}]},"system":[{"text":"s"},` + cp + `],"messages":[{"role":"user","content":[{"text":"q"},` + cp + `,{"toolResult":{"toolUseId":"c","content":[{"text":"x"}]}}]}]}`,
		},
		{
			"Converse: not behind reasoning; the client's counts", "converse", Min5, claude,
			`{"system":[{"text":"s"},` + cp + `],"messages":[{"role":"user","content":[{"text":"q"}]},{"role":"assistant","content":[{"reasoningContent":{}}]},{"role":"user","content":[{"text":"r"}]}]}`,
			`{"system":[{"text":"s"},` + cp + `],"messages":[{"role":"user","content":[{"text":"q"},` + cp + `]},{"role":"assistant","content":[{"reasoningContent":{}}]},{"role":"user","content":[{"text":"r"},` + cp + `]}]}`,
		},
		{
			"CACHE-12 Claude behind a server of OpenAI's API", "chat", Min5, claude,
			`{"messages":[{"role":"system","content":"s"},{"role":"user","content":"1"},{"role":"assistant","content":null,"tool_calls":[]},{"role":"tool","content":"2"}],"tools":[{"type":"function"}]}`,
			`{"messages":[{"role":"system","content":[{"type":"text","text":"s",` + cc + `}]},{"role":"user","content":[{"type":"text","text":"1",` + cc +
				`}]},{"role":"assistant","content":null,"tool_calls":[]},{"role":"tool","content":[{"type":"text","text":"2",` + cc + `}]}],"tools":[{"type":"function",` + cc + `}]}`,
		},
		{"Converse for a model nobody knows", "converse", Min5, llm.Caps{}, `{"system":[{"text":"s"}],"messages":[{"role":"user","content":[{"text":"q"}]}]}`, ""},
		{
			"the Messages API for one", "messages", Min5, llm.Caps{}, `{"messages":[{"role":"user","content":"q"}]}`, `{"messages":[{"role":"user","content":[{"type":"text","text":"q",` + cc + `}]}]}`,
		},
		{"OpenAI's own has no points", "responses", Min5, llm.Caps{}, `{"input":"q","instructions":"s"}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := c.out
			if want == "" {
				want = c.body
			}
			if got := place(t, c.dialect, c.body, c.want, c.caps); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	for _, body := range []string{``, `[]`, `{"messages":[`, `{} {}`, `{"messages":[{"content":}]}`} {
		if Read([]byte(body), "messages") != nil {
			t.Errorf("%q was read", body)
		}
	}
	if Read([]byte(`{}`), "morse") != nil {
		t.Error("a dialect nobody knows was read")
	}
}

func TestPoints(t *testing.T) {
	p := Read([]byte(`{"system":[{"type":"text","text":"s",`+ccH+`}],"messages":[{"role":"user","content":"1"},{"role":"user","content":[{"type":"image"}]}]}`), "messages")
	var got []string
	for _, q := range p.Place(Min5, &claude).Points() {
		got = append(got, q.Path+" "+q.TTL+" "+q.By)
	}
	want := "system[0].cache_control 1h client, messages[1].content[0] 1h gateway"
	if s := strings.Join(got, ", "); s != want {
		t.Errorf("got %s, want %s", s, want)
	}
}

// FuzzPlace holds for any body: it stays JSON, it keeps its content, and no more
// points are in it than allowed unless the client sent more.
func FuzzPlace(f *testing.F) {
	f.Add([]byte(`{"tools":[{"name":"a"}],"system":"s","messages":[{"role":"user","content":[{"type":"text","text":"q","cache_control":null}]}]}`), "messages", true)
	f.Add([]byte(`{"toolConfig":{"tools":[{"toolSpec":{}}]},"system":[{"text":"s"},{"cachePoint":{}}],"messages":[{"role":"user","content":[{"text":"q"}]}]}`), "converse", false)
	f.Add([]byte(`{"messages":[{"role":"system","content":"s"},{"role":"user","content":"\u0020"}],"cache_control":{"ttl":"1h"}}`), "chat", true)
	f.Fuzz(func(t *testing.T, body []byte, dialect string, hour bool) {
		p := Read(body, dialect)
		if p == nil || !json.Valid(body) {
			return
		}
		want := Min5
		if hour {
			want = Hour
		}
		plan := p.Place(want, &claude)
		out := plan.AppendTo(nil)
		if !json.Valid(out) || len(out) > plan.Size() {
			t.Fatalf("%s became %s", body, out)
		}
		after := Read(out, dialect)
		if after == nil || after.marks() > max(maxPoints, p.marks()) {
			t.Fatalf("%s became %s", body, out)
		}
	})
}
