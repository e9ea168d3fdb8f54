package llmtest

import (
	"fmt"
	"strings"

	"turnpike/internal/llm"
)

// Dump writes a conversation in a short form that tests can compare.
func Dump(req *llm.Request) string {
	var lines []string
	if len(req.System) > 0 {
		lines = append(lines, "system: "+DumpParts(req.System))
	}
	for _, t := range req.Turns {
		role := string(t.Role)
		if t.Role == llm.System {
			role = "(system)"
		}
		if t.Name != "" {
			role += " " + t.Name
		}
		lines = append(lines, role+": "+DumpParts(t.Parts))
	}
	return strings.Join(lines, "\n")
}

// DumpParts writes parts in that form, one behind another.
func DumpParts(parts []llm.Part) string {
	out := make([]string, len(parts))
	for i, p := range parts {
		out[i] = dumpPart(p)
	}
	return strings.Join(out, " | ")
}

func dumpPart(p llm.Part) string {
	switch p := p.(type) {
	case *llm.Text:
		return p.Text + dumpCache(p.Cache)
	case *llm.Media:
		s := fmt.Sprintf("%s(%s)", p.Kind, strings.Join(filled(p.MIME, p.Data, p.URL, p.FileID, p.Text, p.Name, p.Detail), " "))
		return s + dumpCache(p.Cache)
	case *llm.Thinking:
		return fmt.Sprintf("thinking(%s)", strings.Join(filled(p.Text, "sig:"+p.Signature, "red:"+p.Redacted), " "))
	case *llm.ToolCall:
		kind := "call"
		if p.Custom {
			kind = "custom"
		}
		s := fmt.Sprintf("%s(%s)", kind, strings.Join(filled(p.ID, p.Name, string(p.Input), "broken:"+p.Broken, "seal:"+p.Seal), " "))
		return s + dumpCache(p.Cache)
	case *llm.ToolResult:
		e := ""
		if p.Error {
			e = "!"
		}
		return fmt.Sprintf("result%s(%s: %s)%s", e, p.CallID, DumpParts(p.Parts), dumpCache(p.Cache))
	case *llm.Refusal:
		return "refusal(" + p.Text + ")"
	case *llm.Native:
		return fmt.Sprintf("native(%s %s %s)%s", p.Dialect, p.Type, p.Raw, dumpCache(p.Cache))
	}
	return fmt.Sprintf("%T", p)
}

func dumpCache(c *llm.Cache) string {
	switch {
	case c == nil:
		return ""
	case c.TTL == "":
		return " [cache]"
	}
	return " [cache " + c.TTL + "]"
}

// filled leaves out what is empty, behind its prefix too.
func filled(all ...string) []string {
	var out []string
	for _, s := range all {
		if s != "" && !strings.HasSuffix(s, ":") {
			out = append(out, s)
		}
	}
	return out
}

// DumpLosses lists the paths of losses.
func DumpLosses(losses []llm.Loss) string {
	out := make([]string, len(losses))
	for i, l := range losses {
		out[i] = l.Path
	}
	return strings.Join(out, ", ")
}
