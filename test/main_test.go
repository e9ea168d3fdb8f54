package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// The gateway most tests share, and the upstream behind it. They are started by
// the first test that asks and examined when all are done.
var shared struct {
	once sync.Once
	gw   *gateway
	up   *upstream
	err  error
}

// gatewayBinary is the gateway under test.
var gatewayBinary string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	// What is set for the SDKs or the gateway outside must not reach in here.
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		for _, prefix := range []string{"OPENAI_", "ANTHROPIC_", "AWS_", "GEMINI_", "TURNPIKE_AUTH", "TURNPIKE_SERVER", "TURNPIKE_DATA"} {
			if strings.HasPrefix(name, prefix) {
				_ = os.Unsetenv(name)
			}
		}
	}
	dir, err := os.MkdirTemp("", "turnpike-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if gatewayBinary, err = build(dir); err != nil {
		fmt.Fprintln(os.Stderr, "the gateway could not be built:", err)
		return 1
	}
	code := m.Run()
	if shared.gw != nil {
		if err := shared.gw.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "FAIL: the gateway that the tests shared:", err)
			code = 1
		}
	}
	if shared.up != nil {
		shared.up.close()
	}
	return code
}

// build makes the binary of the main module, or takes the one TURNPIKE_BINARY names.
func build(dir string) (string, error) {
	if b := os.Getenv("TURNPIKE_BINARY"); b != "" {
		return filepath.Abs(b)
	}
	out := filepath.Join(dir, "turnpike")
	args := append([]string{"build", "-o", out}, buildFlags...)
	cmd := exec.Command("go", append(args, "./cmd/turnpike")...)
	cmd.Dir = ".."
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, text)
	}
	return out, nil
}

// together gives the gateway and the upstream that tests share.
func together(t *testing.T) (*gateway, *upstream) {
	t.Helper()
	shared.once.Do(func() {
		shared.up = newUpstream()
		shared.gw, shared.err = start(context.Background(), sharedConfig(shared.up))
	})
	if shared.err != nil {
		t.Fatal(errors.Join(errors.New("the gateway does not start"), shared.err))
	}
	return shared.gw, shared.up
}

// sharedConfig has one provider of every kind, all at the upstream of the tests.
func sharedConfig(up *upstream) string {
	return fmt.Sprintf(`
auth: { api_key: %[2]s }
routing: { attempts: 1 }
providers:
  - { name: openai, type: openai, base_url: '%[1]s/v1', api_key: %[3]s }
  - { name: compat, type: openai-compat, base_url: '%[1]s/compat/v1', api_key: %[4]s }
  - { name: anthropic, type: anthropic, base_url: '%[1]s', api_key: %[5]s }
  - { name: impatient, type: openai, base_url: '%[1]s/v1', api_key: %[3]s, timeouts: { first_byte: 300ms, idle: 300ms } }
  - { name: invoke, type: bedrock, api: invoke, region: us-east-1, base_url: '%[1]s', access_key_id: %[6]s, secret_access_key: %[7]s }
  - { name: converse, type: bedrock, api: converse, region: us-east-1, base_url: '%[1]s', access_key_id: %[6]s, secret_access_key: %[7]s }
`, up.url, clientKey, openaiKey, compatKey, anthropicKey, awsKeyID, awsSecret)
}

// Credentials that belong to nobody. None of them may turn up where it does not belong.
const (
	clientKey    = "sk-client-00000000"
	openaiKey    = "sk-upstream-openai-11111111"
	compatKey    = "sk-upstream-compat-22222222"
	anthropicKey = "sk-upstream-anthropic-33333333"
	awsKeyID     = "AKIDEXAMPLE"
	awsSecret    = "aws-secret-of-the-end-to-end-tests"
)

var secrets = []string{clientKey, openaiKey, compatKey, anthropicKey, awsSecret}
