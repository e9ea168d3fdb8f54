package rules_test

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"turnpike/internal/llm"
	"turnpike/internal/llm/llmtest"
	"turnpike/internal/rules"
)

// identity is a replacement people ask for: who the model says it is.
var identity = rules.Rule{Name: "identity", Replace: []rules.Replacement{
	{From: "I'm Kiro", To: "I'm Claude", Word: true, IgnoreCase: true},
	{From: "I am Kiro", To: "I am Claude", Word: true, IgnoreCase: true},
	{From: "Amazon Q", To: "Claude", Word: true, IgnoreCase: true},
	{From: "Amazon Q Developer", To: "Claude Code", Word: true, IgnoreCase: true},
	{From: "CodeWhisperer", To: "Claude", Word: true, IgnoreCase: true},
}}

var (
	tags  = rules.Rule{Name: "tags", StripTags: []string{"function_calls", "invoke", "Thinking"}}
	tools = rules.Rule{Name: "tools", DropUnknownTools: true}
	terms = rules.Rule{Name: "terms", Replace: []rules.Replacement{{From: "größe", To: "size"}, {From: "aab", To: "x"}, {From: "secret", To: ""}}}
)

func book(t testing.TB) *rules.Book {
	t.Helper()
	b, err := rules.New([]rules.Rule{identity, tags, tools, terms})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var all = []string{"identity", "tags", "tools", "terms"}

// filtered is what becomes of a text that comes as a whole.
func filtered(t testing.TB, names []string, text string) (string, string) {
	t.Helper()
	f := book(t).Filter(names, &llm.Request{})
	res := &llm.Response{Parts: []llm.Part{&llm.Text{Text: text}}, Stop: llm.StopEnd}
	f.Response(res)
	if len(res.Parts) == 0 {
		return "", f.Hits()
	}
	return res.Parts[0].(*llm.Text).Text, f.Hits()
}

func TestTexts(t *testing.T) {
	long := strings.Repeat("x", 300<<10)
	for _, c := range []struct{ name, text, want, hits string }{
		{"nothing", "The quick brown fox.\n\n\n\nIt jumps  ", "", ""},
		{"KIRO-02 lines with names of tools stay", "call `readFile` or webSearch\nfs.readFile(\"x\")\nuse fsWrite, executeBash\n", "", ""},
		{"KIRO-02 blank lines stay", "a\n\n\n\n\n\nb \n", "", ""},
		{"identity", "Hi, I'm Kiro! i AM kiro.", "Hi, I'm Claude! I am Claude.", "identity=2"},
		{"the longest first", "Ask Amazon Q Developer or Amazon Q.", "Ask Claude Code or Claude.", "identity=2"},
		{"whole words only", "I'm Kirov and Amazon Queen, XCodeWhisperer, CodeWhisperer_2", "", ""},
		{"words in other scripts", "éCodeWhisperer CodeWhispererß", "", ""},
		{"parts of words where it is allowed", "xaaby", "xxy", "terms=1"},
		{"what is written is not read again", "aaab", "ax", "terms=1"},
		{"nothing in its place", "a secret b", "a  b", "terms=1"},
		{"exact case", "Secret", "", ""},
		{"a block", "a <invoke name=\"x\">\n<p>1</p>\n</invoke> b", "a  b", "tags=1"},
		{"any case, blanks in the end", "<THINKING>x</thinking >y", "y", "tags=1"},
		{"blocks in blocks", "<invoke>1<invoke>2</invoke>3</invoke>4", "4", "tags=1"},
		{"a block with another tag in it", "<invoke>1<thinking>2</invoke>3", "3", "tags=1"},
		{"a tag that closes itself", "a<invoke/>b<invoke x=\"1\" />c", "abc", "tags=2"},
		{"a block without an end stays", "see <invoke> and its kind", "", ""},
		{"an end without a block stays", "see </invoke> and its kind", "", ""},
		{"other tags stay", "<invoker>x</invoker> <div>1 < 2</div> a<b", "", ""},
		{"a tag that is none", "<invoke <invoke>x</invoke>", "<invoke ", "tags=1"},
		{"phrases in a block go with it, code too", "<thinking>I'm Kiro `x` ```</thinking>I'm Kiro", "I'm Claude", "identity=1 tags=1"},
		{"a block that is too long is none", "<invoke>" + long + "</invoke>", "", ""},
		{"inline code", "`I'm Kiro` I'm Kiro ``a ` I'm Kiro`` I'm Kiro", "`I'm Kiro` I'm Claude ``a ` I'm Kiro`` I'm Claude", "identity=2"},
		{"a backtick without its partner: to the end of the paragraph", "a ` I'm Kiro\nI'm Kiro\n\nI'm Kiro", "a ` I'm Kiro\nI'm Kiro\n\nI'm Claude", "identity=1"},
		{"fences", "```go\nI'm Kiro\n\n<invoke>x</invoke>\n```\nI'm Kiro", "```go\nI'm Kiro\n\n<invoke>x</invoke>\n```\nI'm Claude", "identity=1"},
		{"a fence in a fence", "````\n```\nI'm Kiro\n```\n````\nI'm Kiro", "````\n```\nI'm Kiro\n```\n````\nI'm Claude", "identity=1"},
		{"tildes", "~~~\nI'm Kiro\n```\n~~~\nI'm Kiro", "~~~\nI'm Kiro\n```\n~~~\nI'm Claude", "identity=1"},
		{"a fence in a list, in a quote", "1. ```\n\n   I'm Kiro\n   ```\n> ```\n> I'm Kiro\n> ```\nI'm Kiro", "1. ```\n\n   I'm Kiro\n   ```\n> ```\n> I'm Kiro\n> ```\nI'm Claude", "identity=1"},
		{"a fence that does not close yet", "```\n``` x\nI'm Kiro", "", ""},
		{"three backticks in a line", "```I'm Kiro``` I'm Kiro", "```I'm Kiro``` I'm Claude", "identity=1"},
		{"a fence behind a stray backtick", "a ` b\n```\n\nI'm Kiro\n```\nI'm Kiro", "a ` b\n```\n\nI'm Kiro\n```\nI'm Claude", "identity=1"},
		{"characters of several bytes", "die größe 🐦", "die size 🐦", "terms=1"},
		{"the start of a phrase at the end", "I'm Kir", "", ""},
		{"all of it", "<invoke>x</invoke>", "-", "tags=1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := c.want
			switch want {
			case "":
				want = c.text
			case "-":
				want = ""
			}
			got, hits := filtered(t, all, c.text)
			if got != want || hits != c.hits {
				t.Errorf("got  %.200q %s\nwant %.200q %s", got, hits, want, c.hits)
			}
		})
	}
}

