// Package heal knows the words in which upstreams refuse something of a request,
// and how to send it without. What is recognised is data (rules.go); what is done
// is an edit of the upstream's body that leaves every other byte as it was. It is
// pure: who sends, and how often, is the gateway's affair.
package heal
