package gateway

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"turnpike/internal/affinity"
	"turnpike/internal/route"
)

// several are accounts of one model, in the order of their weights.
func several(s route.Settings, ups ...*toyProvider) *route.Table {
	list := make([]*route.Account, len(ups))
	for i, up := range ups {
		list[i] = &route.Account{Provider: up, Weight: 100 - i, Models: []string{"m", "only-" + up.Name()}}
	}
	return route.New(list, "", "").With(s)
}

func said(*http.Request) (*http.Response, error) {
	return reply(200, "application/json", `{"said":"x","in":3,"out":4}`)
}

// TestConversationsStay: the requests of a conversation go to one account, those of
// many conversations to all. Without it each account would have to read every
// prompt anew.
func TestConversationsStay(t *testing.T) {
	for _, c := range []struct {
		name string
		ask  func(g *testGateway, talk, turn int)
	}{
		{"CACHE-14 by the session's header", func(g *testGateway, talk, turn int) {
			g.post("/toy", fmt.Sprintf(`{"model":"m","say":"%d"}`, turn), "Session-Id", fmt.Sprint("s", talk))
		}},
		{"CACHE-14 by prompt_cache_key", func(g *testGateway, talk, turn int) {
			g.post("/toy", fmt.Sprintf(`{"model":"m","say":"%d","prompt_cache_key":"s%d"}`, turn, talk))
		}},
		{"CACHE-15 by what stays the same in it, one client", func(g *testGateway, talk, turn int) {
			g.post("/toy", fmt.Sprintf(`{"model":"m","input":[{"role":"user","content":"%d"},{"role":"assistant","content":"%d"}]}`, talk, turn), "User-Agent", "one")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ups := []*toyProvider{{name: "a", dialect: "toy", answer: said}, {name: "b", dialect: "toy", answer: said}, {name: "c", dialect: "toy", answer: said}}
			g := newTestGatewayOf(t, several(route.Settings{Pins: affinity.New(1000, time.Now, nil)}, ups...))
			const talks, turns = 30, 5
			for talk := range talks {
				before := [3]int{}
				for i, up := range ups {
					before[i] = len(up.sent)
				}
				for turn := range turns {
					c.ask(g, talk, turn)
				}
				for i, up := range ups {
					if n := len(up.sent) - before[i]; n != 0 && n != turns {
						t.Fatalf("conversation %d: %d of %d at %s", talk, n, turns, up.name)
					}
				}
			}
			for _, up := range ups {
				if len(up.sent) < talks*turns/10 {
					t.Errorf("%s has only %d requests", up.name, len(up.sent))
				}
			}
		})
	}
}
