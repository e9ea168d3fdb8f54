// Package wire handles bytes on the wire and nothing else: JSON read and
// written without reflection, server-sent events, the AWS event stream, and
// the index that lets a body pass through untouched but for named edits.
//
// It knows no API: names of members and events belong to the dialects.
package wire
