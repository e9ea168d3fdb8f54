package copilottest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// judge tells what the service would not take of a request. The rules are those that
// open clients have found out by its refusals.
func (s *Service) judge(path string, o offer, h http.Header, body map[string]any) string {
	if path == "/embeddings" {
		if _, ok := body["input"].([]any); !ok {
			return "input must be a list"
		}
		return ""
	}
	if who := h.Get("X-Initiator"); who != "user" && who != "agent" {
		return "X-Initiator " + who
	}
	pictures := 0
	walk(body, func(m map[string]any) {
		if t := m["type"]; t == "image" || t == "image_url" || t == "input_image" {
			pictures++
		}
	})
	switch {
	case pictures > 0 && h.Get("Copilot-Vision-Request") != "true":
		return "missing required Copilot-Vision-Request header for vision requests"
	case pictures == 0 && h.Get("Copilot-Vision-Request") != "":
		return "Copilot-Vision-Request without a picture"
	case pictures > 0 && !o.vision:
		return "the model does not support images"
	}
	switch path {
	case "/v1/messages":
		return s.judgeMessages(h, body)
	case "/responses":
		return s.judgeResponses(body)
	}
	return s.judgeChat(o, body)
}

// walk visits every object of a value.
func walk(v any, visit func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(v)
		for _, e := range v {
			walk(e, visit)
		}
	case []any:
		for _, e := range v {
			walk(e, visit)
		}
	}
}

var messagesMembers = []string{
	"model", "max_tokens", "messages", "system", "stop_sequences", "stream", "temperature", "top_p", "top_k", "tools", "tool_choice", "thinking",
	"output_config", "context_management", "metadata",
}

var betas = []string{"interleaved-thinking-2025-05-14", "context-management-2025-06-27", "advanced-tool-use-2025-11-20"}

func (s *Service) judgeMessages(h http.Header, body map[string]any) string {
	if h.Get("Anthropic-Version") != "2023-06-01" {
		return "anthropic-version: header is required"
	}
	for name := range body {
		if !slices.Contains(messagesMembers, name) {
			return name + ": Extra inputs are not permitted"
		}
	}
	for _, line := range h["Anthropic-Beta"] {
		for b := range strings.SplitSeq(line, ",") {
			if !slices.Contains(betas, strings.TrimSpace(b)) {
				return "unexpected value(s) `" + b + "` for the `anthropic-beta` header"
			}
		}
	}
	if body["context_management"] != nil && !strings.Contains(h.Get("Anthropic-Beta"), "context-management-") {
		return "context_management: Extra inputs are not permitted"
	}
	if n, ok := body["max_tokens"].(float64); !ok || n < 1 || n > 16000 {
		return fmt.Sprintf("max_tokens: %v", body["max_tokens"])
	}
	think, _ := body["thinking"].(map[string]any)
	if n, ok := think["budget_tokens"].(float64); ok && (n < 1024 || n > 8000) {
		return fmt.Sprintf("thinking.budget_tokens: %v", n)
	}
	tools, _ := body["tools"].([]any)
	for _, t := range tools {
		t, _ := t.(map[string]any)
		if t["type"] != nil && t["type"] != "custom" {
			return fmt.Sprintf("tools: the type %v is not supported", t["type"])
		}
		for name := range t {
			known := slices.Contains([]string{"type", "name", "description", "input_schema", "cache_control", "strict"}, name)
			if slices.Contains([]string{"defer_loading", "input_examples"}, name) {
				known = strings.Contains(h.Get("Anthropic-Beta"), "advanced-tool-use-")
			}
			if !known {
				return "tools." + name + ": Extra inputs are not permitted"
			}
		}
	}
	points, why := 0, ""
	walk(body, func(m map[string]any) {
		if m["cache_control"] != nil {
			points++
		}
		if p, ok := m["signature"].(string); ok && m["type"] == "thinking" && !s.proven(p) {
			why = "Invalid `signature` in `thinking` block"
		}
	})
	if points > 4 {
		return "A maximum of 4 blocks with cache_control may be provided"
	}
	return why
}

func (s *Service) judgeResponses(body map[string]any) string {
	if body["store"] != false {
		return "store must be false"
	}
	if body["previous_response_id"] != nil {
		return "previous_response_id is not supported"
	}
	why := ""
	walk(body, func(m map[string]any) {
		if p, ok := m["encrypted_content"].(string); ok && !s.proven(p) {
			why = "The encrypted content could not be verified"
		}
	})
	return why
}

func (s *Service) judgeChat(o offer, body map[string]any) string {
	if model, _ := body["model"].(string); strings.Contains(o.vendor, "OpenAI") {
		if body["max_tokens"] != nil && strings.HasPrefix(model, "gpt-5") {
			return "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
		}
	} else if body["max_completion_tokens"] != nil {
		return "max_completion_tokens"
	}
	why := ""
	list, _ := body["messages"].([]any)
	for _, m := range list {
		m, _ := m.(map[string]any)
		if p, ok := m["reasoning_opaque"].(string); ok && !s.proven(p) {
			why = "invalid reasoning_opaque"
		}
		for _, name := range []string{"reasoning_content", "reasoning_details", "extra_content"} {
			if m[name] != nil {
				why = "unknown member " + name
			}
		}
	}
	return why
}

// proven tells whether a proof of reasoning is the service's own.
func (s *Service) proven(proof string) bool { return s.proofs[proof] || s.model != nil }
