package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"turnpike/internal/config"
	"turnpike/internal/provider/copilot"
	"turnpike/internal/signin"
)

const copilotUsage = "\n       turnpike login copilot [PROVIDER]"

func loginCopilot(args []string) error {
	s := newSettings("login copilot")
	cfg, err := s.load(args, 1)
	if err != nil {
		return err
	}
	p, err := loginProvider(cfg, config.TypeCopilot, s.word())
	if err != nil {
		return err
	}
	if p.APIKey != "" {
		return fmt.Errorf("provider %s %w", p.Name, signin.ErrKeyed)
	}
	set, err := copilotSettings(p)
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
	return signInCopilot(ctx, copilot.NewLogins(p.Name, set, *logins, signin.NewTable(time.Now), nil, time.Now), p.Name, os.Stdout, pause)
}

// signInCopilot shows the code and waits until it was entered.
func signInCopilot(ctx context.Context, logins *copilot.Logins, account string, out io.Writer, pause func(context.Context, time.Duration) error) error {
	l, err := logins.Start(ctx, signin.How{})
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "%s\n\nOpen   %s\nCode   %s\n\nWaiting until %s …\n", copilot.Notice, l.URL, l.UserCode, l.Expires.Local().Format("15:04"))
	for l.Status == signin.Pending {
		if err := pause(ctx, time.Duration(l.Interval*float64(time.Second))); err != nil {
			return err
		}
		if l, err = logins.Poll(ctx, l.ID); err != nil {
			return err
		}
	}
	if l.Status != signin.Completed {
		return errors.New(l.Error)
	}
	_, _ = fmt.Fprintf(out, "Signed in. Running gateways use the login of %s within a second.\n", account)
	return nil
}
