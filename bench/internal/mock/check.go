package mock

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"turnpike/bench/internal/prompt"
)

// check says what the real API would object to in a request, and whether the prompt arrived whole.
func check(a ask, r *request) error {
	var b body
	if err := json.Unmarshal(r.body, &b); err != nil {
		return fmt.Errorf("the body is not what the API takes: %w", err)
	}
	if err := checkKey(a, r); err != nil {
		return err
	}
	if err := checkMembers(a, &b); err != nil {
		return err
	}
	sum, err := b.checksum()
	if err != nil {
		return err
	}
	if uint32(sum) != a.orders.Checksum {
		return fmt.Errorf("the prompt adds up to %08x, want %08x: something was lost, added or moved", uint32(sum), a.orders.Checksum)
	}
	return nil
}

// UpstreamKey is the key that the mock's checked answers ask for.
const UpstreamKey = "sk-upstream"

func checkKey(a ask, r *request) error {
	authorization := r.header("authorization")
	bearer := authorization == "Bearer "+UpstreamKey
	switch a.dialect.(type) {
	case messages:
		if r.header("anthropic-version") == "" {
			return errors.New("no anthropic-version header")
		}
		if r.header("x-api-key") != UpstreamKey && !bearer {
			return errors.New("not the upstream's key in x-api-key")
		}
	case chat:
		if !bearer {
			return errors.New("not the upstream's key in authorization")
		}
	default:
		if !strings.HasPrefix(authorization, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/") {
			return errors.New("not signed with the upstream's credentials")
		}
	}
	return nil
}

func checkMembers(a ask, b *body) error {
	if len(b.Messages) == 0 {
		return errors.New("no messages")
	}
	for i, m := range b.Messages {
		if m.Role != "user" && m.Role != "assistant" && a.dialect != (chat{}) {
			return fmt.Errorf("messages[%d]: no role %q", i, m.Role)
		}
	}
	switch a.dialect.(type) {
	case messages:
		if b.MaxTokens <= 0 {
			return errors.New("no max_tokens")
		}
	case invoke:
		if b.MaxTokens <= 0 || b.AnthropicVersion == "" {
			return errors.New("no max_tokens or no anthropic_version")
		}
		if b.Model != nil || b.Stream != nil {
			return errors.New("model and stream: extra inputs are not permitted")
		}
	case converse:
		if b.Model != nil || b.Stream != nil || b.MaxTokens != 0 || b.Tools != nil {
			return errors.New("members that Converse does not know")
		}
	}
	return nil
}

// body has the members, of all four APIs, that are checked.
type body struct {
	Model            *string   `json:"model"`
	Stream           *bool     `json:"stream"`
	MaxTokens        int       `json:"max_tokens"`
	AnthropicVersion string    `json:"anthropic_version"`
	System           content   `json:"system"`
	Messages         []message `json:"messages"`
	Tools            []struct {
		Name     string `json:"name"`
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	} `json:"tools"`
	ToolConfig struct {
		Tools []struct {
			ToolSpec struct {
				Name string `json:"name"`
			} `json:"toolSpec"`
		} `json:"tools"`
	} `json:"toolConfig"`
}

type message struct {
	Role      string  `json:"role"`
	Content   content `json:"content"`
	ToolCalls []struct {
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	} `json:"tool_calls"`
}

// content is a text, or blocks.
type content []block

type block struct {
	Type    string  `json:"type"`
	Text    string  `json:"text"`
	Name    string  `json:"name"`
	Content content `json:"content"`
	ToolUse struct {
		Name string `json:"name"`
	} `json:"toolUse"`
	ToolResult struct {
		Content content `json:"content"`
	} `json:"toolResult"`
}

func (c *content) UnmarshalJSON(data []byte) error {
	switch data[0] {
	case 'n': // null
		return nil
	case '"':
		*c = content{{}}
		return json.Unmarshal(data, &(*c)[0].Text)
	}
	return json.Unmarshal(data, (*[]block)(c))
}

func (c content) add(sum *prompt.Checksum) {
	for _, b := range c {
		for _, s := range []string{b.Text, b.Name, b.ToolUse.Name} {
			sum.Add(s)
		}
		b.Content.add(sum)
		b.ToolResult.Content.add(sum)
	}
}

func (b *body) checksum() (prompt.Checksum, error) {
	var sum prompt.Checksum
	b.System.add(&sum)
	for i, m := range b.Messages {
		if len(m.Content) == 0 && len(m.ToolCalls) == 0 {
			return 0, fmt.Errorf("messages[%d] is empty", i)
		}
		m.Content.add(&sum)
		for _, call := range m.ToolCalls {
			sum.Add(call.Function.Name)
		}
	}
	for _, t := range b.Tools {
		sum.Add(t.Name)
		sum.Add(t.Function.Name)
	}
	for _, t := range b.ToolConfig.Tools {
		sum.Add(t.ToolSpec.Name)
	}
	return sum, nil
}
