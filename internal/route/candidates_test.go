package route

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"turnpike/internal/health"
	"turnpike/internal/llm"
	"turnpike/internal/policy"
	"turnpike/internal/throttle"
)

const (
	sonnet    = "claude-sonnet-4-5-20250929"
	onBedrock = "anthropic.claude-sonnet-4-5-20250929-v1:0"
)

func places(c Choice) (out []string) {
	for _, t := range c.Targets {
		out = append(out, t.Provider.Name()+" "+t.Model)
	}
	return out
}

func reasons(c Choice) string {
	var out []string
	for _, x := range c.Excluded {
		out = append(out, x.Provider+" "+x.Model+" "+x.Reason)
	}
	return strings.Join(out, "; ")
}

func TestSpellings(t *testing.T) {
	for id, want := range map[string]name{
		"gpt-4o":                     {stem: "gpt-4o"},
		"gpt-4o-2024-08-06":          {stem: "gpt-4o", date: "20240806"},
		"gpt-5.1":                    {stem: "gpt-5-1"},
		"claude-sonnet-4.5":          {stem: "claude-sonnet-4-5"},
		"Claude-Sonnet-4-5":          {stem: "claude-sonnet-4-5"},
		"claude-3-7-sonnet-latest":   {stem: "claude-3-7-sonnet"},
		sonnet:                       {stem: "claude-sonnet-4-5", date: "20250929"},
		"claude-sonnet-4-5@20250929": {stem: "claude-sonnet-4-5", date: "20250929"},
		onBedrock:                    {stem: "claude-sonnet-4-5", date: "20250929", long: true},
		"us." + onBedrock:            {stem: "claude-sonnet-4-5", date: "20250929", geo: "us.", long: true},
		"arn:aws:bedrock:eu-west-1:1:inference-profile/eu." + onBedrock: {stem: "claude-sonnet-4-5", date: "20250929", geo: "eu.", long: true},
		"arn:aws:bedrock:us-east-1:1:application-inference-profile/abc": {},
		"anthropic.claude-opus-4-6-v1":                                  {stem: "claude-opus-4-6", long: true},
		"us-gov.amazon.nova-pro-v1:0":                                   {stem: "nova-pro", geo: "us-gov.", long: true},
		"openai.gpt-oss-120b-1:0":                                       {stem: "gpt-oss-120b", long: true},
		"meta-llama/Llama-3.3":                                          {stem: "meta-llama/llama-3-3"},
		"model-99999999":                                                {stem: "model-99999999"}, // no date
		"-20250929":                                                     {stem: "-20250929"},
		strings.Repeat("x", maxName+1):                                  {},
	} {
		if got := parseName(id); got != want {
			t.Errorf("%s: %+v, want %+v", id, got, want)
		}
	}
}

func FuzzParseName(f *testing.F) {
	for _, id := range []string{sonnet, "us." + onBedrock, "gpt-4o-2024-08-06", "arn:aws:bedrock:x:1:inference-profile/", "-v1:0", "a-2", "."} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		n := parseName(id)
		if len(n.date) != 0 && len(n.date) != 8 {
			t.Errorf("%q: date %q", id, n.date)
		}
		if n.stem == "" || strings.ContainsAny(n.stem, ". /:") || strings.TrimSpace(n.stem) != n.stem || len(n.stem) > 200 {
			return
		}
		for _, form := range []string{"%s-20250929", "%s-2025-09-29", "us.anthropic.%s-20250929-v1:0", "anthropic.%s@20250929"} {
			if dated := parseName(fmt.Sprintf(form, n.stem)); dated.stem != n.stem || dated.date != "20250929" {
				t.Errorf("%q as %s: %+v, want the stem %q", id, form, dated, n.stem)
			}
		}
	})
}

