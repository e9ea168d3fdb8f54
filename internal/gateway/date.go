package gateway

import (
	"net/http"
	"sync/atomic"
	"time"
)

// dated is the Date header of answers in one second.
type dated struct {
	second int64
	value  []string
}

var lastDate atomic.Pointer[dated]

// dateOf is the Date header, made once a second. net/http would make it anew for
// each answer, deep down, where it doubles the stack of every stream that is held.
func dateOf(now time.Time) []string {
	d := lastDate.Load()
	if s := now.Unix(); d == nil || d.second != s {
		d = &dated{s, []string{now.UTC().Format(http.TimeFormat)}}
		lastDate.Store(d)
	}
	return d.value
}
