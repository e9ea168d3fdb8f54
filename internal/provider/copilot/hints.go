package copilot

import (
	"bytes"
	"net/http"
	"strings"

	"turnpike/internal/wire"
)

// Headers that tell the service what a request is.
const (
	initiator = "X-Initiator"
	vision    = "Copilot-Vision-Request"
	intent    = "Openai-Intent"
	version   = "Anthropic-Version"
)

// hints are what a body tells of who asks: a premium request is counted where the user
// has spoken, and pictures are taken only where the header says that there are some.
type hints struct{ agent, vision bool }

// hint puts them on. A client that knows better says so itself.
func (a *Account) hint(r *http.Request, h hints, dialect string) {
	who := "user"
	if h.agent {
		who = "agent"
	}
	if v := r.Header.Get(initiator); v != "user" && v != "agent" {
		r.Header.Set(initiator, who)
	}
	r.Header.Set(intent, a.set.Intents[r.Header.Get(initiator)])
	if h.vision {
		r.Header.Set(vision, "true")
	}
	if dialect == messages {
		r.Header.Set(version, a.set.AnthropicVersion)
	}
}

// look reads a body that is about to be sent. One that cannot be read tells nothing:
// the service will say what is wrong with it.
func look(dialect string, body []byte) hints {
	o, err := wire.ParseObject(body)
	if err != nil {
		return hints{}
	}
	l := looker{pictures: bytes.Contains(body, []byte("image"))}
	switch dialect {
	case responses:
		l.turns(o.Get("input"), l.item)
	case messages:
		l.turns(o.Get("messages"), l.message)
	default:
		l.turns(o.Get("messages"), l.said)
	}
	return l.hints
}

// looker walks through a conversation.
type looker struct {
	hints

	pictures bool // there may be some

	// Of the turn that is read.
	role, kind string
	results    bool // it holds results of tools
}

func (l *looker) turns(list []byte, settle func()) {
	if len(list) == 0 || list[0] != '[' { // a text is the user's
		return
	}
	r := wire.NewReader(list)
	for range r.Elements() {
		if r.Kind() != '{' {
			continue
		}
		l.role, l.kind, l.results = "", "", false
		for name := range r.Fields() {
			switch string(name) {
			case "role":
				l.role = word(r)
			case "type":
				l.kind = word(r)
			case "content", "output":
				l.content(r, 0)
			}
		}
		settle()
	}
}

// said is a turn of chat.
func (l *looker) said() {
	switch l.role {
	case "user":
		l.agent = false
	case "system", "developer": // nobody's turn
	default:
		l.agent = true
	}
}

// message is a turn of Messages, where results of tools come in the user's name.
func (l *looker) message() {
	l.said()
	if l.results {
		l.agent = true
	}
}

// item is one of Responses.
func (l *looker) item() {
	if l.kind != "" && l.kind != "message" {
		l.role = "tool"
	}
	l.said()
}

// maxDepth bounds content in content: results hold pictures, and nothing holds results.
const maxDepth = 4

func (l *looker) content(r *wire.Reader, depth int) {
	if r.Kind() != '[' || depth > maxDepth {
		return
	}
	for range r.Elements() {
		if r.Kind() != '{' {
			continue
		}
		for name := range r.Fields() {
			switch string(name) {
			case "type":
				switch kind := word(r); {
				case strings.HasSuffix(kind, "tool_result"):
					l.results = true
				case l.pictures && (kind == "image" || kind == "image_url" || kind == "input_image"):
					l.vision = true
				}
			case "content":
				if l.pictures {
					l.content(r, depth+1)
				}
			}
		}
	}
}

func word(r *wire.Reader) string {
	if r.Kind() != '"' {
		return ""
	}
	return r.Str()
}
