package price

import (
	"math/big"
	"math/rand/v2"
	"testing"
	"time"
)

var day = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// rates are prices for a million, in dollars, by class.
func rates(t testing.TB, prices map[Class]string) (r Rates) {
	t.Helper()
	for c, text := range prices {
		p, err := ParseClass(c, text)
		if err != nil {
			t.Fatal(err)
		}
		r.Set(c, p)
	}
	return r
}

func simple(t testing.TB, input, output string) Rates {
	t.Helper()
	return rates(t, map[Class]string{Input: input, Output: output})
}

// TestFind: of all rows that fit, which one counts.
func TestFind(t *testing.T) {
	r := simple(t, "1", "2")
	entries := []Entry{
		{ID: "plain", Model: "m-1", Rates: r},
		{ID: "kind", Model: "m-1", Kind: "bedrock", Rates: r},
		{ID: "global", Model: "m-1", Kind: "bedrock", Geo: "global", Rates: r},
		{ID: "regional", Model: "m-1", Kind: "bedrock", Geo: Regional, Rates: r},
		{ID: "eu", Model: "m-1", Kind: "bedrock", Geo: "eu", Rates: r},
		{ID: "west", Model: "m-1", Kind: "bedrock", Geo: Regional, Region: "us-west-2", Rates: r},
		{ID: "house", Model: "m-1", Provider: "house", Rates: r},
		{ID: "flex", Model: "m-1", Tier: Flex, Rates: r},
		{ID: "dated", Model: "m-1-20250929", Rates: r},
		{ID: "old", Model: "m-2", To: day, Rates: r},
		{ID: "new", Model: "m-2", From: day, Rates: r},
		{ID: "later", Model: "m-2", From: day.Add(time.Hour), Rates: r},
		{ID: "glob", Model: "m-*", Rates: r},
		{ID: "longer glob", Model: "m-3-*", Rates: r},
		{ID: "list", Model: "m-4", Rank: Listed, Rates: r},
		{ID: "file", Model: "m-4", Rank: Imported, Kind: "openai", Provider: "p", Region: "r", Geo: "eu", Rates: r},
		{ID: "mine", Model: "m-5*", Rank: Override, Rates: r},
		{ID: "not mine", Model: "m-5", Rank: Listed, Rates: r},
		{ID: "snapshot's", Model: "m-6-20250101", Rank: Snapshot, Rates: r},
		{ID: "its model's", Model: "m-6", Rank: Override, Rates: r},
	}
	b := New(entries, Rates{})
	for _, c := range []struct {
		a    Attempt
		want string
	}{
		{Attempt{Model: "m-1"}, "plain"},
		{Attempt{Model: "M-1"}, "plain"},
		{Attempt{Model: "m-1", Kind: "openai"}, "plain"},
		{Attempt{Model: "m-1", Kind: "bedrock", Region: "eu-west-1"}, "regional"},
		{Attempt{Model: "global.x.m-1"}, ""},
		{Attempt{Model: "m-1", Kind: "bedrock", Geo: "global", Region: "us-west-2"}, "global"},
		{Attempt{Model: "m-1", Kind: "bedrock", Geo: "us", Region: "us-west-2"}, "west"},
		{Attempt{Model: "m-1", Kind: "bedrock", Geo: "us"}, "regional"},
		{Attempt{Model: "m-1", Kind: "bedrock", Geo: "eu"}, "eu"},
		{Attempt{Model: "m-1", Kind: "bedrock", Provider: "house", Region: "us-west-2"}, "house"},
		{Attempt{Model: "m-1", Tier: Flex}, "flex"},
		{Attempt{Model: "m-1", Tier: Priority}, ""},
		{Attempt{Model: "m-1-20250929"}, "dated"},
		{Attempt{Model: "m-1-20250930"}, "plain"},
		{Attempt{Model: "m-1-2025-09-30"}, "plain"},
		{Attempt{Model: "m-1-v1:0"}, "plain"},
		{Attempt{Model: "m-1-latest"}, "plain"},
		{Attempt{Model: "models/m-1"}, "plain"},
		{Attempt{Model: "arn:aws:bedrock:us-east-1:1:inference-profile/m-1-20250930-v1:0"}, "plain"},
		{Attempt{Model: "m-2", At: day.Add(-1)}, "old"},
		{Attempt{Model: "m-2", At: day}, "new"},
		{Attempt{Model: "m-2", At: day.Add(2 * time.Hour)}, "later"},
		{Attempt{Model: "m-9"}, "glob"},
		{Attempt{Model: "m-3-x"}, "longer glob"},
		{Attempt{Model: "m-4", Kind: "openai", Provider: "p", Region: "r", Geo: "eu"}, "list"},
		{Attempt{Model: "m-5"}, "mine"},
		{Attempt{Model: "m-6-20250101"}, "its model's"},
		{Attempt{Model: "other"}, ""},
	} {
		got := ""
		if e := b.Find(&c.a); e != nil {
			got = e.ID
		}
		if got != c.want {
			t.Errorf("%+v is priced by %q, want %q", c.a, got, c.want)
		}
	}
}

