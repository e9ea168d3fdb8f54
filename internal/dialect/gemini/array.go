package gemini

import (
	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Array is the API as it streams to clients that do not ask for alt=sse: one JSON
// list that grows. Its streams are always encoded anew, for the list must be closed.
type Array struct{ Dialect }

var _ llm.Framer = Array{}

// Name keeps its streams from passing as they are.
func (Array) Name() string { return name + "-array" }

// StreamType is the media type of the list.
func (Array) StreamType() string { return "application/json; charset=UTF-8" }

// NewFramer is never used: nothing passes.
func (Array) NewFramer() func(dst []byte, f wire.Frame) []byte { return nil }

// NewStreamEncoder encodes one stream as a list.
func (d Array) NewStreamEncoder(req *llm.Request) llm.StreamEncoder { return d.NewArrayEncoder(req) }
