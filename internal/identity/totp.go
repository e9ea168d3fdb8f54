package identity

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // what authenticator apps speak (RFC 6238, section 1.2)
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"time"
)

// The second factor is RFC 6238 as every authenticator app has it: SHA-1, six digits,
// thirty seconds; a code of the step before or behind is taken too.
const (
	totpStep   = 30
	totpDigits = 1_000_000
	totpSecret = 20
	totpDrift  = 1
)

var totpText = base32.StdEncoding.WithPadding(base32.NoPadding)

// secondFactor is what is kept, sealed.
type secondFactor struct {
	Secret string `json:"secret"`
	// On is false until the person has shown a code of it.
	On bool `json:"on"`
}

func newSecret() string {
	var b [totpSecret]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return totpText.EncodeToString(b[:])
}

// totpLink is what apps read from a picture (github.com/google/google-authenticator/wiki/Key-Uri-Format).
func totpLink(secret, login string) string {
	q := url.Values{"secret": {secret}, "issuer": {"Turnpike"}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {"30"}}
	return "otpauth://totp/Turnpike:" + url.PathEscape(login) + "?" + q.Encode()
}

// codeAt is the code of a step.
func codeAt(secret []byte, step int64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(step)) //nolint:gosec // the clock is past 1970
	m := hmac.New(sha1.New, secret)
	m.Write(b[:])
	sum := m.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:at+4])&0x7fffffff%totpDigits)
}

// totpFits tells which step a code is of; one that was taken before, or an older one, is
// none any more.
func totpFits(secret, code string, after int64, now time.Time) (step int64, ok bool) {
	key, err := totpText.DecodeString(secret)
	if err != nil || len(code) != 6 {
		return 0, false
	}
	at := now.Unix() / totpStep
	for s := at - totpDrift; s <= at+totpDrift; s++ {
		if subtle.ConstantTimeCompare([]byte(codeAt(key, s)), []byte(code)) == 1 && s > after {
			step, ok = s, true
		}
	}
	return step, ok
}