// One model under the names it has at Anthropic and on Bedrock.
func TestOneModelManyNames(t *testing.T) {
	claude := account("claude", "anthropic", offers(sonnet, "claude-haiku-4-5-20251001", "claude-opus-4-6"))
	aws := account("aws", "bedrock", offers(onBedrock, "us."+onBedrock, "global."+onBedrock, "amazon.nova-pro-v1:0", "us.amazon.nova-pro-v1:0"))
	eu := account("eu", "bedrock", offers("eu."+onBedrock, "global."+onBedrock, onBedrock))
	plain := account("plain", "bedrock", offers(onBedrock))
	globs := account("globs", "bedrock", models("us.anthropic.*"), offers(onBedrock, "us."+onBedrock, "us.amazon.nova-pro-v1:0"))
	for _, c := range []struct {
		name     string
		accounts []*Account
		model    string
		cross    bool
		want     []string
	}{
		{"short", []*Account{claude, aws}, "claude-sonnet-4-5", false, []string{"claude claude-sonnet-4-5", "aws us." + onBedrock, "aws global." + onBedrock}},
		{"dots", []*Account{aws}, "claude-sonnet-4.5", false, []string{"aws us." + onBedrock, "aws global." + onBedrock}},
		{"latest", []*Account{claude, aws}, "claude-sonnet-4-5-latest", false, []string{"claude claude-sonnet-4-5-latest", "aws us." + onBedrock, "aws global." + onBedrock}},
		{"dated", []*Account{claude, plain}, sonnet, false, []string{"claude " + sonnet, "plain " + onBedrock}},
		{"of another date", []*Account{claude, plain}, "claude-sonnet-4-5-20240101", false, []string{"claude claude-sonnet-4-5-20240101"}}, // by its vendor only
		{"as on Bedrock", []*Account{claude, plain}, onBedrock, false, []string{"claude " + sonnet, "plain " + onBedrock}},
		{"two regions", []*Account{aws, eu}, "claude-sonnet-4-5", false, []string{"aws us." + onBedrock, "eu eu." + onBedrock, "aws global." + onBedrock, "eu global." + onBedrock}},
		{"a geography stays", []*Account{claude, aws, eu}, "eu." + onBedrock, false, []string{"eu eu." + onBedrock}},
		{"a geography may be crossed", []*Account{aws, eu}, "eu." + onBedrock, true, []string{"aws us." + onBedrock, "eu eu." + onBedrock, "aws global." + onBedrock, "eu global." + onBedrock}},
		{"the globe takes any", []*Account{aws}, "global." + onBedrock, false, []string{"aws global." + onBedrock, "aws us." + onBedrock}},
		{"only what is listed", []*Account{plain}, "us." + onBedrock, false, []string{"plain us." + onBedrock}}, // by its vendor, as asked
		{"globs limit the spellings", []*Account{globs}, "claude-sonnet-4-5", false, []string{"globs us." + onBedrock}},
		{"other vendors of Bedrock", []*Account{aws}, "nova-pro", false, []string{"aws us.amazon.nova-pro-v1:0"}},
		{"the vendor's own dots", []*Account{account("oa", "openai", offers("gpt-5.1", "gpt-5.1-2025-11-13"))}, "gpt-5-1", false, []string{"oa gpt-5.1-2025-11-13"}},
		{"by prefix", []*Account{claude, aws}, "aws/claude-sonnet-4-5", false, []string{"aws us." + onBedrock, "aws global." + onBedrock}},
		{"by prefix, unknown", []*Account{claude, aws}, "aws/claude-x", false, []string{"aws claude-x"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := New(c.accounts, "", "").With(Settings{Strategy: policy.StrategyPriority, CrossGeo: c.cross})
			choice, err := table.Candidates(Ask{Model: c.model})
			if got := places(choice); err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%v\n got %q\nwant %q", err, got, c.want)
			}
		})
	}
}

