package bedrock

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// service is the name Bedrock's signatures are made for.
const service = "bedrock"

// ErrCredentials is wrapped when no AWS credentials are to be had.
var ErrCredentials = errors.New("no AWS credentials")

type signer struct {
	opt Options
	v4  *v4.Signer
	now func() time.Time

	mu    sync.Mutex
	creds aws.CredentialsProvider
}

func newSigner(opt Options) *signer {
	s := &signer{opt: opt, v4: v4.NewSigner(), now: time.Now}
	if opt.AccessKeyID != "" && opt.RoleARN == "" {
		s.creds = credentials.NewStaticCredentialsProvider(opt.AccessKeyID, opt.SecretAccessKey, opt.SessionToken)
	}
	return s
}

// sign puts an Authorization on the request: the bearer token, or SigV4 over
// the host that is called and exactly this body. One that the operator's headers
// have set stays.
func (s *signer) sign(ctx context.Context, r *http.Request, body []byte, service string) error {
	if r.Header.Get("Authorization") != "" {
		return nil
	}
	if s.opt.BearerToken != "" {
		r.Header["Authorization"] = []string{"Bearer " + s.opt.BearerToken}
		return nil
	}
	p, err := s.provider(ctx)
	if err != nil {
		return err
	}
	c, err := p.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCredentials, err)
	}
	sum := sha256.Sum256(body)
	return s.v4.SignHTTP(ctx, c, r, hex.EncodeToString(sum[:]), service, s.opt.Region, s.now())
}

// provider finds the credentials: static ones, or the SDK's chain (environment,
// shared files, SSO, web identity, container, instance), with a role on top if asked.
func (s *signer) provider(ctx context.Context) (aws.CredentialsProvider, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.creds != nil {
		return s.creds, nil
	}
	opts := append(inProfile(s.opt.Profile), config.WithRegion(s.opt.Region))
	if s.opt.AccessKeyID != "" {
		opts = append(opts, config.WithCredentialsProvider(
			credentials.NewStaticCredentialsProvider(s.opt.AccessKeyID, s.opt.SecretAccessKey, s.opt.SessionToken)))
	}
	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCredentials, err)
	}
	p := cfg.Credentials
	if s.opt.RoleARN != "" {
		p = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), s.opt.RoleARN))
	}
	s.creds = p
	return p, nil
}

func inProfile(name string) []func(*config.LoadOptions) error {
	if name == "" {
		return nil
	}
	return []func(*config.LoadOptions) error{config.WithSharedConfigProfile(name)}
}

// profileRegion is the region that the environment or the AWS profile names,
// empty if there is none.
func profileRegion(profile string) string {
	cfg, err := config.LoadDefaultConfig(context.Background(), inProfile(profile)...)
	if err != nil {
		return ""
	}
	return cfg.Region
}
