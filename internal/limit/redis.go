package limit

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Options say where Redis is.
type Options struct {
	// URL is redis://user:password@host:port/db, or rediss:// for TLS.
	URL string
	// Addresses take the place of the URL's host: the nodes of a cluster, or with
	// Sentinel set the sentinels.
	Addresses []string
	// Sentinel is the name the sentinels know the primary by.
	Sentinel string
	// Timeout is how long a request may wait for Redis, once.
	Timeout time.Duration
	Log     *slog.Logger
	Now     func() time.Time

	clock func() int64   // in place of the server's
	roots *x509.CertPool // in place of the system's
}

// All keys have one hash tag. A request's rules are taken all or none, in one call, so
// its keys must be on one node; the organisation's key is every request's, so that
// node is the same for all. A cluster keeps limits alive when a node goes; it does not
// spread them.
const tag = "{turnpike:limits}:"

const (
	lease      = time.Minute      // a request that nobody says is under way any more lapses
	renewAfter = 20 * time.Second // how long it takes until that is said again
	beatEvery  = 5 * time.Second
	goneAfter  = 3 * beatEvery          // a replica that has not been heard of
	firstProbe = 250 * time.Millisecond // of a Redis that is away; then twice as long each time, up to beatEvery
	behind     = time.Second            // for what no request waits for
	dialing    = 6 * time.Second        // a resolver whose first question is lost asks again after 5 s; who waits for it gives up before
	maxWaiting = 4096                   // settlements
	maxBatch   = 128
	maxTries   = 8 // of a settlement that a Redis which is there will not take
	poolSize   = 32
)

// Scripts. Each is sent by its hash, and in full where the server does not know it.
var (
	//go:embed lua/common.lua
	commonText string
	//go:embed lua/admit.lua
	admitText string
	//go:embed lua/settle.lua
	settleText string
	//go:embed lua/renew.lua
	renewText string
	//go:embed lua/beat.lua
	beatText string

	admitScript  = redis.NewScript(commonText + admitText)
	settleScript = redis.NewScript(commonText + settleText)
	renewScript  = redis.NewScript(commonText + renewText)
	beatScript   = redis.NewScript(commonText + beatText)
)

// Redis counts for all replicas together.
type Redis struct {
	opt    Options
	client redis.UniversalClient
	id     string // of this replica
	serial atomic.Uint64

	replicas atomic.Int64
	away     atomic.Pointer[time.Time] // since when; nil: it is there
	waiting  atomic.Int64
	lost     atomic.Int64

	mu   sync.Mutex
	held map[string]*Ticket // under way

	queue   chan settlement
	tripped chan struct{}
	stop    chan struct{}
	done    chan struct{}
}

// quiet drops what the client library would write to standard error.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// Open connects to Redis. One that is not there yet is no error: it is waited for.
func Open(opt Options) (*Redis, error) {
	w, err := open(opt)
	if err != nil {
		return nil, err
	}
	w.beat() // so that the first request knows
	go w.run()
	return w.r, nil
}