// An account with many spellings of a model has no larger share for it.
func TestSpellingsShareAWeight(t *testing.T) {
	many := account("many", "bedrock", offers("us."+onBedrock, "global."+onBedrock))
	one := account("one", "bedrock", offers("us."+onBedrock))
	w := simulate(t, policy.StrategyWeighted, many, one)
	n := 0
	for range 10000 {
		c, _ := w.table.Candidates(Ask{Model: "claude-sonnet-4-5"})
		if c.Targets[0].Provider.Name() == "many" {
			n++
		}
	}
	if n < 4800 || n > 5200 {
		t.Errorf("%d of 10000", n)
	}
}

func TestAliases(t *testing.T) {
	accounts := []*Account{account("claude", "anthropic"), account("oa", "openai"), account("pt", "openai"), account("local", "openai-compat", models("llama"))}
	gateway := policy.Aliases{
		{Match: "fast*", To: []string{"claude/claude-haiku-4-5", "gpt-5-mini"}, Strategy: policy.StrategyPriority},
		{Match: "fast-local", To: []string{"llama", "nobody-has-it"}},
		{Match: "twice", To: []string{"llama", "local/llama", "oa/gpt-5", "gpt-5"}},
		{Match: "loop", To: []string{"loop2"}},
		{Match: "loop2", To: []string{"loop"}},
		{Match: "*", To: []string{"llama"}},
	}
	table := New(accounts, "", "").With(Settings{Strategy: policy.StrategyPriority, Aliases: gateway})
	for _, c := range []struct {
		model, alias string
		key          *policy.Routing
		want         []string
	}{
		{"fast", "fast*", nil, []string{"claude claude-haiku-4-5", "oa gpt-5-mini", "pt gpt-5-mini"}},
		{"fast-local", "fast-local", nil, []string{"local llama"}}, // exact before patterns
		{"twice", "twice", nil, []string{"local llama", "oa gpt-5", "pt gpt-5"}},
		{"claude/fast", "", nil, []string{"claude fast"}}, // a provider's name goes first
		{"meta-llama/Llama-3", "*", nil, []string{"local llama"}},
		{"fast", "fast", &policy.Routing{Aliases: policy.Aliases{{Match: "fast", To: []string{"oa/gpt-5"}}}}, []string{"oa gpt-5"}},
		{"fast1", "fast*", &policy.Routing{Aliases: policy.Aliases{{Match: "fast", To: []string{"oa/gpt-5"}}}}, []string{"claude claude-haiku-4-5", "oa gpt-5-mini", "pt gpt-5-mini"}},
	} {
		choice, err := table.Candidates(Ask{Model: c.model, Key: c.key})
		if got := places(choice); err != nil || choice.Alias != c.alias || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, alias %q\n got %q\nwant %q", c.model, err, choice.Alias, got, c.want)
		}
	}
	choice, err := table.Candidates(Ask{Model: "loop"})
	if err == nil || !strings.Contains(err.Message, `"loop" stands for loop2`) {
		t.Errorf("aliases of aliases: %v %q", err, places(choice))
	}
	choice, _ = table.Candidates(Ask{Model: "fast"})
	if choice.Targets[0].Step != 0 || choice.Targets[2].Step != 1 {
		t.Error("the steps of the chain are lost")
	}
}

func TestStrategyOfAliasKeyGateway(t *testing.T) {
	aliases := policy.Aliases{{Match: "one", To: []string{"gpt-5"}, Strategy: policy.StrategyLeastUsed}, {Match: "two", To: []string{"gpt-5"}}}
	table := New([]*Account{account("oa", "openai")}, "", "").With(Settings{Strategy: policy.StrategyWeighted, Aliases: aliases})
	key := &policy.Routing{Strategy: policy.StrategyRoundRobin}
	for _, c := range []struct {
		model string
		key   *policy.Routing
		want  string
	}{
		{"one", key, policy.StrategyLeastUsed},
		{"two", key, policy.StrategyRoundRobin},
		{"gpt-5", key, policy.StrategyRoundRobin},
		{"two", nil, policy.StrategyWeighted},
	} {
		if choice, err := table.Candidates(Ask{Model: c.model, Key: c.key}); err != nil || choice.Strategy != c.want {
			t.Errorf("%s: %q, want %q (%v)", c.model, choice.Strategy, c.want, err)
		}
	}
	if choice, _ := New([]*Account{account("oa", "openai")}, "", "").Candidates(Ask{Model: "gpt-5"}); choice.Strategy != policy.StrategySmart {
		t.Errorf("by default %q", choice.Strategy)
	}
}

