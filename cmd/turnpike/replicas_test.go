package main

import (
	"fmt"
	"testing"
	"time"

	"turnpike/internal/affinity"
	"turnpike/internal/limit/redistest"
)

// TestReplicasKnowWhereConversationsAre: what one gateway pins, another one finds.
func TestReplicasKnowWhereConversationsAre(t *testing.T) {
	url := redistest.URL(t)
	t.Setenv("TURNPIKE_AUTH_API_KEY", "sk-client")
	one, _ := firstRun(t, load(t, t.TempDir(), map[string]string{"redis.url": url}, ""))
	other, _ := firstRun(t, load(t, t.TempDir(), map[string]string{"redis.url": url}, ""))
	talk := fmt.Sprint("replicas", time.Now().UnixNano())
	want := affinity.Pin{Provider: "sandbox", Model: "sandbox"}
	one.app.table.Pins().Set(talk, want, time.Hour)
	until := time.Now().Add(10 * time.Second)
	for time.Now().Before(until) { // the write is behind the road; a look that finds nothing is a round trip
		if got, ok := other.app.table.Pins().Get(talk); ok {
			if got != want {
				t.Errorf("at %+v", got)
			}
			return
		}
	}
	t.Error("the other one does not know")
}
