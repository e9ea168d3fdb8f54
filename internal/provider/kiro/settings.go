package kiro

import (
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"turnpike/internal/signin"
)

// Notice is said wherever Kiro is shown.
const Notice = "Kiro is an unofficial upstream: for personal testing and research. It may stop at any time, and its use may breach the service's terms."

//go:embed settings.json
var settingsJSON []byte

// Settings are all hosts, versions, ids and headers. The defaults are those of today,
// in settings.json; an operator's file of the same form stands above it, member by member.
type Settings struct {
	Region     string            `json:"region"`    // of the API, where no profile names one
	Regions    []string          `json:"regions"`   // where the API is
	ServedBy   map[string]string `json:"served_by"` // regions whose accounts another one serves
	Origin     string            `json:"origin"`
	Thinking   string            `json:"thinking"` // auto, native, tags, off
	Endpoints  []Endpoint        `json:"endpoints"`
	Headers    map[string]string `json:"headers"`     // of every call; {uuid} is one of the request, {machine} one of the account
	TokenTypes map[string]string `json:"token_types"` // the header TokenType, by kind of credential
	Aliases    map[string]string `json:"aliases"`     // models whose id has another form

	ModelsURL      string `json:"models_url"`
	UsageURL       string `json:"usage_url"`
	UsageResource  string `json:"usage_resource"`
	ProfilesURL    string `json:"profiles_url"`
	ProfilesTarget string `json:"profiles_target"`

	RefreshBefore signin.Duration  `json:"refresh_before"` // a token's end
	Device        DeviceSettings   `json:"device"`
	Social        SocialSettings   `json:"social"`
	External      ExternalSettings `json:"external"`
	Imports       Imports          `json:"imports"`
}

// Endpoint is an address of the API. Each has limits of its own.
type Endpoint struct {
	Name    string            `json:"name"`
	URL     string            `json:"url"`
	Regions []string          `json:"regions,omitempty"` // empty: all
	Native  bool              `json:"native,omitempty"`  // takes the models' own fields
	Headers map[string]string `json:"headers,omitempty"`
}

// DeviceSettings are how Builder ID and IAM Identity Center sign in (AWS SSO OIDC).
type DeviceSettings struct {
	URL        string   `json:"url"`
	StartURL   string   `json:"start_url"`
	StartHosts []string `json:"start_hosts"` // allowed for start URLs of others
	Regions    []string `json:"regions"`
	ClientName string   `json:"client_name"`
	Scopes     []string `json:"scopes"`
}

// SocialSettings are how Google and GitHub sign in, by the service's portal.
type SocialSettings struct {
	SigninURL  string   `json:"signin_url"`
	TokenURL   string   `json:"token_url"`
	RefreshURL string   `json:"refresh_url"`
	Regions    []string `json:"regions"`
	Redirect   string   `json:"redirect"` // an address the portal knows, {port} is one of ports; nobody needs to listen there
	Ports      []int    `json:"ports"`    // those the portal takes, the usual one first
	From       string   `json:"from"`
	UserAgent  string   `json:"user_agent"`
}

// redirect is the address at which a browser ends; port 0 is the usual one.
func (s *SocialSettings) redirect(port int) (string, error) {
	if port == 0 && len(s.Ports) > 0 {
		port = s.Ports[0]
	}
	if strings.Contains(s.Redirect, "{port}") && !slices.Contains(s.Ports, port) {
		return "", fmt.Errorf("the sign-in page takes none but the ports %s", strings.Trim(fmt.Sprint(s.Ports), "[]"))
	}
	return strings.ReplaceAll(s.Redirect, "{port}", strconv.Itoa(port)), nil
}

// ExternalSettings are how a company's own identity provider signs in.
type ExternalSettings struct {
	Redirect string   `json:"redirect"`
	Issuers  []string `json:"issuers"` // beginnings of the addresses that are allowed
}

// Imports are the only files a login may be taken from.
type Imports struct {
	// API allows the admin API what the command line may do.
	API bool     `json:"api"`
	CLI []string `json:"cli"`
	IDE []string `json:"ide"`
}

// ReadSettings are the defaults with an operator's file over them; nil is none.
func ReadSettings(over []byte) (*Settings, error) {
	var s Settings
	if err := signin.ReadSettings(&s, settingsJSON, over); err != nil {
		return nil, fmt.Errorf("kiro settings: %w", err)
	}
	return &s, s.check()
}

func (s *Settings) check() error {
	if len(s.Endpoints) == 0 || len(s.Regions) == 0 || s.Region == "" {
		return errors.New("kiro settings: region, regions and endpoints are needed")
	}
	if !slices.Contains([]string{"auto", "native", "tags", "off"}, s.Thinking) {
		return errors.New("kiro settings: thinking is auto, native, tags or off")
	}
	all := []string{s.ModelsURL, s.UsageURL, s.ProfilesURL, s.Device.URL, s.Device.StartURL, s.Social.SigninURL, s.Social.TokenURL, s.Social.RefreshURL}
	for _, e := range s.Endpoints {
		all = append(all, e.URL)
	}
	for _, a := range all {
		if u, err := url.Parse(inRegion(a, s.Region)); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return fmt.Errorf("kiro settings: %q is no http(s) address", a)
		}
	}
	return nil
}

func inRegion(address, region string) string { return strings.ReplaceAll(address, "{region}", region) }

// apiRegion is where an account of a region is served. A region comes from outside
// (an ARN, a callback), so only those of the list become part of an address.
func (s *Settings) apiRegion(of string) (string, error) {
	if of == "" {
		return s.Region, nil
	}
	if by := s.ServedBy[of]; by != "" {
		of = by
	}
	if !slices.Contains(s.Regions, of) {
		return "", fmt.Errorf("Kiro is not known to serve the region %q; if it does by now, add it to regions in the provider's settings", of) //nolint:staticcheck // a name
	}
	return of, nil
}

// profileRegion is the region an ARN of a profile names.
func profileRegion(arn string) string {
	f := strings.SplitN(arn, ":", 6)
	if len(f) < 6 || f[0] != "arn" {
		return ""
	}
	return f[3]
}

// authURL is the address of the device flow in a region.
func (s *Settings) authURL(region string) (string, error) {
	if region == "" {
		region = s.Region
	}
	if !slices.Contains(s.Device.Regions, region) {
		return "", fmt.Errorf("%q is no region a login is known in", region)
	}
	return inRegion(s.Device.URL, region), nil
}

// startURL checks where people sign in, and takes off what copying leaves behind it.
func (s *Settings) startURL(address string) (string, error) {
	if address == "" {
		return s.Device.StartURL, nil
	}
	address, _, _ = strings.Cut(address, "#")
	address = strings.TrimRight(address, "/")
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.User != nil || !slices.ContainsFunc(s.Device.StartHosts, func(h string) bool {
		ok, _ := path.Match(h, u.Hostname())
		return ok
	}) {
		return "", fmt.Errorf("%q is no start URL of AWS, such as https://d-1234567890.awsapps.com/start", address)
	}
	return address, nil
}

// allowedIssuer tells whether an address is one of the identity providers that may
// be spoken to. Anything else could be any server that the gateway can reach.
func (s *Settings) allowedIssuer(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Fragment != "" || strings.Contains(u.Path, "..") || strings.ContainsAny(address, "\\%") {
		return false
	}
	return slices.ContainsFunc(s.External.Issuers, func(allowed string) bool {
		a, err := url.Parse(allowed)
		return err == nil && a.Scheme == u.Scheme && a.Host == u.Host && strings.HasPrefix(u.Path+"/", strings.TrimRight(a.Path, "/")+"/")
	})
}
