package signin

import (
	"errors"
	"time"
)

// DeviceGrant is the grant of the device flow (RFC 8628).
const DeviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// Bounds of what issuers ask of those who poll.
const (
	UsualPoll = 5 * time.Second
	MaxPoll   = time.Minute
	MaxDevice = 30 * time.Minute
	slower    = 5 * time.Second // RFC 8628, 3.5
)

// ErrDenied ends a login.
var ErrDenied = errors.New("the login was denied in the browser")

// Bounded are seconds somebody told, within bounds; otherwise what is usual.
func Bounded(told float64, usual, most time.Duration) time.Duration {
	if !(told > 0) {
		return usual
	}
	return time.Duration(min(told, most.Seconds()) * float64(time.Second))
}

// SlowDown is what an issuer means by slow_down: its new interval in seconds, or 5 s more
// than the last one where it tells none.
func SlowDown(interval time.Duration, told float64) *PendingError {
	return &PendingError{Interval: Bounded(told, min(interval+slower, MaxPoll), MaxPoll)}
}
