package kiro

import (
	"regexp"
	"strings"
)

var (
	modelDate = regexp.MustCompile(`[-@](20\d{6}|latest)$`)
	// newClaude is a name as Anthropic writes it: claude-sonnet-4-5.
	newClaude = regexp.MustCompile(`^(claude-[a-z]+-\d+)-(\d{1,2})(-1m)?$`)
	dotted    = regexp.MustCompile(`^(claude-[a-z]+-\d+)\.(\d{1,2})(-1m)?$`)
)

// Dotted is a model's id as the service writes it: claude-sonnet-4.5 for
// claude-sonnet-4-5-20250929. Names it knows nothing of stay as they are.
func (s *Settings) Dotted(model string) string {
	id := strings.ToLower(strings.TrimSpace(model))
	if rest, ok := strings.CutSuffix(id, "[1m]"); ok {
		id = modelDate.ReplaceAllString(rest, "") + "-1m"
	}
	if strings.HasPrefix(id, "claude-") {
		id = modelDate.ReplaceAllString(id, "")
	}
	if a := s.Aliases[id]; a != "" {
		return a
	}
	if m := newClaude.FindStringSubmatch(id); m != nil {
		return m[1] + "." + m[2] + m[3]
	}
	if strings.HasPrefix(id, "claude-") {
		return id
	}
	return model
}

// Dashed is the way back: a model as Anthropic writes it.
func (s *Settings) Dashed(id string) string {
	for name, alias := range s.Aliases {
		if alias == id && !strings.Contains(name, ".") {
			return name
		}
	}
	if m := dotted.FindStringSubmatch(id); m != nil {
		return m[1] + "-" + m[2] + m[3]
	}
	return id
}
