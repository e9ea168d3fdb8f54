package counting_test

import (
	"encoding/json"
	"strings"
	"testing"

	"turnpike/internal/llm"
)

func list(v any) []object {
	var out []object
	l, _ := v.([]any)
	for _, e := range l {
		if o, ok := e.(object); ok {
			out = append(out, o)
		}
	}
	return out
}

func text(v any) string { s, _ := v.(string); return s }

func raw(v any) []byte {
	b, _ := json.Marshal(v)
	return b
}

func mediaOf(kind string) llm.MediaKind {
	switch kind {
	case "image":
		return llm.Image
	case "document":
		return llm.Document
	case "video":
		return llm.Video
	}
	return llm.Audio
}

// fromConverse reads as much of a Converse body as is counted.
func fromConverse(t *testing.T, body []byte) *llm.Request {
	t.Helper()
	var o object
	if err := json.Unmarshal(body, &o); err != nil {
		t.Fatal(err)
	}
	req := &llm.Request{System: converseParts(o["system"])}
	for _, m := range list(o["messages"]) {
		req.Turns = append(req.Turns, llm.Turn{Role: llm.Role(text(m["role"])), Parts: converseParts(m["content"])})
	}
	config, _ := o["toolConfig"].(object)
	for _, tool := range list(config["tools"]) {
		if spec, ok := tool["toolSpec"].(object); ok {
			schema, _ := spec["inputSchema"].(object)
			strict, _ := spec["strict"].(bool)
			req.Tools = append(req.Tools, llm.Tool{Name: text(spec["name"]), Description: text(spec["description"]), Schema: raw(schema["json"]), Strict: &strict})
		}
	}
	if m, ok := o["additionalModelRequestFields"].(object); ok && m["thinking"] != nil {
		req.Thinking.Mode = llm.ThinkingBudget
	}
	if f, ok := o["outputConfig"].(object); ok {
		req.Format = &llm.Format{Schema: raw(f)}
	}
	return req
}

func converseParts(v any) (parts []llm.Part) {
	for _, b := range list(v) {
		for kind, v := range b {
			in, _ := v.(object)
			switch kind {
			case "text":
				parts = append(parts, &llm.Text{Text: text(v)})
			case "json":
				parts = append(parts, &llm.Text{Text: string(raw(v))})
			case "guardContent":
				inner, _ := in["text"].(object)
				parts = append(parts, &llm.Text{Text: text(inner["text"])})
			case "searchResult":
				parts = append(parts, &llm.Native{Raw: raw(v)})
			case "toolUse":
				parts = append(parts, &llm.ToolCall{Name: text(in["name"]), Input: raw(in["input"])})
			case "toolResult":
				parts = append(parts, &llm.ToolResult{Parts: converseParts(in["content"])})
			case "image", "document", "video", "audio":
				src, _ := in["source"].(object)
				_, cite := in["citations"]
				mime := text(in["format"])
				if mime == "txt" || mime == "md" || mime == "html" || mime == "csv" {
					mime = "text/" + mime
				}
				parts = append(parts, &llm.Media{Kind: mediaOf(kind), MIME: mime, Name: text(in["name"]), Data: text(src["bytes"]), Text: text(src["text"]), Cite: cite})
			case "reasoningContent":
				r, _ := in["reasoningText"].(object)
				parts = append(parts, &llm.Thinking{Text: text(r["text"]), Signature: text(r["signature"]), Redacted: text(in["redactedContent"])})
			}
		}
	}
	return parts
}

// fromGemini reads as much of a generateContent body as is counted.
func fromGemini(t *testing.T, body []byte) *llm.Request {
	t.Helper()
	var o object
	if err := json.Unmarshal(body, &o); err != nil {
		t.Fatal(err)
	}
	either := func(o object, a, b string) any {
		if v, ok := o[a]; ok {
			return v
		}
		return o[b]
	}
	req := &llm.Request{}
	if s, ok := either(o, "systemInstruction", "system_instruction").(object); ok {
		req.System = geminiParts(s["parts"])
	}
	for _, c := range list(o["contents"]) {
		req.Turns = append(req.Turns, llm.Turn{Role: llm.User, Parts: geminiParts(c["parts"])})
	}
	for _, tool := range list(o["tools"]) {
		for _, f := range list(either(tool, "functionDeclarations", "function_declarations")) {
			schema := f["parameters"]
			for name, v := range f {
				if strings.HasPrefix(name, "parameters") {
					schema = v
				}
			}
			req.Tools = append(req.Tools, llm.Tool{Name: text(f["name"]), Description: text(f["description"]), Schema: raw(schema)})
		}
	}
	config, _ := either(o, "generationConfig", "generation_config").(object)
	for name, v := range config {
		if strings.Contains(strings.ToLower(name), "schema") {
			req.Format = &llm.Format{Schema: raw(v)}
		}
	}
	return req
}

func geminiParts(v any) (parts []llm.Part) {
	for _, b := range list(v) {
		for kind, v := range b {
			in, _ := v.(object)
			switch strings.ReplaceAll(strings.ToLower(kind), "_", "") {
			case "text":
				parts = append(parts, &llm.Text{Text: text(v)})
			case "functioncall":
				parts = append(parts, &llm.ToolCall{Name: text(in["name"]), Input: raw(in["args"])})
			case "functionresponse":
				parts = append(parts, &llm.ToolResult{Parts: []llm.Part{&llm.Text{Text: text(in["name"]) + string(raw(in["response"]))}}})
			case "inlinedata", "filedata":
				mime := text(in["mimeType"]) + text(in["mime_type"])
				kind, _, _ := strings.Cut(mime, "/")
				if kind == "application" || kind == "text" {
					kind = "document"
				}
				parts = append(parts, &llm.Media{Kind: mediaOf(kind), MIME: mime, Data: text(in["data"]), URL: text(in["fileUri"]) + text(in["file_uri"])})
			case "thoughtsignature":
			}
		}
	}
	return parts
}
