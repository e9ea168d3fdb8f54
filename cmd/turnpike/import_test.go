package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestImportFromLiteLLM: a key of LiteLLM opens this gateway, with the file that was made of
// LiteLLM's.
func TestImportFromLiteLLM(t *testing.T) {
	data := alone(t)
	dir := t.TempDir()
	conf := write(t, filepath.Join(dir, "config.yaml"), "model_list:\n  - model_name: sandbox\n    litellm_params: {model: openai/sandbox, api_key: k}\ngeneral_settings: {master_key: sk-master-0123456789}\n")
	const secret = "sk-of-litellm-0123456789"
	sum := sha256.Sum256([]byte(secret))
	tables := write(t, filepath.Join(dir, "tables.json"), `{"LiteLLM_TeamTable":[{"team_id":"t","team_alias":"web","max_budget":5}],
		"LiteLLM_VerificationToken":[{"token":"`+hex.EncodeToString(sum[:])+`","key_alias":"laptop","team_id":"t","models":["all-proxy-models"]}]}`)
	out := filepath.Join(dir, "turnpike.yaml")
	args := []string{"import", "litellm", conf, "--tables", tables, "--out", out, "--data-dir", data}
	commandOut(t, append(args, "--dry-run")...)
	if list := commandOut(t, "keys", "list", "--data-dir", data); strings.Contains(list, "laptop") {
		t.Errorf("a dry run made %s", list)
	}
	if err := os.Remove(out); err != nil {
		t.Fatal(err)
	}
	commandOut(t, args...)
	refused(t, "exists", args...) // the file is not written over
	if text := commandOut(t, "import", "litellm", conf, "--tables", tables, "--json", "--data-dir", data); !strings.Contains(text, `"there":["team web","key laptop"]`) {
		t.Error(text)
	}
	info, err := os.Stat(out)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	commandOut(t, "config", "check", "--config", out)
	r, _ := firstRun(t, load(t, data, nil, write(t, filepath.Join(dir, "t.yaml"), "providers: [{name: box, type: sandbox}]\n")))
	r.answers(200, secret)
	if list := commandOut(t, "audit", "list", "--data-dir", data); !strings.Contains(list, "import.litellm") {
		t.Error(list)
	}
}