func TestKeysDefaultProvider(t *testing.T) {
	accounts := []*Account{
		account("oa", "openai", weight(900)), account("azure", "openai-compat", offers("gpt-5")), account("open", "openai-compat"),
		account("claude", "anthropic"), account("gone", "openai", off("no key")),
	}
	for _, c := range []struct {
		provider, model, want string
	}{
		{"azure", "gpt-5", "azure gpt-5"},
		{"open", "gpt-5", "open gpt-5"},
		{"claude", "gpt-5", "azure gpt-5"}, // does not serve it
		{"azure", "other", ""},             // has a list without it, and nobody else
		{"open", "other", "open other"},
		{"gone", "gpt-5", "azure gpt-5"},
		{"nobody", "gpt-5", "azure gpt-5"},
		{"oa", "gpt-5", "oa gpt-5"},
	} {
		table := New(accounts, "", "").With(Settings{Strategy: policy.StrategyPriority})
		choice, err := table.Candidates(Ask{Model: c.model, Key: &policy.Routing{Provider: c.provider}})
		if all := places(choice); len(slices.Compact(slices.Sorted(slices.Values(all)))) != len(all) {
			t.Errorf("%s for %s: twice in %q", c.provider, c.model, all)
		}
		if got := append(places(choice), "")[0]; got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%s for %s: %q, want %q (%v)", c.provider, c.model, got, c.want, err)
		}
	}
}

func TestForbidden(t *testing.T) {
	accounts := []*Account{
		account("claude", "anthropic", offers(sonnet)), account("aws", "bedrock", offers("us."+onBedrock)), account("oa", "openai"),
	}
	aliases := policy.Aliases{{Match: "fast", To: []string{"gpt-5-mini", "claude-sonnet-4-5"}}}
	table := New(accounts, "", "").With(Settings{Strategy: policy.StrategyPriority, Aliases: aliases})
	for _, c := range []struct {
		name  string
		key   policy.Routing
		model string
		want  []string
	}{
		{"providers", policy.Routing{Providers: []string{"aws"}}, "claude-sonnet-4-5", []string{"aws us." + onBedrock}},
		{"models", policy.Routing{Models: []string{"gpt-*"}}, "claude-sonnet-4-5", nil},
		{"models that fit", policy.Routing{Models: []string{"claude-sonnet-*"}}, "claude-sonnet-4-5", []string{"claude claude-sonnet-4-5", "aws us." + onBedrock}},
		{"another spelling", policy.Routing{Models: []string{"claude-sonnet-*"}}, "us." + onBedrock, []string{"aws us." + onBedrock}},
		{"provider and model", policy.Routing{Models: []string{"aws/*"}}, "claude-sonnet-4-5", []string{"aws us." + onBedrock}},
		{"the prefix opens nothing", policy.Routing{Models: []string{"claude-*"}}, "oa/gpt-5", nil},
		{"an alias in the list", policy.Routing{Models: []string{"fast"}}, "fast", []string{"oa gpt-5-mini", "claude claude-sonnet-4-5", "aws us." + onBedrock}},
		{"what is behind the alias", policy.Routing{Models: []string{"gpt-5*"}}, "fast", []string{"oa gpt-5-mini"}},
		{"neither", policy.Routing{Models: []string{"o3"}}, "fast", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			choice, err := table.Candidates(Ask{Model: c.model, Key: &c.key})
			if got := places(choice); !slices.Equal(got, c.want) {
				t.Fatalf("%q, want %q", got, c.want)
			}
			if c.want == nil && (err == nil || err.Kind != llm.ErrForbidden || err.HTTPStatus() != http.StatusForbidden || !err.NoRetry) {
				t.Errorf("error %v", err)
			}
			if c.want == nil && !strings.Contains(reasons(choice), "the key may not use this model") {
				t.Errorf("reasons %s", reasons(choice))
			}
		})
	}
}

