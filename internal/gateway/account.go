package gateway

// account journals the attempt, exactly once: before the last byte of the answer
// where there is one, so that a client never has an answer that is not accounted
// for, else when the road ends. All that an answer says of usage is known by then.
func (x *exchange) account() {
	if x.call == nil || x.accounted {
		return
	}
	x.accounted = true
	x.ruled()
	x.settleCache()
	if x.err == nil && x.answer != nil {
		x.stay()
	}
	x.leave()
	x.estimate()
	a := x.attemptRow()
	x.record(&a)
}

// last takes the account before the end of a stream is sent.
func (x *exchange) last(s streamer) {
	if !x.gone.Load() { // a short answer: all of it is still to be sent
		x.first(x.gw.opt.Now())
	}
	s.settle()
	x.account()
	if x.rounds == nil || !x.rounds.Wants() {
		x.vacate()
	}
}
