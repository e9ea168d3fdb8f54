// Package awskeys gets master keys from AWS: KMS wraps data keys itself and never
// gives its key away; Secrets Manager keeps the text of one.
//
// Both are three calls of AWS's JSON protocol, signed like those to Bedrock; their
// clients of the SDK would bring a few hundred types for them.
package awskeys

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
)

const (
	maxAnswer = 256 << 10 // a secret has at most 64 KiB, in base64
	timeout   = 10 * time.Second
	tries     = 3
	pause     = 200 * time.Millisecond
)

// service is one of AWS's that speak JSON.
type service struct {
	name     string // as signatures have it
	prefix   string // of X-Amz-Target
	endpoint *url.URL
	region   string
	creds    aws.CredentialsProvider
	client   *http.Client
	now      func() time.Time
	pause    time.Duration
}

// open finds the region and credentials by AWS's usual chain. The region of an ARN
// is that of what it names. AWS_ENDPOINT_URL_<SERVICE> and AWS_ENDPOINT_URL say where
// the service is, as they do for AWS's own tools.
func open(ctx context.Context, name, prefix, variable, named string) (*service, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("AWS: %w", err)
	}
	region := cfg.Region
	if a, err := arn.Parse(named); err == nil {
		region = a.Region
	}
	if region == "" {
		return nil, fmt.Errorf("AWS %s: which region? Name the key by its ARN, or set AWS_REGION", name)
	}
	address := os.Getenv("AWS_ENDPOINT_URL_" + variable)
	if address == "" {
		address = os.Getenv("AWS_ENDPOINT_URL")
	}
	if address == "" {
		domain := "amazonaws.com"
		if strings.HasPrefix(region, "cn-") {
			domain = "amazonaws.com.cn"
		}
		address = "https://" + name + "." + region + "." + domain
	}
	u, err := url.Parse(strings.TrimRight(address, "/") + "/")
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("AWS %s: %q is no address", name, address)
	}
	return &service{
		name: name, prefix: prefix, endpoint: u, region: region, creds: cfg.Credentials, now: time.Now, pause: pause,
		client: &http.Client{Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

// Error is a refusal of AWS's.
type Error struct {
	Status  int
	Type    string `json:"__type"`
	Message string `json:"message"`
	// Other is the spelling of some services.
	Other string `json:"Message"`
}

func (e *Error) Error() string {
	kind := e.Type[strings.LastIndexByte(e.Type, '#')+1:]
	text := e.Message
	if text == "" {
		text = e.Other
	}
	return fmt.Sprintf("AWS answered %d %s: %s", e.Status, kind, text)
}

// is tells whether a refusal is of a kind.
func (e *Error) is(kind string) bool { return e.Type[strings.LastIndexByte(e.Type, '#')+1:] == kind }

// passing tells whether a refusal may be another answer the next time.
func (e *Error) passing() bool {
	return e.Status >= http.StatusInternalServerError || e.Status == http.StatusTooManyRequests || e.is("ThrottlingException")
}

// call asks for an operation; what fails for a moment is tried again.
func (s *service) call(ctx context.Context, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		err = s.once(ctx, operation, body, out)
		var no *Error
		if err == nil || n == tries || errors.As(err, &no) && !no.passing() {
			return err
		}
		wait := time.NewTimer(time.Duration(n) * s.pause)
		select {
		case <-ctx.Done():
			wait.Stop()
			return err
		case <-wait.C:
		}
	}
}

func (s *service) once(ctx context.Context, operation string, body []byte, out any) error {
	creds, err := s.creds.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("no AWS credentials: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", s.prefix+"."+operation)
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, creds, r, hex.EncodeToString(sum[:]), s.name, s.region, s.now()); err != nil {
		return err
	}
	res, err := s.client.Do(r) //nolint:gosec // the operator says where
	if err != nil {
		return fmt.Errorf("AWS %s: %w", s.name, err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("AWS %s: %w", s.name, err)
	}
	if res.StatusCode != http.StatusOK {
		no := &Error{}
		_ = json.Unmarshal(answer, no) // else the status says it all
		no.Status = res.StatusCode
		return no
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("AWS %s: the answer is no JSON", s.name) // and may hold a secret
	}
	return nil
}
