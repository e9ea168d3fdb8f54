package gateway

// What requests say is kept for keys that ask for it (package payload). For all others
// x.payload is nil, and does nothing.

// listen begins to keep what the request says.
func (x *exchange) listen() {
	if x.gw.opt.Payloads == nil {
		return
	}
	scope := "key/" + x.who.KeyID
	if x.who.Labels.Team != "" {
		scope = "team/" + x.who.Labels.Team
	}
	x.payload = x.gw.opt.Payloads.Begin(x.id, x.who.KeyID, scope, x.body.data)
}
