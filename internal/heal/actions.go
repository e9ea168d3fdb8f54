package heal

import (
	"slices"
	"strconv"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

const refused = "the upstream refuses it"

// kept are members that are never dropped whatever an upstream's words seem to
// say, since they repeat names that clients make up: without these the request is
// another one.
var kept = []string{
	"model", "messages", "input", "contents", "prompt", "system", "instructions", "systemInstruction", "system_instruction", "tools", "toolConfig",
	"content", "parts", "role", "type", "text", "name", "id", "tool_use_id", "tool_call_id", "toolUseId", "call_id", "input_schema", "inputSchema",
	"parameters", "function", "arguments", "output", "max_tokens", "anthropic_version", "stream",
}

func loss(path, reason string) []llm.Loss { return llm.AddLoss(nil, path, reason) }

// drop leaves out what a path leads to.
func drop(r *Request, to string) []llm.Loss {
	path := splitPath(to)
	if len(path) == 0 || slices.Contains(kept, path[len(path)-1]) {
		return nil
	}
	body, n := editIn(r.Body, path, func([]byte) []byte { return nil })
	if n == 0 {
		return nil
	}
	r.Body = body
	list := loss(to, refused)
	list[0].Count = n
	return list
}

// rename gives a member of the top another name.
func rename(r *Request, to string) []llm.Loss {
	from, name, _ := strings.Cut(to, ">")
	o, err := wire.ParseObject(r.Body)
	if err != nil || o.Get(from) == nil || name == "" {
		return nil
	}
	edits := []wire.Edit{{Name: from}}
	if o.Get(name) == nil {
		edits = append(edits, wire.Edit{Name: name, Value: o.Get(from)})
	}
	r.Body = o.Apply(edits...)
	return loss(from, "the upstream takes it as "+name)
}

// scale is the order of efforts in all APIs.
var scale = []string{"none", "minimal", "low", "medium", "high", "xhigh", "max"}

// values puts the nearest of the values that are taken in the place of another.
func values(r *Request, to string) []llm.Loss {
	path, list, _ := strings.Cut(to, " ")
	taken := strings.Split(list, ",")
	was, now := "", ""
	body, n := editIn(r.Body, splitPath(path), func(v []byte) []byte {
		if v[0] != '"' {
			return v
		}
		was = wire.NewReader(v).Str()
		if slices.Contains(taken, was) {
			return v
		}
		if now = nearest(was, taken); now == "" {
			return nil
		}
		return wire.AppendString(nil, now)
	})
	switch {
	case n == 0:
		return nil
	case now == "":
		now = "its own choice"
	}
	r.Body = body
	return loss(path, "the upstream takes "+now+" instead of "+was)
}

// nearest is the value on the scale nearest to another, the higher of two.
func nearest(want string, taken []string) (best string) {
	at := slices.Index(scale, want)
	if at < 0 {
		return ""
	}
	distance := len(scale)
	for i, s := range scale {
		if d := max(i-at, at-i); slices.Contains(taken, s) && d <= distance {
			best, distance = s, d
		}
	}
	return best
}

// limit lowers a number to the most that is taken.
func limit(r *Request, to string) []llm.Loss {
	path, number, _ := strings.Cut(to, "=")
	most, err := strconv.ParseInt(number, 10, 64)
	if err != nil || most < 1 {
		return nil
	}
	body, n := editIn(r.Body, splitPath(path), func(v []byte) []byte {
		if was, err := strconv.ParseInt(string(v), 10, 64); err != nil || was <= most {
			return v
		}
		return []byte(number)
	})
	if n == 0 {
		return nil
	}
	r.Body = body
	return loss(path, "the upstream takes at most "+number)
}

// oneOf keeps the first of two settings where both are there.
func oneOf(r *Request, to string) []llm.Loss {
	first, second, _ := strings.Cut(to, ",")
	if value(r.Body, first) == nil || value(r.Body, second) == nil {
		return nil
	}
	if drop(r, second) == nil {
		return nil
	}
	return loss(second, "the upstream takes none beside "+first)
}

// endWithUser has the user speak last, for models that do not go on with a
// message of their own.
func endWithUser(r *Request, _ string) []llm.Loss {
	o, err := wire.ParseObject(r.Body)
	if err != nil {
		return nil
	}
	l, err := wire.ParseList(o.Get("messages"))
	if err != nil || l.Len() == 0 || text(l.At(l.Len()-1), "role") != "assistant" {
		return nil
	}
	more := `{"role":"user","content":"Continue."}`
	if converse(o) {
		more = `{"role":"user","content":[{"text":"Continue."}]}`
	}
	r.Body = o.Apply(wire.Edit{Name: "messages", Value: l.Append([]byte(more))})
	return loss("messages["+strconv.Itoa(l.Len()-1)+"]", "the model wants the user to speak last: \"Continue.\" was added")
}

// converse tells Converse's bodies from those of Messages: all settings have
// other names there, but a body may be without any, so the blocks decide.
func converse(o wire.Object) bool {
	return o.Get("max_tokens") == nil && o.Get("anthropic_version") == nil && o.Get("model") == nil
}

// billingMark begins the entry by which Claude Code tells Anthropic what it is.
const billingMark = "x-anthropic-billing-header"

// dropBilling leaves that entry out where an upstream takes it for reserved.
func dropBilling(r *Request, _ string) []llm.Loss {
	body, n := edit(r.Body, []string{"system", every}, func(v []byte) []byte {
		if strings.HasPrefix(text(v, "text"), billingMark) {
			return nil
		}
		return v
	})
	if n == 0 {
		return nil
	}
	if value(body, "system") != nil && string(value(body, "system")) == "[]" {
		body, _ = edit(body, []string{"system"}, func([]byte) []byte { return nil })
	}
	r.Body = body
	return loss("system: "+billingMark, refused)
}