func TestProfilesNameGeographies(t *testing.T) {
	for id, want := range map[string][2]string{
		"us.anthropic.claude-sonnet-4-5-20250929-v1:0":                                                         {"us", "anthropic.claude-sonnet-4-5"},
		"global.anthropic.claude-opus-4-7":                                                                     {"global", "anthropic.claude-opus-4-7"},
		"us-gov.anthropic.claude-3-haiku-20240307-v1:0":                                                        {"us-gov", "anthropic.claude-3-haiku"},
		"arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-haiku-4-5-20251001-v1:0": {"eu", "anthropic.claude-haiku-4-5"},
		"amazon.nova-lite-v1:0":                                                                                {"", "amazon.nova-lite"},
		"openai.gpt-oss-120b-1:0":                                                                              {"", "openai.gpt-oss-120b"},
		"mistral.mistral-7b-instruct-v0:2":                                                                     {"", "mistral.mistral-7b-instruct"},
		"in.something":                                                                                         {"", "in.something"},
		"gpt-4o-2024-08-06":                                                                                    {"", "gpt-4o"},
		"gpt-4-0613":                                                                                           {"", "gpt-4-0613"},
		"gemini-2.5-pro":                                                                                       {"", "gemini-2.5-pro"},
		"":                                                                                                     {"", ""},
	} {
		geo, base := Split(id)
		if got := [2]string{geo, Undated(base)}; got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
}

func TestCost(t *testing.T) {
	claude := rates(t, map[Class]string{Input: "3", Output: "15", CacheRead: "0.30", CacheWrite5m: "3.75", CacheWrite1h: "6", WebSearch: "0.01"})
	long := rates(t, map[Class]string{Input: "6", Output: "22.50", CacheRead: "0.60", CacheWrite5m: "7.50", CacheWrite1h: "12"})
	b := New([]Entry{
		{Model: "claude", Rates: claude, Long: []Long{{Above: 200_000, Rates: long}}},
		{Model: "plain", Rates: simple(t, "2", "8")},
		{Model: "free", Rates: simple(t, "0", "0")},
		{Model: "tiny", Rates: rates(t, map[Class]string{Input: "0.000000001"})},
	}, simple(t, "100", "200"))
	for _, c := range []struct {
		name, model string
		u           Usage
		want        string
		missing     string
	}{
		{"USE-06 both lifetimes of the cache have their own price", "claude", Usage{CacheWrite5m: 100_000, CacheWrite1h: 100_000}, "$0.975", ""},
		{"all classes", "claude", Usage{Input: 1000, Output: 1000, CacheRead: 1000, CacheWrite5m: 1000, CacheWrite1h: 1000}, "$0.02805", ""},
		{"USE-18 searches are charged one by one", "claude", Usage{Output: 1_000_000, WebSearch: 3}, "$15.03", ""},
		{"USE-17 a prompt at the threshold has the short price", "claude", Usage{Input: 150_000, CacheRead: 50_000, Output: 1}, "$0.465015", ""},
		{"USE-17 BUD-06 one token more and all of it has the long price", "claude", Usage{Input: 150_001, CacheRead: 50_000, Output: 1}, "$0.9300285", ""},
		{"cached tokens without a price are input", "plain", Usage{CacheRead: 500_000, CacheWrite5m: 500_000}, "$2.00", ""},
		{"writes for an hour are not guessed", "plain", Usage{CacheWrite1h: 1_000_000}, "$100.00", "cache_write_1h"},
		{"searches are not guessed", "plain", Usage{WebSearch: 1}, "$0.00", "web_search"},
		{"USE-16 BUD-11 an unknown model counts with the ceiling", "unknown", Usage{Input: 1_000_000, Output: 1_000_000, CacheRead: 1_000_000}, "$400.00", "the model at this provider and tier"},
		{"what used nothing costs nothing", "unknown", Usage{}, "$0.00", ""},
		{"free is a price", "free", Usage{Input: 5, Output: 5}, "$0.00", ""},
		{"half a nano-dollar is one", "tiny", Usage{Input: 500_000}, "$0.000000001", ""},
		{"less is none", "tiny", Usage{Input: 499_999}, "$0.00", ""},
		{"less than nothing is nothing", "plain", Usage{Input: -5, Output: 1_000_000}, "$8.00", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := b.Sum(&Attempt{Model: c.model, Usage: c.u})
			if got.Nano.String() != c.want || got.Unpriced != (c.missing != "") || got.Missing != c.missing || got.Version != b.Version {
				t.Errorf("%s, unpriced %v, missing %q; want %s, %q", got.Nano, got.Unpriced, got.Missing, c.want, c.missing)
			}
		})
	}
}

