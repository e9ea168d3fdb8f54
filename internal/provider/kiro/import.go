package kiro

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func contains(list []string, s string) bool { return slices.Contains(list, s) }

// Paths are the files of a kind, on this machine.
func (i *Imports) paths(list []string, home, local string) (out []string) {
	for _, p := range list {
		if strings.Contains(p, "{localappdata}") && local == "" {
			continue
		}
		out = append(out, filepath.FromSlash(strings.NewReplacer("{home}", home, "{localappdata}", local).Replace(p)))
	}
	return out
}

// AllowedPath tells which file a login is taken from: the named one if it is on the
// list, else the first on the list that is there. Any other file of the machine is
// none of the gateway's business.
func (i *Imports) AllowedPath(ide bool, named, home, local string) (string, error) {
	list := i.paths(i.CLI, home, local)
	if ide {
		list = i.paths(i.IDE, home, local)
	}
	for _, p := range list {
		if named != "" && filepath.Clean(named) != p {
			continue
		}
		if f, err := os.Lstat(p); err == nil && f.Mode().IsRegular() {
			return p, nil
		}
	}
	if named != "" {
		return "", fmt.Errorf("%s is none of the files a login may be taken from: %s", named, strings.Join(list, ", "))
	}
	return "", fmt.Errorf("no login was found; looked for %s", strings.Join(list, ", "))
}

// CLIKeys are the keys of kiro-cli's table auth_kv, the ones to prefer first; with
// StateKey, of its table state.
var (
	cliTokens   = []string{"kirocli:social:token", "kirocli:external-idp:token", "kirocli:odic:token", "codewhisperer:odic:token"}
	cliDevices  = []string{"kirocli:odic:device-registration", "codewhisperer:odic:device-registration"}
	cliProfile  = "api.codewhisperer.profile"
	shortTokens = 100 // characters: a shorter refresh token is a cut copy
)

// CLIKeys are the keys that FromCLI looks at.
func CLIKeys() []string { return append(append(slices.Clone(cliTokens), cliDevices...), cliProfile) }

// FromCLI makes a credential of what kiro-cli keeps.
func FromCLI(values map[string]string) (Credential, error) {
	var token struct {
		Access   string    `json:"access_token"`
		Refresh  string    `json:"refresh_token"`
		Expires  time.Time `json:"expires_at"`
		Region   string    `json:"region"`
		Start    string    `json:"start_url"`
		Profile  string    `json:"profile_arn"`
		ClientID string    `json:"client_id"`
		TokenURL string    `json:"token_endpoint"`
		Scopes   []string  `json:"scopes"`
	}
	c := Credential{}
	for _, key := range cliTokens {
		text := values[key]
		if text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(text), &token); err != nil {
			return c, fmt.Errorf("what kiro-cli keeps under %s cannot be read", key)
		}
		switch {
		case strings.Contains(key, "social"):
			c.Kind = Social
		case strings.Contains(key, "external"):
			c.Kind, c.TokenURL, c.ClientID = ExternalIdP, token.TokenURL, token.ClientID
			c.Scope = refreshScope(token.Access, strings.Join(token.Scopes, " "))
		case token.Start == "" || strings.Contains(token.Start, "view.awsapps.com"):
			c.Kind = BuilderID
		default:
			c.Kind = IdentityCenter
		}
		break
	}
	if c.Kind == "" {
		return c, errors.New("kiro-cli has no login: run kiro-cli login first")
	}
	c.Access, c.Refresh, c.Expires, c.Region, c.StartURL, c.Profile = token.Access, token.Refresh, token.Expires, token.Region, token.Start, token.Profile
	if c.Kind == BuilderID || c.Kind == IdentityCenter {
		if err := registered(&c, values); err != nil {
			return c, err
		}
	}
	if text := values[cliProfile]; text != "" && c.Profile == "" {
		var p struct {
			ARN string `json:"arn"`
		}
		_ = json.Unmarshal([]byte(text), &p) // it is looked up where it is not known
		c.Profile = p.ARN
	}
	return c, whole(&c)
}

func registered(c *Credential, values map[string]string) error {
	var client struct {
		ID      string    `json:"client_id"`
		Secret  string    `json:"client_secret"`
		Expires time.Time `json:"client_secret_expires_at"`
		Region  string    `json:"region"`
	}
	for _, key := range cliDevices {
		if text := values[key]; text != "" {
			if err := json.Unmarshal([]byte(text), &client); err != nil {
				return fmt.Errorf("what kiro-cli keeps under %s cannot be read", key)
			}
			break
		}
	}
	c.ClientID, c.ClientSecret, c.SecretExpires = client.ID, client.Secret, client.Expires
	if c.Region == "" {
		c.Region = client.Region
	}
	return nil
}

// whole refuses copies that were cut.
func whole(c *Credential) error {
	if c.Access == "" || len(c.Refresh) < shortTokens || strings.Contains(c.Refresh, "...") {
		return errors.New("the refresh token is missing or was cut: sign in again where it comes from, then import it")
	}
	return nil
}

// maxImport bounds a file of the IDE.
const maxImport = 1 << 20

// FromIDE makes a credential of the IDE's file. The client's registration lies beside
// it, under a name that the file tells.
func FromIDE(path string) (Credential, error) {
	var token struct {
		Access   string    `json:"accessToken"`
		Refresh  string    `json:"refreshToken"`
		Expires  time.Time `json:"expiresAt"`
		Profile  string    `json:"profileArn"`
		Method   string    `json:"authMethod"`
		Region   string    `json:"region"`
		Hash     string    `json:"clientIdHash"`
		Start    string    `json:"startUrl"`
		Provider string    `json:"provider"`
	}
	if err := readJSON(path, &token); err != nil {
		return Credential{}, err
	}
	c := Credential{Kind: Social, Access: token.Access, Refresh: token.Refresh, Expires: token.Expires, Profile: token.Profile, Region: token.Region, StartURL: token.Start}
	if strings.EqualFold(token.Method, "idc") {
		c.Kind = IdentityCenter
		if token.Provider == "BuilderId" {
			c.Kind = BuilderID
		}
		if !hexName(token.Hash) {
			return c, errors.New("the file names no registration of its client")
		}
		var client struct {
			ID      string    `json:"clientId"`
			Secret  string    `json:"clientSecret"`
			Expires time.Time `json:"expiresAt"`
		}
		if err := readJSON(filepath.Join(filepath.Dir(path), token.Hash+".json"), &client); err != nil {
			return c, err
		}
		c.ClientID, c.ClientSecret, c.SecretExpires = client.ID, client.Secret, client.Expires
	}
	return c, whole(&c)
}

// hexName tells whether a word is a hash, which cannot lead out of a folder.
func hexName(s string) bool {
	return s != "" && len(s) <= 128 && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

func readJSON(path string, into any) error {
	f, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !f.Mode().IsRegular() || f.Size() > maxImport {
		return fmt.Errorf("%s is no file of a login", path)
	}
	text, err := os.ReadFile(path) //nolint:gosec // a path of the list
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s cannot be read as a login", path)
	}
	return nil
}
