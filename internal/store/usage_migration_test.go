package store

import (
	"path/filepath"
	"reflect"
	"testing"
)

// TestAttemptsOfBefore: what version 7 wrote is read as it was.
func TestAttemptsOfBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newProvider(s.writer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.DownTo(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	_, err = s.writer.ExecContext(t.Context(), `INSERT INTO attempts (id, request_id, key_id, at, dialect, provider, surface, requested_model, served_model, stream,
		status, error_class, stop, input, output, cache_read, cache_write_5m, cache_write_1h, reasoning, estimated, latency_ns, first_content_ns, losses, loss_report,
		cache_story, number, cost_nano, unpriced, price_version, price_model, kind, region, geo, tier, web_searches)
		VALUES ('a', 'r', 'k', 1800000000000000123, 'chat', 'p', 'messages', 'a "model" \ of mine', 'm', 1, 200, '', 'end', 1, 2, 3, 4, 5, 6, 1, 7, 8, 2, 'n (a \ "b")',
		'hit; read=3', 3, 99, 0, 'v', 'pm', 'bedrock', 'eu-west-1', 'eu', 'flex', 9),
		('b', 'r', 'k', 1800000000000000124, 'chat', 'p', 'messages', 'x', 'm', 0, 500, 'upstream', '', 1, 2, 3, 4, 5, 6, 0, 7, 0, 0, '', '', 1, NULL, 1, 'v', '', '', '', '', '', 0),
		('c', 'r', 'k', 1800001000000000000, 'chat', 'p', 'messages', 'x', 'm', 0, 500, 'upstream', '', 1, 2, 3, 4, 5, 6, 0, 7, 0, 0, '', '', 1, NULL, 0, '', '', '', '', '', '', 0)`)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, path)
	got, err := s.ListAttempts(t.Context(), 10)
	if err != nil || len(got) != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	want := fullAttempt("a")
	want.RequestID, want.KeyID, want.TeamID, want.UserID, want.Tags, want.Session, want.Replica, want.Queued, want.FirstByte = "r", "k", "", "", "", "", "", 0, 0
	want.At, want.Dialect, want.Provider, want.Surface, want.RequestedModel, want.ServedModel = got[2].At, "chat", "p", "messages", `a "model" \ of mine`, "m"
	want.Status, want.ErrorClass, want.Stop, want.Latency, want.FirstContent = 200, "", "end", 7, 8
	want.Losses, want.LossReport, want.CacheStory, want.Number = 2, `n (a \ "b")`, "hit; read=3", 3
	want.Charge = Charge{Nano: 99, Version: "v", Model: "pm", Kind: "bedrock", Region: "eu-west-1", Geo: "eu", Tier: "flex", WebSearches: 9}
	if !reflect.DeepEqual(got[2], want) || want.At.UnixNano() != 1800000000000000123 {
		t.Errorf("got  %+v\nwant %+v", got[2], want)
	}
	if !got[1].Charge.Unpriced || got[0].Charge.Unpriced || got[0].Charge.Known() {
		t.Errorf("%+v\n%+v", got[1].Charge, got[0].Charge)
	}
}
