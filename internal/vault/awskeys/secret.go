package awskeys

import (
	"context"
	"errors"
	"fmt"

	"turnpike/internal/vault"
)

// Secret reads master keys from Secrets Manager: the text of the current version, and
// behind it the one before, so that a rotation there needs nothing else. It needs
// secretsmanager:GetSecretValue.
func Secret(ctx context.Context, name string) ([]vault.Master, error) {
	s, err := open(ctx, "secretsmanager", "secretsmanager", "SECRETS_MANAGER", name)
	if err != nil {
		return nil, err
	}
	return s.secret(ctx, name)
}

func (s *service) secret(ctx context.Context, name string) (list []vault.Master, err error) {
	for _, stage := range []string{"AWSCURRENT", "AWSPREVIOUS"} {
		var out struct {
			SecretString string
			SecretBinary []byte
		}
		err := s.call(ctx, "GetSecretValue", map[string]string{"SecretId": name, "VersionStage": stage}, &out)
		var no *Error
		if stage == "AWSPREVIOUS" && errors.As(err, &no) && no.is("ResourceNotFoundException") {
			break // it was never rotated
		}
		if err != nil {
			return nil, fmt.Errorf("the secret %s: %w", name, err)
		}
		keys, err := vault.Masters(append([]byte(out.SecretString), out.SecretBinary...))
		if err != nil {
			return nil, fmt.Errorf("the secret %s, %s: %w", name, stage, err)
		}
		list = append(list, keys...)
	}
	return list, nil
}
