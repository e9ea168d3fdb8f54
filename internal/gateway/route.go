package gateway

import "turnpike/internal/route"

// route finds where the request may go.
func (x *exchange) route() error {
	choice, err := x.gw.opt.Table.Candidates(route.Ask{Model: x.model, Key: x.who.Policy.Routing})
	if err != nil {
		return err
	}
	x.targets = choice.Targets
	return nil
}
