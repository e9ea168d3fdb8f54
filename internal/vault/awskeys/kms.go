package awskeys

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
)

// KMS is a master key that never leaves AWS. It needs kms:Encrypt and kms:Decrypt.
type KMS struct {
	key string
	aws *service
}

// NewKMS is the master key of an ARN, an id or an alias ("alias/turnpike").
func NewKMS(ctx context.Context, key string) (*KMS, error) {
	s, err := open(ctx, "kms", "TrentService", "KMS", key)
	if err != nil {
		return nil, err
	}
	return &KMS{key, s}, nil
}

// ID names the key.
func (k *KMS) ID() string { return "kms:" + k.key }

// of is what a ciphertext is bound to: KMS opens it with the same words only, and
// writes them into AWS's own audit log.
func of(place string) map[string]string { return map[string]string{"turnpike": place} }

// Wrap encrypts a data key.
func (k *KMS) Wrap(ctx context.Context, key []byte, place string) (string, error) {
	var out struct{ CiphertextBlob []byte }
	err := k.aws.call(ctx, "Encrypt", map[string]any{"KeyId": k.key, "Plaintext": key, "EncryptionContext": of(place)}, &out)
	if err != nil {
		return "", fmt.Errorf("wrap a data key by %s: %w", k.ID(), err)
	}
	if len(out.CiphertextBlob) == 0 {
		return "", errors.New("KMS gave no ciphertext")
	}
	return base64.StdEncoding.EncodeToString(out.CiphertextBlob), nil
}

// Unwrap decrypts a data key. The key is named, so that a ciphertext made with
// another one does not open (KMS API reference, Decrypt, KeyId).
func (k *KMS) Unwrap(ctx context.Context, wrapped, place string) ([]byte, error) {
	blob, err := base64.StdEncoding.Strict().DecodeString(wrapped)
	if err != nil {
		return nil, errors.New("the wrapped data key is damaged")
	}
	var out struct{ Plaintext []byte }
	err = k.aws.call(ctx, "Decrypt", map[string]any{"KeyId": k.key, "CiphertextBlob": blob, "EncryptionContext": of(place)}, &out)
	if err != nil {
		return nil, fmt.Errorf("open a data key by %s: %w", k.ID(), err)
	}
	return out.Plaintext, nil
}
