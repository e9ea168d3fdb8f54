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

// longBody is from where on a body may hold media, and longString what of it is one.
const (
	longBody   = 16 << 10
	longString = 4 << 10
)

// mediaMarks stand before media in base64, in every client's API.
var mediaMarks = [][]byte{[]byte(";base64,"), []byte(`"data":`), []byte(`"bytes":`), []byte(`"file_data":`)}

// textBytes is how much of a body is not media, and how many media there are.
func textBytes(body []byte) (text, media int64) {
	text = int64(len(body))
	if len(body) < longBody {
		return text, 0
	}
	for _, mark := range mediaMarks {
		for rest := body; ; {
			i := bytes.Index(rest, mark)
			if i < 0 {
				break
			}
			rest = rest[i+len(mark):]
			if mark[0] == '"' {
				rest = bytes.TrimLeft(rest, " \t\r\n")
				if len(rest) == 0 || rest[0] != '"' {
					continue
				}
				rest = rest[1:]
				if bytes.HasPrefix(rest, []byte("data:")) { // told by its other mark
					continue
				}
			}
			end := bytes.IndexByte(rest, '"')
			if end < 0 {
				break
			}
			if end >= longString {
				text -= int64(end)
				media++
			}
			rest = rest[end:]
		}
	}
	return max(0, text), media
}
