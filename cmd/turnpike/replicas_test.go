package main

import (
	"fmt"
	"strconv"
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

// TestUnpinReachesTheOtherGateway: what an operator lets go at one gateway is let go at
// the other on its database, without a Redis.
func TestUnpinReachesTheOtherGateway(t *testing.T) {
	data, _ := onPostgres(t)
	t.Setenv("TURNPIKE_AUTH_API_KEY", "sk-client")
	t.Setenv("TURNPIKE_AUTH_ADMIN_KEY", "sk-admin")
	one, _ := firstRun(t, load(t, data, nil, ""))
	other, _ := firstRun(t, load(t, data+"-2", nil, ""))
	pins := other.app.table.Pins()
	at := affinity.Pin{Provider: "sandbox", Model: "sandbox"}
	for _, what := range []string{`{"provider":"sandbox"}`, `{"conversation":"talk"}`} {
		pins.Set("talk", at, time.Hour)
		if _, ok := pins.Get("talk"); !ok {
			t.Fatal("it is not pinned")
		}
		if status, body := one.do("POST", "/admin/affinity/unpin", "sk-admin", what); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		until := time.Now().Add(10 * time.Second)
		for _, held := pins.Get("talk"); held; _, held = pins.Get("talk") {
			if time.Now().After(until) {
				t.Fatalf("%s: the other one still keeps it", what)
			}
		}
	}
}

// TestOldReleasesGo: what was let go longer ago than any pin lives is forgotten, and
// what is no time holds nobody up.
func TestOldReleasesGo(t *testing.T) {
	t.Setenv("TURNPIKE_AUTH_API_KEY", "sk-client")
	r, _ := firstRun(t, load(t, t.TempDir(), nil, ""))
	a := r.app
	ago := func(d time.Duration) string { return strconv.FormatInt(time.Now().Add(-d).UnixNano(), 10) }
	for what, at := range map[string]string{"provider old": ago(2 * time.Hour), "provider new": ago(time.Minute), "provider odd": "yesterday"} {
		if err := a.store.SetSetting(t.Context(), unpinned+what, at); err != nil {
			t.Fatal(err)
		}
	}
	pins := a.table.Pins()
	for _, provider := range []string{"old", "new", "odd"} {
		pins.Set(provider, affinity.Pin{Provider: provider}, time.Hour)
	}
	if err := a.hearUnpinned(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, held := pins.Get("new"); !held { // it was pinned there after it had been let go
		t.Error("a pin that is newer is gone")
	}
	pins.UnpinAll("sandbox")
	left, err := a.store.Settings(t.Context(), unpinned)
	if err != nil || len(left) != 2 || left["provider new"] == "" || left["provider sandbox"] == "" {
		t.Errorf("%v, %v are left", left, err)
	}
}
