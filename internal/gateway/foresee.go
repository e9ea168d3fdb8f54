package gateway

import (
	"bytes"
	"strconv"

	"turnpike/internal/wire"
)

// What a request that does not say is taken to use, until the truth is known.
const (
	outputUnsaid = 4096    // tokens of an answer without a limit
	outputMost   = 200_000 // no limit is believed beyond this
	mediaTokens  = 1500    // of a picture or file: about what a large picture costs
)

// foreseen is an estimate of the tokens a request will use, for limits: its text by
// its bytes, and as much of an answer as it allows.
func (x *exchange) foreseen() int64 {
	text, media := textBytes(x.object.Bytes())
	n := text/bytesPerToken + media*mediaTokens
	if x.ask.Op == Embed {
		return n
	}
	return n + x.outputAllowed()
}

// limitsOfOutput are the members that say how long an answer may be, with the one they
// stand in.
var limitsOfOutput = []struct{ in, name string }{
	{"", "max_tokens"},
	{"", "max_completion_tokens"},
	{"", "max_output_tokens"},
	{"generationConfig", "maxOutputTokens"},
	{"inferenceConfig", "maxTokens"},
}

func (x *exchange) outputAllowed() int64 {
	for _, m := range limitsOfOutput {
		o := x.object
		if m.in != "" {
			inner, err := wire.ParseObject(o.Get(m.in))
			if err != nil {
				continue
			}
			o = inner
		}
		if n, err := strconv.ParseInt(string(o.Get(m.name)), 10, 64); err == nil && n >= 0 {
			return min(n, outputMost)
		}
	}
	return outputUnsaid
}

// Media stand in a body as long strings of base64, whatever the API. They are looked
// for by looking here and there, which costs next to nothing where there are none.
const (
	longString = 4 << 10        // shorter ones count as text
	stride     = longString / 2 // so that none is stepped over
	sample     = 64             // one byte in so many is looked at
)

// textBytes is how much of a body is not media, and how many media there are.
func textBytes(body []byte) (text, media int64) {
	text = int64(len(body))
	for at, done := stride, 0; at < len(body); at += stride {
		if !encoded(body[at:min(at+sample, len(body))], 1) {
			continue
		}
		from := max(done, at-stride) // where the last look was
		from += bytes.LastIndexByte(body[from:at], '"') + 1
		end := bytes.IndexByte(body[at:], '"')
		if end < 0 {
			break
		}
		end += at
		if end-from >= longString && encoded(body[at:end], max(sample, (end-at)>>10)) {
			text -= int64(end - from)
			media++
		}
		at, done = end, end
	}
	return text, media
}

// encoded tells whether every so many bytes of a text is one that base64 is written
// with, a slash escaped included.
func encoded(text []byte, every int) bool {
	for i := 0; i < len(text); i += every {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '+', c == '/', c == '=', c == '-', c == '_', c == '\\':
		default:
			return false
		}
	}
	return true
}
