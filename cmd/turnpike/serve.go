package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"turnpike/internal/admin"
	"turnpike/internal/affinity/replicas"
	"turnpike/internal/alert"
	"turnpike/internal/archive"
	"turnpike/internal/audit"
	"turnpike/internal/background"
	"turnpike/internal/budget"
	"turnpike/internal/catalog"
	"turnpike/internal/config"
	"turnpike/internal/discover"
	"turnpike/internal/gateway"
	"turnpike/internal/keyring"
	"turnpike/internal/learned"
	"turnpike/internal/ledger"
	"turnpike/internal/limit"
	"turnpike/internal/live"
	"turnpike/internal/operator"
	"turnpike/internal/otel"
	"turnpike/internal/payload"
	"turnpike/internal/price"
	"turnpike/internal/roster"
	"turnpike/internal/route"
	"turnpike/internal/rules"
	"turnpike/internal/store"
	"turnpike/internal/telemetry"
	"turnpike/internal/vault"
)

func serve(args []string) error {
	s := newSettings("serve")
	s.override("host", "server.host", "`address` to listen on")
	s.override("port", "server.port", "`port` to listen on")
	cfg, err := s.load(args, 0)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	keepHeapFloor()
	hidden := newSecrets(cfg)
	log, flush := newLogWithout(cfg, hidden)
	defer flush()
	a := newApp(cfg, log)
	a.hidden = hidden
	a.reloading.read = s.again
	return a.run(ctx, stop)
}

// app is a running gateway and what it stands on.
type app struct {
	cfg       *config.Config // that it was started with
	log       *slog.Logger
	store     *store.Store
	safe      *vault.Vault
	audit     *audit.Log
	refused   audit.Refusals
	payloads  *payload.Recorder // nil where nothing is kept
	metrics   *telemetry.Metrics
	ledger    *ledger.Recorder
	archive   *archive.Archive // nil where answers are not kept
	follow    *background.Tracker
	pursued   func() // ends the pursuit of background answers: after that none is settled
	ring      *keyring.Ring
	models    *catalog.Catalog
	known     *learned.Book
	table     *route.Table
	rules     *rules.Book
	prices    *price.Current
	budgets   *budget.Keeper
	budgeted  func()       // gives back what is leased of budgets: no request is under way any more
	tracer    *otel.Tracer // nil where there is no collector
	redis     *limit.Redis // nil where limits are counted in memory
	limits    *limit.Limiter
	pins      *replicas.Store // nil where replicas have nothing in common
	spent     alert.Budgets   // what alerts know of budgets
	alerts    *alert.Watch
	lists     *discover.Lists
	live      *live.Book // what is in force, and may be another by now than cfg
	logins    sealedLogins
	made      []standing // the accounts of it
	declared  *config.People
	hidden    *secrets // of it
	files     *files
	reloading reloading
	gw        *gateway.Gateway
	server    *http.Server
	certs     *obtained // nil where no ACME directory gives them

	admin adminAPI

	operators, scrapes *admin.Guard // scrapes nil: everybody may

	watching sync.WaitGroup // what runs behind the requests and uses the store
}

func newApp(cfg *config.Config, log *slog.Logger) *app {
	return &app{cfg: cfg, log: log, hidden: newSecrets(cfg)}
}

// run serves until ctx ends, then drains. again stops catching signals, so that
// a second one ends the process at once.
func (a *app) run(ctx context.Context, again func()) error {
	listener, err := a.listen(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if a.store != nil {
			_ = a.store.Close()
		}
	}()
	if err := a.open(ctx); err != nil {
		_ = listener.Close()
		return err
	}
	behind, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer func() { cancel(); a.watching.Wait() }() // nobody uses the store any more when it is closed
	a.watching.Go(func() { a.ring.Watch(behind, keySource{a.store, a.fixedKeys()}, a.log) })
	a.watching.Go(func() { a.known.Run(behind, a.store, a.log) })
	if a.pins != nil {
		a.watching.Go(func() { a.pins.Run(behind, a.table.Pins()) })
	}
	a.watching.Go(func() { a.watchLogins(behind) })
	a.pursue(behind)
	if err := a.lists.Load(); err != nil {
		a.log.Warn("the last known lists of models cannot be used", "error", err)
	}
	a.keepPrices(behind)
	a.keepBudgets(behind)
	a.keepAudit(behind)
	listing := make(chan struct{})
	go func() { defer close(listing); a.lists.Run(behind) }()
	summing := a.keepUsage(behind)
	watching, err := a.watch(behind)
	if err != nil {
		return err
	}
	defer func() { cancel(); <-listing; summing(); watching() }() // a file is not left half done
	a.live.Applied(a.apply)
	a.files = newFiles(a.cfg)
	signals := hangups()
	a.watching.Go(func() { a.watchLive(behind, signals) })
	served := make(chan error, 1)
	go func() { served <- a.listenAndServe(gateway.Listener(listener)) }()
	if a.certs != nil {
		a.watching.Go(func() { a.certs.run(behind) })
	}
	a.settle(behind)
	a.log.Info("turnpike is ready", "address", a.scheme()+"://"+a.address(), "version", version, "providers", len(a.config().Active()))
	select {
	case err := <-served:
		return errors.Join(err, a.drain())
	case <-ctx.Done():
	}
	again()
	return a.drain()
}

