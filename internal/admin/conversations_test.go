package admin

import (
	"testing"
	"time"

	"turnpike/internal/store"
)

func TestConversations(t *testing.T) {
	w := newWorld(t)
	k := do[KeyMade](w, 201, "POST", "/admin/keys", `{"name":"agent"}`)
	at := w.now.Add(-time.Hour)
	row := func(id, session string, after time.Duration, number int, read, nano int64, class string) store.Attempt {
		a := store.Attempt{
			ID: id, RequestID: "req_" + id, Number: number, At: at.Add(after), KeyID: k.ID, Provider: "a", RequestedModel: "fast", ServedModel: "m",
			Session: session, ErrorClass: class, Charge: store.Charge{Version: "v", Unpriced: nano < 0, Nano: max(nano, 0)},
		}
		if class == "" {
			a.Usage = store.Usage{Input: 10, CacheRead: read, Output: 5}
		}
		return a
	}
	rows := []store.Attempt{
		row("1", "one", 0, 1, 0, 100, ""),
		row("2", "one", time.Minute, 1, 90, 20, ""),
		row("3", "one", 2*time.Minute, 1, 0, 0, "rate_limit"),
		row("4", "one", 3*time.Minute, 2, 190, 30, ""),
		row("5", "two", 4*time.Minute, 1, 0, -1, ""),
		row("6", "", 5*time.Minute, 1, 0, 7, ""),
	}
	if err := w.opt.Store.InsertAttempts(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	list := do[ConversationList](w, 200, "GET", "/admin/conversations", "")
	if len(list.Conversations) != 2 || list.Total != 2 || !list.Complete || list.Conversations[0].ID != "two" || list.Conversations[0].Unpriced != 1 {
		t.Fatalf("%+v", list)
	}
	one := list.Conversations[1]
	if one.Turns != 3 || one.Attempts != 4 || one.Errors != 1 || one.Context != 200 || one.CostUSD != "0.00000015" || one.Usage.CacheRead != 280 ||
		one.KeyName != "agent" || !one.First.Equal(at) || !one.Last.Equal(at.Add(3*time.Minute)) || len(one.Models) != 1 {
		t.Errorf("%+v", one)
	}
	for query, want := range map[string]string{"sort=-cost&limit=1": "one", "sort=context&limit=1": "two", "q=TWO": "two", "key_id=" + k.ID + "&q=one": "one"} {
		if l := do[ConversationList](w, 200, "GET", "/admin/conversations?"+query, ""); len(l.Conversations) != 1 || l.Conversations[0].ID != want {
			t.Errorf("%s: %+v", query, l.Conversations)
		}
	}
	if l := do[ConversationList](w, 200, "GET", "/admin/conversations?key_id=key_other", ""); len(l.Conversations) != 0 {
		t.Errorf("of another key %+v", l.Conversations)
	}
	w.refused(422, "from", "GET", "/admin/conversations?from=2027-01-02T00:00:00Z&to=2027-01-01T00:00:00Z", "")
}
