package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestWebFirewall: the web ACL that Terraform makes reads no body of a client API, for
// prompts look like attacks, and reads those of everything else.
func TestWebFirewall(t *testing.T) {
	text, err := os.ReadFile("../../deploy/terraform/modules/waf/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^  inference = \[(.*)\]$`).FindSubmatch(text)
	if line == nil {
		t.Fatal("the module names no inference paths")
	}
	var prefixes []string
	for p := range strings.SplitSeq(string(line[1]), ",") {
		prefixes = append(prefixes, strings.Trim(strings.TrimSpace(p), `"`))
	}
	left := func(path string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(path, p) })
	}
	for _, f := range fronts {
		if !left(f.Path) {
			t.Errorf("%s: prompts there would be refused", f.Path)
		}
	}
	for _, path := range []string{"/admin/keys", "/auth/login", "/ui/", "/docs", "/metrics", "/health/ready"} {
		if left(path) {
			t.Errorf("%s is read by no rule", path)
		}
	}
}
