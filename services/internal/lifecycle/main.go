// Package lifecycle is what the main packages have in common: from arguments to an exit code, with a log, an ops server
// and a clean stop in between.
package lifecycle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-rtc/parley/services/internal/listen"
	"github.com/parley-rtc/parley/services/internal/ops"
	"github.com/parley-rtc/parley/services/internal/settings"
	"github.com/parley-rtc/parley/services/internal/spool"
)

// Exit codes.
const (
	codeClean   = 0
	codeFailure = 1
	codeSetting = 2
)

// Settings are a program's flags.
type Settings interface {
	Base() *settings.Common
	Check() error           // wraps [settings.ErrSetting]
	Closing() time.Duration // how long a clean stop may take
}

// Plan is what a program runs.
type Plan struct {
	Parts []Part       // in the order in which they start
	Ready func() error // nil: send clients here; does not block

	// Welcome is told once the program is ready, to people: below the log, where that is text.
	Welcome string

	// OperatorConns is how many connections operators may have at once; 0: [ops.MaxConns]. A process that has clients, who may
	// take all the descriptors that are left to them, gives operators a share of the others.
	OperatorConns int
}

// Start makes a program's plan: it opens what has to be open before anything runs.
type Start func(ctx context.Context, log *slog.Logger, reg *prometheus.Registry) (Plan, error)

// flushing is how long the last lines of the log may take to be written.
const flushing = time.Second

// Main is a program from its arguments to its exit code. Who reads its output may stop reading, or go away: that ends and
// holds up nothing.
func Main(info settings.Info, cli Settings, start Start, args []string) int {
	signal.Ignore(syscall.SIGPIPE)
	return run(info, cli, start, args, os.Stdout, os.Stderr)
}

func run(info settings.Info, cli Settings, start Start, args []string, stdout, stderr io.Writer) int {
	log := spool.New(stderr)
	defer log.Close(flushing)
	err := settings.Parse(info, cli, args, settings.Output(stdout))
	if errors.Is(err, settings.ErrDone) {
		return codeClean
	}
	ctx := context.Background()
	base := cli.Base()
	switch {
	case err != nil:
	case base.Health:
		err = ops.Health(ctx, base.OpsListen)
	default:
		if err = cli.Check(); err == nil {
			log.Note(base.Dropped())
			err = serve(ctx, info, cli, start, base.Logger(log), log, terminal(stderr))
		}
	}
	return Code(info.Name, err, log)
}

// Code is how a program ends that has come to an error, or to nil: its exit code, after a last line that says what to do.
func Code(name string, err error, stderr io.Writer) int {
	if err == nil {
		return codeClean
	}
	_, _ = fmt.Fprintf(stderr, "%s: %s\n", name, sentence(err))
	if errors.Is(err, settings.ErrSetting) {
		return codeSetting
	}
	return codeFailure
}

// serve runs the program until a signal comes or a part of it fails.
func serve(ctx context.Context, info settings.Info, cli Settings, start Start, log *slog.Logger, stderr *spool.Writer, bold bool) error {
	ctx, failing, disarm := untilSignal(ctx, info.Name, cli.Closing(), stderr)
	defer disarm()
	ln, err := listenAll(ctx, info, cli, log)
	if err != nil {
		return err
	}
	reg := ops.Registry()
	plan, err := start(ctx, log, reg)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	log.Info("listening", "role", "ops", "addr", ln.Addr().String())
	handler := ops.Handler(plan.Ready, reg)
	own := []Part{
		{Name: "heap", Run: tendHeap},
		{Name: "ops", Run: func(ctx context.Context) error {
			return ops.Serve(ctx, ln, cmp.Or(plan.OperatorConns, ops.MaxConns), handler, log)
		}},
	}
	if plan.Welcome != "" && cli.Base().LogFormat == "text" {
		own = append(own, Part{Name: "welcome", Run: func(ctx context.Context) error {
			return welcome(ctx, plan, stderr, bold)
		}})
	}
	if err := runParts(ctx, failing, append(own, plan.Parts...)); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// listenAll opens the ops server's address, having looked at all others: those that cannot be are named at once.
func listenAll(ctx context.Context, info settings.Info, cli Settings, log *slog.Logger) (net.Listener, error) {
	address := cli.Base().OpsListen
	moves := info.OpsMoves && address == info.Vars["ops_listen"]
	var all []listen.Address
	if !moves {
		all = append(all, listen.Address{Flag: "--ops-listen", Address: address})
	}
	if l, is := cli.(interface{ Addresses() []listen.Address }); is {
		all = append(all, l.Addresses()...)
	}
	if err := listen.Check(ctx, all...); err != nil {
		return nil, err // it is a sentence
	}
	if !moves {
		return listen.TCP(ctx, "--ops-listen", address) //nolint:wrapcheck // it is a sentence
	}
	ln, moved, err := listen.TCPOrFree(ctx, "--ops-listen", address)
	if err != nil {
		return nil, err // it is a sentence
	}
	if moved {
		log.Info("another program has the operations port, so it is another: --ops-listen sets one", "taken", address, "addr", ln.Addr().String())
	}
	return ln, nil
}

// terminal reports whether a person sees what is written there.
func terminal(out io.Writer) bool {
	f, is := out.(*os.File)
	if !is {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// welcome writes a plan's line once it is ready.
func welcome(ctx context.Context, plan Plan, stderr io.Writer, bold bool) error {
	const often = 20 * time.Millisecond
	look := time.NewTicker(often)
	defer look.Stop()
	for plan.Ready != nil && plan.Ready() != nil {
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil
		}
	}
	text := plan.Welcome
	if bold {
		text = "\x1b[1m" + text + "\x1b[0m"
	}
	_, _ = fmt.Fprintf(stderr, "\n    %s\n\n", text) // it never fails
	<-ctx.Done()
	return nil
}

// sentence is an error on one line, with what to do about it where it does not say so itself.
func sentence(err error) string {
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	switch {
	case errors.Is(err, settings.ErrSetting):
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked):
		text += "; NATS refuses the login: set user and password in --nats, or --nats-creds, or --nats-cert and --nats-key"
	case errors.Is(err, nats.ErrNoServers):
		text += "; no NATS server answers: start one, or set --nats to where it listens"
	}
	return text
}
