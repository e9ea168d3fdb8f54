package admin

import "maps"

// Affinity is how many conversations are kept at each provider.
type Affinity struct {
	On            bool           `json:"on"`
	Conversations map[string]int `json:"conversations"`
}

func getAffinity(c *call, _ *nothing, _ *nothing) (Affinity, error) {
	out := Affinity{On: c.Pins != nil, Conversations: map[string]int{}}
	if c.Pins != nil {
		maps.Copy(out.Conversations, c.Pins.Counts())
	}
	return out, nil
}

type unpinning struct {
	Provider     string `json:"provider,omitempty" say:"all conversations that are kept there"`
	Conversation string `json:"conversation,omitempty" say:"one, by the id that x-turnpike-explain tells"`
}

// Unpinned is how many conversations were let go.
type Unpinned struct {
	Unpinned int `json:"unpinned"`
}

// unpin lets conversations go that are kept at a provider, or one of them: their next
// request goes where it would go if they were new.
func unpin(c *call, _ *nothing, b *unpinning) (Unpinned, error) {
	switch {
	case (b.Provider == "") == (b.Conversation == ""):
		return Unpinned{}, fail(400, `send {"provider":"NAME"} for all conversations that are kept there, or {"conversation":"ID"} for one, by the id that x-turnpike-explain tells`)
	case b.Provider != "" && c.Table.Account(b.Provider) == nil:
		return Unpinned{}, fail(404, "there is no provider %s", b.Provider)
	case c.Pins == nil:
	case b.Provider != "":
		return Unpinned{c.Pins.UnpinAll(b.Provider)}, nil
	case c.Pins.Unpin(b.Conversation):
		return Unpinned{1}, nil
	}
	return Unpinned{}, nil
}
