// Command parley is all of Parley in one process, with NATS inside: for a laptop or a small server.
package main

import (
	"os"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/services/internal/certs"
	"github.com/parley-rtc/parley/services/internal/clients"
	"github.com/parley-rtc/parley/services/internal/lifecycle"
	"github.com/parley-rtc/parley/services/internal/listen"
	"github.com/parley-rtc/parley/services/internal/settings"
	"github.com/parley-rtc/parley/services/parley/internal/operate"
	"github.com/parley-rtc/parley/services/parley/internal/relay"
)

var info = settings.Info{
	Name: "parley",
	About: "Parley, a WebRTC signalling system, in one process: clients' connections (WebSocket at /ws, Socket.IO at " +
		"/socket.io/), rooms, a NATS server inside, and at / a page that makes a video call between tabs.\n\n" + operate.Help() +
		"\n\nThe TURN server alone is parley turn, with a --help of its own.",
	Vars: map[string]string{
		"ops_listen": "127.0.0.1:9090", "log_format": "text", "nats": "", "nats_default": "none: one inside is used",
	},
	OpsMoves: true,
}

// flags are the program's settings.
type flags struct {
	clients.Clients
	clients.Limits
	clients.Auth
	clients.ICE
	Relay relay.Settings `embed:""`
	certs.Settings
	settings.Members
	settings.Records
	settings.NATS
	settings.Prefix
	settings.Common

	NATSListen string `group:"NATS" name:"nats-listen" default:"127.0.0.1:4222" placeholder:"ADDRESS" help:"Where the NATS server inside listens for other services (${default}); empty for nowhere."`
	DataDir    string `group:"NATS" name:"data-dir" placeholder:"DIRECTORY" help:"Where the NATS server inside keeps rooms, so that they outlive the process (none: in memory)."`
}

// Check returns an error that wraps [settings.ErrSetting], or nil.
func (f *flags) Check() error {
	for _, check := range []func() error{f.Clients.Check, f.Limits.Check, f.Auth.Check, f.checkICE, f.Relay.Check, f.Settings.Check, f.Members.Check, f.Prefix.Check} {
		if err := check(); err != nil {
			return err
		}
	}
	if f.Servers != "" && f.DataDir != "" {
		return settings.Errorf("--nats and --data-dir exclude each other: with --nats the journal is kept by those servers; leave one out")
	}
	return nil
}

func (f *flags) checkICE() error { return f.CheckBeside(f.Relay.On()) }

// Addresses are where the program listens, beside the operations port.
func (f *flags) Addresses() []listen.Address {
	all := []listen.Address{{Flag: "--listen", Address: f.Listen}}
	if f.Relay.On() {
		all = append(all, listen.Address{Flag: "--turn-listen", Address: f.Relay.Listen})
	}
	if f.Servers == "" && f.NATSListen != "" {
		all = append(all, listen.Address{Flag: "--nats-listen", Address: f.NATSListen})
	}
	return all
}

// stream returns the journal's name.
func (f *flags) stream() (string, error) {
	subjects, err := proto.NewSubjects(f.Prefix.Prefix)
	return subjects.Stream(), err // Check has seen the prefix
}

func main() {
	args := os.Args[1:]
	if code, is := operate.Main(args); is {
		os.Exit(code)
	}
	if len(args) > 0 && args[0] == "turn" {
		f := &turnFlags{}
		os.Exit(lifecycle.Main(turnInfo, f, f.start, args[1:]))
	}
	f := &flags{}
	os.Exit(lifecycle.Main(info, f, f.start, args))
}
