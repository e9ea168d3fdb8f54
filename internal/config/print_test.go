package config

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

func TestPrint(t *testing.T) {
	cfg := mustLoad(t, `
auth: {admin_key: admin-key-in-the-clear, api_key: short}
database: {url: "postgres://turnpike:password-in-the-clear@db.example/turnpike"}
providers:
- {name: a, type: openai, api_key: openai-key-in-the-clear, headers: {x-key: header-in-the-clear}}
- {name: b, type: anthropic, api_key: "${NONE}"}
- {name: c, type: bedrock, access_key_id: id-in-the-clear, secret_access_key: aws-key-in-the-clear, session_token: token-in-the-clear}
- {name: d, type: bedrock, bearer_token: bearer-in-the-clear}
- {name: e, type: azure, base_url: "https://h", tenant_id: t, client_id: c, client_secret: azure-in-the-clear}
- {name: f, type: vertex, credentials: '{"private_key":"google-in-the-clear"}'}
`)
	out, err := Print(cfg)
	if err != nil {
		t.Fatal(err)
	}
	text := string(out)
	if strings.Contains(text, "in-the") || strings.Contains(text, "short") {
		t.Errorf("a secret is shown:\n%s", text)
	}
	for _, want := range []string{
		"max_body: 32MiB", "heartbeat: 15s", "admin_key: …lear", `api_key: …`, "x-key: …lear", "bearer_token: …lear",
		"# disabled: no api_key (NONE is not set)\n  - name: b", "lb_strategy: smart", "name: sandbox", "first_byte: 10m0s",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q:\n%s", want, text)
		}
	}
	again, err := fromText(t, text)
	if err == nil {
		t.Errorf("masked keys were accepted: %+v", again)
	}
}

// Without secrets the printed form is a configuration that gives the same.
func TestPrintRoundTrip(t *testing.T) {
	cfg := mustLoad(t, "server: {port: 99, max_body: 5MB}\nproviders: [{name: b, type: bedrock, region: us-east-1, models: [a, 'b*'], enabled: false, apis: {'x*': chat, '*': invoke}}]")
	first, err := Print(cfg)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Print(mustLoad(t, string(first)))
	if err != nil || string(first) != string(second) {
		t.Errorf("%v\n%s\n--- became ---\n%s", err, first, second)
	}
}

func TestPrintSaysDetected(t *testing.T) {
	out, err := Print(mustLoad(t, "", "OPENAI_API_KEY=openai-key-in-the-clear"))
	if err != nil || !strings.Contains(string(out), "# found in the environment") || strings.Contains(string(out), "in-the") {
		t.Errorf("%v\n%s", err, out)
	}
}

// The comments of the fields are the reference of the configuration, so every
// field has one that begins with its name.
func TestEveryFieldHasAComment(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "config.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	fields := 0
	ast.Inspect(file, func(n ast.Node) bool {
		s, ok := n.(*ast.StructType)
		if !ok {
			return true
		}
		for _, f := range s.Fields.List {
			for _, name := range f.Names {
				fields++
				// One comment may cover a pair: "Disabled says …; Reason says …".
				if !strings.HasPrefix(f.Doc.Text(), name.Name+" ") {
					t.Errorf("%s: comment %q", name.Name, f.Doc.Text())
				}
			}
		}
		return true
	})
	if fields < 40 {
		t.Errorf("saw %d fields only", fields)
	}
}
