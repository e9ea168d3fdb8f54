package llm

import "turnpike/internal/wire"

// UpstreamMessage finds the text for people in an upstream's error body, in any
// of the forms they come: {"message"}, {"Message"}, {"error":{"message"}},
// {"error":"…"}, {"detail"}. It is empty where there is none.
func UpstreamMessage(body []byte) string {
	r := wire.NewReader(body)
	msg := upstreamMessage(r, 0)
	if r.End() != nil {
		return ""
	}
	return msg
}

// maxErrorDepth bounds errors within errors.
const maxErrorDepth = 4

func upstreamMessage(r *wire.Reader, depth int) (msg string) {
	if r.Kind() != '{' || depth > maxErrorDepth {
		return ""
	}
	for name := range r.Fields() {
		switch string(name) {
		case "message", "Message", "detail":
			if r.Kind() == '"' && msg == "" {
				msg = r.Str()
			}
		case "error":
			if r.Kind() == '"' {
				msg = r.Str()
			} else if m := upstreamMessage(r, depth+1); m != "" {
				msg = m
			}
		}
	}
	return msg
}
