package llm

import (
	"slices"
	"strings"
)

// Narrow is what an upstream takes of other vendors' APIs that it copies, and what its
// own list tells of a model. It is shared: nobody changes it.
type Narrow struct {
	Name    string   // of the upstream, for losses
	Members []string // of a Messages body; others are refused
	Version string   // of Anthropic's API, the only one it speaks
	Betas   []string // Anthropic's beta flags that it takes; others fail the request
	Forward []string // headers of the client's that mean something to it
	// Forgets: it keeps no answers, and wants Responses bodies to say so.
	Forgets bool

	MaxOutput int64    // tokens, 0 if not told
	Context   int64    // tokens, 0 if not told
	Thinking  int64    // the largest budget, 0 if not told
	Efforts   []string // nil if not told
	NoImages  bool
}

// Refine puts what the list tells above what is known elsewhere.
func (n *Narrow) Refine(c *Caps) {
	if n == nil {
		return
	}
	if n.MaxOutput > 0 {
		c.MaxOutput = n.MaxOutput
	}
	if n.Context > 0 {
		c.Context = n.Context
	}
	if n.Thinking > 0 {
		c.MaxThinking = n.Thinking
	}
	if n.Efforts != nil {
		c.Efforts = n.Efforts
	}
	c.NoImages = c.NoImages || n.NoImages
}

// Takes tells whether a member of a Messages body is one it takes.
func (n *Narrow) Takes(member string) bool { return n == nil || slices.Contains(n.Members, member) }

// Flags parts beta flags, as header lines or one by one, into those it takes and
// those it does not.
func (n *Narrow) Flags(lines []string) (kept, lost []string) {
	for _, line := range lines {
		for flag := range strings.SplitSeq(line, ",") {
			switch flag = strings.TrimSpace(flag); {
			case flag == "":
			case n == nil || slices.Contains(n.Betas, flag):
				kept = append(kept, flag)
			default:
				lost = append(lost, flag)
			}
		}
	}
	return kept, lost
}
