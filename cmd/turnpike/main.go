// Command turnpike is the gateway and its tools, in one binary.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
)

// version is set when the binary is built.
var version = "dev"

// command is one subcommand; its file bears its name.
type command struct {
	name, args, help string
	run              func(args []string) error
}

func commands() []command {
	return []command{
		{"serve", "", "start the gateway", serve},
		{"health", "", "ask the gateway that runs here whether it serves", health},
		{"migrate", "", "bring the schema of the database up to date, and end", migrate},
		{"keys", "create|list|set|rotate|…", "make, show, change and revoke API keys", keys},
		{"teams", "create|list|show|set|delete", "teams that keys and users belong to", teamKind.run},
		{"users", "create|list|show|set|delete", "users who own keys", userKind.run},
		{"accounts", "list|create|invite|reset|…", "people who may sign in", accountsCommand},
		{"tags", "list|show|set|delete", "limits of the words keys are marked with", tagKind.run},
		{"org", "show|set", "limits of all requests together", orgKind.run},
		{"budgets", "set|list|reset|recharge|adjust|remove", "what keys, users, tags, teams and all may spend", budgets},
		{"providers", "list|test|on|off|usage|unpin", "show the configured providers, try them, switch them or models of them, see what they have used, let their conversations go", providers},
		{"login", "kiro|copilot", "sign in at an unofficial upstream", loginCommand},
		{"logout", "[PROVIDER]", "forget the login at an unofficial upstream", logoutCommand},
		{"ledger", "list|verify", "show the newest attempts; compare the journal with the database", ledgerCommand},
		{"usage", "[show]|export", "show what was used and what it cost; write it as CSV or FOCUS", usageCommand},
		{"catalog", "list|show|forget", "show what is known of models, and what upstreams have taught", catalogCommand},
		{"prices", "list|set|import|sync|rerate", "show what tokens cost, change it, correct the past", prices},
		{"config", "check|print|export|import", "check the configuration, print it, move what is in force and what was set", configCommand},
		{"import", "litellm|one-api", "take over what another gateway was set up with", importCommand},
		{"vault", "status|rotate", "show what secrets are encrypted with; change the keys while gateways run", vaultCommand},
		{"audit", "list|verify|export", "show who did what; look whether that was changed", auditCommand},
		{"doctor", "", "look over the whole installation and say what to do; or ask a provider what a model takes", doctorCommand},
		{"explain", "< request.json", "show what would be sent for a request, and send nothing", explain},
		{"openapi", "", "print the OpenAPI document of the admin API", openapi},
		{"version", "", "print the version", func([]string) error { fmt.Println("turnpike", version); return nil }},
	}
}

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "turnpike:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 || slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]) {
		overview()
		return nil
	}
	if args[0] == "--version" || args[0] == "-version" {
		args[0] = "version"
	}
	for _, c := range commands() {
		if c.name == args[0] {
			if err := c.run(args[1:]); err != nil {
				return err
			}
			return noteAct(args)
		}
	}
	overview()
	return fmt.Errorf("there is no command %q", args[0])
}

func overview() {
	fmt.Println("Turnpike: one address and one key in front of every model you pay for.\n\nUsage: turnpike COMMAND [flags]")
	for _, c := range commands() {
		fmt.Printf("  %-32s %s\n", strings.TrimSpace(c.name+" "+c.args), c.help)
	}
	fmt.Println("\nEach command takes --help. Settings: flags, then TURNPIKE_* variables, then turnpike.yaml, then defaults.")
}

// action takes the word after a command.
func action(command string, args []string, known ...string) (string, []string, error) {
	if len(args) == 0 || !slices.Contains(known, args[0]) {
		return "", nil, fmt.Errorf("usage: turnpike %s %s [flags]", command, strings.Join(known, "|"))
	}
	return args[0], args[1:], nil
}