// open makes what Redis is spoken to by, and the worker, which is not under way yet.
func open(opt Options) (*worker, error) {
	u, err := universal(opt)
	if err != nil {
		return nil, err
	}
	redis.SetLogger(quiet{})
	r := &Redis{
		opt: opt, client: redis.NewUniversalClient(u), id: rand.Text()[:12], held: map[string]*Ticket{},
		queue: make(chan settlement, maxWaiting), tripped: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	r.replicas.Store(1)
	return &worker{r: r, probe: firstProbe}, nil
}

// universal are the library's options. Errors hold no part of the URL.
func universal(opt Options) (*redis.UniversalOptions, error) {
	u := &redis.UniversalOptions{
		Addrs: opt.Addresses, MasterName: opt.Sentinel, IsClusterMode: len(opt.Addresses) > 0 && opt.Sentinel == "",
		MaxRetries: -1, DialerRetries: 1, DialTimeout: dialing, ReadTimeout: behind, WriteTimeout: behind, PoolTimeout: behind,
		ContextTimeoutEnabled: true, PoolSize: poolSize, DisableIdentity: true, MaxRedirects: 3,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	if opt.URL == "" && len(opt.Addresses) == 0 {
		return nil, errors.New("neither url nor addresses say where it is")
	}
	if opt.Sentinel != "" && len(opt.Addresses) == 0 {
		return nil, errors.New("sentinel_master needs the addresses of the sentinels")
	}
	if opt.URL == "" {
		return u, nil
	}
	one, err := redis.ParseURL(opt.URL)
	if err != nil {
		return nil, errors.New("url must be redis://user:password@host:port/db, or rediss:// for TLS")
	}
	u.Username, u.Password, u.DB, u.TLSConfig = one.Username, one.Password, one.DB, one.TLSConfig
	if u.TLSConfig != nil && len(opt.Addresses) > 0 {
		u.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12} // the name to check is each node's
	}
	if u.TLSConfig != nil && opt.roots != nil {
		u.TLSConfig.RootCAs = opt.roots
	}
	if len(u.Addrs) == 0 {
		u.Addrs = []string{one.Addr}
	}
	return u, nil
}

// clock is what scripts get as the time: 0 for the server's own.
func (r *Redis) clock() int64 {
	if r.opt.clock != nil {
		return r.opt.clock()
	}
	return 0
}

var errAway = errors.New("redis is away")

// admit takes room within all claims, or none. An error means that nobody knows: the
// request has waited once, and others do not while Redis is away.
func (r *Redis) admit(ctx context.Context, t *Ticket) (bool, error) {
	if r.away.Load() != nil {
		return false, errAway
	}
	t.id = r.id + "-" + strconv.FormatUint(r.serial.Add(1), 36)
	keys, args := t.keys(), make([]any, 3, 3+4*len(t.Claims))
	args[0], args[1], args[2] = r.clock(), t.id, lease.Milliseconds()
	for i := range t.Claims {
		c := &t.Claims[i]
		args = append(args, c.max[RPM], c.max[TPM], c.max[Concurrent], c.took)
	}
	// A client that leaves must not leave behind what nobody counts out.
	wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.opt.Timeout)
	defer cancel()
	out, err := admitScript.Run(wait, r.client, keys, args...).Int64Slice()
	if err == nil && len(out) != 1+3*len(t.Claims) {
		err = fmt.Errorf("the script answered with %d figures", len(out))
	}
	if err != nil {
		r.trip(err)
		r.enqueue(r.settlement(t, 0, true)) // it may have run all the same
		return false, err
	}
	for i := range t.Claims {
		c := &t.Claims[i]
		c.requests, c.tokens, c.open = out[3*i+1], out[3*i+2], out[3*i+3]
	}
	if out[0] == 0 {
		if t.judge() { // cannot be: both count alike
			t.refuse(&t.Claims[0], RPM, soon)
		}
		return false, nil
	}
	r.mu.Lock()
	r.held[t.id] = t
	r.mu.Unlock()
	return true, nil
}

// keys are the names of a ticket's keys: two for each claim.
func (t *Ticket) keys() []string {
	keys := make([]string, 0, 2*len(t.Claims))
	for i := range t.Claims {
		k := tag + t.Claims[i].text()
		keys = append(keys, k, k+":open")
	}
	return keys
}

// trip notes that Redis is away, and wakes who looks after it.
func (r *Redis) trip(err error) {
	now := r.opt.Now()
	if !r.away.CompareAndSwap(nil, &now) {
		return
	}
	r.opt.Log.Warn("redis is slow or away: limits hold for this replica's share until it is back",
		"error", err, "replicas", r.replicas.Load())
	select {
	case r.tripped <- struct{}{}:
	default:
	}
}

// settlement is what Redis is still to be told of a request that is over.
type settlement struct {
	keys  []string
	args  []any
	tries int
}

func (r *Redis) settlement(t *Ticket, tokens int64, void bool) settlement {
	args := make([]any, 3, 3+4*len(t.Claims))
	args[1], args[2] = t.id, 0
	if void {
		args[2] = 1
	}
	for i := range t.Claims {
		c := &t.Claims[i]
		args = append(args, c.max[RPM], c.max[TPM], c.max[Concurrent], c.owes(tokens))
	}
	return settlement{keys: t.keys(), args: args}
}

// settle counts a request out, behind the road.
func (r *Redis) settle(t *Ticket, tokens int64, void bool) {
	r.mu.Lock()
	delete(r.held, t.id)
	r.mu.Unlock()
	r.enqueue(r.settlement(t, tokens, void))
}

func (r *Redis) enqueue(s settlement) {
	r.waiting.Add(1)
	select {
	case r.queue <- s:
	default:
		r.waiting.Add(-1)
		r.lost.Add(1)
	}
}

// Close tells Redis what waits, as far as it takes that in time, and leaves.
func (r *Redis) Close(ctx context.Context) error {
	close(r.stop)
	select {
	case <-r.done:
	case <-ctx.Done():
	}
	err := r.client.Close()
	if n := r.waiting.Load(); n > 0 {
		r.lost.Add(n)
		return errors.Join(err, fmt.Errorf("%d settlements of limits did not reach redis", n))
	}
	return err
}

// Client is for what else replicas have in common there.
func (r *Redis) Client() redis.UniversalClient { return r.client }

// Ping asks Redis whether it is there, and tells how long that takes by a connection that stands.
func Ping(ctx context.Context, opt Options) (time.Duration, error) {
	u, err := universal(opt)
	if err != nil {
		return 0, err
	}
	redis.SetLogger(quiet{})
	client := redis.NewUniversalClient(u)
	defer func() { _ = client.Close() }()
	if err := client.Ping(ctx).Err(); err != nil {
		return 0, err
	}
	from := time.Now()
	err = client.Ping(ctx).Err()
	return time.Since(from), err
}
