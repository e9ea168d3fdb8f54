package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/provider/kiro"
	"turnpike/internal/signin"
)

// loginFlags say how a person signs in.
type loginFlags struct {
	by, start, region, from, path string
}

const loginUsage = "usage: turnpike login kiro [PROVIDER] [--by device|google|github|portal] [--start-url URL --region REGION] [--import cli|ide [--path FILE]]"

func loginCommand(args []string) error {
	what, args, err := action("login", args, config.TypeKiro, config.TypeCopilot)
	if err != nil {
		return errors.New(loginUsage + copilotUsage)
	}
	if what == config.TypeCopilot {
		return loginCopilot(args)
	}
	s := newSettings("login kiro")
	var f loginFlags
	s.flags.StringVar(&f.by, "by", "device", "device (AWS Builder ID or IAM Identity Center), google, github, or portal (whatever the sign-in page offers)")
	s.flags.StringVar(&f.start, "start-url", "", "start `URL` of IAM Identity Center; without one it is a Builder ID")
	s.flags.StringVar(&f.region, "region", "", "`region` of IAM Identity Center")
	s.flags.StringVar(&f.from, "import", "", "take over a login of kiro-cli (cli) or of the IDE (ide) on this machine")
	s.flags.StringVar(&f.path, "path", "", "import: which of the known `files`")
	cfg, err := s.load(args, 1)
	if err != nil {
		return err
	}
	p, err := loginProvider(cfg, config.TypeKiro, s.word())
	if err != nil {
		return err
	}
	if p.APIKey != "" {
		return fmt.Errorf("provider %s %w", p.Name, signin.ErrKeyed)
	}
	set, err := kiroSettings(p)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	logins, done, err := openLogins(ctx, cfg)
	if err != nil {
		return err
	}
	defer done()
	fmt.Println(kiro.Notice)
	if f.from != "" {
		return importLogin(ctx, *logins, set, p.Name, f)
	}
	l := &signingIn{
		logins: kiro.NewLogins(p.Name, set, *logins, signin.NewTable(time.Now), nil, time.Now), in: bufio.NewReader(os.Stdin), out: os.Stdout, pause: pause,
	}
	return l.run(ctx, p.Name, f)
}

// pause waits for a time.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// loginProvider finds the provider of a type that is meant: the named one, or the only one.
func loginProvider(cfg *config.Config, kind, name string) (found config.Provider, err error) {
	for _, p := range cfg.Providers {
		if p.Type != kind || name != "" && p.Name != name {
			continue
		}
		if found.Name != "" {
			return found, fmt.Errorf("there are several providers of type %s: say which", kind)
		}
		found = p
	}
	switch {
	case found.Name == "" && name != "":
		return found, fmt.Errorf("there is no provider %q of type %s", name, kind)
	case found.Name == "":
		return found, fmt.Errorf("there is no provider of type %[1]s: add { name: %[1]s, type: %[1]s } to providers, and unofficial: true", kind)
	case found.Disabled:
		return found, fmt.Errorf("provider %s is not in use: %s", found.Name, found.Reason)
	}
	return found, nil
}

// signingIn is a login at a terminal.
type signingIn struct {
	logins *kiro.Logins
	in     *bufio.Reader
	out    io.Writer
	pause  func(context.Context, time.Duration) error
}

func (s *signingIn) run(ctx context.Context, account string, f loginFlags) error {
	if !slices.Contains([]string{"device", "google", "github", "portal"}, f.by) {
		return errors.New(loginUsage)
	}
	l, err := s.logins.Start(ctx, signin.How{Method: f.by, StartURL: f.start, Region: f.region})
	for err == nil && l.Status == signin.Pending {
		if l.UserCode != "" {
			l, err = s.poll(ctx, l)
		} else {
			l, err = s.paste(ctx, l)
		}
	}
	if err != nil {
		return err
	}
	if l.Status != signin.Completed {
		return errors.New(l.Error)
	}
	_, _ = fmt.Fprintf(s.out, "Signed in. Running gateways use the login of %s within a second.\n", account)
	return nil
}

// poll shows the code and waits until it was entered.
func (s *signingIn) poll(ctx context.Context, l signin.Login) (signin.Login, error) {
	_, _ = fmt.Fprintf(s.out, "\nOpen   %s\nCode   %s\n", l.URL, l.UserCode)
	if l.FullURL != "" {
		_, _ = fmt.Fprintf(s.out, "or     %s\n", l.FullURL)
	}
	_, _ = fmt.Fprintf(s.out, "\nWaiting until %s …\n", l.Expires.Local().Format("15:04"))
	for l.Status == signin.Pending {
		if err := s.pause(ctx, time.Duration(l.Interval*float64(time.Second))); err != nil {
			return l, err
		}
		var err error
		if l, err = s.logins.Poll(ctx, l.ID); err != nil {
			return l, err
		}
	}
	return l, nil
}

// paste shows the address and takes the one the browser ends at.
func (s *signingIn) paste(ctx context.Context, l signin.Login) (signin.Login, error) {
	_, _ = fmt.Fprintf(s.out, "\nOpen   %s\n\nAt the end the browser shows a page that cannot be reached, or asks to open an application.\nPaste its whole address here: ", l.AuthURL)
	for {
		line, err := s.in.ReadString('\n')
		if line = strings.TrimSpace(line); line == "" {
			if err != nil {
				return l, errors.New("no address was pasted")
			}
			continue
		}
		next, err := s.logins.Paste(ctx, l.ID, line)
		if err == nil {
			return next, nil
		}
		_, _ = fmt.Fprintf(s.out, "%v\nPaste another address: ", err)
	}
}

// importLogin takes over what another program keeps.
func importLogin(ctx context.Context, logins sealedLogins, set *kiro.Settings, account string, f loginFlags) error {
	if f.from != "cli" && f.from != "ide" {
		return errors.New(loginUsage)
	}
	c, where, err := readLogin(ctx, set, f.from, f.path)
	if err != nil {
		return err
	}
	if err := signin.Keep(ctx, logins, account, c); err != nil {
		return err
	}
	fmt.Printf("Imported the login (%s) from %s. Its refresh token is good once: from now on the gateway refreshes it, and the other program has to sign in again.\n", c.Kind, where)
	return nil
}
