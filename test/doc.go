// Package e2e drives the real binary from outside: with the official SDKs in
// front and recorded or broken upstreams behind. It is a module of its own, so
// that the SDKs are no dependencies of the gateway.
package e2e