// bricks are what random texts are made of.
var bricks = []string{
	"I'm Kiro", "i'm kiro", "I'm ", "Kiro", "Amazon Q", " Developer", "CodeWhisperer", "größe", "gr", "aab", "a", "b", "secret", " ", "\n", "\n\n",
	"`", "``", "```", "````", "~~~", "```go\n", "> ", "1. ", "<invoke>", "</invoke>", "<invoke a=\"1\">", "<inv", "<", ">", "</", "<thinking", "</thinking>",
	"<function_calls/>", "日本", "🐦", "x", "_", "é",
}

func randomText(rnd *rand.Rand) string {
	var b strings.Builder
	for range rnd.IntN(30) {
		b.WriteString(bricks[rnd.IntN(len(bricks))])
	}
	return b.String()
}

// cut hands deltas on in pieces that end anywhere, in a buffer that is used again.
func cut(rnd *rand.Rand, next llm.Yield) llm.Yield {
	return func(e *llm.Event) error {
		if e.Kind != llm.EventDelta {
			return next(e)
		}
		for left := e.Text; len(left) > 0; {
			n := 1 + rnd.IntN(min(len(left), 9))
			piece := *e
			piece.Text = bytes.Clone(left[:n])
			left = left[n:]
			if err := next(&piece); err != nil {
				return err
			}
			for i := range piece.Text {
				piece.Text[i] = '!'
			}
		}
		return nil
	}
}

// streamed is what becomes of an answer that comes as a stream.
func streamed(t testing.TB, f *rules.Filter, res *llm.Response, rnd *rand.Rand) *llm.Response {
	t.Helper()
	g := llmtest.NewGrammar()
	if err := res.Replay(cut(rnd, func(e *llm.Event) error { return f.Event(e, g.Yield) })); err != nil {
		t.Fatal(err)
	}
	got, fault := g.Collector.Response()
	if fault != nil || !g.Over() {
		t.Fatal("the stream has no end: ", fault)
	}
	return got
}

