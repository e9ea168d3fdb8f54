package bedrock

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"turnpike/internal/provider"
)

// The answer of AssumeRole (AWS STS API reference).
const assumed = `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/gateway/x</Arn><AssumedRoleId>ARO123:x</AssumedRoleId></AssumedRoleUser>
<Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken><Expiration>%s</Expiration></Credentials>
</AssumeRoleResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></AssumeRoleResponse>`

// TestAssumedRole: a role is assumed with the account's own credentials, requests
// are signed with the role's, and those are asked for again only when they end.
func TestAssumedRole(t *testing.T) {
	const role = "arn:aws:iam::123456789012:role/gateway"
	base := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secretKey}
	for name, prepare := range map[string]func(*testing.T, *Options){
		"static keys": func(_ *testing.T, opt *Options) { opt.AccessKeyID, opt.SecretAccessKey = keyID, secretKey },
		"the chain": func(t *testing.T, _ *Options) {
			t.Setenv("AWS_ACCESS_KEY_ID", keyID)
			t.Setenv("AWS_SECRET_ACCESS_KEY", secretKey)
		},
	} {
		t.Run(name, func(t *testing.T) {
			isolate(t)
			sts, times := newServer(t), 0
			ends := time.Now().Add(-time.Minute) // the first are over at once
			sts.answer = func(arrived) (int, string) {
				times++
				id := fmt.Sprintf("ASIAROLE%08d", times)
				return 200, fmt.Sprintf(assumed, id, "role-secret", "role-token", ends.UTC().Format(time.RFC3339))
			}
			t.Setenv("AWS_ENDPOINT_URL_STS", sts.URL)
			s := newServer(t)
			opt := Options{Options: provider.Options{BaseURL: s.URL}, Region: "eu-west-1", RoleARN: role}
			prepare(t, &opt)
			a := newAccount(t, opt)
			for i, want := range []int{1, 2, 2} {
				if i == 1 {
					ends = time.Now().Add(time.Hour)
				}
				got := s.call(t, a, &provider.Call{Model: "m", Body: text("{}")})
				mine := aws.Credentials{AccessKeyID: fmt.Sprintf("ASIAROLE%08d", want), SecretAccessKey: "role-secret", SessionToken: "role-token"}
				if err := verify(got, mine, "eu-west-1"); err != nil || got.Header.Get("X-Amz-Security-Token") != "role-token" {
					t.Errorf("call %d: %v, with %v", i, err, got.Header)
				}
				if times != want {
					t.Errorf("call %d: the role was assumed %d times", i, times)
				}
			}
			sts.last.Header.Del("Accept-Encoding") // set by the transport, behind the signature
			if err := verifyFor(sts.last, base, "eu-west-1", "sts"); err != nil {
				t.Error("the role was asked for without the account's own signature:", err)
			}
			form, err := url.ParseQuery(string(sts.last.body))
			if err != nil || form.Get("Action") != "AssumeRole" || form.Get("RoleArn") != role || form.Get("RoleSessionName") == "" {
				t.Errorf("asked with %v, %v", form, err)
			}
		})
	}
}
