package gateway

// route finds where the request may go.
func (x *exchange) route() error {
	targets, err := x.gw.opt.Table.Resolve(x.model)
	if err != nil {
		return err
	}
	x.targets = targets
	return nil
}