func TestExcludedWithReasons(t *testing.T) {
	w := simulate(t, policy.StrategyPriority, account("a", "openai", weight(9)), account("b", "openai", weight(5)), account("off", "openai", off("no key")), account("c", "openai", weight(1)))
	*w.how["a"] = behaviour{class: health.Rate, told: time.Minute}
	w.send(Ask{Model: "gpt-5"})
	w.end()
	key := &policy.Routing{Providers: []string{"a", "c"}}
	c, err := w.table.Candidates(Ask{Model: "gpt-5", Key: key})
	if err != nil || !slices.Equal(places(c), []string{"c gpt-5"}) {
		t.Fatalf("%v %q", err, places(c))
	}
	if got := reasons(c); got != "off gpt-5 not in use: no key; a gpt-5 cooling: rate limit; b gpt-5 the key may not use this provider" {
		t.Errorf("reasons %s", got)
	}
	if c.Excluded[1].Until != w.at.Add(time.Minute) {
		t.Errorf("until %v", c.Excluded[1].Until)
	}
	again, _ := w.table.Candidates(Ask{Model: "gpt-5"})
	if len(again.Excluded) != 2 {
		t.Errorf("the reasons of one request are told to the next: %s", reasons(again))
	}
}

// The last candidate is not refused for its cool-down: it is asked, and the
// upstream's own answer tells the client what is the matter.
func TestLastOneIsAsked(t *testing.T) {
	w := simulate(t, policy.StrategySmart, account("a", "openai"), account("b", "openai"))
	*w.how["a"] = behaviour{class: health.Rate, told: 20 * time.Second}
	*w.how["b"] = behaviour{class: health.Rate, told: 10 * time.Second}
	for range 20 {
		w.at = w.at.Add(10 * time.Millisecond)
		w.send(Ask{Model: "gpt-5"})
		w.end()
	}
	c, err := w.table.Candidates(Ask{Model: "gpt-5"})
	if err != nil || len(c.Targets) != 1 || c.Targets[0].Provider.Name() != "b" || !strings.Contains(c.Targets[0].Why, "the only one left") {
		t.Errorf("%v %+v", err, c)
	}
	if len(c.Excluded) != 1 || c.Excluded[0].Provider != "a" {
		t.Errorf("excluded %s", reasons(c))
	}
	// Forbidden ones are not asked even then.
	if _, err := w.table.Candidates(Ask{Model: "gpt-5", Key: &policy.Routing{Providers: []string{"c"}}}); err == nil || err.Kind != llm.ErrForbidden {
		t.Errorf("%v", err)
	}
}

