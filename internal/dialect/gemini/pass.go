package gemini

import (
	"bytes"
	"net/http"

	"turnpike/internal/llm"
	"turnpike/internal/wire"
)

// Pass lets a body through as it is: the model stands in the URL. A body that
// holds reasoning of another model, sealed, has to be translated.
func (Dialect) Pass(body wire.Object, _ http.Header, _ *llm.Target) ([]wire.Edit, []llm.Loss, bool) {
	return nil, nil, !bytes.Contains(body.Bytes(), []byte(`"`+sealedPrefix))
}

// AsksUsage is true: every answer tells its usage.
func (Dialect) AsksUsage(wire.Object) bool { return true }

var _ llm.Terse = Dialect{}

// NoComments says that Google's libraries take comments among server-sent events
// for errors.
func (Dialect) NoComments() {}