func TestStreamedIsWhole(t *testing.T) {
	b := book(t)
	req := &llm.Request{Tools: []llm.Tool{{Name: "read"}}}
	for seed := range uint64(20000) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		res := &llm.Response{Stop: llm.StopTool, Usage: llm.Usage{Known: true, Output: 3}}
		for range 1 + rnd.IntN(4) {
			var p llm.Part
			switch rnd.IntN(6) {
			case 0:
				p = &llm.Thinking{Text: randomText(rnd), Signature: "I'm Kiro"}
			case 1:
				p = &llm.ToolCall{ID: "a", Name: []string{"read", "fsWrite"}[rnd.IntN(2)], Input: []byte(`{"say":"I'm Kiro"}`)}
			case 2:
				p = &llm.Refusal{Text: randomText(rnd)}
			default:
				p = &llm.Text{Text: randomText(rnd)}
			}
			res.Parts = append(res.Parts, p)
		}
		whole, piecewise := b.Filter(all, req), b.Filter(all, req)
		got := streamed(t, piecewise, res, rnd)
		whole.Response(res)
		if len(got.Parts) != len(res.Parts) || len(got.Parts) > 0 && !reflect.DeepEqual(got.Parts, res.Parts) || got.Stop != res.Stop {
			t.Fatalf("seed %d\nstreamed %s\nwhole    %s", seed, llmtest.DumpParts(got.Parts), llmtest.DumpParts(res.Parts))
		}
		lost, lostPiecewise := whole.Losses(), piecewise.Losses()
		if whole.Hits() != piecewise.Hits() || !reflect.DeepEqual(lost, lostPiecewise) {
			t.Fatalf("seed %d: streamed %s %v, whole %s %v", seed, piecewise.Hits(), lostPiecewise, whole.Hits(), lost)
		}
	}
}

func TestLongBlocksInPieces(t *testing.T) {
	b := book(t)
	for _, n := range []int{255 << 10, 256<<10 - 18, 256<<10 - 17, 256<<10 - 16, 300 << 10} {
		text := "a<invoke>" + strings.Repeat("<x", n/2) + strings.Repeat("y", n%2) + "</invoke>b I'm Kiro"
		want, hits := filtered(t, all, text)
		f := b.Filter(all, &llm.Request{})
		got := streamed(t, f, &llm.Response{Stop: llm.StopEnd, Parts: []llm.Part{&llm.Text{Text: text}}}, rand.New(rand.NewPCG(1, 1)))
		if got.Parts[0].(*llm.Text).Text != want || f.Hits() != hits || hits != "identity=1 tags=1" && hits != "identity=1" {
			t.Errorf("%d: %d bytes, %s; whole %d bytes, %s", n, len(got.Parts[0].(*llm.Text).Text), f.Hits(), len(want), hits)
		}
	}
}

func TestOnlyAPossibleStartIsHeldBack(t *testing.T) {
	f := book(t).Filter(all, &llm.Request{})
	var said string
	take := func(e *llm.Event) error { said += string(e.Text); return nil }
	_ = f.Event(&llm.Event{Kind: llm.EventPartStart, Part: &llm.Text{}}, take)
	for _, c := range []struct{ piece, want string }{
		{"Hello, I'", "Hello, "},
		{"m Kir", "Hello, "},
		{"k!", "Hello, I'm Kirk!"},
		{" I'm Kiro", "Hello, I'm Kirk! "},
		{".", "Hello, I'm Kirk! I'm Claude."},
		{" a <inv", "Hello, I'm Kirk! I'm Claude. a "},
		{"oices>", "Hello, I'm Kirk! I'm Claude. a <invoices>"},
	} {
		_ = f.Event(&llm.Event{Kind: llm.EventDelta, Delta: llm.DeltaText, Text: []byte(c.piece)}, take)
		if said != c.want {
			t.Errorf("after %q: %q, want %q", c.piece, said, c.want)
		}
	}
}

func TestUnknownTools(t *testing.T) {
	long := strings.Repeat("mcp_server_with_a_long_name_", 4)
	req := &llm.Request{
		Tools: []llm.Tool{{Name: "read"}, {Name: long}, {Name: "bash", Native: &llm.Native{}}},
		Turns: []llm.Turn{{Role: llm.Assistant, Parts: []llm.Part{&llm.ToolCall{Name: "earlier"}}}},
	}
	call := func(name string) llm.Part { return &llm.ToolCall{ID: name, Name: name} }
	for _, c := range []struct {
		name  string
		calls []string
		kept  int
		stop  llm.Stop
	}{
		{"offered", []string{"read", "bash", "earlier", llm.ShortName(long, llm.NameLimit64)}, 4, llm.StopTool},
		{"one of two", []string{"fsWrite", "read"}, 1, llm.StopTool},
		{"none is left", []string{"fsWrite", "fsWrite"}, 0, llm.StopEnd},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := book(t).Filter([]string{"tools"}, req)
			res := &llm.Response{Stop: llm.StopTool, NativeStop: "tool_use"}
			for _, n := range c.calls {
				res.Parts = append(res.Parts, call(n))
			}
			f.Response(res)
			if len(res.Parts) != c.kept || res.Stop != c.stop || (res.NativeStop == "") != (c.kept == 0) {
				t.Errorf("got %s", llmtest.DumpParts(res.Parts))
			}
			lost := f.Losses()
			if dropped := len(c.calls) - c.kept; (len(lost) > 0) != (dropped > 0) || f.Losses() != nil {
				t.Errorf("losses %+v", lost)
			}
		})
	}
}

