package llm

import "math"

// Stop is why an answer ended.
type Stop string

// Reasons to stop.
const (
	StopEnd      Stop = "end"      // the model was done
	StopLength   Stop = "length"   // the limit on output tokens
	StopContext  Stop = "context"  // the model's context window
	StopTool     Stop = "tool"     // it waits for tool results
	StopSequence Stop = "sequence" // a stop sequence of the client
	StopFilter   Stop = "filter"   // refused, or filtered
	StopPause    Stop = "pause"    // Anthropic: a long server-side turn, to be continued
	StopOther    Stop = "other"    // something unknown: see the native reason
)

// Usage counts tokens. The classes are disjoint: Input excludes what was read
// from and written to a cache; Output includes Reasoning.
type Usage struct {
	Known        bool // the upstream said so; zero is then a measured zero
	Estimated    bool // counted by us, since the upstream did not say
	Input        int64
	Output       int64
	CacheRead    int64
	CacheWrite5m int64 // also writes whose lifetime the upstream does not tell
	CacheWrite1h int64
	LifeUntold   bool  // the upstream did not say how long what was written is kept
	Reasoning    int64 // part of Output
	Searches     int64 // web searches the upstream ran, where its usage counts them
	// Tier and Geo are how and where it was served, as far as the price depends on
	// them: TierOf's words, and a geography the upstream names; empty is the usual.
	Tier, Geo string
}

// CacheWrite is all that was written to a cache.
func (u Usage) CacheWrite() int64 { return u.CacheWrite5m + u.CacheWrite1h }

// Prompt is all of the input: fresh, read from cache and written to it.
func (u Usage) Prompt() int64 { return u.Input + u.CacheRead + u.CacheWrite() }

// Plus is the usage of two calls together. What one of them does not know, the
// sum does not; it was served as the second was.
func (u Usage) Plus(v Usage) Usage {
	return Usage{
		Known: u.Known && v.Known, Estimated: u.Estimated || v.Estimated, Input: u.Input + v.Input, Output: u.Output + v.Output,
		CacheRead: u.CacheRead + v.CacheRead, CacheWrite5m: u.CacheWrite5m + v.CacheWrite5m,
		CacheWrite1h: u.CacheWrite1h + v.CacheWrite1h, Reasoning: u.Reasoning + v.Reasoning, Searches: u.Searches + v.Searches,
		Tier: v.Tier, Geo: v.Geo,
	}
}

// Response is a whole answer.
type Response struct {
	ID           string
	Model        string // as the upstream names it
	Created      int64  // Unix seconds, 0 if the upstream does not say
	Parts        []Part
	Stop         Stop
	StopSequence string // the one that matched
	NativeStop   string // the upstream's own word
	StopDetails  []byte // Anthropic: JSON beside a refusal
	Usage        Usage
	Tier         string
	Extra        []Extra
	Odd          []Odd // members deeper down that the decoder does not know
	Losses       []Loss
}

// Regrown is the answer as a dialect's encoder wrote it, with the odd members that
// came in the same dialect; those of another one are lost.
func (r *Response) Regrown(text []byte, dialect string) []byte {
	r.Losses = ForeignOdd(r.Losses, r.Odd, dialect)
	return Regrow(text, r.Odd, dialect, "answer", func(path, reason string) { r.Losses = AddLoss(r.Losses, path, reason) })
}

// ForeignExtra names the members of an answer that only another dialect has.
func ForeignExtra(list []Loss, extra []Extra, dialect string) []Loss {
	for _, x := range extra {
		if x.Dialect != dialect && !x.Bookkeeping && !SaysNothing(x.Raw) {
			list = AddLoss(list, x.Name, dialect+" has no such member")
		}
	}
	return list
}

// Settle applies the rule that an answer which calls a client's tool waits for
// it, whatever the upstream called the reason, and that there is a reason.
func (r *Response) Settle() {
	r.Stop = SettledStop(r.Stop, hasCall(r.Parts))
}

// SettledStop is Settle for streams: called tells whether a tool was called.
func SettledStop(s Stop, called bool) Stop {
	switch {
	case called && (s == StopEnd || s == StopOther || s == ""):
		return StopTool
	case s == "":
		return StopEnd
	}
	return s
}

func hasCall(parts []Part) bool {
	for _, p := range parts {
		if _, ok := p.(*ToolCall); ok {
			return true
		}
	}
	return false
}

// Clamp keeps a count that came from outside in the range of sane numbers.
func Clamp(n int64) int64 { return max(0, min(n, math.MaxInt32)) }
