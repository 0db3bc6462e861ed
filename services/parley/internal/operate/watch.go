package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
)

// watch is the command that prints events.
type watch struct {
	flags

	Name string `arg:"" optional:"" help:"The only room to watch; all rooms if absent."`
}

func (w *watch) check() error {
	if w.Name != "" {
		if err := checkRoom(w.Name); err != nil {
			return err
		}
	}
	return w.flags.check()
}

// watching is how many events may wait to be printed.
const watching = 64 << 10

// reconnectWait is between two attempts at the same server.
const reconnectWait = 500 * time.Millisecond

func (w *watch) run(ctx context.Context, out, note io.Writer) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return w.follow(ctx, out, note)
}

// follow prints until ctx ends.
func (w *watch) follow(ctx context.Context, out, note io.Writer) error {
	notes := make(chan string, 64)
	say := func(text string) {
		select {
		case notes <- text:
		default: // there are enough to read
		}
	}
	closed := make(chan error, 1)
	c, err := w.connect("watch",
		func(o *nats.Options) error { o.AllowReconnect = true; return nil },
		nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait),
		nats.PingInterval(5*time.Second), nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				say("NATS is away: " + err.Error())
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { say("NATS is back; a room's next event shows whether some were missed") }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrSlowConsumer) {
				say("events come faster than they are printed; some are missed")
			}
		}),
		nats.ClosedHandler(func(nc *nats.Conn) { closed <- nc.LastError() }),
	)
	if err != nil {
		return err
	}
	defer c.Close()
	subject, whose := c.subjects.RoomEventAll(), "all rooms"
	if w.Name != "" {
		subject, whose = c.subjects.RoomEvent(proto.Room(w.Name).Token()), "room "+quote(w.Name)
	}
	heard := make(chan *nats.Msg, watching)
	if err := c.hear(subject, heard); err != nil {
		return fmt.Errorf("listen to %s: %w; log in as one that may, such as the observer", subject, err)
	}
	p := &printer{out: out, note: note, json: w.JSON}
	p.say("listening to " + whose + "; Ctrl-C ends it")
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-closed:
			return fmt.Errorf("NATS has closed the connection: %w", errors.Join(err, nats.ErrConnectionClosed))
		case text := <-notes:
			p.say(text)
		case m := <-heard:
			if err := p.event(m, time.Now()); err != nil {
				return err
			}
		}
	}
}
