package bus

import (
	"cmp"
	"context"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// lines makes a Conn's lines, one after the other, and knows the last.
type lines struct {
	made    atomic.Uint64
	current atomic.Pointer[line]
	greeted atomic.Uint64 // the number of the last line over which nats.go was logged in
}

func (s *lines) add(conn net.Conn, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	l := newLine(conn, s.made.Add(1))
	s.current.Store(l)
	return l, nil
}

// up returns the number of the line that is connected; 0: none is.
func (s *lines) up() uint64 {
	l := s.current.Load()
	if l == nil || l.ended.Load() || s.greeted.Load() != l.number {
		return 0
	}
	return l.number
}

// look notes whether nats.go is logged in. It may wait for nats.go's lock.
func (s *lines) look(nc *nats.Conn) {
	l := s.current.Load()
	if l != nil && nc.IsConnected() && s.current.Load() == l { // it dials only while it is not connected
		s.greeted.Store(l.number)
	}
}

// wrap makes nats.go use lines, however it reaches its server.
func (s *lines) wrap(o *nats.Options) {
	if o.InProcessServer != nil {
		o.InProcessServer = &inProcess{o.InProcessServer, s}
	}
	if o.CustomDialer != nil {
		o.CustomDialer = &custom{o.CustomDialer, s}
		return
	}
	d := &dialer{lines: s, timeout: cmp.Or(o.Timeout, nats.DefaultTimeout), inOrder: o.NoRandomize}
	if o.Dialer != nil { // deprecated, and somebody's option may set it
		d.net = *o.Dialer // the same
	}
	if o.AllowMultipathTCP != nil {
		d.net.SetMultipathTCP(*o.AllowMultipathTCP)
	}
	o.CustomDialer, o.SkipHostLookup = d, true
}

// dialer dials as nats.go does. It looks up names itself: so that all of a name's addresses together have one time-out, and the
// lookup too.
type dialer struct {
	lines   *lines
	net     net.Dialer
	timeout time.Duration
	inOrder bool
}

// Dial implements [nats.CustomDialer].
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), d.timeout)
	defer cancel()
	return d.lines.add(d.dial(ctx, network, address))
}

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err // nats.go reports it
	}
	hosts, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return nil, err // nats.go reports it
	}
	if !d.inOrder {
		rand.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	}
	until, _ := ctx.Deadline()
	var conn net.Conn
	for i, host := range hosts {
		share, cancel := context.WithTimeout(ctx, time.Until(until)/time.Duration(len(hosts)-i))
		conn, err = d.net.DialContext(share, network, net.JoinHostPort(host, port))
		cancel()
		if err == nil {
			return conn, nil
		}
	}
	return nil, err // nats.go reports it
}

// custom is a dialer that somebody's option has set.
type custom struct {
	nats.CustomDialer

	lines *lines
}

// Dial implements [nats.CustomDialer].
func (d *custom) Dial(network, address string) (net.Conn, error) {
	return d.lines.add(d.CustomDialer.Dial(network, address))
}

// SkipTLSHandshake is what nats.go asks a dialer that may have done TLS itself.
func (d *custom) SkipTLSHandshake() bool {
	inner, ok := d.CustomDialer.(interface{ SkipTLSHandshake() bool })
	return ok && inner.SkipTLSHandshake()
}

// inProcess is a server in this process. Its connections are pipes without a buffer: each write waits for the server to read.
type inProcess struct {
	server nats.InProcessConnProvider
	lines  *lines
}

// InProcessConn implements [nats.InProcessConnProvider].
func (p *inProcess) InProcessConn() (net.Conn, error) { return p.lines.add(p.server.InProcessConn()) }
