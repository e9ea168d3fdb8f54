package responses

import (
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// freeSchema is the input of the function that stands for a tool of free text.
var freeSchema = []byte(`{"type":"object","properties":{"input":{"type":"string","description":"the whole text"}},"required":["input"],"additionalProperties":false}`)

// freeInput is the input of a call of such a function.
func freeInput(text string) []byte {
	w := wire.Writer{}
	w.Object()
	w.StrField("input", text)
	w.EndObject()
	return w.Bytes()
}

// freeText is the text in the arguments of such a call. A model that did not keep
// to the form is passed on in its own words.
func freeText(arguments []byte) string {
	r := wire.NewReader(arguments)
	if r.Kind() != '{' {
		return string(arguments)
	}
	var text string
	found := false
	for name := range r.Fields() {
		if string(name) == "input" && r.Kind() == '"' {
			text, found = r.Str(), true
		}
	}
	if r.End() != nil || !found {
		return string(arguments)
	}
	return text
}

// grouped is the name under which a tool of a group is known outside its group.
func grouped(group, name string) string {
	if group == "" {
		return name
	}
	return group + "__" + name
}

func toolNamed(req *llm.Request, name string) *llm.Tool {
	for i := range req.Tools {
		if req.Tools[i].Name == name {
			return &req.Tools[i]
		}
	}
	return nil
}

// homeOf is the form in this dialect of the tool with a name, nil for one that is
// a plain function.
func homeOf(req *llm.Request, name string) *llm.Home {
	if t := toolNamed(req, name); t != nil && t.Home != nil && t.Home.Dialect == Name {
		return t.Home
	}
	return nil
}
