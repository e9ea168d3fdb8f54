package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"turnpike/internal/admin"
)

// TestGeneratedClient makes a typed client of the document of the admin API, compiles a
// program against it and lets that call every operation of a gateway that runs.
func TestGeneratedClient(t *testing.T) {
	dir, err := filepath.Abs(filepath.Join("..", "..", "test", "client"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "openapi-fetch")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("the generator of clients is missing: npm ci --prefix test/client")
		}
		t.Skip("the generator of clients is missing: npm ci --prefix test/client")
	}
	data := alone(t)
	path := write(t, "typed.yaml", liveFile+"keys: { revealable: true }\n")
	r := startLive(t, data, path, nil)
	if r.asks("box/sandbox") != 200 {
		t.Fatal("nothing is served")
	}
	text, err := admin.OpenAPI(version)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "openapi.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range [][]string{
		{filepath.Join("node_modules", ".bin", "openapi-typescript"), "openapi.json", "-o", "api.d.ts"},
		{filepath.Join("node_modules", ".bin", "tsc"), "-p", "."},
		{"node", filepath.Join("out", "client.js")},
	} {
		c := exec.CommandContext(t.Context(), command[0], command[1:]...)
		c.Dir = dir
		c.Env = append(os.Environ(), "TURNPIKE_URL=http://"+r.app.address(), "TURNPIKE_ADMIN_KEY="+liveAdmin)
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", command, err, out)
		}
		t.Logf("%s", out)
	}
}
