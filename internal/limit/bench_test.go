package limit

import (
	"context"
	"testing"
	"time"
)

// BenchmarkMemory is one request admitted and settled.
func BenchmarkMemory(b *testing.B) {
	chain := []scoped{{"key", "k", rule(1<<40, 1<<40, 1<<40)}, {"user", "u", rule(1<<40, 1<<40, 1<<40)}, {"team", "t", rule(1<<40, 1<<40, 1<<40)}, {"organisation", "o", rule(1<<40, 1<<40, 1<<40)}}
	for _, c := range []struct {
		name   string
		scopes []scoped
	}{{"one scope", chain[:1]}, {"four scopes", chain}} {
		b.Run(c.name, func(b *testing.B) {
			l := New(time.Now, nil)
			b.ReportAllocs()
			var t Ticket
			for b.Loop() {
				t = Ticket{}
				for i := range c.scopes {
					s := &c.scopes[i]
					t.Claim(Key{Kind: s.kind, ID: s.id}, s.id, s.rule)
				}
				if !l.Admit(context.Background(), &t, 100) {
					b.Fatal("refused")
				}
				t.Close(50)
			}
		})
	}
}

// BenchmarkRedis is the same in a Redis on this machine.
func BenchmarkRedis(b *testing.B) {
	bed := redisBed(b, func(o *Options) { o.clock = nil })
	chain := []scoped{{"key", unique(b), rule(1<<30, 1<<30, 1<<30)}, {"user", unique(b), rule(1<<30, 1<<30, 1<<30)}, {"team", unique(b), rule(1<<30, 1<<30, 1<<30)}, {"organisation", unique(b), rule(1<<30, 1<<30, 1<<30)}}
	b.ReportAllocs()
	for b.Loop() {
		t := bed.ask(100, chain...)
		if !t.Admitted() {
			b.Fatal("refused")
		}
		t.Close(50)
		bed.settled()
	}
}
