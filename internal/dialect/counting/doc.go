// Package counting counts the tokens of a prompt before it is sent: the bodies
// and answers of the APIs that upstreams have for it, and an estimate for those
// that have none.
//
// A client that trims its conversation by the count must not be told too little,
// or it runs into the model's limit; so the estimate leans to the high side.
package counting