// TestCostIsExact compares with rationals: the total is the exact sum, rounded
// half up once, and the lines add up to it, each within a nano-dollar of its product.
func TestCostIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	half := big.NewRat(1, 2)
	for range 20_000 {
		var r Rates
		var u Usage
		exact := new(big.Rat)
		for c := range Classes {
			p := Price(rng.Int64N(1 << rng.IntN(50)))
			u[c] = rng.Int64N(1 << rng.IntN(32))
			r.Set(c, p)
			exact.Add(exact, product(u[c], p))
		}
		b := New([]Entry{{Model: "m", Rates: r}}, Rates{})
		got := b.Sum(&Attempt{Model: "m", Usage: u})
		up := new(big.Rat).Add(exact, half)
		want := new(big.Int).Quo(up.Num(), up.Denom())
		if !want.IsInt64() || int64(got.Nano) != want.Int64() {
			t.Fatalf("%v at %v: %d, want %v", u, r.Map(), got.Nano, want)
		}
		total := Nano(0)
		for _, l := range got.Lines {
			total += l.Nano
			away := new(big.Rat).Sub(product(l.Quantity, l.Price), new(big.Rat).SetInt64(int64(l.Nano)))
			if away.Abs(away).Cmp(big.NewRat(1, 1)) >= 0 {
				t.Fatalf("%v at %v: line %+v is %v away", u, r.Map(), l, away)
			}
		}
		if total != got.Nano {
			t.Fatalf("%v at %v: lines add up to %d, the total is %d", u, r.Map(), total, got.Nano)
		}
	}
}

func product(n int64, p Price) *big.Rat {
	return new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(n), big.NewInt(int64(p))), big.NewInt(million))
}

func TestCostDoesNotOverflow(t *testing.T) {
	var r Rates
	u := Usage{}
	for c := range Classes {
		r.Set(c, maxPrice)
		u[c] = 1<<63 - 1
	}
	if c := New([]Entry{{Model: "m", Rates: r}}, Rates{}).Price(&Attempt{Model: "m", Usage: u}); c.Nano != Nano(tooMuch) {
		t.Errorf("%d", c.Nano)
	}
}

func TestRange(t *testing.T) {
	b := New([]Entry{
		{
			Model: "claude",
			Rates: rates(t, map[Class]string{Input: "3", Output: "15", CacheRead: "0.30", CacheWrite5m: "3.75", CacheWrite1h: "6"}),
			Long:  []Long{{Above: 200_000, Rates: rates(t, map[Class]string{Input: "6", Output: "22.50", CacheRead: "0.60"})}},
		},
		{Model: "plain", Rates: simple(t, "2", "8")},
	}, simple(t, "100", "200"))
	for _, c := range []struct {
		model          string
		prompt, output int64
		least, most    string
	}{
		{"claude", 100_000, 1000, "$0.03", "$0.615"},
		{"claude", 300_000, 1000, "$0.18", "$1.8225"},
		{"plain", 100_000, 1000, "$0.20", "$0.208"},
		{"unknown", 100_000, 1000, "$10.00", "$10.20"},
	} {
		least, most := b.Range(&Attempt{Model: c.model}, c.prompt, c.output)
		if least.Nano.String() != c.least || most.Nano.String() != c.most || most.Unpriced != (c.model == "unknown") {
			t.Errorf("%s, %d tokens: %s to %s, want %s to %s", c.model, c.prompt, least.Nano, most.Nano, c.least, c.most)
		}
	}
}

func TestVersionIsOfWhatDecides(t *testing.T) {
	e := Entry{Model: "m", Rates: simple(t, "1", "2")}
	first := New([]Entry{e}, Rates{}).Version
	told := e
	told.Source, told.ID = "elsewhere", "prc_1"
	if New([]Entry{told}, Rates{}).Version != first {
		t.Error("where a price was read changes the version")
	}
	other := e
	other.Rates = simple(t, "1", "2.01")
	if New([]Entry{other}, Rates{}).Version == first {
		t.Error("another price does not change the version")
	}
}

