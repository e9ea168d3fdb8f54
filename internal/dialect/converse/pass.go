package converse

import (
	"net/http"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Pass lets a body through as it is: model and stream are in the URL.
func (Dialect) Pass(wire.Object, http.Header, *llm.Target) ([]wire.Edit, []llm.Loss, bool) {
	return nil, nil, true
}

// AsksUsage is true: ConverseStream always tells its usage.
func (Dialect) AsksUsage(wire.Object) bool { return true }