func TestAFaultLosesNothing(t *testing.T) {
	f := book(t).Filter(all, &llm.Request{})
	var said string
	take := func(e *llm.Event) error { said += string(e.Text); return nil }
	_ = f.Event(&llm.Event{Kind: llm.EventPartStart, Part: &llm.Text{}}, take)
	_ = f.Event(&llm.Event{Kind: llm.EventDelta, Delta: llm.DeltaText, Text: []byte("a <invoke>b I'm Ki")}, take)
	_ = f.Event(&llm.Event{Kind: llm.EventFault, Err: &llm.Error{}}, take)
	if said != "a <invoke>b I'm Ki" {
		t.Errorf("said %q", said)
	}
}

func TestBook(t *testing.T) {
	b := book(t)
	if got := b.Unknown([]string{"tags", "nope"}); !reflect.DeepEqual(got, []string{"nope"}) {
		t.Errorf("unknown: %v", got)
	}
	if b.Filter([]string{"nope"}, nil) != nil || b.Filter(nil, nil) != nil || (*rules.Book)(nil).Filter(all, nil) != nil {
		t.Error("a filter of no rule")
	}
	for _, r := range []rules.Rule{
		{},
		{Name: "a b", DropUnknownTools: true},
		{Name: "a"},
		{Name: "a", StripTags: []string{"<x>"}},
		{Name: "a", Replace: []rules.Replacement{{To: "x"}}},
		{Name: "a", Replace: []rules.Replacement{{From: "`x`"}}},
		{Name: "a", Replace: []rules.Replacement{{From: strings.Repeat("x", 201)}}},
		{Name: "a", Replace: []rules.Replacement{{From: "\xff"}}},
	} {
		if _, err := rules.New([]rules.Rule{r}); err == nil {
			t.Errorf("%+v was taken", r)
		}
	}
	if _, err := rules.New([]rules.Rule{tools, tools}); err == nil {
		t.Error("two rules of one name")
	}
}

func FuzzStreamedIsWhole(f *testing.F) {
	for _, s := range bricks {
		f.Add(s+"I'm Kiro"+s, uint64(1))
	}
	f.Add("a<invoke>b</invoke>```\nI'm Kiro\n```\n", uint64(3))
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		want, hits := filtered(t, all, text)
		if hits == "" && want != text {
			t.Fatalf("%q became %q without a match", text, want)
		}
		got := streamed(t, book(t).Filter(all, &llm.Request{}), &llm.Response{Stop: llm.StopEnd, Parts: []llm.Part{&llm.Text{Text: text}}}, rand.New(rand.NewPCG(seed, 5)))
		said := ""
		for _, p := range got.Parts {
			said += p.(*llm.Text).Text
		}
		if said != want {
			t.Fatalf("%q\nstreamed %q\nwhole    %q", text, said, want)
		}
	})
}

// TestPlacesOfCitations: a citation keeps its place in a text that stays as it is,
// and loses it where a rule has changed the text before.
func TestPlacesOfCitations(t *testing.T) {
	cite := llm.Citation{Kind: llm.CiteWeb, URL: "https://a.test", Begin: 2, End: 9, Dialect: "responses", Raw: []byte(`{}`)}
	for _, c := range []struct {
		text  string
		stays bool
	}{{"nothing here", true}, {"a secret is told here", false}} {
		whole := &llm.Response{Parts: []llm.Part{&llm.Text{Text: c.text, Citations: []llm.Citation{cite}}}, Stop: llm.StopEnd}
		for _, streamed := range []bool{false, true} {
			f := book(t).Filter(all, &llm.Request{})
			res := *whole
			if streamed {
				g := llmtest.NewGrammar()
				if err := whole.Replay(func(e *llm.Event) error { return f.Event(e, g.Yield) }); err != nil {
					t.Fatal(err)
				}
				got, fault := g.Collector.Response()
				if fault != nil {
					t.Fatal(fault)
				}
				res = *got
			} else {
				f.Response(&res)
			}
			got := res.Parts[0].(*llm.Text).Citations[0]
			if (got.End == cite.End && len(got.Raw) > 0) != c.stays || got.URL != cite.URL || (len(f.Losses()) == 0) != c.stays {
				t.Errorf("%q, streamed %v: %+v", c.text, streamed, got)
			}
		}
		if whole.Parts[0].(*llm.Text).Citations[0].End != cite.End {
			t.Error("the answer that came was changed")
		}
	}
}
