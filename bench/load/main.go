// Command load drives one server with one scenario and prints what it found
// as JSON: the operations done, the CPU time that the server's processes used
// meanwhile, latencies or memory. It is started by run, on a core of its own.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/parley-rtc/parley/bench/internal/proc"
	"github.com/parley-rtc/parley/bench/internal/result"
	"github.com/parley-rtc/parley/bench/internal/wire"
)

// settings are the flags common to all scenarios, and the scenarios.
type settings struct {
	Server    []string      `required:"" help:"Server's host:port; clients take turns among several."`
	Pid       []int         `help:"The server's processes, whose CPU time and memory are measured."`
	Gateway   []int         `help:"The process behind each server, for the scenario that kills them."`
	Transport string        `enum:"plain,resumable,tokens,socketio" default:"plain" help:"Transport to speak: plain, resumable (plain, by sessions that outlive their connections), tokens (plain, each client with a token of its own) or socketio."`
	Secret    []byte        `type:"filecontent" help:"File with the secret by which the server checks tokens."`
	NATS      string        `name:"nats" help:"URL of the NATS server with the rooms' journal, for the scenarios that look into it."`
	Warmup    time.Duration `default:"500ms" help:"How long to load before measuring."`
	Duration  time.Duration `default:"2s" help:"How long to measure."`
	Limit     time.Duration `default:"3m" help:"How long everything may take."`

	Signal signals `cmd:"" help:"Signals between two clients in rooms of two."`
	Join   joins   `cmd:"" help:"Joins in small rooms that come and go."`
	Fanout fanout  `cmd:"" help:"Joins and leaves told to the members of one large room."`
	Fill   fill    `cmd:"" help:"Filling a large room."`
	Idle   idle    `cmd:"" help:"Memory of idle connections."`

	Flapping flapping `cmd:"" help:"Memory under sessions that lose their connections all the time."`
	Comeback comeback `cmd:"" help:"Resumable sessions that come back at once after a gateway is killed."`
}

// scenario is what a command does to the servers.
type scenario interface {
	load(ctx context.Context, f *fleet) (result.Result, error)
}

func main() {
	var s settings
	command := kong.Parse(&s, kong.Name("load"), kong.Description("Drives one server with one scenario."))
	if err := s.run(command.Selected().Target.Addr().Interface().(scenario)); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

// run carries out one scenario and prints its result.
func (s *settings) run(sc scenario) error {
	if _, err := proc.RaiseFiles(1 << 17); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, s.Limit)
	defer cancel()

	f := newFleet(ctx, s)
	r, err := sc.load(f.ctx, f)
	if broken := f.close(); broken != nil {
		err = broken
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// protocol is the transport's that the settings name.
func (s *settings) protocol() wire.Protocol {
	switch s.Transport {
	case "socketio":
		return wire.SocketIO{}
	case "resumable":
		return wire.Resumable{}
	case "tokens":
		return wire.Token{Secret: s.Secret}
	default:
		return wire.Plain{}
	}
}
