// Package promptcache puts cache points into requests on their way upstream, and
// tells why a prompt cache missed.
//
// It works on the upstream's body as it is about to be sent, whichever lane made
// it, so there is one planner and what it sees is what the upstream sees. Nothing
// is decoded: the body is walked once, points are spliced in, every other byte
// stays as it was.
package promptcache
