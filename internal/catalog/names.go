package catalog

import "strings"

// geo are the prefixes of Bedrock's cross-region inference profiles.
var geo = []string{"global.", "us-gov.", "us.", "eu.", "apac.", "au.", "ca.", "jp.", "sa.", "me.", "af.", "uk."}

// Normal is the form of a model id that the rules are written for: lower case,
// without region prefix, ARN and path; Claude's version with dashes.
func Normal(id string) string {
	id = BedrockModel(strings.ToLower(strings.TrimSpace(id)))
	if i := strings.LastIndexByte(id, '/'); i >= 0 {
		id = id[i+1:]
	}
	return Dashes(id)
}

// BedrockModel is the vendor's own id behind a Bedrock model id: the last part
// of an ARN, without a region prefix. The name of an application inference
// profile tells no model and stays as it is.
func BedrockModel(id string) string {
	if strings.HasPrefix(id, "arn:") {
		if i := strings.LastIndexByte(id, '/'); i >= 0 {
			id = id[i+1:]
		}
	}
	for _, g := range geo {
		if rest, ok := strings.CutPrefix(id, g); ok && strings.Contains(rest, ".") {
			return rest
		}
	}
	return id
}

// ClaudeOnBedrock tells whether a Bedrock model id names a Claude model, which is
// reached through InvokeModel.
func ClaudeOnBedrock(id string) bool {
	return strings.HasPrefix(BedrockModel(strings.ToLower(strings.TrimSpace(id))), "anthropic.")
}

// Dashes writes the version in a Claude id the way Anthropic does: people write
// claude-haiku-4.5, the model is called claude-haiku-4-5. Other ids stay as they are.
func Dashes(id string) string {
	at := strings.Index(id, "claude")
	if at < 0 || !strings.Contains(id[at:], ".") {
		return id
	}
	b := []byte(id)
	for i := at + 1; i+1 < len(b); i++ {
		if b[i] == '.' && digit(b[i-1]) && digit(b[i+1]) {
			b[i] = '-'
		}
	}
	return string(b)
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// BedrockBetas lists the beta flags Bedrock accepts in the body for a model, nil
// for models that take none.
func BedrockBetas(id string) []string { return Lookup(id).Betas }

// BedrockBeta is the name under which Bedrock knows a beta flag of Anthropic's
// own API: mostly the same one.
func BedrockBeta(flag string) string {
	if alias := builtin().data.Bedrock.Aliases[flag]; alias != "" {
		return alias
	}
	return flag
}
