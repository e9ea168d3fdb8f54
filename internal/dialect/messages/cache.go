package messages

import "turnpike/internal/llm"

// maxCachePoints is what the API takes in one request.
const maxCachePoints = 4

// limitCache fits the cache points to what the target takes. Where there are too
// many, the earlier ones of the tools and of the system prompt go first, for their
// last ones cover them; then those inside the messages, the earliest before the
// later: the prefix that the next request repeats ends at the last one.
func (e *encoder) limitCache() {
	tools, system, turns := e.cachePoints()
	for _, list := range [][]**llm.Cache{tools, system, turns} {
		for _, slot := range list {
			e.fitCache(slot)
		}
	}
	if e.t.Caps.NoCache {
		return
	}
	over := len(tools) + len(system) + len(turns) + e.autoCache() - maxCachePoints
	for _, list := range [][]**llm.Cache{tools, system, turns} {
		for i := 0; i < len(list)-1 && over > 0; i++ {
			e.lose("cache_control", "the API takes four cache points: an earlier one was left out")
			*list[i] = nil
			over--
		}
	}
}

func (e *encoder) fitCache(slot **llm.Cache) {
	c := *slot
	switch {
	case e.t.Caps.NoCache:
		e.lose("cache_control", "the model takes no cache points")
		*slot = nil
	case c.TTL == "1h" && !e.t.Caps.Cache1h && e.t.Caps.Family != "":
		e.lose("cache_control.ttl", "the model keeps its cache for five minutes only")
		*slot = &llm.Cache{}
	}
}

// autoCache counts the point that a top-level cache_control makes.
func (e *encoder) autoCache() int {
	for _, x := range e.req.Extra {
		if x.Dialect == name && x.Name == "cache_control" && !e.t.Bedrock {
			return 1
		}
	}
	return 0
}

// cachePoints finds the cache points that are set, in the order of the prompt.
func (e *encoder) cachePoints() (tools, system, turns []**llm.Cache) {
	add := func(list *[]**llm.Cache, slot **llm.Cache) {
		if slot != nil && *slot != nil {
			*list = append(*list, slot)
		}
	}
	for i := range e.tools {
		if n := e.tools[i].Native; n != nil {
			add(&tools, &n.Cache)
			continue
		}
		add(&tools, &e.tools[i].Cache)
	}
	var walk func(list *[]**llm.Cache, parts []llm.Part)
	walk = func(list *[]**llm.Cache, parts []llm.Part) {
		for _, p := range parts {
			switch p := p.(type) {
			case *llm.ToolResult:
				walk(list, p.Parts)
			case *llm.Native:
				add(list, &p.Cache)
			}
			add(list, cacheSlot(p))
		}
	}
	walk(&system, e.system)
	for i := range e.turns {
		walk(&turns, e.turns[i].parts)
	}
	return tools, system, turns
}