// settled is when what begins behind a start has done its first round; from then on it is
// how often a gateway that holds many streams gives back pages.
const settled = time.Second

// settle gives back what only the start needed: now, and once more when what began
// behind it has done its first round too; then, while many streams are held, what their
// coming has touched and their course does not need. It costs some 0.3 ms each time.
func (a *app) settle(ctx context.Context) {
	dropPages()
	a.watching.Go(func() {
		every := time.NewTicker(settled)
		defer every.Stop()
		for first := true; ; first = false {
			select {
			case <-ctx.Done():
				return
			case <-every.C:
				if first || liveHeap() > heapFloor/2 {
					dropPages()
				}
			}
		}
	})
}

// pursue follows background answers until pursued is called.
func (a *app) pursue(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); a.gw.Pursue(ctx) }()
	a.pursued = func() { cancel(); <-done }
}

// listen comes before all else: no keys are made and shown for a gateway that
// cannot start. It notes the port where the system was to choose one.
func (a *app) listen(ctx context.Context) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.address())
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s (server.host and server.port say where): %w", a.address(), err)
	}
	if addr, ok := listener.Addr().(*net.TCPAddr); ok {
		a.cfg.Server.Port = addr.Port
	}
	return listener, nil
}

// listenAndServe speaks TLS where there is a certificate.
func (a *app) listenAndServe(l net.Listener) error {
	if a.server.TLSConfig != nil {
		return a.server.ServeTLS(l, "", "")
	}
	return a.server.Serve(l)
}

func (a *app) scheme() string {
	if a.cfg.Server.TLS.On() {
		return "https"
	}
	return "http"
}

func (a *app) address() string {
	return net.JoinHostPort(a.cfg.Server.Host, strconv.Itoa(a.cfg.Server.Port))
}

// openStore opens the database and what is sealed in it.
func (a *app) openStore(ctx context.Context) (err error) {
	a.store, err = openStoreWithin(ctx, a.cfg, serveWait, func(err error) {
		a.log.Warn("the database does not answer yet", "waiting", serveWait, "error", err)
	})
	if err != nil {
		return err
	}
	if a.safe, err = openVault(ctx, a.cfg, a.store); err != nil {
		return err
	}
	a.audit = &audit.Log{Store: a.store, Now: time.Now}
	return a.otherMasters(ctx, a.safe)
}

// open makes everything the gateway stands on.
func (a *app) open(ctx context.Context) (err error) {
	for _, w := range a.cfg.Warnings {
		a.log.Warn("configuration", "warning", w)
	}
	if err = a.openStore(ctx); err != nil {
		return err
	}
	if err = a.declarePeople(ctx, a.cfg); err != nil {
		return err
	}
	if err = a.firstStart(ctx); err != nil {
		return err
	}
	if a.operators, a.scrapes, err = newGuards(ctx, a); err != nil {
		return err
	}
	list, err := a.openLive(ctx, a.safe)
	if err != nil {
		return err
	}
	cfg := a.config()
	for _, p := range list {
		if p.Off != "" {
			a.log.Warn("provider is not in use", "provider", p.Provider.Name(), "reason", p.Off)
		}
	}
	if a.rules, err = rules.New(cfg.Rules); err != nil {
		return err
	}
	if a.limits, err = newLimits(a); err != nil {
		return err
	}
	a.table = newTable(a, cfg, list)
	a.lists = newLists(a, cfg)
	if err = a.openKeys(ctx); err != nil {
		return err
	}
	if a.models, err = loadCatalog(cfg); err != nil {
		return err
	}
	a.known = learned.New(time.Now)
	if err = a.known.Load(ctx, a.store); err != nil {
		return err
	}
	if a.ledger, err = openLedger(a); err != nil {
		return err
	}
	a.archive = newArchive(a, a.safe)
	a.metrics = telemetry.New(a.knownModel)
	a.payloads = newPayloads(a)
	a.follow, err = background.New(ctx, background.Options{Store: a.store, Ledger: a.ledger, Log: a.log, Now: time.Now, Adopt: a.adopt})
	if err != nil {
		return err
	}
	book, err := operator.LoadBook(ctx, a.store, a.cfg.Prices.Ceiling())
	if err != nil {
		return err
	}
	a.prices = price.NewCurrent(book)
	a.tracer = newTracer(a.cfg, a.hidden, a.knownModel, a.log)
	if a.budgets, err = newBudgets(a); err != nil {
		return err
	}
	if err = a.switchProviders(ctx); err != nil {
		return err
	}
	if a.admin, err = newAdminAPI(ctx, a, a.safe); err != nil {
		return err
	}
	a.gw = newGateway(a)
	return a.openServer(ctx)
}

