package admin

import (
	"io"
	"maps"
	"net/http"
	"slices"

	"turnpike/internal/wire"
)

// affinity tells how many conversations are kept at each provider.
func (o *Options) affinity(w http.ResponseWriter, _ *http.Request) {
	jw := wire.NewWriter(nil)
	jw.Object()
	jw.BoolField("on", o.Pins != nil)
	jw.Key("conversations")
	jw.Object()
	if o.Pins != nil {
		counts := o.Pins.Counts()
		for _, provider := range slices.Sorted(maps.Keys(counts)) {
			jw.IntField(provider, int64(counts[provider]))
		}
	}
	jw.EndObject()
	jw.EndObject()
	answer(w, jw)
}

// unpin lets conversations go that are kept at a provider, or one of them: their next
// request goes where it would go if they were new.
func (o *Options) unpin(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		problem(w, http.StatusRequestEntityTooLarge, "the body could not be read, or is too large")
		return
	}
	provider, conversation, ok := whatToUnpin(body)
	switch {
	case !ok:
		problem(w, http.StatusBadRequest, `send {"provider":"NAME"} for all conversations that are kept there, or {"conversation":"ID"} for one, by the id that x-turnpike-explain tells`)
		return
	case provider != "" && !o.Known(provider):
		problem(w, http.StatusNotFound, "there is no provider "+provider)
		return
	}
	n := 0
	switch {
	case o.Pins == nil:
	case provider != "":
		n = o.Pins.UnpinAll(provider)
	case o.Pins.Unpin(conversation):
		n = 1
	}
	jw := wire.NewWriter(nil)
	jw.Object()
	jw.IntField("unpinned", int64(n))
	jw.EndObject()
	answer(w, jw)
}

// whatToUnpin reads the body: one of both, and nothing else.
func whatToUnpin(body []byte) (provider, conversation string, ok bool) {
	object, err := wire.ParseObject(body)
	if err != nil || len(object.Members()) != 1 {
		return "", "", false
	}
	provider, _, err = object.Str("provider")
	if err != nil {
		return "", "", false
	}
	conversation, _, err = object.Str("conversation")
	return provider, conversation, err == nil && (provider != "" || conversation != "")
}