// TestSnapshot reads what comes with this version, and prices what people use.
func TestSnapshot(t *testing.T) {
	entries := Embedded()
	for _, e := range entries {
		if e.Source == "" || e.Checked == "" || e.Confidence != "official" && e.Confidence != "reported" {
			t.Errorf("%s: source %q, checked %q, confidence %q", e.Model, e.Source, e.Checked, e.Confidence)
		}
		if e.Rank != Snapshot || e.Kind == "" {
			t.Errorf("%s: rank %v, kind %q", e.Model, e.Rank, e.Kind)
		}
		if in, ok := e.Rates.Get(Input); ok {
			if read, ok := e.Rates.Get(CacheRead); ok && read > in {
				t.Errorf("%s: reading a cache is dearer than not to", e.Model)
			}
			for _, l := range e.Long {
				if p, ok := l.Rates.Get(Input); !ok || p < in {
					t.Errorf("%s: a long prompt is cheaper", e.Model)
				}
			}
		}
	}
	b := New(entries, Rates{})
	u := Usage{Input: 1_000_000, Output: 100_000}
	for _, c := range []struct {
		kind, model, region, tier string
		want                      string
	}{
		{"anthropic", "claude-sonnet-4-5-20250929", "", "", "$4.50"},
		{"anthropic", "claude-opus-4-8", "", Batch, "$3.75"},
		{"bedrock", "global.anthropic.claude-sonnet-4-5-20250929-v1:0", "eu-west-1", "", "$4.50"},
		{"bedrock", "eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "eu-west-1", "", "$4.95"},
		{"bedrock", "anthropic.claude-haiku-4-5-20251001-v1:0", "us-east-1", "", "$1.65"},
		{"bedrock", "us.amazon.nova-lite-v1:0", "us-east-1", "", "$0.084"},
		{"openai", "gpt-5.4-2026-03-05", "", "", "$7.25"},
		{"openai", "gpt-5-nano", "", "", "$0.09"},
		{"gemini", "models/gemini-2.5-pro", "", "", "$4.00"},
		{"sandbox", "anything", "", "", "$0.00"},
	} {
		got := b.Price(&Attempt{Model: c.model, Kind: c.kind, Region: c.region, Tier: c.tier, At: day, Usage: u})
		if got.Unpriced || got.Nano.String() != c.want {
			t.Errorf("%s %s: %s, unpriced %v (%s); want %s", c.kind, c.model, got.Nano, got.Unpriced, got.Missing, c.want)
		}
	}
	for _, a := range []Attempt{
		{Model: "gpt-5.4", Kind: "openai-compat"}, // whose server is it?
		{Model: "house-model", Kind: "openai"},
		{Model: "claude-opus-4-8", Kind: "anthropic", Tier: Fast},
	} {
		a.Usage, a.At = u, day
		if c := b.Price(&a); !c.Unpriced {
			t.Errorf("%s at %s costs %s", a.Model, a.Kind, c.Nano)
		}
	}
}

func TestPricingAllocatesNothing(t *testing.T) {
	b := New(Embedded(), Rates{})
	a := &Attempt{Model: "us.anthropic.claude-sonnet-4-5-20250929-v1:0", Kind: "bedrock", At: day, Usage: Usage{Input: 10, Output: 20, CacheRead: 30}}
	if n := testing.AllocsPerRun(100, func() {
		if b.Price(a).Unpriced {
			t.Fatal("unpriced")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPrice(b *testing.B) {
	book := New(Embedded(), Rates{})
	a := &Attempt{Model: "us.anthropic.claude-sonnet-4-5-20250929-v1:0", Kind: "bedrock", At: day, Usage: Usage{Input: 10, Output: 20, CacheRead: 30}}
	b.ReportAllocs()
	for b.Loop() {
		book.Price(a)
	}
}

func FuzzReadFile(f *testing.F) {
	f.Add([]byte(`{"format":"turnpike-prices/1","entries":[{"models":["m*"],"prices":{"input":"1","web_search":"0.01"},"long":[{"above":5,"prices":{"input":"2"}}],"also":[{"tier":"flex","times":"0.5"}]}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, err := ReadFile(b, Imported)
		if err != nil {
			return
		}
		book := New(entries, Rates{})
		for _, e := range book.Entries() {
			if err := e.Check(); err != nil {
				t.Fatalf("%s: %v", e.Model, err)
			}
			book.Price(&Attempt{Model: e.Model, Kind: e.Kind, Tier: e.Tier, At: day, Usage: Usage{Input: 1, Output: 1}})
		}
	})
}

func TestUnpricedIsToldOnce(t *testing.T) {
	c := NewCurrent(New(nil, Rates{}))
	a := &Attempt{Provider: "p", Model: "m"}
	if !c.FirstUnpriced(a) || c.FirstUnpriced(a) || !c.FirstUnpriced(&Attempt{Provider: "p", Model: "m", Tier: Flex}) {
		t.Error("told never, or twice")
	}
	for i := range 2 * maxTold {
		c.FirstUnpriced(&Attempt{Model: string(rune(i))})
	}
	if len(c.told) > maxTold {
		t.Errorf("%d are remembered", len(c.told))
	}
	c.Set(New(nil, Rates{}))
	if !c.FirstUnpriced(a) {
		t.Error("another book, and nobody is told")
	}
}
