package price

import "strings"

// geos are the prefixes of Bedrock's cross-region inference profiles.
var geos = []string{"global", "us-gov", "us", "eu", "apac", "au", "ca", "jp", "in", "sa", "me", "af", "uk"}

// Split takes a model id apart: the geography a Bedrock profile names, and the
// model's own id in small letters, without ARN and path.
func Split(id string) (geo, base string) {
	base = strings.ToLower(strings.TrimSpace(id))
	if strings.HasPrefix(base, "arn:") || strings.HasPrefix(base, "models/") {
		base = base[strings.LastIndexByte(base, '/')+1:]
	}
	for _, g := range geos {
		if rest, ok := strings.CutPrefix(base, g); ok && len(rest) > 1 && rest[0] == '.' && strings.Contains(rest[1:], ".") {
			return g, rest[1:]
		}
	}
	return "", base
}

// Undated is the id without what tells snapshots of one model apart: -20250929,
// -2025-09-29, -v1:0, -latest.
func Undated(id string) string {
	if at := strings.LastIndexByte(id, ':'); at > 0 {
		id = strings.TrimSuffix(id[:at], "-1") // openai.gpt-oss-120b-1:0
	}
	if at := strings.LastIndex(id, "-v"); at > 0 && digits(id[at+2:]) {
		id = id[:at]
	}
	id = strings.TrimSuffix(id, "-latest")
	if at := strings.LastIndexAny(id, "-@"); at > 0 && len(id)-at == 9 && digits(id[at+1:]) {
		return id[:at]
	}
	if n := len(id); n > 11 && id[n-11] == '-' && id[n-6] == '-' && id[n-3] == '-' && digits(id[n-10:n-6]) && digits(id[n-5:n-3]) && digits(id[n-2:]) {
		return id[:n-11]
	}
	return id
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// matches tells whether a name fits a pattern, whose * stands for anything.
func matches(pattern, name string) bool {
	head, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == name
	}
	if !strings.HasPrefix(name, head) {
		return false
	}
	name = name[len(head):]
	for {
		piece, more, again := strings.Cut(rest, "*")
		if !again {
			return strings.HasSuffix(name, piece)
		}
		at := strings.Index(name, piece)
		if at < 0 {
			return false
		}
		name, rest = name[at+len(piece):], more
	}
}