// openServer makes what listens, with its certificate where there is one.
func (a *app) openServer(ctx context.Context) error {
	a.server = newServer(walled(a), a.cfg, a.log)
	if !a.cfg.Server.TLS.On() {
		return nil
	}
	if a.cfg.Server.TLS.ACME.On() {
		var err error
		if a.certs, err = newObtained(ctx, a); err != nil {
			return err
		}
		a.server.TLSConfig = a.certs.config()
		return nil
	}
	cert, err := newCertificate(a.cfg.Server.TLS, a.log, time.Now)
	if err != nil {
		return err
	}
	a.server.TLSConfig = cert.config()
	return nil
}

// newArchive makes what keeps answers for clients that go on from them.
func newArchive(a *app, safe *vault.Vault) *archive.Archive {
	c := a.cfg.Responses
	if !c.Store {
		return nil
	}
	return archive.New(archive.Options{
		Store: a.store, Sealer: safe, Log: a.log, Now: time.Now,
		Keep: c.Keep, Rows: int64(c.Max), Bytes: int64(c.MaxBytes),
	})
}

// fixedKeys is the single key of a small set-up.
func (a *app) fixedKeys() []keyring.Entry {
	key := a.cfg.Auth.APIKey.Reveal()
	if key == "" {
		return nil
	}
	return []keyring.Entry{{Hash: keyring.Hash(key), Principal: keyring.Principal{KeyID: keyring.Declared, Name: "auth.api_key"}}}
}

func newServer(h http.Handler, cfg *config.Config, log *slog.Logger) *http.Server {
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true) // some SDKs speak it with prior knowledge
	return &http.Server{
		Handler:           apart(h),
		ConnContext:       gateway.ConnContext,
		Protocols:         &p,
		ReadHeaderTimeout: cfg.Server.ReadHeaderTimeout,
		ReadTimeout:       bodyFor * cfg.Server.ReadHeaderTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// bodyFor is how often the time for headers a body may take that nobody asks for. Handlers that
// read one set a deadline of their own.
const bodyFor = 3

// apart treats what net/http leaves to handlers. It ends the connection of HTTP/1.1 that a
// request in chunks came by: it may have had a length as well, which is not told, and by which a
// server in front may take what follows for a part of it (RFC 9112, section 6.1). And it lifts
// the deadline for a body where there is none, for it would end the request.
func apart(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 && r.ProtoMajor == 1 {
			w.Header().Set("Connection", "close")
		}
		if r.ContentLength == 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		}
		next.ServeHTTP(w, r)
	})
}

// drain stops taking requests, lets those under way end, and writes what is
// still in memory.
func (a *app) drain() error {
	limit := a.cfg.Server.DrainTimeout
	a.log.Info("shutting down", "in_flight", a.gw.Inflight(), "limit", limit)
	a.gw.Close()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	err := a.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		a.log.Warn("requests were cut off at the end of the drain", "in_flight", a.gw.Inflight())
		_ = a.server.Close()
		a.gw.Wait(5 * time.Second)
		err = nil
	}
	flush, done := context.WithTimeout(context.Background(), 30*time.Second)
	defer done()
	a.pursued()
	a.budgeted()
	err = errors.Join(err, a.ledger.Close(flush))
	a.closeLimits(flush)
	_ = a.tracer.Close(flush) // it has logged what it could not send
	err = errors.Join(err, a.payloads.Close(flush))
	if a.archive != nil {
		err = errors.Join(err, a.archive.Close(flush))
	}
	return err
}

// openKeys takes the first snapshot of the keys. Secrets that may not be kept any
// more are deleted first.
func (a *app) openKeys(ctx context.Context) error {
	if !a.cfg.Keys.Revealable {
		n, err := a.store.ForgetSealed(ctx)
		if err != nil {
			return err
		}
		if n > 0 {
			a.log.Warn("keys.revealable is off: the secrets that were kept are deleted", "keys", n)
		}
	}
	a.ring = keyring.New(time.Now)
	entries, err := keySource{a.store, a.fixedKeys()}.Load(ctx)
	if err != nil {
		return err
	}
	a.ring.Set(entries)
	return nil
}

// keySource reads keys from the store.
type keySource struct {
	s     *store.Store
	fixed []keyring.Entry
}

func (k keySource) Version(ctx context.Context) (int64, error) { return k.s.DataVersion(ctx) }

func (k keySource) Load(ctx context.Context) ([]keyring.Entry, error) {
	return roster.Load(ctx, k.s, k.fixed...)
}
