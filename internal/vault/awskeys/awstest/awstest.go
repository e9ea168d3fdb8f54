// Package awstest is KMS and Secrets Manager for tests: strict where AWS is. It checks
// signatures with its own arithmetic (AWS General Reference, Signature Version 4),
// not with the SDK's.
package awstest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Nobody's credentials.
const (
	KeyID     = "AKIDEXAMPLE"
	SecretKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" //nolint:gosec // AWS's own example
	Region    = "eu-central-1"
	// Key is the ARN of a key that is there.
	Key = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
)

// AWS is the service.
type AWS struct {
	*httptest.Server
	mu sync.Mutex
	// Secrets are texts by name and stage.
	secrets map[string]map[string]string
	fail    []int // statuses of the next answers
	calls   []string
	aead    cipher.AEAD
}

// New starts the service and points the environment of the test at it.
func New(t *testing.T) *AWS {
	t.Helper()
	raw := make([]byte, 32)
	_, _ = rand.Read(raw)
	block, err := aes.NewCipher(raw)
	if err != nil {
		t.Fatal(err)
	}
	a := &AWS{secrets: map[string]map[string]string{}}
	if a.aead, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		t.Fatal(err)
	}
	a.Server = httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(a.Close)
	for name, value := range a.Environment() {
		t.Setenv(name, value)
	}
	return a
}

// Environment is what a process needs to find the service.
func (a *AWS) Environment() map[string]string {
	return map[string]string{
		"AWS_ACCESS_KEY_ID": KeyID, "AWS_SECRET_ACCESS_KEY": SecretKey, "AWS_SESSION_TOKEN": "", "AWS_REGION": Region, "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_ENDPOINT_URL": a.URL,
	}
}

// Put keeps a secret; the one before becomes AWSPREVIOUS.
func (a *AWS) Put(name, text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	stages := a.secrets[name]
	if stages == nil {
		stages = map[string]string{}
		a.secrets[name] = stages
	} else {
		stages["AWSPREVIOUS"] = stages["AWSCURRENT"]
	}
	stages["AWSCURRENT"] = text
}

// Fail lets the next calls fail with these statuses.
func (a *AWS) Fail(statuses ...int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fail = statuses
}

// Calls are the operations that were asked for.
func (a *AWS) Calls() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.calls)
}

func (a *AWS) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	target := r.Header.Get("X-Amz-Target")
	a.calls = append(a.calls, target)
	if len(a.fail) > 0 {
		status := a.fail[0]
		a.fail = a.fail[1:]
		refuse(w, status, "InternalFailure", "not now")
		return
	}
	service := map[string]string{"TrentService": "kms", "secretsmanager": "secretsmanager"}[strings.SplitN(target, ".", 2)[0]]
	if err := Verify(r, body, service); err != nil {
		refuse(w, http.StatusBadRequest, "InvalidSignatureException", err.Error())
		return
	}
	if r.Header.Get("Content-Type") != "application/x-amz-json-1.1" || r.Method != http.MethodPost || r.URL.Path != "/" {
		refuse(w, http.StatusBadRequest, "UnknownOperationException", "")
		return
	}
	var in input
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		refuse(w, http.StatusBadRequest, "SerializationException", err.Error())
		return
	}
	switch target {
	case "TrentService.Encrypt":
		a.encrypt(w, &in)
	case "TrentService.Decrypt":
		a.decrypt(w, &in)
	case "secretsmanager.GetSecretValue":
		a.secret(w, &in)
	default:
		refuse(w, http.StatusBadRequest, "UnknownOperationException", target)
	}
}

type input struct {
	KeyId             string
	Plaintext         []byte
	CiphertextBlob    []byte
	EncryptionContext map[string]string
	SecretId          string
	VersionStage      string
}

// bound is the encryption context as a ciphertext is bound to it.
func (in *input) bound() []byte {
	var out strings.Builder
	for _, k := range slices.Sorted(maps.Keys(in.EncryptionContext)) {
		fmt.Fprintf(&out, "%q=%q;", k, in.EncryptionContext[k])
	}
	return []byte(out.String())
}

func (a *AWS) encrypt(w http.ResponseWriter, in *input) {
	switch {
	case in.KeyId != Key && in.KeyId != "alias/turnpike":
		refuse(w, http.StatusBadRequest, "NotFoundException", "no key "+in.KeyId)
	case len(in.Plaintext) == 0 || len(in.Plaintext) > 4096:
		refuse(w, http.StatusBadRequest, "ValidationException", "Plaintext has 1 to 4096 bytes")
	default:
		tell(w, map[string]any{"CiphertextBlob": a.aead.Seal(nil, nil, in.Plaintext, in.bound()), "KeyId": Key, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}) //nolint:gosec // it makes its own nonce
	}
}

func (a *AWS) decrypt(w http.ResponseWriter, in *input) {
	if in.KeyId != Key && in.KeyId != "alias/turnpike" {
		refuse(w, http.StatusBadRequest, "IncorrectKeyException", "")
		return
	}
	plain, err := a.aead.Open(nil, nil, in.CiphertextBlob, in.bound())
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidCiphertextException", "")
		return
	}
	tell(w, map[string]any{"Plaintext": plain, "KeyId": Key})
}

func (a *AWS) secret(w http.ResponseWriter, in *input) {
	text, ok := a.secrets[in.SecretId][in.VersionStage]
	if !ok {
		refuse(w, http.StatusBadRequest, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging label: "+in.VersionStage)
		return
	}
	tell(w, map[string]any{"Name": in.SecretId, "SecretString": text, "VersionStages": []string{in.VersionStage}})
}

func tell(w http.ResponseWriter, what map[string]any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(what)
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": kind, "message": message})
}

// Verify checks the signature of a request as AWS does.
func Verify(r *http.Request, body []byte, service string) error {
	rest, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	if !ok {
		return errors.New("no signature")
	}
	parts := map[string]string{}
	for p := range strings.SplitSeq(rest, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
		parts[k] = v
	}
	date := r.Header.Get("X-Amz-Date")
	at, err := time.Parse("20060102T150405Z", date)
	if err != nil || time.Since(at).Abs() > 5*time.Minute {
		return errors.New("the signature has expired")
	}
	scope := date[:8] + "/" + Region + "/" + service + "/aws4_request"
	if parts["Credential"] != KeyID+"/"+scope {
		return fmt.Errorf("scope %s, want %s", parts["Credential"], scope)
	}
	signed := strings.Split(parts["SignedHeaders"], ";")
	for _, must := range []string{"host", "x-amz-date", "x-amz-target", "content-type"} {
		if !slices.Contains(signed, must) {
			return fmt.Errorf("the header %s is not signed", must)
		}
	}
	var headers strings.Builder
	for _, name := range signed {
		value := r.Header.Get(name)
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = fmt.Sprint(len(body))
		}
		fmt.Fprintf(&headers, "%s:%s\n", name, strings.TrimSpace(value))
	}
	canonical := strings.Join([]string{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, headers.String(), parts["SignedHeaders"], digest(body)}, "\n")
	text := strings.Join([]string{"AWS4-HMAC-SHA256", date, scope, digest([]byte(canonical))}, "\n")
	key := []byte("AWS4" + SecretKey)
	for _, word := range []string{date[:8], Region, service, "aws4_request", text} {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(word))
		key = m.Sum(nil)
	}
	if got := hex.EncodeToString(key); got != parts["Signature"] {
		return errors.New("the signature does not fit what arrived")
	}
	return nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
