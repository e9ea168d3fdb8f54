// Package gateway is the road of a request. Every client API takes it, so that
// no route can skip admission or accounting. The stages stand in road.go in the
// order they run; each has a file of its own.
package gateway
