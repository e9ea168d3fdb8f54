// Package health knows how the places are that requests are sent to: how fast,
// how often they refuse, how much is under way there, and whether they are to
// be left alone for a while. It learns from real requests only.
//
// Everything a choice reads is an atomic word: choosing takes no lock.
package health
