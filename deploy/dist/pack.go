package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// entry is a file of an archive.
type entry struct {
	from, name string
	mode       int64
}

// pack makes the archive of one system: a zip for Windows, else a compressed tar.
func pack(t target, version, binary, out string, when time.Time) (string, error) {
	folder := fmt.Sprintf("turnpike-%s-%s-%s", version, t.os, t.arch)
	entries := []entry{{binary, folder + "/turnpike", 0o755}}
	if t.os == "windows" {
		entries[0].name += ".exe"
	}
	for _, f := range beside {
		if strings.HasSuffix(f, ".service") && t.os != "linux" {
			continue
		}
		entries = append(entries, entry{f, folder + "/" + path.Base(f), 0o644})
	}
	write, name := writeTar, folder+".tar.gz"
	if t.os == "windows" {
		write, name = writeZip, folder+".zip"
	}
	f, err := os.Create(filepath.Join(out, name)) //nolint:gosec // the operator's own folder
	if err != nil {
		return "", err
	}
	return name, errors.Join(write(f, entries, when), f.Close())
}

func writeTar(to io.Writer, entries []entry, when time.Time) error {
	zw, err := gzip.NewWriterLevel(to, gzip.BestCompression)
	if err != nil {
		return err
	}
	tw := tar.NewWriter(zw)
	for _, e := range entries {
		text, err := os.ReadFile(e.from) //nolint:gosec // our own
		if err != nil {
			return err
		}
		h := &tar.Header{Typeflag: tar.TypeReg, Name: e.name, Size: int64(len(text)), Mode: e.mode, ModTime: when, Format: tar.FormatUSTAR}
		if err := tw.WriteHeader(h); err != nil {
			return err
		}
		if _, err := tw.Write(text); err != nil {
			return err
		}
	}
	return errors.Join(tw.Close(), zw.Close())
}

func writeZip(to io.Writer, entries []entry, when time.Time) error {
	zw := zip.NewWriter(to)
	for _, e := range entries {
		text, err := os.ReadFile(e.from) //nolint:gosec // our own
		if err != nil {
			return err
		}
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: when}
		h.SetMode(os.FileMode(e.mode)) //nolint:gosec // one of two
		w, err := zw.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	return zw.Close()
}

// checksums writes SHA256SUMS, as sha256sum -c reads it.
func checksums(out string, names []string) error {
	slices.Sort(names)
	var text strings.Builder
	for _, name := range names {
		b, err := os.ReadFile(filepath.Join(out, name)) //nolint:gosec // just made
		if err != nil {
			return err
		}
		sum := sha256.Sum256(b)
		fmt.Fprintf(&text, "%s  %s\n", hex.EncodeToString(sum[:]), name)
		fmt.Printf("%s  %s (%.1f MB)\n", hex.EncodeToString(sum[:8]), name, float64(len(b))/1e6)
	}
	return os.WriteFile(filepath.Join(out, "SHA256SUMS"), []byte(text.String()), 0o644) //nolint:gosec // for everybody
}
