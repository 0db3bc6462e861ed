package bus

import (
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// remindEvery is how often it is said that NATS still cannot be reached.
const remindEvery = time.Minute

// servers sets the servers, as nats.Connect's first argument does.
func servers(urls string) nats.Option {
	return func(o *nats.Options) error {
		o.Servers = o.Servers[:0]
		for url := range strings.SplitSeq(urls, ",") {
			if url = strings.TrimSpace(url); url != "" {
				o.Servers = append(o.Servers, url)
			}
		}
		return nil
	}
}

// listen has nats.go tell the log, the owner, and whoever an option of the owner's has set.
func (cfg *Config) listen(o *nats.Options, s *lines) {
	connected, reconnected, disconnected, closed := o.ConnectedCB, o.ReconnectedCB, o.DisconnectedErrCB, o.ClosedCB
	failed, trouble := o.ReconnectErrCB, o.AsyncErrorCB
	o.ConnectedCB = func(nc *nats.Conn) {
		cfg.connected(nc, s, false)
		call(connected, nc)
	}
	o.ReconnectedCB = func(nc *nats.Conn) {
		cfg.Log.Info("NATS is back")
		cfg.connected(nc, s, true)
		call(reconnected, nc)
	}
	o.DisconnectedErrCB = func(nc *nats.Conn, err error) {
		if err != nil && !errors.Is(err, errMoved) { // nil: its owner closed it
			cfg.Log.Warn("NATS is away", "error", err)
		}
		if cfg.Away != nil {
			cfg.Away()
		}
		if disconnected != nil {
			disconnected(nc, err)
		}
	}
	unreached := cfg.unreached()
	o.ReconnectErrCB = func(nc *nats.Conn, err error) {
		unreached(nc, err)
		if failed != nil {
			failed(nc, err)
		}
	}
	o.ClosedCB = func(nc *nats.Conn) {
		if cfg.Closed != nil {
			cfg.Closed(nc.LastError())
		}
		call(closed, nc)
	}
	o.AsyncErrorCB = func(nc *nats.Conn, sub *nats.Subscription, err error) {
		if errors.Is(err, ErrStuck) || errors.Is(err, errMoved) {
			return // it is said when nats.go notices that the connection is away
		}
		if cfg.Trouble != nil {
			cfg.Trouble(sub, err)
		}
		if trouble != nil {
			trouble(nc, sub, err)
		}
	}
}

func call(handler nats.ConnHandler, nc *nats.Conn) {
	if handler != nil {
		handler(nc)
	}
}

func (cfg *Config) connected(nc *nats.Conn, s *lines, again bool) {
	s.look(nc)
	if cfg.Connected != nil {
		cfg.Connected(nc.ConnectedServerVersion(), again)
	}
}

// unreached returns what hears of each attempt that failed, at the start and later. It says so once a minute.
func (cfg *Config) unreached() nats.ConnErrHandler {
	var said time.Time // nats.go calls one handler at a time
	return func(nc *nats.Conn, err error) {
		if now := time.Now(); said.IsZero() || now.Sub(said) >= remindEvery {
			said = now
			cfg.Log.Warn("NATS cannot be reached, trying again", "servers", nc.Servers(), "error", err) // without passwords
		}
	}
}
