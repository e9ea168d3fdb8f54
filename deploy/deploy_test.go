// Package deploy holds what packages the gateway to what is known to be good: the rules
// of hadolint that have to do with an image such as this one, and versions that have to
// be the same in several places.
package deploy

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// instruction is one of a Dockerfile, its continued lines as one.
type instruction struct{ word, rest string }

func instructions(text string) (list []instruction) {
	text = regexp.MustCompile(`(?m)^\s*#.*\n`).ReplaceAllString(text, "")
	text = strings.ReplaceAll(text, "\\\n", " ")
	for line := range strings.Lines(text) {
		if word, rest, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			list = append(list, instruction{strings.ToUpper(word), strings.TrimSpace(rest)})
		}
	}
	return list
}

// wrong is what is not good about a Dockerfile.
func wrong(text string) (list []string) {
	add := func(rule, what string) { list = append(list, rule+": "+what) }
	args := map[string]string{}
	stage, user, health, stop := "", "", false, false
	for _, i := range instructions(text) {
		switch i.word {
		case "ARG":
			name, value, _ := strings.Cut(i.rest, "=")
			args["$"+name] = value
			if regexp.MustCompile(`(?i)(secret|password|token|key)`).MatchString(name) {
				add("secret", i.rest)
			}
		case "ENV":
			if regexp.MustCompile(`(?i)(secret|password|token|_key)\w*=`).MatchString(i.rest) {
				add("secret", i.rest)
			}
		case "FROM":
			words := strings.Fields(i.rest)
			if strings.HasPrefix(words[0], "--") {
				words = words[1:]
			}
			image := words[0]
			if value, ok := args[image]; ok {
				image = value
			}
			if image != "scratch" && (!strings.Contains(image, ":") || strings.HasSuffix(image, ":latest")) {
				add("DL3006, DL3007 (a tag)", i.rest)
			}
			stage, user, health, stop = image, "", false, false
		case "ADD":
			add("DL3020 (COPY)", i.rest)
		case "USER":
			user = i.rest
		case "HEALTHCHECK":
			_, command, _ := strings.Cut(i.rest, "CMD ")
			health = strings.HasPrefix(command, "[")
		case "STOPSIGNAL":
			stop = true
		case "ENTRYPOINT", "CMD":
			if !strings.HasPrefix(i.rest, "[") {
				add("DL3025 (a list)", i.rest)
			}
		case "WORKDIR":
			if !strings.HasPrefix(i.rest, "/") {
				add("DL3000 (absolute)", i.rest)
			}
		case "RUN":
			if regexp.MustCompile(`\b(sudo|curl|wget|apt-get)\b|;`).MatchString(i.rest) {
				add("DL3004, DL4001", i.rest)
			}
		}
	}
	if stage != "scratch" {
		add("base", "the image is built on "+stage)
	}
	if !regexp.MustCompile(`^[1-9][0-9]*:[1-9][0-9]*$`).MatchString(user) {
		add("DL3002 (a user by number, not root)", user)
	}
	if !health {
		add("health", "HEALTHCHECK is missing, or needs a shell")
	}
	if !stop {
		add("stop", "STOPSIGNAL is missing")
	}
	return list
}

func TestDockerfile(t *testing.T) {
	text := read(t, "../Dockerfile")
	if list := wrong(text); list != nil {
		t.Errorf("%q", list)
	}
	// Each rule is one that finds something.
	for from, to := range map[string]string{
		"USER 65532:65532":            "USER root",
		"FROM scratch":                "FROM alpine",
		`CMD ["serve"]`:               "CMD serve",
		`CMD ["/turnpike", "health"]`: "CMD turnpike health",
		"WORKDIR /etc/turnpike":       "WORKDIR etc",
		"COPY . .":                    "ADD . .",
		"golang:1.26-bookworm":        "golang:latest",
		"STOPSIGNAL SIGTERM":          "",
		"RUN npm ci":                  "RUN curl https://example.com; npm ci",
		"ARG VERSION=dev":             "ARG NPM_TOKEN",
		"ENV SSL_CERT_FILE":           "ENV ADMIN_KEY=x SSL_CERT_FILE",
	} {
		changed := strings.Replace(text, from, to, 1)
		if changed == text || wrong(changed) == nil {
			t.Errorf("%s instead of %s is not found", to, from)
		}
	}
}

// TestVersions: one Go and one Node, wherever they are named.
func TestVersions(t *testing.T) {
	docker, release := read(t, "../Dockerfile"), read(t, "../.github/workflows/release.yaml")
	goes := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "../go.mod"))
	if !strings.Contains(docker, "golang:"+goes[1]+"-") {
		t.Errorf("the Dockerfile builds with another Go than %s of go.mod", goes[1])
	}
	node := regexp.MustCompile(`node:(\d+)-`).FindStringSubmatch(docker)
	for _, m := range regexp.MustCompile(`node-version: (\d+)`).FindAllStringSubmatch(release, -1) {
		if m[1] != node[1] {
			t.Errorf("the release builds with Node %s, the Dockerfile with %s", m[1], node[1])
		}
	}
}

// TestUnit: the unit gives streams as long as the default drain, and what is written
// behind it; and it knows the folders that the manual names.
func TestUnit(t *testing.T) {
	unit := strings.Split(read(t, "systemd/turnpike.service"), "\n")
	for _, line := range []string{
		"ExecStart=/usr/local/bin/turnpike serve --config /etc/turnpike/turnpike.yaml", "StateDirectory=turnpike", "TimeoutStopSec=120",
		"Environment=TURNPIKE_DATA_DIR=/var/lib/turnpike", "NoNewPrivileges=yes", "DynamicUser=yes", "ProtectSystem=strict",
	} {
		if !slices.Contains(unit, line) {
			t.Errorf("the unit has no %s", line)
		}
	}
}
