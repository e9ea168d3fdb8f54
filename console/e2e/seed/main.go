// Command seed fills a gateway's database with a month of usage, for the console's tests: the same for the same day.
// It is no part of the product.
//
//	echo '{"keys":[{"id":"key_…","team":"team_…","user":"user_…","tags":["web"]}]}' | go run ./console/e2e/seed data/turnpike.db
package main

import (
	"context"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"turnpike/internal/operator"
	"turnpike/internal/price"
	"turnpike/internal/store"
)

type key struct {
	ID, Team, User string
	Tags           []string
}

// model is where its requests go, and how large they are.
type model struct {
	asked, served, kind, provider, dialect, surface string
	prompt, answer                                  int64
	cached                                          float64
}

var models = []model{
	{"claude-sonnet-4-5", "claude-sonnet-4-5", "anthropic", "claude", "messages", "messages", 42_000, 900, 0.82},
	{"gpt-5-mini", "gpt-5-mini", "openai", "openai-main", "chat", "chat", 6000, 500, 0.3},
	{"fast", "claude-haiku-4-5", "anthropic", "claude", "chat", "messages", 3000, 250, 0.4},
	{"gemini-2.5-flash", "gemini-2.5-flash", "gemini", "gemini", "gemini", "gemini", 9000, 700, 0.1},
	{"house-model-1", "house-model-1", "openai-compat", "house", "chat", "chat", 2000, 300, 0},
}

const (
	days   = 30
	perDay = 60
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "seed:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run(ctx context.Context) error {
	var in struct{ Keys []key }
	if len(os.Args) != 2 {
		return errors.New("usage: seed DATABASE < keys")
	}
	if err := json.NewDecoder(os.Stdin).Decode(&in); err != nil || len(in.Keys) == 0 {
		return fmt.Errorf("no keys: %w", err)
	}
	db, err := store.Open(ctx, os.Args[1])
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	book, err := operator.LoadBook(ctx, db, price.Rates{})
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(7, 11)) //nolint:gosec // the same numbers every time
	now := time.Now().UTC()
	for back := days - 1; back >= 0; back-- {
		var list []store.Attempt
		for n := range perDay {
			at := now.Add(-time.Duration(back)*24*time.Hour - time.Duration(n)*23*time.Minute)
			list = append(list, request(book, random, &in.Keys[n%len(in.Keys)], at, n)...)
		}
		if err := db.InsertAttempts(ctx, list); err != nil {
			return err
		}
	}
	return nil
}

// requestID is one as the gateway would have made then: ids tell their time.
func requestID(at time.Time) string {
	id := store.NewID("req")
	_, text, _ := strings.Cut(id, "_")
	b, err := crockford.DecodeString(text)
	if err != nil {
		return id
	}
	binary.BigEndian.PutUint64(b[:8], uint64(at.UnixMilli())<<16|binary.BigEndian.Uint64(b[:8])&0xffff) //nolint:gosec // the clock is past 1970
	return "req_" + crockford.EncodeToString(b)
}

// crockford is the alphabet of ids.
var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// request makes the attempts of one request: sometimes a failed one first.
func request(book *price.Book, random *rand.Rand, k *key, at time.Time, n int) []store.Attempt {
	m := &models[(n*7+random.IntN(3))%len(models)]
	tags, _ := json.Marshal(k.Tags) //nolint:errchkjson // texts
	first := store.Attempt{
		ID: store.NewID("att"), RequestID: requestID(at), Number: 1, At: at, KeyID: k.ID, TeamID: k.Team, UserID: k.User, Tags: string(tags),
		Replica: "gateway-1", Dialect: m.dialect, Surface: m.surface, Provider: m.provider, RequestedModel: m.asked, ServedModel: m.served,
		Stream: n%3 != 0, Queued: 2 * time.Millisecond,
	}
	if m.kind == "anthropic" {
		first.Session = fmt.Sprintf("%016x", uint64(at.Unix()/21_600)) //nolint:gosec // a name
	}
	var out []store.Attempt
	if random.IntN(14) == 0 {
		failed := first
		failed.ID, failed.Status, failed.ErrorClass, failed.Latency, failed.FirstByte = store.NewID("att"), 429, "rate_limit", 300*time.Millisecond, 280*time.Millisecond
		failed.Charge = store.Charge{Version: book.Version, Kind: m.kind}
		out = append(out, failed)
		first.Number, first.At = 2, at.Add(350*time.Millisecond)
	}
	answered(book, random, m, &first)
	return append(out, first)
}

func answered(book *price.Book, random *rand.Rand, m *model, a *store.Attempt) {
	spread := 0.5 + random.Float64()
	prompt := int64(float64(m.prompt) * spread)
	read := int64(float64(prompt) * m.cached)
	write := int64(0)
	if m.kind == "anthropic" {
		write = (prompt - read) / 2
	}
	a.Usage = store.Usage{Input: prompt - read - write, CacheRead: read, CacheWrite5m: write, Output: int64(float64(m.answer) * spread)}
	a.Status, a.Stop = 200, "end"
	a.FirstByte = time.Duration(250+random.IntN(400)) * time.Millisecond
	a.FirstContent = a.FirstByte + time.Duration(40+random.IntN(500))*time.Millisecond
	a.Latency = a.FirstContent + time.Duration(a.Usage.Output)*9*time.Millisecond
	if read > 0 {
		a.CacheStory = fmt.Sprintf("hit: %d of %d tokens were read from the cache", read, prompt)
	}
	if m.dialect != m.surface {
		a.Losses, a.LossReport = 2, "presence_penalty (the model has no such setting), logit_bias (the model has no such setting)"
	}
	cost := book.Sum(&price.Attempt{Model: m.served, Kind: m.kind, Provider: m.provider, At: a.At, Usage: price.Usage{
		price.Input: a.Usage.Input, price.Output: a.Usage.Output, price.CacheRead: read, price.CacheWrite5m: write,
	}})
	a.Charge = store.Charge{Version: book.Version, Kind: m.kind, Nano: int64(cost.Nano), Unpriced: cost.Unpriced}
}
