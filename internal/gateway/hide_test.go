package gateway

import (
	"bytes"
	"strings"
	"testing"
)

// TestSecretsInAStreamsError: an upstream that repeats our credentials in the middle of
// a stream is put into our words; one that does not keeps its own.
func TestSecretsInAStreamsError(t *testing.T) {
	hide := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("S3CRET"), []byte("[hidden]")) }
	for _, c := range []struct {
		name, error string
		raw         bool // it passes as it came
	}{
		{"holds one", `{"error":"no key S3CRET here"}`, false},
		{"holds none", `{"error":  "busy"}`, true},
	} {
		for _, dialect := range []string{"toy", "other"} {
			for _, reframed := range []bool{false, true} {
				t.Run(strings.Join([]string{c.name, dialect}, " "), func(t *testing.T) {
					up := &toyProvider{dialect: dialect, reframed: reframed, answer: streams(eventD + eventD + "data: " + c.error + "\n\n")}
					g := newTestGateway(t, up)
					g.opt.Hide = hide
					w := g.post("/toy", `{"model":"m","stream":true}`)
					body := w.Body.String()
					if w.Code != 200 || strings.Contains(body, "S3CRET") || !strings.HasPrefix(body, eventD) {
						t.Errorf("%d %s", w.Code, body)
					}
					if !c.raw && !strings.Contains(body, "[hidden]") {
						t.Errorf("nothing is said: %s", body)
					}
					if raw := strings.Contains(body, "data: "+c.error); dialect == "toy" && raw != c.raw {
						t.Errorf("as it came: %v: %s", raw, body)
					}
					if a := g.attempts(); len(a) != 1 || a[0].ErrorClass == "" {
						t.Errorf("attempts %+v", a)
					}
				})
			}
		}
	}
}
