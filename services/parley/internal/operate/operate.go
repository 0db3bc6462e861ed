// Package operate is the operator's commands of parley. Most look at a running cluster over NATS, with a login that may listen and
// ask, and change nothing; some act on it, with the login admin; one makes tokens.
package operate

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/parley-rtc/parley/services/internal/lifecycle"
	"github.com/parley-rtc/parley/services/internal/settings"
)

// command is one of the commands, with its flags.
type command interface {
	check() error // wraps settings.ErrSetting
	run(ctx context.Context, out, note io.Writer) error
}

// about is what a command's help starts with, and how its flags are made.
type about struct {
	name  string
	short string // one line, for the list of commands
	long  string
	make  func() command
}

// commands lists them in the order in which help shows them.
var commands = []about{
	{
		"rooms", "list the rooms",
		"Lists the rooms in the order of their names: owner, members, and the sequence of the last change.",
		func() command { return &rooms{} },
	},
	{
		"room", "show who is in a room",
		"Shows a room: its owner, what becomes of it when the owner is gone, its members in the order in which they joined, which of " +
			"them have sessions that may be resumed and who is away, and the replica that ranks first for it. Exits with 1 if there is no such room.",
		func() command { return &room{} },
	},
	{
		"watch", "print what happens in rooms as it happens",
		"Prints a line for each event of all rooms, or of one, until it is interrupted. " +
			"An event that comes twice is printed once; where one was missed, a line says so.",
		func() command { return &watch{} },
	},
	{
		"status", "show replicas, gateways and the stream",
		"Shows what runs: replicas of the room service and their share of the rooms, gateways, their sessions and how many of these are away, " +
			"the stream with its leader and copies. It listens to beats for a second and a half.",
		func() command { return &status{} },
	},
	{
		"kick", "remove a client from a room",
		"Removes a client from a room, and keeps it out for ten seconds. Its connection stays. It needs the login admin.",
		func() command { return &kick{} },
	},
	{
		"ban", "keep a user out of a room",
		"Removes all clients of a user from a room, and keeps the user out for a while, also when the room is made anew. It needs the login admin, " +
			"and gateways that ask for tokens.",
		func() command { return &ban{} },
	},
	{
		"close", "end a room for all",
		"Closes a room: its members hear that it was closed. It needs the login admin.",
		func() command { return &shut{} },
	},
	{
		"disconnect", "end a user's connections",
		"Ends all connections of a user at all gateways, and the sessions behind them. The user may connect again: see revoke. It needs the login admin.",
		func() command { return &disconnect{} },
	},
	{
		"revoke", "take back a user's tokens",
		"Tokens of a user that were issued before now count no more, at any gateway, within two seconds and after restarts. Connections by them end. " +
			"It needs the login admin.",
		func() command { return &revoke{} },
	},
	{
		"doctor", "look at a deployment from outside",
		"Looks at a deployment as a client would: name, TLS, gateway, origin, token, a room, a signal there and back, a session that comes back, " +
			"STUN and TURN servers. Each line says what is wrong, and what to do. Exits with 0 only if all is well.",
		func() command { return &examine{} },
	},
	{
		"token", "make a token, or inspect one",
		"Makes a token for gateways with --auth-secret-file. `parley token inspect` says what a token says, and why it would be refused.",
		func() command { return &token{} },
	},
}

// Help is the list of commands, as a paragraph for the program's help.
func Help() string {
	var b strings.Builder
	b.WriteString("To look at a running cluster, and to act on it (each has its own --help):\n")
	for _, c := range commands {
		b.WriteString("\n  parley " + c.name + strings.Repeat(" ", 12-len(c.name)) + c.short)
	}
	return b.String()
}

// Main runs the command that the arguments begin with and returns its exit code, or false when they begin with none.
func Main(args []string) (code int, is bool) {
	signal.Ignore(syscall.SIGPIPE)
	return run(context.Background(), args, settings.Output(os.Stdout), os.Stderr)
}

func run(ctx context.Context, args []string, out, note io.Writer) (code int, is bool) {
	if len(args) == 0 {
		return 0, false
	}
	for _, c := range commands {
		if c.name != args[0] {
			continue
		}
		info := settings.Info{
			Name: "parley " + c.name, About: c.long,
			Vars: map[string]string{"nats": defaultServers, "nats_default": defaultServers},
		}
		cmd := c.make()
		err := settings.Parse(info, cmd, args[1:], out)
		if err == nil {
			err = cmd.check()
		}
		if err == nil {
			err = cmd.run(ctx, out, note)
		}
		if errors.Is(err, settings.ErrDone) {
			err = nil
		}
		return lifecycle.Code(info.Name, err, note), true
	}
	return 0, false
}
