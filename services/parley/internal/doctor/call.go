package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	parley "github.com/parley-rtc/parley/clients/go"
)

// pair is two clients that meet.
type pair struct {
	clients [2]*parley.Client
	rooms   [2]*parley.Room
	line    line // of the first
}

// line is the connection under a client, so that it can be cut.
type line struct {
	mu   sync.Mutex // guards the field below
	conn net.Conn
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	l.mu.Lock()
	l.conn = conn
	l.mu.Unlock()
	return conn, err //nolint:wrapcheck // the client says what for
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		_ = l.conn.Close()
	}
}

func (p *pair) close() {
	if p == nil {
		return
	}
	for _, c := range p.clients {
		if c != nil {
			c.Close()
		}
	}
}

func socket(ctx context.Context, x *examination) (string, error) {
	if err := x.passes(ctx); err != nil {
		return "", err
	}
	x.pair = &pair{}
	for i := range x.pair.clients {
		options := []parley.Option{parley.Keep(30 * time.Second)}
		if x.Token != "" {
			options = append(options, parley.Token(x.Token))
		}
		if i == 0 {
			options = append(options, parley.HTTPClient(&http.Client{Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, DialContext: x.pair.line.dial, DisableKeepAlives: true,
			}}))
		}
		c, err := parley.Connect(ctx, x.at.String(), options...)
		if parley.CodeOf(err) == "unauthorized" && x.Token == "" {
			return "", errors.New("the gateway asks for tokens: give one with --token, as the app's server signs it (parley token makes one)")
		}
		if err != nil {
			return "", err //nolint:wrapcheck // it is a sentence
		}
		x.pair.clients[i] = c
	}
	said := "connected"
	if x.Token == "" {
		said += "; no token is asked for: anybody may come into any room"
	}
	return said, nil
}

func room(ctx context.Context, x *examination) (string, error) {
	for i, c := range x.pair.clients {
		r, err := c.Enter(ctx, x.Room, parley.Entry{})
		switch code := parley.CodeOf(err); {
		case code == "forbidden":
			return "", fmt.Errorf("the token does not allow room %q: name one that it allows with --room, which may be created for this", x.Room)
		case code == "unavailable", errors.Is(err, context.DeadlineExceeded):
			return "", errors.New("no room service answers: is parley-roomsvc running, does it reach NATS, and has NATS a leader? parley status says more")
		case err != nil:
			return "", err //nolint:wrapcheck // it is a sentence
		}
		x.pair.rooms[i] = r
	}
	return fmt.Sprintf("%q was entered", x.Room), nil
}

func signals(ctx context.Context, x *examination) (string, error) {
	began := time.Now()
	for i, r := range x.pair.rooms {
		other := x.pair.rooms[1-i]
		if err := r.Signal(ctx, other.Self(), "a signal of parley doctor"); err != nil {
			return "", fmt.Errorf("a signal is not carried: %w", err)
		}
		if err := until(ctx, other, parley.Signal); err != nil {
			return "", fmt.Errorf("a signal was confirmed and did not come: %w", err)
		}
	}
	return fmt.Sprintf("there and back in %v", time.Since(began).Round(time.Millisecond)), nil
}

func until(ctx context.Context, r *parley.Room, kind parley.Kind) error {
	for {
		e, err := r.Next(ctx)
		if err != nil {
			return err //nolint:wrapcheck // whoever asks says what for
		}
		if e.Kind == kind {
			return nil
		}
	}
}

// comeBack cuts the line of one, which has to be back under its id.
func comeBack(ctx context.Context, x *examination) (string, error) {
	c, r := x.pair.clients[0], x.pair.rooms[0]
	if !c.Resumable() {
		return "", errors.New("sessions end with their connection: the gateway has --keep 0, or the token says so")
	}
	before := c.ID()
	x.pair.line.cut()
	if err := until(ctx, r, parley.Live); err != nil {
		return "", fmt.Errorf("a session whose connection was cut does not come back: %w", err)
	}
	if c.ID() != before {
		return "", errors.New("a session came back as another client")
	}
	return "a session whose connection was cut came back", nil
}
