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
func Main(info settings.Info, cli Settings, start Start) int {
	signal.Ignore(syscall.SIGPIPE)
	return run(info, cli, start, os.Args[1:], os.Stdout, os.Stderr)
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
			err = serve(ctx, info.Name, cli, start, base.Logger(log), log)
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
func serve(ctx context.Context, name string, cli Settings, start Start, log *slog.Logger, stderr *spool.Writer) error {
	ctx, failing, disarm := untilSignal(ctx, name, cli.Closing(), stderr)
	defer disarm()
	ln, err := listen.TCP(ctx, "--ops-listen", cli.Base().OpsListen)
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
	if err := runParts(ctx, failing, append(own, plan.Parts...)); err != nil {
		return err
	}
	log.Info("stopped")
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
