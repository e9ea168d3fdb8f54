package converse

import (
	"bytes"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// DecodeResponse reads a whole answer of Converse.
func (Dialect) DecodeResponse(body []byte) (*llm.Response, error) {
	r := wire.NewReader(body)
	if r.Kind() != '{' {
		return nil, notAnAnswer("is not a JSON object", r.Err())
	}
	res, found := &llm.Response{}, false
	for name := range r.Fields() {
		switch string(name) {
		case "output":
			found = readOutput(r, res) || found
		case "stopReason":
			res.NativeStop = r.Str()
		case "usage":
			readUsage(r, &res.Usage)
		case modelFields:
			res.Extra = readModelFields(r, &res.StopSequence, res.Extra)
		case "serviceTier":
			res.Tier = readTier(r)
			res.Usage.Tier = tierOf(res.Usage.Tier, res.Tier)
		case "message", "Message", "__type":
		default:
			if ahead := *r; string(name) == "performanceConfig" {
				readMetadata(&ahead, "performanceConfig", &res.Usage)
			}
			res.Extra = other(res.Extra, string(name), r)
		}
	}
	if err := r.End(); err != nil {
		return nil, notAnAnswer("cannot be read", err)
	}
	if !found {
		if typ, message, ok := readError(body); ok && message != "" {
			return nil, newError(shortType(typ), message, 0)
		}
		return nil, notAnAnswer("has no message", nil)
	}
	res.Stop = stopOf(res.NativeStop, res.StopSequence)
	res.Settle()
	return res, nil
}

func notAnAnswer(what string, cause error) *llm.Error {
	return &llm.Error{Kind: llm.ErrUpstream, Message: "the upstream's answer " + what, Upstream: true, Cause: cause}
}

// stopOf translates a stop reason. The sequence that matched is told only where
// it was asked for.
func stopOf(native, sequence string) llm.Stop {
	switch native {
	case "":
		return ""
	case "end_turn":
		if sequence != "" {
			return llm.StopSequence
		}
		return llm.StopEnd
	case "tool_use":
		return llm.StopTool
	case "max_tokens":
		return llm.StopLength
	case "model_context_window_exceeded":
		return llm.StopContext
	case "stop_sequence":
		return llm.StopSequence
	case "guardrail_intervened", "content_filtered", "refusal":
		return llm.StopFilter
	case "pause_turn":
		return llm.StopPause
	}
	return llm.StopOther
}

func readOutput(r *wire.Reader, res *llm.Response) (found bool) {
	for name := range r.Fields() {
		if string(name) != "message" {
			oddMember(r, res)
			continue
		}
		found = true
		for name := range r.Fields() {
			if string(name) != "content" {
				if string(name) != "role" {
					oddMember(r, res)
				}
				continue
			}
			for range r.Elements() {
				if err := readBlock(r.Sub(), res); err != nil {
					r.Fail("%v", err)
				}
			}
		}
	}
	return found
}

// oddMember keeps the member about to be read.
func oddMember(r *wire.Reader, res *llm.Response) {
	res.Odd = llm.KeepOdd(res.Odd, dialectName, r, r.Name())
}

// readBlock reads one content block; what only Converse knows is kept as it is.
func readBlock(r *wire.Reader, res *llm.Response) error {
	whole, before := *r, len(res.Odd)
	raw := whole.Raw() // nil where it is no JSON: it looks closer than what passes over it
	kept := false
	odd := func(r *wire.Reader) { oddMember(r, res) }
	for name := range r.Fields() {
		switch string(name) {
		case "text":
			if s := r.Str(); s != "" {
				res.Parts = append(res.Parts, &llm.Text{Text: s})
			}
		case "reasoningContent":
			if t := readReasoning(r, odd); t != nil {
				res.Parts = append(res.Parts, t)
			}
		case "toolUse":
			call, server := readToolUse(r, odd)
			if server {
				res.Odd = llm.CutOdd(res.Odd, before)
				res.Parts = append(res.Parts, &llm.Native{Dialect: dialectName, Type: "toolUse", Raw: bytes.Clone(raw)})
				kept = true
				continue
			}
			res.Parts = append(res.Parts, call)
		case "citationsContent":
			res.Parts = addCitations(res.Parts, r, raw, odd)
			if _, native := res.Parts[len(res.Parts)-1].(*llm.Native); native {
				res.Odd = llm.CutOdd(res.Odd, before)
				kept = true
			}
		case "image":
			if m := readImage(r, odd); m != nil {
				res.Parts = append(res.Parts, m)
			}
		default:
			res.Parts = append(res.Parts, &llm.Native{Dialect: dialectName, Type: string(name), Raw: bytes.Clone(raw)})
			kept = true
		}
	}
	if kept && raw == nil {
		return whole.Err()
	}
	return r.End()
}

// readReasoning reads reasoningContent, whose text stands one level deeper than
// in streams. A signature without text is reasoning too.
func readReasoning(r *wire.Reader, odd func(*wire.Reader)) *llm.Thinking {
	var t llm.Thinking
	for name := range r.Fields() {
		switch string(name) {
		case "reasoningText":
			for name := range r.Fields() {
				switch string(name) {
				case "text":
					t.Text = r.Str()
				case "signature":
					t.Signature = r.Str()
				default:
					odd(r)
				}
			}
		case "redactedContent":
			t.Redacted = r.Str()
		default:
			odd(r)
		}
	}
	if t == (llm.Thinking{}) {
		return nil
	}
	return &t
}

// serverTool is the type of calls that Bedrock carries out by itself.
const serverTool = "server_tool_use"

func readToolUse(r *wire.Reader, odd func(*wire.Reader)) (call *llm.ToolCall, server bool) {
	call = &llm.ToolCall{}
	for name := range r.Fields() {
		switch string(name) {
		case "toolUseId":
			call.ID = r.Str()
		case "name":
			call.Name = r.Str()
		case "type":
			server = r.Str() == serverTool
		case "input":
			if r.Kind() == '"' {
				call.SetArguments(r.Str())
				continue
			}
			call.SetArguments(string(r.Raw()))
		default:
			odd(r)
		}
	}
	return call, server
}

// addCitations makes a text of citationsContent. Citations that come without a
// text belong to the text before them.
func addCitations(parts []llm.Part, r *wire.Reader, raw []byte, odd func(*wire.Reader)) []llm.Part {
	var text []byte
	var list []llm.Citation
	cites := false
	for name := range r.Fields() {
		switch string(name) {
		case "content":
			for range r.Elements() {
				for name := range r.Fields() {
					if string(name) == "text" {
						text = append(text, r.Bytes()...)
					} else {
						odd(r)
					}
				}
			}
		case "citations":
			cites = cites || r.Kind() == '['
			list = append(list, citations(r)...)
		default:
			odd(r)
		}
	}
	if len(text) > 0 {
		return append(parts, &llm.Text{Text: string(text), Citations: list})
	}
	if n := len(parts); n > 0 && cites {
		if last, ok := parts[n-1].(*llm.Text); ok {
			last.Citations = append(last.Citations, list...)
			return parts
		}
	}
	return append(parts, &llm.Native{Dialect: dialectName, Type: "citationsContent", Raw: bytes.Clone(raw)})
}

func readImage(r *wire.Reader, odd func(*wire.Reader)) *llm.Media {
	m := &llm.Media{Kind: llm.Image}
	for name := range r.Fields() {
		switch string(name) {
		case "format":
			m.MIME = "image/" + r.Str()
		case "source":
			for name := range r.Fields() {
				if string(name) == "bytes" {
					m.Data = r.Str()
				} else {
					odd(r)
				}
			}
		default:
			odd(r)
		}
	}
	if m.Data == "" {
		return nil
	}
	return m
}

// readMatched finds the stop sequence that matched, if the model told it.
func readMatched(r *wire.Reader, sequence *string) {
	if r.Kind() != '{' {
		return
	}
	for name := range r.Fields() {
		if string(name) == "stop_sequence" && r.Kind() == '"' {
			*sequence = r.Str()
		}
	}
}

// modelFields is the member with what the model says in its own format.
const modelFields = "additionalModelResponseFields"

// readModelFields keeps the model's own members, and finds among them the stop
// sequence that matched.
func readModelFields(r *wire.Reader, sequence *string, extra []llm.Extra) []llm.Extra {
	whole := *r
	readMatched(r, sequence)
	raw := bytes.Clone(whole.Raw())
	x := llm.Extra{Dialect: dialectName, Name: modelFields, Raw: raw, Bookkeeping: true}
	if len(raw) > 0 && raw[0] == '{' {
		fields := wire.NewReader(raw)
		for name := range fields.Fields() {
			known := string(name) == "stop_sequence" || string(name) == "delta"
			x.Bookkeeping = x.Bookkeeping && (known || llm.SaysNothing(fields.Raw()))
		}
	}
	return append(extra, x)
}

// other keeps a member of an answer that has no place. metrics and
// performanceConfig tell how it was made.
func other(extra []llm.Extra, member string, r *wire.Reader) []llm.Extra {
	minor := member == "metrics" || member == "performanceConfig"
	return append(extra, llm.Extra{Dialect: dialectName, Name: member, Raw: bytes.Clone(r.Raw()), Bookkeeping: minor})
}

func readTier(r *wire.Reader) (tier string) {
	for name := range r.Fields() {
		if string(name) == "type" {
			tier = r.Str()
		}
	}
	return tier
}

// readMetadata reads what is told of an answer's usage and of how it was served.
// In a stream its last event tells it.
func readMetadata(r *wire.Reader, member string, u *llm.Usage) {
	switch {
	case member == "usage":
		readUsage(r, u)
	case r.Kind() != '{':
	case member == "serviceTier":
		u.Tier = tierOf(u.Tier, readTier(r))
	case member == "performanceConfig":
		for name := range r.Fields() {
			if string(name) == "latency" && r.Kind() == '"' && r.Str() == "optimized" {
				u.Tier = llm.TierLatency
			}
		}
	}
}

// tierOf is the tier a price is for: what is optimised for latency stays so.
func tierOf(known, told string) string {
	if known == llm.TierLatency {
		return known
	}
	return llm.TierOf([]byte(told))
}

// readUsage reads TokenUsage. inputTokens excludes what was read from and
// written to the cache. Fields that are absent leave what is known as it is.
func readUsage(r *wire.Reader, u *llm.Usage) {
	var write, hour, five int64
	var split, wrote bool
	for name := range r.Fields() {
		switch string(name) {
		case "inputTokens":
			u.Input, u.Known = llm.Clamp(r.Int()), true
		case "outputTokens":
			u.Output, u.Known = llm.Clamp(r.Int()), true
		case "cacheReadInputTokens":
			u.CacheRead = llm.Clamp(r.Int())
		case "cacheWriteInputTokens":
			write, wrote = llm.Clamp(r.Int()), true
		case "cacheDetails":
			for range r.Elements() {
				tokens, ttl := readCacheDetail(r)
				if ttl == "1h" {
					hour += tokens
				} else {
					five += tokens
				}
				split = true
			}
		}
	}
	switch {
	case wrote:
		u.CacheWrite1h = min(hour, write)
		u.CacheWrite5m = write - u.CacheWrite1h
		u.LifeUntold = write > 0 && !split
	case split:
		u.CacheWrite1h, u.CacheWrite5m = llm.Clamp(hour), llm.Clamp(five)
	}
}

func readCacheDetail(r *wire.Reader) (tokens int64, ttl string) {
	for name := range r.Fields() {
		switch string(name) {
		case "inputTokens":
			tokens = llm.Clamp(r.Int())
		case "ttl":
			ttl = r.Str()
		}
	}
	return tokens, ttl
}
