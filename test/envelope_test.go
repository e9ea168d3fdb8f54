package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// checkEnvelope looks at what surrounds a body: the path, the provider's
// credentials, and that the client's are nowhere.
func checkEnvelope(f *fault, account, model string, stream bool, got *received) {
	f.check(got.method == http.MethodPost, "method %s", got.method)
	for name, values := range got.header {
		for _, v := range values {
			f.check(!strings.Contains(v, clientKey), "the client's key reached the upstream in %s", name)
		}
	}
	f.check(!bytes.Contains(got.body, []byte(clientKey)), "the client's key reached the upstream in the body")
	h := got.header
	f.check(h.Get("Content-Type") == "application/json", "content type %q", h.Get("Content-Type"))
	switch account {
	case "openai":
		f.check(got.uri == "/v1/chat/completions", "path %s", got.uri)
		f.check(h.Get("Authorization") == "Bearer "+openaiKey, "authorization %q", h.Get("Authorization"))
	case "compat":
		f.check(got.uri == "/compat/v1/chat/completions", "path %s", got.uri)
		f.check(h.Get("Authorization") == "Bearer "+compatKey, "authorization %q", h.Get("Authorization"))
	case "anthropic":
		f.check(got.path == "/v1/messages", "path %s", got.uri)
		f.check(h.Get("X-Api-Key") == anthropicKey, "x-api-key %q", h.Get("X-Api-Key"))
		f.check(h.Get("Anthropic-Version") != "", "no anthropic-version")
	default:
		operation := map[string]map[bool]string{
			"invoke":   {false: "invoke", true: "invoke-with-response-stream"},
			"converse": {false: "converse", true: "converse-stream"},
		}[account][stream]
		f.check(got.uri == "/model/"+escaped(model)+"/"+operation, "path %s", got.uri)
		checkSignature(f, got)
	}
}

// checkSignature signs what arrived once more, with the AWS SDK.
func checkSignature(f *fault, got *received) {
	auth := got.header.Get("Authorization")
	_, list, ok := strings.Cut(auth, "SignedHeaders=")
	list, _, _ = strings.Cut(list, ",")
	at, err := time.Parse("20060102T150405Z", got.header.Get("X-Amz-Date"))
	if !ok || err != nil {
		f.add("no signature: %q, date %q", auth, got.header.Get("X-Amz-Date"))
		return
	}
	r, err := http.NewRequest(got.method, "http://"+got.host+got.uri, io.NopCloser(bytes.NewReader(got.body)))
	if err != nil {
		f.add("the request: %v", err)
		return
	}
	for name := range strings.SplitSeq(list, ";") {
		switch {
		case name == "content-length":
			r.ContentLength = int64(len(got.body))
		case name != "host":
			r.Header[http.CanonicalHeaderKey(name)] = got.header.Values(name)
		}
	}
	for _, must := range []string{"host", "x-amz-date"} {
		f.check(strings.Contains(";"+list+";", ";"+must+";"), "%s is not signed: %s", must, list)
	}
	sum := sha256.Sum256(got.body)
	err = v4.NewSigner().SignHTTP(r.Context(), aws.Credentials{AccessKeyID: awsKeyID, SecretAccessKey: awsSecret}, r,
		hex.EncodeToString(sum[:]), "bedrock", "us-east-1", at)
	f.check(err == nil && r.Header.Get("Authorization") == auth, "the signature is wrong (%v):\n  want %s\n  got  %s", err, r.Header.Get("Authorization"), auth)
}
