package kiro

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var longToken = strings.Repeat("r", 120)

func TestFromCLI(t *testing.T) {
	device := `{"client_id":"cid","client_secret":"sec","client_secret_expires_at":"2027-01-01T00:00:00Z","region":"eu-west-1"}`
	token := `{"access_token":"acc","refresh_token":"` + longToken + `","expires_at":"2026-12-01T10:00:00.123456789Z","start_url":"https://d-1.awsapps.com/start","scopes":["a"]}`
	for _, tt := range []struct {
		name   string
		values map[string]string
		kind   string
		fails  bool
	}{
		{"identity center", map[string]string{"kirocli:odic:token": token, "kirocli:odic:device-registration": device, "api.codewhisperer.profile": `{"arn":"arn:p"}`}, IdentityCenter, false},
		{"builder id, older", map[string]string{"codewhisperer:odic:token": strings.Replace(token, "d-1", "view", 1), "codewhisperer:odic:device-registration": device}, BuilderID, false},
		{"social stands first", map[string]string{"kirocli:social:token": token, "kirocli:odic:token": token}, Social, false},
		{"a company's", map[string]string{"kirocli:external-idp:token": `{"access_token":"acc","refresh_token":"` + longToken + `","token_endpoint":"https://login.microsoftonline.com/t","client_id":"c"}`}, ExternalIdP, false},
		{"nothing", nil, "", true},
		{"cut", map[string]string{"kirocli:social:token": `{"access_token":"acc","refresh_token":"short..."}`}, Social, true},
		{"no JSON", map[string]string{"kirocli:social:token": `{`}, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := FromCLI(tt.values)
			if (err != nil) != tt.fails || c.Kind != tt.kind {
				t.Fatalf("%s, %v", c.Kind, err)
			}
			if tt.kind == IdentityCenter && (c.Region != "eu-west-1" || c.ClientSecret != "sec" || c.Profile != "arn:p" || c.Expires.IsZero() || c.SecretExpires.IsZero()) {
				t.Errorf("%+v", c)
			}
		})
	}
}

func TestFromIDE(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	write("abc123.json", `{"clientId":"cid","clientSecret":"sec","expiresAt":"2027-01-01T00:00:00Z"}`)
	token := func(more string) string {
		return `{"accessToken":"a","refreshToken":"` + longToken + `","expiresAt":"2026-12-01T10:00:00.000Z","region":"us-east-1"` + more + `}`
	}
	for _, tt := range []struct {
		name, text, kind string
		fails            bool
	}{
		{"social", token(`,"authMethod":"social","profileArn":"arn:p"`), Social, false},
		{"identity center", token(`,"authMethod":"IdC","provider":"Enterprise","clientIdHash":"abc123"`), IdentityCenter, false},
		{"builder id", token(`,"authMethod":"IdC","provider":"BuilderId","clientIdHash":"abc123"`), BuilderID, false},
		{"out of the folder", token(`,"authMethod":"IdC","clientIdHash":"../abc123"`), IdentityCenter, true},
		{"no registration", token(`,"authMethod":"IdC","clientIdHash":"ffff"`), IdentityCenter, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := FromIDE(write("kiro-auth-token.json", tt.text))
			if (err != nil) != tt.fails || c.Kind != tt.kind {
				t.Errorf("%s, %v", c.Kind, err)
			}
			if !tt.fails && tt.kind != Social && c.ClientSecret != "sec" {
				t.Error("no registration")
			}
		})
	}
}

func TestOnlyKnownFiles(t *testing.T) {
	home := t.TempDir()
	s, err := ReadSettings(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Imports.AllowedPath(false, "", home, ""); err == nil {
		t.Error("a file that is not there")
	}
	cli := filepath.Join(home, ".local", "share", "kiro-cli", "data.sqlite3")
	if err := os.MkdirAll(filepath.Dir(cli), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cli, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Imports.AllowedPath(false, "", home, ""); err != nil || got != cli {
		t.Errorf("%s, %v", got, err)
	}
	other := filepath.Join(home, "other.sqlite3")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{other, "/etc/passwd", filepath.Join(cli, "..", "..", "..", "..", "other.sqlite3")} {
		if _, err := s.Imports.AllowedPath(false, p, home, ""); err == nil {
			t.Errorf("%s was allowed", p)
		}
	}
	if err := os.Remove(cli); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, cli); err != nil {
		t.Skip("no symlinks here")
	}
	if _, err := s.Imports.AllowedPath(false, cli, home, ""); err == nil {
		t.Error("a link to another file was allowed")
	}
}
