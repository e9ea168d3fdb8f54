package gateway

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"turnpike/internal/llm/llmtest"
)

// Whatever the frames and wherever the reads are cut, the client gets all bytes
// but those of usage it did not ask for.
func TestBytesPassHoweverTheyAreCut(t *testing.T) {
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // repeatable on purpose
		var sent, want strings.Builder
		for i := range rnd.IntN(60) {
			frame := fmt.Sprintf("data: {\"d\":\"%d %s\"}\n\n", i, strings.Repeat("é", rnd.IntN(300)))
			switch rnd.IntN(6) {
			case 0:
				sent.WriteString("data: {\"usage\":1}\n\n")
				continue
			case 1:
				frame = "event: ping\ndata: {}\n\n"
			}
			sent.WriteString(frame)
			want.WriteString(frame)
		}
		sent.WriteString(eventEnd)
		want.WriteString(eventEnd)
		g := newTestGateway(t, &toyProvider{dialect: "toy", answer: func(*http.Request) (*http.Response, error) {
			return replyFrom(200, "text/event-stream", io.NopCloser(llmtest.Chopped([]byte(sent.String()), seed, 1+rnd.IntN(9000))))
		}})
		if w := g.post("/toy", `{"model":"m","stream":true}`); w.Code != 200 || w.Body.String() != want.String() {
			t.Fatalf("seed %d: got %d %q\nwant %q", seed, w.Code, w.Body, want.String())
		}
		if a := g.attempts(); len(a) != 1 || a[0].Usage.Output != 9 {
			t.Fatalf("seed %d: attempts %+v", seed, a)
		}
	}
}
