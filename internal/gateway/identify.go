package gateway

import (
	"net/http"
	"strings"

	"turnpike/internal/keyring"
	"turnpike/internal/llm"
	"turnpike/internal/peer"
)

// identify finds who asks. The key may come as Authorization: Bearer or as
// x-api-key, on every API; some clients send both, and both must then be the
// same, or it would depend on the reader which one counts. What is too short for a key is
// none: SDKs that insist on one are given "dummy" by people who send theirs in the other header.
func (x *exchange) identify() error {
	who, err := x.gw.principal(x.r)
	x.who = who // the log tells of refused keys too
	return err
}

// principal is who a request speaks for, with an error where that one may not, or
// not from where it comes.
func (g *Gateway) principal(r *http.Request) (*keyring.Principal, error) {
	secret, err := credential(r.Header)
	if err != nil {
		return nil, err
	}
	who, ok, expired := g.opt.Keys.Lookup(secret)
	switch {
	case expired:
		return nil, &llm.Error{Kind: llm.ErrAuth, Code: "invalid_api_key", NoRetry: true, Message: "this API key has expired: ask your administrator for a new one"}
	case !ok:
		return nil, &llm.Error{Kind: llm.ErrAuth, Code: "invalid_api_key", NoRetry: true, Message: "this API key is not known here: check it, or make one with `turnpike keys create`"}
	case who.Barred != "":
		return who, &llm.Error{Kind: llm.ErrForbidden, Code: "key_barred", NoRetry: true, Message: "this API key may not be used: " + who.Barred + "; ask your administrator"}
	case len(who.Addresses) > 0:
		return who, g.fromHere(who, r)
	}
	return who, nil
}

// fromHere refuses a key that may not be used from where the request comes.
func (g *Gateway) fromHere(who *keyring.Principal, r *http.Request) error {
	at := g.opt.Proxies.Address(r)
	if peer.Within(who.Addresses, at) {
		return nil
	}
	seen := at.String()
	if !at.IsValid() {
		seen = "an unknown address"
	}
	return &llm.Error{
		Kind: llm.ErrForbidden, Code: "address_not_allowed", NoRetry: true,
		Message: "this API key may not be used from " + seen + ": ask your administrator to allow the address",
	}
}

func credential(h http.Header) (string, error) {
	bearer, apiKey := "", h.Get("X-Api-Key")
	if a := h.Get("Authorization"); a != "" {
		scheme, token, _ := strings.Cut(a, " ")
		switch {
		case strings.EqualFold(scheme, "Bearer"):
			bearer = strings.TrimSpace(token)
		case scheme == "AWS4-HMAC-SHA256":
			bearer = accessKeyID(token)
		default:
			return "", &llm.Error{Kind: llm.ErrAuth, NoRetry: true, Message: "Authorization must be: Bearer YOUR_KEY"}
		}
	}
	if apiKey == "" {
		apiKey = firstOf(h, "Api-Key", "X-Goog-Api-Key")
	}
	if bearer != apiKey && placeholder(bearer) != placeholder(apiKey) {
		if placeholder(bearer) {
			bearer = ""
		} else {
			apiKey = ""
		}
	}
	switch {
	case bearer == "" && apiKey == "":
		return "", &llm.Error{Kind: llm.ErrAuth, NoRetry: true, Message: "no API key: send it as Authorization: Bearer YOUR_KEY or x-api-key: YOUR_KEY"}
	case bearer != "" && apiKey != "" && bearer != apiKey:
		return "", &llm.Error{Kind: llm.ErrAuth, NoRetry: true, Message: "Authorization and x-api-key hold two different keys: send one, or the same in both"}
	case bearer != "":
		return bearer, nil
	}
	return apiKey, nil
}

// placeholder tells whether a value stands where no key is: it is not there, or is shorter
// than any that is safe. A key that is so short is good where it comes alone.
func placeholder(key string) bool { return len(key) < 16 }

// accessKeyID is what an AWS SDK has for an access key id: a key of ours, when the
// SDK is set up for this gateway. It stands in clear in the header, like a bearer
// token; the signature around it is not looked at.
func accessKeyID(params string) string {
	_, rest, _ := strings.Cut(params, "Credential=")
	id, _, _ := strings.Cut(rest, "/")
	return id
}

func firstOf(h http.Header, names ...string) string {
	for _, n := range names {
		if v := h.Get(n); v != "" {
			return v
		}
	}
	return ""
}
