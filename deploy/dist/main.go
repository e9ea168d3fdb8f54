// Command dist builds what a release is made of: an archive for each system, their
// checksums, and a bill of materials. Two runs of the same commit make the same bytes.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// target is a system that binaries are made for.
type target struct{ os, arch string }

var targets = []target{
	{"linux", "amd64"},
	{"linux", "arm64"},
	{"darwin", "amd64"},
	{"darwin", "arm64"},
	{"windows", "amd64"},
	{"windows", "arm64"},
}

// beside are the files that every archive holds next to the binary.
var beside = []string{"LICENSE", "README.md", "deploy/systemd/turnpike.service"}

func main() {
	out := flag.String("out", "dist", "`folder` to write to")
	version := flag.String("version", "", "the version that is stamped")
	only := flag.String("only", "", "systems to build for, such as linux/amd64,darwin/arm64; all of them where it is empty")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := release(ctx, *out, *version, *only); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}

func release(ctx context.Context, out, version, only string) error {
	if version == "" {
		return fmt.Errorf("--version is missing")
	}
	when, err := commitTime(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil { //nolint:gosec // what is in it is for everybody
		return err
	}
	var made []string
	bill := bill{version: version, when: when}
	for _, t := range targets {
		if only != "" && !strings.Contains(","+only+",", ","+t.os+"/"+t.arch+",") {
			continue
		}
		binary := filepath.Join(out, "."+t.os+"-"+t.arch)
		if err := build(ctx, t, version, binary); err != nil {
			return err
		}
		if err := bill.add(binary); err != nil {
			return err
		}
		name, err := pack(t, version, binary, out, when)
		if err != nil {
			return err
		}
		if err := os.Remove(binary); err != nil {
			return err
		}
		made = append(made, name)
	}
	name := "turnpike-" + version + ".cdx.json"
	if err := bill.write("console/package-lock.json", filepath.Join(out, name)); err != nil {
		return err
	}
	return checksums(out, append(made, name))
}

// build makes one binary as `make build` does.
func build(ctx context.Context, t target, version, to string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version="+version, "-o", to, "./cmd/turnpike") //nolint:gosec // our own
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+t.os, "GOARCH="+t.arch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=")
	cmd.Stderr = os.Stderr
	fmt.Printf("building %s/%s\n", t.os, t.arch)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go build for %s/%s: %w", t.os, t.arch, err)
	}
	return nil
}

// commitTime is the time that everything in the archives bears: SOURCE_DATE_EPOCH, else
// that of the commit.
func commitTime(ctx context.Context) (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		out, err := exec.CommandContext(ctx, "git", "log", "-1", "--format=%ct").Output()
		if err != nil {
			return time.Time{}, fmt.Errorf("neither SOURCE_DATE_EPOCH nor a commit tells the time: %w", err)
		}
		text = strings.TrimSpace(string(out))
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	return time.Unix(n, 0).UTC(), nil
}
