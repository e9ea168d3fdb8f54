package codewhisperer

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/llm/schema"
	"turnpike/internal/wire"
)

// encoder writes one request. Losses gather as it goes.
type encoder struct {
	req    *llm.Request
	target *llm.Target
	caps   *llm.Caps
	w      *wire.Writer
	losses []llm.Loss

	origin  string
	tools   []llm.Tool
	lead    []string // what stands before the first message: the system prompt and what has no other place
	points  int      // cache points written
	schemas schema.Budget
}

// EncodeRequest makes the body of GenerateAssistantResponse. What is the account's
// (profileArn) is put in by the account.
func (Dialect) EncodeRequest(req *llm.Request, target *llm.Target) ([]byte, []llm.Loss, error) {
	e := &encoder{
		req: req, target: target, caps: &target.Caps, origin: defaultOrigin,
		w: wire.NewWriter(make([]byte, 0, llm.SizeHint(req))),
	}
	if k := target.Kiro; k != nil && k.Origin != "" {
		e.origin = k.Origin
	}
	turns := e.conversation()
	if len(turns) == 0 {
		return nil, nil, &llm.Error{Kind: llm.ErrInvalid, Param: "messages", Message: "messages: at least one message with content is needed"}
	}
	e.settings()
	e.w.Object()
	e.w.Key("conversationState")
	e.w.Object()
	e.w.StrField("agentTaskType", "vibe")
	e.w.StrField("chatTriggerType", "MANUAL")
	e.w.Key("currentMessage")
	e.message(&turns[len(turns)-1], true)
	if len(turns) > 1 {
		e.w.Key("history")
		e.w.List()
		for i := range turns[:len(turns)-1] {
			e.message(&turns[i], false)
		}
		e.w.EndList()
	}
	e.w.StrField("conversationId", conversationID(e.w.Bytes()))
	e.w.EndObject()
	e.thinking()
	e.w.EndObject()
	return e.w.Bytes(), e.losses, nil
}

const defaultOrigin = "AI_EDITOR"

// conversationID is an id of the form the service wants. It is made of what is
// asked: the service keeps no conversation, all of which is in each request, and
// counts what comes under one id.
func conversationID(asked []byte) string {
	s := sha256.Sum256(asked)
	s[6], s[8] = s[6]&0x0f|0x40, s[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", s[0:4], s[4:6], s[6:8], s[8:10], s[10:16])
}

func (e *encoder) lose(path, reason string) { e.losses = llm.AddLoss(e.losses, path, reason) }

func (e *encoder) note(kind llm.LossKind, path, reason string) {
	e.losses = llm.NoteLoss(e.losses, kind, path, reason)
}

// change notes something that is sent in another form, or with another value.
func (e *encoder) change(path, reason string) { e.note(llm.LossChanged, path, reason) }

// added notes something that the client did not say.
func (e *encoder) added(path, reason string) { e.note(llm.LossAdded, path, reason) }

// settings names the settings that the service has no place for.
func (e *encoder) settings() {
	r := e.req
	for _, s := range []struct {
		name string
		have bool
	}{
		{"max_tokens", r.MaxTokens != nil},
		{"temperature", r.Temperature != nil && *r.Temperature != 1},
		{"top_p", r.TopP != nil && *r.TopP != 1},
		{"top_k", r.TopK != nil},
		{"stop", len(r.Stop) > 0},
		{"n", r.Answers > 1},
		{"response_format", r.Format != nil},
		{"parallel_tool_calls", r.Parallel != nil && !*r.Parallel && len(e.tools) > 0},
		{"prompt", r.Echo != ""},
	} {
		if s.have {
			e.lose(s.name, "Kiro has no such setting")
		}
	}
	if t := llm.TierOf([]byte(r.Tier)); t != "" {
		e.lose("service_tier", "Kiro has no tiers")
	}
	for _, b := range r.Betas {
		e.lose("anthropic-beta: "+b, "Kiro takes no beta flags")
	}
	for _, x := range r.Extra {
		if !x.Bookkeeping && !llm.SaysNothing(x.Raw) {
			e.lose(x.Name, "Kiro has no such setting")
		}
	}
}

var _ llm.Formatter = Dialect{}

// TakesFormat is false: the service has no structured output.
func (Dialect) TakesFormat(*llm.Format, *llm.Caps) bool { return false }

func blank(s string) bool { return strings.TrimSpace(s) == "" }
