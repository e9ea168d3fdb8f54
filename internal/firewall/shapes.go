package firewall

import (
	"net/url"
	"regexp"
	"strings"
)

// guarded are the beginnings of the paths whose addresses are looked at. Everything
// else is for models: prompts quote SQL, markup and paths all day.
var guarded = []string{"/admin/", "/auth/", "/docs", "/ui/"}

// shapes are what no client of these paths writes into an address. The SQL of this
// gateway has parameters only and its pages no scripts in line, so this catches tools
// that try, not mistakes of ours.
var shapes = []struct {
	name string
	re   *regexp.Regexp
}{
	{"a path that leads out of the tree", regexp.MustCompile(`(^|[/\\=])\.\.([/\\]|$)`)},
	{"a character that none has", regexp.MustCompile(`[\x00-\x08\x0b\x0c\x0e-\x1f]`)},
	{"a piece of SQL", regexp.MustCompile(`(?i)\bunion\s+(all\s+)?select\b|'\s*(or|and)\s+['\d(][^=]{0,20}=|;\s*(drop|delete|insert|update|alter)\s+\w+|\b(sleep|benchmark|pg_sleep)\s*\(|'\s*--`)},
	{"a piece of a script", regexp.MustCompile(`(?i)<\s*script\b|javascript\s*:|\bon(error|load|click|mouseover)\s*=|<\s*iframe\b`)},
	{"a command for a template or a log", regexp.MustCompile(`(?i)\$\{\s*(jndi|env|lower|upper)\s*:|\{\{.*\}\}`)},
}

// maxLooked bounds what is looked at of an address.
const maxLooked = 8 << 10

// Attack names the shape that the address of a request has, "" for none. Only the
// operators' paths are looked at.
func Attack(u *url.URL) string {
	path := u.Path
	watched := false
	for _, g := range guarded {
		watched = watched || strings.HasPrefix(path, g)
	}
	if !watched {
		return ""
	}
	query := u.RawQuery
	if plain, err := url.QueryUnescape(query); err == nil {
		query = plain
	}
	for _, text := range []string{path, query} {
		text = text[:min(len(text), maxLooked)]
		if again, err := url.QueryUnescape(text); err == nil { // escaped twice
			text += "\n" + again
		}
		for _, s := range shapes {
			if s.re.MatchString(text) {
				return s.name
			}
		}
	}
	return ""
}
