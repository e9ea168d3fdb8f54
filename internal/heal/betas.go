package heal

import (
	"net/http"
	"slices"
	"strings"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// betaHeader is where Claude's API takes flags; Bedrock takes them in the body.
const betaHeader = "Anthropic-Beta"

// features are the members that are refused without their flag (HDR-03), by how
// the flag's name begins. Source: Anthropic API reference, beta headers.
var features = []struct {
	flag  string
	paths []string
}{
	{"context-management-", []string{"context_management"}},
	{"compact-", []string{"context_management"}},
	{"effort-", []string{"output_config.effort"}},
	{"structured-outputs-", []string{"output_config.format", "output_format", "tools.*.strict"}},
	{"tool-search-tool-", []string{"tools.*.defer_loading", "tools.*.allowed_callers", "tools.*.input_examples"}},
	{"advanced-tool-use-", []string{"tools.*.defer_loading", "tools.*.allowed_callers", "tools.*.input_examples"}},
	{"tool-examples-", []string{"tools.*.input_examples"}},
	{"fine-grained-tool-streaming-", []string{"tools.*.eager_input_streaming"}},
	{"mcp-client-", []string{"mcp_servers"}},
	{"prompt-caching-scope-", []string{"system.*.cache_control.scope", "messages.*.content.*.cache_control.scope", "tools.*.cache_control.scope"}},
	{"extended-cache-ttl-", []string{"system.*.cache_control.ttl", "messages.*.content.*.cache_control.ttl", "tools.*.cache_control.ttl"}},
	{"fast-mode-", []string{"speed"}},
	{"task-budgets-", []string{"output_config.task_budget"}},
	{"skills-", []string{"container"}},
}

// dropBeta leaves out a flag wherever it stands, and what is refused without it.
func dropBeta(r *Request, flag string) []llm.Loss {
	return dropFlags(r, func(f string) bool { return f == flag })
}

// dropBetas leaves out all of them.
func dropBetas(r *Request, _ string) []llm.Loss {
	return dropFlags(r, func(string) bool { return true })
}

func dropFlags(r *Request, which func(string) bool) (losses []llm.Loss) {
	gone := headerFlags(r, which)
	for _, name := range []string{"anthropic_beta", "betas"} {
		before := len(gone)
		body, n := editIn(r.Body, []string{name}, func(v []byte) []byte { return listWithout(v, which, &gone) })
		if n > 0 && len(gone) > before {
			r.Body = body
		}
	}
	for _, flag := range gone {
		losses = llm.AddLoss(losses, "anthropic-beta: "+flag, "the upstream takes no such flag")
		for _, f := range features {
			if !strings.HasPrefix(flag, f.flag) {
				continue
			}
			for _, path := range f.paths {
				for _, l := range drop(r, path) {
					losses = llm.AddLoss(losses, l.Path, "goes with its flag")
				}
			}
		}
	}
	return losses
}

// headerFlags takes flags out of the header, on a copy.
func headerFlags(r *Request, which func(string) bool) (gone []string) {
	var left []string
	for _, line := range r.Header[betaHeader] {
		for flag := range strings.SplitSeq(line, ",") {
			switch flag = strings.TrimSpace(flag); {
			case flag == "":
			case which(flag):
				gone = append(gone, flag)
			default:
				left = append(left, flag)
			}
		}
	}
	if len(gone) == 0 {
		return nil
	}
	r.Header = r.Header.Clone()
	if len(left) == 0 {
		delete(r.Header, betaHeader)
		return gone
	}
	r.Header[betaHeader] = []string{strings.Join(left, ",")}
	return gone
}

// listWithout takes flags out of a list in the body; of an empty one nothing is left.
func listWithout(v []byte, which func(string) bool, gone *[]string) []byte {
	l, err := wire.ParseList(v)
	if err != nil {
		return v
	}
	left := 0
	out := l.Map(func(_ int, element []byte) []byte {
		r := wire.NewReader(element)
		flag := r.Str()
		if r.Err() != nil || !which(flag) {
			left++
			return element
		}
		if !slices.Contains(*gone, flag) {
			*gone = append(*gone, flag)
		}
		return nil
	})
	if left == 0 {
		return nil
	}
	return out
}

// flags are all that a request carries.
func flags(r *Request) (all []string) {
	copied := Request{Body: r.Body, Header: http.Header{betaHeader: r.Header[betaHeader]}}
	dropFlags(&copied, func(f string) bool {
		if !slices.Contains(all, f) {
			all = append(all, f)
		}
		return true
	})
	return all
}
