package llm

import "turnpike/internal/wire"

// UpstreamMessage finds the text for people in an upstream's error body, in any
// of the forms they come: {"message"}, {"Message"}, {"error":{"message"}},
// {"error":"…"}, {"detail"}. It is empty where there is none.
func UpstreamMessage(body []byte) string {
	r := wire.NewReader(body)
	if r.Kind() != '{' {
		return ""
	}
	msg := ""
	for name := range r.Fields() {
		switch string(name) {
		case "message", "Message", "detail":
			if r.Kind() == '"' && msg == "" {
				msg = r.Str()
			}
		case "error":
			switch r.Kind() {
			case '"':
				msg = r.Str()
			case '{':
				if m := UpstreamMessage(r.Raw()); m != "" {
					msg = m
				}
			}
		}
	}
	if r.End() != nil {
		return ""
	}
	return msg
}
