package awskeys

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"turnpike/internal/vault/awskeys/awstest"
)

func newKMS(t *testing.T, key string) (*KMS, *awstest.AWS) {
	t.Helper()
	aws := awstest.New(t)
	k, err := NewKMS(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	k.aws.pause = time.Nanosecond
	return k, aws
}

func TestKMS(t *testing.T) {
	for _, name := range []string{awstest.Key, "alias/turnpike"} {
		k, _ := newKMS(t, name)
		key := bytes.Repeat([]byte{7}, 32)
		wrapped, err := k.Wrap(t.Context(), key, "data key/dk_1/")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := k.Unwrap(t.Context(), wrapped, "data key/dk_1/"); err != nil || !bytes.Equal(got, key) {
			t.Errorf("%x, %v", got, err)
		}
		if _, err := k.Unwrap(t.Context(), wrapped, "data key/dk_2/"); err == nil || !strings.Contains(err.Error(), "InvalidCiphertextException") {
			t.Errorf("it opens elsewhere: %v", err)
		}
		if k.ID() != "kms:"+name {
			t.Errorf("id %s", k.ID())
		}
	}
}

func TestKMSRefuses(t *testing.T) {
	k, aws := newKMS(t, "alias/other")
	if _, err := k.Wrap(t.Context(), make([]byte, 32), "x"); err == nil || !strings.Contains(err.Error(), "NotFoundException") {
		t.Errorf("%v", err)
	}
	if n := len(aws.Calls()); n != 1 {
		t.Errorf("a refusal was asked for %d times", n)
	}
	k.key = awstest.Key
	aws.Fail(http.StatusInternalServerError, http.StatusServiceUnavailable)
	if _, err := k.Wrap(t.Context(), make([]byte, 32), "x"); err != nil {
		t.Errorf("two failures and then an answer: %v", err)
	}
	aws.Fail(500, 500, 500)
	if _, err := k.Wrap(t.Context(), make([]byte, 32), "x"); err == nil {
		t.Error("three failures are none")
	}
	if _, err := k.Unwrap(t.Context(), "no base64!", "x"); err == nil {
		t.Error("damage is none")
	}
}

// The judge must be able to refuse: another secret, another region.
func TestSignatureIsChecked(t *testing.T) {
	k, _ := newKMS(t, awstest.Key)
	k.aws.region = "us-east-1"
	if _, err := k.Wrap(t.Context(), make([]byte, 32), "x"); err == nil || !strings.Contains(err.Error(), "InvalidSignatureException") {
		t.Errorf("another region: %v", err)
	}
	k, _ = newKMS(t, awstest.Key)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "another")
	other, err := NewKMS(t.Context(), awstest.Key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Wrap(t.Context(), make([]byte, 32), "x"); err == nil || !strings.Contains(err.Error(), "does not fit") {
		t.Errorf("another secret: %v", err)
	}
	k.aws.now = func() time.Time { return time.Now().Add(-time.Hour) }
	if _, err := k.Wrap(t.Context(), make([]byte, 32), "x"); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("an old signature: %v", err)
	}
}

func TestSecret(t *testing.T) {
	aws := awstest.New(t)
	text := func(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)) }
	if _, err := Secret(t.Context(), "turnpike/master"); err == nil {
		t.Error("there is no secret, and nobody said so")
	}
	aws.Put("turnpike/master", text(1)+"\n")
	first, err := Secret(t.Context(), "turnpike/master")
	if err != nil || len(first) != 1 {
		t.Fatalf("%v, %v", first, err)
	}
	aws.Put("turnpike/master", text(2))
	both, err := Secret(t.Context(), "turnpike/master")
	if err != nil || len(both) != 2 || both[1].ID() != first[0].ID() || both[0].ID() == first[0].ID() {
		t.Errorf("after a rotation there: %v, %v", both, err)
	}
	aws.Put("turnpike/master", "hunter2-not-a-key")
	if _, err := Secret(t.Context(), "turnpike/master"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("what is no key: %v", err)
	}
}

func TestRegion(t *testing.T) {
	awstest.New(t)
	t.Setenv("AWS_REGION", "")
	if _, err := NewKMS(t.Context(), "alias/turnpike"); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("%v", err)
	}
	k, err := NewKMS(t.Context(), awstest.Key)
	if err != nil || k.aws.region != awstest.Region {
		t.Errorf("the region of the ARN: %v, %v", k, err)
	}
	t.Setenv("AWS_ENDPOINT_URL", "")
	if k, err = NewKMS(t.Context(), awstest.Key); err != nil || k.aws.endpoint.String() != "https://kms.eu-central-1.amazonaws.com/" {
		t.Errorf("%v, %v", k, err)
	}
}