func TestConversationsStay(t *testing.T) {
	w := simulate(t, policy.StrategySmart, account("a", "openai"), account("b", "openai"), account("c", "openai"))
	other := simulate(t, policy.StrategySmart, account("a", "openai"), account("b", "openai"), account("c", "openai"))
	where := map[string]string{}
	for i := range 300 {
		ask := Ask{Model: "gpt-5", Conversation: fmt.Sprint("conversation ", i)}
		first, _ := w.table.Candidates(ask)
		replica, _ := other.table.Candidates(ask)
		if first.Kept || places(first)[0] != places(replica)[0] {
			t.Fatalf("two replicas: %q and %q", places(first), places(replica))
		}
		where[ask.Conversation] = places(first)[0]
		w.table.Keep(ask.Conversation, &first.Targets[0], time.Hour)
	}
	w.at = w.at.Add(time.Minute)
	for conversation, place := range where {
		if c, _ := w.table.Candidates(Ask{Model: "gpt-5", Conversation: conversation}); !c.Kept || places(c)[0] != place {
			t.Fatalf("%s was at %s, now %q", conversation, place, places(c))
		}
	}
	// Where one was served counts, not what its hash tells; and the others stand behind.
	for conversation := range where {
		ask := Ask{Model: "gpt-5", Conversation: conversation}
		c, _ := w.table.Candidates(ask)
		moved := c.Targets[2]
		w.table.Keep(conversation, &moved, time.Hour)
		c, _ = w.table.Candidates(ask)
		order := places(c)
		if slices.Sort(order); !c.Kept || c.Targets[0].Provider.Name() != moved.Provider.Name() || len(slices.Compact(order)) != 3 {
			t.Fatalf("%s was served at %s, now %q", conversation, moved.Provider.Name(), places(c))
		}
	}
	spread := map[string]int{}
	for _, place := range where {
		spread[place]++
	}
	for place, n := range spread {
		if n < 70 || n > 130 {
			t.Errorf("%d of 300 at %s", n, place)
		}
	}
}

func TestConversationsLeave(t *testing.T) {
	w := simulate(t, policy.StrategySmart, account("a", "openai"), account("b", "openai"))
	ask := Ask{Model: "gpt-5", Conversation: "x"}
	w.run(10, 20*time.Second)
	first, _ := w.table.Candidates(ask)
	home := first.Targets[0].Provider.Name()
	w.table.Keep("x", &first.Targets[0], time.Hour)

	w.how[home].ttft = 14 * time.Second // slow, and it succeeds
	w.run(10, 2*time.Minute)
	c, _ := w.table.Candidates(ask)
	if c.Kept || c.Targets[0].Provider.Name() == home || !strings.Contains(c.Left, "slow") {
		t.Errorf("slow: %q kept %v: %s", places(c), c.Kept, c.Left)
	}

	w.how[home].ttft = 500 * time.Millisecond
	w.run(10, 3*time.Minute)
	if c, _ = w.table.Candidates(ask); !c.Kept {
		t.Errorf("well again: %q: %s", places(c), c.Left)
	}

	w.table.Account(home).Place("gpt-5").Reset()
	h, _ := w.table.Account(home).Place("gpt-5").Begin(w.now, true)
	h.End(health.Overload, 0)
	if c, _ = w.table.Candidates(ask); c.Kept || c.Targets[0].Provider.Name() == home || c.Left == "" {
		t.Errorf("cooling: %q: %s", places(c), c.Left)
	}

	w.table.Pins().Unpin("x")
	if c, _ = w.table.Candidates(ask); c.Kept || c.Left != "" {
		t.Errorf("unpinned: %q: %s", places(c), c.Left)
	}
}

// An account at its own limit stands behind those that have room.
func TestAtItsLimit(t *testing.T) {
	limited := account("a", "openai", weight(900))
	limited.Limits = []Limit{
		{Match: "gpt-4*", Gate: throttle.NewGate("a (gpt-4*)", throttle.Limits{Concurrency: 1}, time.Now)},
		{Match: "*", Gate: throttle.NewGate("a", throttle.Limits{Concurrency: 1, Queue: 1, Wait: time.Second}, time.Now)},
	}
	table := New([]*Account{limited, account("b", "openai")}, "", "").With(Settings{Strategy: policy.StrategyPriority})
	c, err := table.Candidates(Ask{Model: "gpt-5"})
	if err != nil || !slices.Equal(places(c), []string{"a gpt-5", "b gpt-5"}) || c.Targets[1].Gate != nil {
		t.Fatalf("%v %q", err, places(c))
	}
	pass, err := c.Targets[0].Gate.Enter(t.Context(), "k", 0)
	if err != nil {
		t.Fatal(err)
	}
	if c, _ = table.Candidates(Ask{Model: "gpt-5"}); !slices.Equal(places(c), []string{"b gpt-5", "a gpt-5"}) {
		t.Errorf("at its limit: %q", places(c))
	}
	if c, _ = table.Candidates(Ask{Model: "gpt-4o"}); !slices.Equal(places(c), []string{"a gpt-4o", "b gpt-4o"}) {
		t.Errorf("another limit's model: %q", places(c))
	}
	if c, _ = table.Candidates(Ask{Model: "a/gpt-5"}); !slices.Equal(places(c), []string{"a gpt-5"}) {
		t.Errorf("nobody else: %q", places(c))
	}
	pass.Leave(0)
}

