package route

import "strings"

// vendors tell the kind of account from how a model's name begins.
var vendors = []struct{ prefix, kind string }{
	{"sandbox", "sandbox"},
	{"claude-", "anthropic"},
	{"gpt-", "openai"},
	{"chatgpt-", "openai"},
	{"o1", "openai"},
	{"o3", "openai"},
	{"o4-", "openai"},
	{"codex-", "openai"},
	{"gemini-", "gemini"},
	{"arn:aws", "bedrock"},
}

// bedrockVendors are the first words of Bedrock model ids (AWS: supported foundation models).
var bedrockVendors = []string{
	"anthropic.", "amazon.", "meta.", "mistral.", "cohere.", "ai21.", "deepseek.", "qwen.", "openai.", "writer.",
	"moonshot.", "moonshotai.", "minimax.", "zai.", "google.", "nvidia.", "stability.", "luma.", "twelvelabs.",
}

// geoPrefixes are the geographies of Bedrock's cross-region inference profiles
// (AWS: supported regions and models for inference profiles).
var geoPrefixes = []string{"us.", "eu.", "apac.", "au.", "ca.", "jp.", "sa.", "me.", "af.", "uk.", "global.", "us-gov."}

const geoGlobal = "global."

func vendor(model string) string {
	for _, v := range vendors {
		if strings.HasPrefix(model, v.prefix) {
			return v.kind
		}
	}
	_, model = cutGeo(model)
	if cutVendor(model) != model {
		return "bedrock"
	}
	return ""
}

func cutGeo(id string) (geo, rest string) {
	for _, g := range geoPrefixes {
		if rest, ok := strings.CutPrefix(id, g); ok && strings.Contains(rest, ".") {
			return g, rest
		}
	}
	return "", id
}

func cutVendor(id string) string {
	for _, v := range bedrockVendors {
		if rest, ok := strings.CutPrefix(id, v); ok {
			return rest
		}
	}
	return id
}

// name is a model's id taken apart, so that the spellings of one model meet:
// claude-sonnet-4.5, claude-sonnet-4-5-20250929 and
// us.anthropic.claude-sonnet-4-5-20250929-v1:0.
type name struct {
	stem string // what they have in common; empty: nothing can be said of it
	date string // eight digits, or empty
	geo  string // of a Bedrock profile
	long bool   // written as on Bedrock
}

// maxName bounds the ids that are looked into: they come from clients.
const maxName = 256

func parseName(id string) (n name) {
	id = strings.ToLower(strings.TrimSpace(id))
	if len(id) > maxName {
		return name{}
	}
	if strings.HasPrefix(id, "arn:") {
		if strings.Contains(id, "application-inference-profile/") {
			return name{} // its ARN tells no model
		}
		id = id[strings.LastIndexByte(id, '/')+1:]
	}
	n.geo, id = cutGeo(id)
	if rest := cutVendor(id); rest != id {
		n.long, id = true, cutVersion(rest)
	}
	id = strings.TrimSuffix(id, "-latest")
	id, n.date = cutDate(id)
	n.stem = dashed(id)
	return n
}

// cutVersion takes Bedrock's own version off an id: -v1:0, -v2, -1:0.
func cutVersion(id string) string {
	i := strings.LastIndexByte(id, '-')
	if i < 0 {
		return id
	}
	v, major := strings.CutPrefix(id[i+1:], "v")
	number, minor, both := strings.Cut(v, ":")
	if (major || both) && digits(number) && (!both || digits(minor)) {
		return id[:i]
	}
	return id
}

// cutDate takes a date off the end: -20250929, @20250929 (Vertex), -2024-08-06.
func cutDate(id string) (rest, date string) {
	for _, form := range []struct {
		length int
		parts  [3]int // where the digits are
		dash   bool
	}{{9, [3]int{1, 5, 7}, false}, {11, [3]int{1, 6, 9}, true}} {
		if len(id) <= form.length {
			continue
		}
		tail := id[len(id)-form.length:]
		y, m, d := tail[form.parts[0]:form.parts[0]+4], tail[form.parts[1]:form.parts[1]+2], tail[form.parts[2]:form.parts[2]+2]
		if (tail[0] != '-' && tail[0] != '@') || form.dash && (tail[5] != '-' || tail[8] != '-') || !digits(y+m+d) || y[:2] != "20" {
			continue
		}
		return id[:len(id)-form.length], y + m + d
	}
	return id, ""
}

// dashed writes the dots between digits as dashes.
func dashed(id string) string {
	if !strings.Contains(id, ".") {
		return id
	}
	b := []byte(id)
	for i := 1; i+1 < len(b); i++ {
		if b[i] == '.' && digit(b[i-1]) && digit(b[i+1]) {
			b[i] = '-'
		}
	}
	return string(b)
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func digits(s string) bool {
	for i := range len(s) {
		if !digit(s[i]) {
			return false
		}
	}
	return s != ""
}
