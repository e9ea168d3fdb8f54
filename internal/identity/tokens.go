package identity

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"turnpike/internal/store"
)

const (
	// tokenIssuer and tokenAudience are in every access token.
	tokenIssuer   = "turnpike"
	tokenAudience = "turnpike-admin"
	// tokenType is the typ of access tokens (RFC 9068): no other token is taken for one.
	tokenType = "at+jwt"
	// algorithm is the only one that is signed with and taken.
	algorithm = jose.EdDSA

	// rotateKeys is how long a key signs.
	rotateKeys = 7 * 24 * time.Hour
	// reloadKeys is how often an unknown key is asked for.
	reloadKeys = time.Second
	// clockSkew is how far replicas' clocks may be apart.
	clockSkew = 30 * time.Second
)

// ErrToken says that an access token is no good. Why is not told to who shows it.
var ErrToken = errors.New("the access token is wrong or has run out: sign in, or refresh it")

// signing makes and reads access tokens. The keys are in the store, sealed, for all
// replicas.
type signing struct {
	store  *store.Store
	sealer Sealer
	now    func() time.Time
	log    *slog.Logger
	access time.Duration // the longest life of a token

	mu     sync.Mutex
	keys   map[string]ed25519.PrivateKey
	newest string
	made   time.Time // when the newest was
	loaded time.Time
}

// KeyPlace is where a sealed signing key belongs.
func KeyPlace(kid string) string { return "signing_keys/" + kid }

// load reads the keys; the lock is held.
func (s *signing) load(ctx context.Context) error {
	rows, err := s.store.SigningKeys(ctx, s.now())
	if err != nil {
		return err
	}
	keys := map[string]ed25519.PrivateKey{}
	s.newest, s.made = "", time.Time{}
	for _, row := range rows {
		seed, err := s.sealer.Unseal(row.Sealed, KeyPlace(row.KID))
		if err != nil || len(seed) != ed25519.SeedSize {
			s.log.Warn("a key that access tokens are signed with cannot be opened: those signed with it are refused", "kid", row.KID, "error", err)
			continue
		}
		keys[row.KID] = ed25519.NewKeyFromSeed(seed)
		if s.newest == "" {
			s.newest, s.made = row.KID, row.MadeAt
		}
	}
	s.keys, s.loaded = keys, s.now()
	return nil
}

// signer is the key to sign with: a new one where the newest is old.
func (s *signing) signer(ctx context.Context) (kid string, key ed25519.PrivateKey, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.now().Add(-rotateKeys)
	if s.made.After(old) && s.now().Sub(s.loaded) < time.Minute {
		return s.newest, s.keys[s.newest], nil
	}
	if err := s.load(ctx); err != nil {
		return "", nil, err
	}
	if !s.made.After(old) {
		if err := s.add(ctx, old); err != nil {
			return "", nil, err
		}
	}
	if s.newest == "" {
		return "", nil, errors.New("no key that access tokens are signed with can be opened")
	}
	return s.newest, s.keys[s.newest], nil
}

func (s *signing) add(ctx context.Context, old time.Time) error {
	var seed [ed25519.SeedSize]byte
	_, _ = rand.Read(seed[:]) // never fails, see crypto/rand
	kid := store.NewID("sig")
	now := s.now()
	err := s.store.AddSigningKey(ctx, store.SigningKey{
		KID: kid, Sealed: s.sealer.Seal(seed[:], KeyPlace(kid)), MadeAt: now, Until: now.Add(rotateKeys + s.access + time.Hour),
	}, old)
	if err != nil {
		return err
	}
	return s.load(ctx)
}

// public is the key with that name, nil where there is none.
func (s *signing) public(ctx context.Context, kid string) (ed25519.PublicKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.keys[kid]; !ok && s.now().Sub(s.loaded) >= reloadKeys {
		if err := s.load(ctx); err != nil {
			return nil, err
		}
	}
	key, ok := s.keys[kid]
	if !ok {
		return nil, nil
	}
	public, _ := key.Public().(ed25519.PublicKey)
	return public, nil
}

// claims are what an access token says.
type claims struct {
	jwt.Claims
	Session string `json:"sid,omitempty"`
}

// sign makes an access token.
func (s *signing) sign(ctx context.Context, subject, session string, lifetime time.Duration) (string, error) {
	kid, key, err := s.signer(ctx)
	if err != nil {
		return "", err
	}
	options := (&jose.SignerOptions{}).WithType(tokenType).WithHeader(jose.HeaderKey("kid"), kid)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		return "", fmt.Errorf("sign an access token: %w", err)
	}
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails, see crypto/rand
	now := s.now()
	return jwt.Signed(signer).Claims(claims{Session: session, Claims: jwt.Claims{
		Issuer: tokenIssuer, Audience: jwt.Audience{tokenAudience}, Subject: subject, ID: base64.RawURLEncoding.EncodeToString(id[:]),
		IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(lifetime)),
	}}).Serialize()
}

// maxToken bounds what is read as a token.
const maxToken = 8 << 10

// read is what a token says, if it is one of ours and good.
func (s *signing) read(ctx context.Context, text string) (c claims, err error) {
	if len(text) > maxToken {
		return c, ErrToken
	}
	token, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{algorithm})
	if err != nil || len(token.Headers) != 1 || token.Headers[0].ExtraHeaders[jose.HeaderType] != tokenType {
		return c, ErrToken
	}
	key, err := s.public(ctx, token.Headers[0].KeyID)
	if err != nil {
		return c, err
	}
	if key == nil || token.Claims(key, &c) != nil {
		return claims{}, ErrToken
	}
	if c.Expiry == nil || c.Subject == "" {
		return claims{}, ErrToken
	}
	expected := jwt.Expected{Issuer: tokenIssuer, AnyAudience: jwt.Audience{tokenAudience}, Time: s.now()}
	if c.ValidateWithLeeway(expected, clockSkew) != nil {
		return claims{}, ErrToken
	}
	return c, nil
}