func TestStandings(t *testing.T) {
	w := simulate(t, policy.StrategyPriority, account("a", "openai", weight(9)), account("b", "openai"))
	if got := w.table.Standings(); len(got) != 0 {
		t.Errorf("of places nobody asked for: %+v", got)
	}
	*w.how["b"] = behaviour{class: health.Rate, told: time.Minute}
	w.send(Ask{Model: "gpt-5"})
	w.end()
	got := w.table.Standings()
	if len(got) != 2 || got[0].Provider != "a" || got[0].State != health.Closed || got[1].Model != "gpt-5" || got[1].State != health.Open ||
		got[1].Class != health.Rate || got[1].Until != w.at.Add(time.Minute) || got[1].Limited != 1 {
		t.Errorf("%+v", got)
	}
}

func TestAnotherGeographyIsTold(t *testing.T) {
	aws, eu := account("aws", "bedrock", offers("us."+onBedrock)), account("eu", "bedrock", offers("eu."+onBedrock))
	c, err := New([]*Account{aws, eu}, "", "").Candidates(Ask{Model: "eu." + onBedrock})
	if err != nil || !strings.Contains(reasons(c), "aws us."+onBedrock+" another geography than eu") {
		t.Errorf("%v %s", err, reasons(c))
	}
}

// A conversation that went down an alias's chain comes back when the first
// choice is well: it was asked for another model.
func TestConversationsComeBack(t *testing.T) {
	w := simulate(t, policy.StrategySmart, account("a", "openai"), account("b", "anthropic"))
	w.table.With(Settings{Now: w.now, Rand: w.rnd.Uint64, Pins: w.table.Pins(), Aliases: policy.Aliases{{Match: "fast", To: []string{"gpt-5", "claude-x"}}}})
	ask := Ask{Model: "fast", Conversation: "x"}
	h, _ := w.table.Account("a").Place("gpt-5").Begin(w.now, true)
	h.End(health.Rate, 30*time.Second)
	c, err := w.table.Candidates(ask)
	if err != nil || places(c)[0] != "b claude-x" {
		t.Fatalf("%v %q", err, places(c))
	}
	w.table.Keep("x", &c.Targets[0], time.Hour)
	if c, _ = w.table.Candidates(ask); !c.Kept || places(c)[0] != "b claude-x" {
		t.Errorf("meanwhile %q, kept %v", places(c), c.Kept)
	}
	w.at = w.at.Add(time.Minute)
	if c, _ = w.table.Candidates(ask); c.Kept || places(c)[0] != "a gpt-5" || c.Left == "" {
		t.Errorf("then %q, kept %v: %s", places(c), c.Kept, c.Left)
	}
}

func TestTargetsMadeByHand(t *testing.T) {
	h, ok := (&Target{}).Begin(time.Now, false)
	if !ok {
		t.Error("not taken")
	}
	h.FirstContent(time.Second)
	h.End(health.Fine, 0)
}

// Names come from clients: what is remembered of them is bounded.
func TestNamesAreBounded(t *testing.T) {
	open := account("open", "openai-compat")
	table := New([]*Account{open}, "", "")
	for i := range 3 * maxPlaces {
		if _, err := table.Candidates(Ask{Model: fmt.Sprint("m", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(table.now.Load().plans.Load().by); n > maxPlans {
		t.Errorf("%d plans", n)
	}
	if n := len(open.memory().all()); n > maxPlaces+1 {
		t.Errorf("%d places", n)
	}
}
