package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
)

// bed is a way in which the fleet's data is kept, and what is tried there.
type bed struct {
	name   string
	redis  func(ctx context.Context, dir string) (*redisPlace, error)
	pooled bool // a pgbouncer in transaction mode before the database
	named  bool // everything by names, of a resolver that can be slow
	trials []trial
}

var beds = []bed{
	{name: "plain", redis: alone, trials: []trial{
		{"rolling restart", false, rollingRestart},
		{"revoked keys", false, revokedKeys},
		{"limits", false, limits},
		{"budgets", false, budgets},
		{"redis away", false, redisAway},
		{"database away", false, databaseAway},
		{"leader killed", false, leaderKilled},
		{"database replaced", false, databaseReplaced},
		{"clocks 30 s apart", true, wrongClocks},
		{"ledger", false, ledger},
	}},
	{name: "sentinel", redis: watched, trials: []trial{
		{"limits", false, limits},
		{"sentinel failover", false, redisFailover},
		{"ledger", false, ledger},
	}},
	{name: "cluster", redis: clustered, trials: []trial{
		{"limits", false, limits},
		{"cluster failover", false, redisFailover},
		{"ledger", false, ledger},
	}},
	{name: "pgbouncer", redis: alone, pooled: true, trials: []trial{
		{"rolling restart", false, rollingRestart},
		{"revoked keys", false, revokedKeys},
		{"limits", false, limits},
		{"budgets", false, budgets},
		{"pgbouncer away", false, poolerAway},
		{"ledger", false, ledger},
	}},
	{name: "names", redis: alone, named: true, trials: []trial{
		{"slow names", false, slowNames},
		{"ledger", false, ledger},
	}},
}

// conf is the file of a gateway.
func (f *fleet) conf(g *gateway) string {
	database, redis, more := f.pg.url(), f.redis.conf, ""
	switch {
	case f.pooler != nil:
		database = f.pooler.url()
	case f.names != nil:
		database = fmt.Sprintf("postgres://turnpike@database.%s:%d/postgres?sslmode=disable", zone, f.pg.port)
		redis = fmt.Sprintf("{ url: 'redis://redis.%s:%d/0', timeout: 250ms }", zone, f.redis.nodes[0].port)
		more = fmt.Sprintf(", { name: named, type: openai-compat, base_url: 'http://models.%s:%d/v1', api_key: x, models: [named] }", zone, f.names.upstream)
	}
	return fmt.Sprintf(`server: { host: 127.0.0.1, port: %d, log_level: warn, drain_timeout: %s }
data_dir: '%s'
database: { url: '%s' }
redis: %s
auth: { admin_key: %s }
providers: [ { name: sandbox, type: sandbox }%s ]
`, g.port, drainTime, g.dir+"/data", database, redis, adminKey, more)
}

// upstream is a model that is reached by a name.
func upstream() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"id":"x","object":"chat.completion","created":1,"model":"named","choices":[{"index":0,` +
			`"message":{"role":"assistant","content":"Hello!"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`))
	}))
}

func port(text string) int {
	n, _ := strconv.Atoi(text)
	return n
}
