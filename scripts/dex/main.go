// Command dex is Dex (github.com/dexidp/dex) for tests: its server, with what it keeps in memory. People
// sign in by a password, without groups, or at another provider that it stands before ("mock"), with one. It
// listens on a port of its own choosing, prints its address, sends people back to the
// addresses that it is given, and ends with who started it.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/dexidp/dex/server"
	"github.com/dexidp/dex/storage"
	"github.com/dexidp/dex/storage/memory"
	"github.com/dexidp/dex/web"
	"github.com/sirupsen/logrus"
	"golang.org/x/crypto/bcrypt"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(redirects []string) error {
	ctx := context.Background()
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	issuer := "http://" + l.Addr().String() + "/dex"
	told := logrus.New() // to stderr
	told.SetLevel(logrus.WarnLevel)
	people, err := passwords("ann@example.org", "Passw0rd!")
	if err != nil {
		return err
	}
	kept := storage.WithStaticClients(memory.New(told), []storage.Client{{ID: "gw", Secret: "a secret of the client", Name: "gateway", RedirectURIs: redirects}})
	kept = storage.WithStaticPasswords(kept, people, told)
	kept = storage.WithStaticConnectors(kept, []storage.Connector{
		{ID: server.LocalConnector, Type: server.LocalConnector, Name: "Email"},
		{ID: "mock", Type: "mockCallback", Name: "Mock", ResourceVersion: "1"},
	})
	policy, err := server.NewRefreshTokenPolicy(told, false, "", "", "")
	if err != nil {
		return err
	}
	s, err := server.NewServer(ctx, server.Config{
		Issuer: issuer, Storage: kept, SkipApprovalScreen: true, Logger: told, RefreshTokenPolicy: policy,
		Web: server.WebConfig{WebFS: web.FS(), Issuer: "Dex"},
	})
	if err != nil {
		return err
	}
	fmt.Println("listening", issuer)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	return (&http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}).Serve(l)
}

func passwords(email, password string) ([]storage.Password, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost) // Dex refuses less
	return []storage.Password{{Email: email, Hash: hash, Username: "Ann", UserID: "08a8684b-db88-4b73-90a9-3cd1661f5466"}}, err
}
