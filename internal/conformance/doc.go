// Package conformance proves the translation on whole pairs: a client's request
// goes through the real gateway, codecs and providers to an upstream that records
// it and plays an answer, and both ends are looked at.
//
// Every test is named after the case it shows, such as MSG-04. cases.txt lists all
// cases and says of each whether it is shown by a test, waits for something, or
// has no meaning here; make conformance prints them with their verdicts.
package conformance
