package relay

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// What one allocation may ask for: browsers let in some twenty peers, and say so again every few minutes. Each that is let in costs memory for
// five minutes, and a channel's number time with each packet.
const (
	peersAtOnce = 100
	peersRate   = 1 // a second
)

// unallocated is for how long a connection over TCP stays without an allocation.
const unallocated = 30 * time.Second

// sending is for how long a client over TCP may take nothing.
const sending = 10 * time.Second

// mostWaiting is how many connections over TCP may stand without an allocation, where a quarter of all sockets are not fewer; of one address a
// quarter of them.
const mostWaiting = 512

func (c *callers) mostWaiting() int {
	if c.most > 0 {
		return min(mostWaiting, max(1, c.most/4))
	}
	return mostWaiting
}

// callers are who has an allocation, or a connection over TCP. All of a server's sockets are counted here.
type callers struct {
	most int           // sockets; 0: no limit
	wait time.Duration // of a connection that has no allocation
	send time.Duration // for which a client over TCP may take nothing

	mu      sync.Mutex // guards the fields below
	sockets int
	waiting map[netip.Prefix]int // connections without an allocation, by their network
	all     int                  // of these
	conns   map[string]*caller   // over TCP, by address
	relays  map[uint16]*conn     // by their ports

	byAddress sync.RWMutex // guards the field below
	overUDP   map[netip.AddrPort]client
}

// client is one over UDP that has an allocation.
type client struct {
	addr  *net.UDPAddr // as pion has it, made once
	relay *conn
}

func newCallers(most int, wait, send time.Duration) *callers {
	return &callers{most: most, wait: wait, send: send, waiting: map[netip.Prefix]int{}, conns: map[string]*caller{}, relays: map[uint16]*conn{}, overUDP: map[netip.AddrPort]client{}}
}

// key tells clients apart, whose addresses may be alike over UDP and TCP.
func key(a net.Addr) string { return a.Network() + a.String() }

// known returns a client's address as pion has it, and its relay; nil: it has none.
func (c *callers) known(at netip.AddrPort) (net.Addr, *conn) {
	c.byAddress.RLock()
	one := c.overUDP[at]
	c.byAddress.RUnlock()
	if one.addr == nil {
		return net.UDPAddrFromAddrPort(at), nil
	}
	return one.addr, one.relay
}

// relay returns the one that has a port; nil: there is none.
func (c *callers) relay(relayed net.Addr) *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.relays[addrPort(relayed).Port()]
}

// opens counts a socket, or reports that there may be no more.
func (c *callers) opens() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.most > 0 && c.sockets >= c.most {
		return false
	}
	c.sockets++
	return true
}

func (c *callers) closes() {
	c.mu.Lock()
	c.sockets--
	c.mu.Unlock()
}

// opened is told of a relay's socket.
func (c *callers) opened(relay *conn) {
	c.mu.Lock()
	c.relays[relay.port] = relay
	c.mu.Unlock()
}

// allocated is told whose a relay is.
func (c *callers) allocated(from, relayed net.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	relay := c.relays[addrPort(relayed).Port()]
	if relay == nil {
		return // it has ended
	}
	if u, is := from.(*net.UDPAddr); is {
		relay.client = addrPort(u)
		c.byAddress.Lock()
		c.overUDP[relay.client] = client{u, relay}
		c.byAddress.Unlock()
	} else if conn := c.conns[key(from)]; conn != nil && conn.relay == nil {
		conn.relay, relay.caller = relay, conn
		c.stopsWaiting(conn)
		_ = conn.SetReadDeadline(time.Time{})
	}
}

// closed is told of the end of a relay.
func (c *callers) closed(relay *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sockets--
	delete(c.relays, relay.port)
	c.byAddress.Lock()
	if c.overUDP[relay.client].relay == relay {
		delete(c.overUDP, relay.client)
	}
	c.byAddress.Unlock()
	if conn := relay.caller; conn != nil && conn.relay == relay {
		conn.relay = nil
		if c.conns[key(conn.RemoteAddr())] == conn {
			c.waiting[conn.network]++
			c.all++
			_ = conn.SetReadDeadline(time.Now().Add(c.wait))
		}
	}
}

// mayLetIn reports whether an allocation may let in a peer, or go on with it.
func (c *callers) mayLetIn(from net.Addr) bool {
	var relay *conn
	if u, is := from.(*net.UDPAddr); is {
		_, relay = c.known(addrPort(u))
	} else {
		c.mu.Lock()
		if conn := c.conns[key(from)]; conn != nil {
			relay = conn.relay
		}
		c.mu.Unlock()
	}
	return relay != nil && relay.peers.Allow()
}

func (c *callers) stopsWaiting(conn *caller) {
	c.all--
	if c.waiting[conn.network]--; c.waiting[conn.network] <= 0 {
		delete(c.waiting, conn.network)
	}
}

// bounded is a listener that takes no more connections than there may be, and ends those that get no allocation.
type bounded struct {
	net.Listener
	callers *callers
}

// Accept implements [net.Listener].
func (b *bounded) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return nil, err //nolint:wrapcheck // it is the end
			}
			time.Sleep(pause) //nolint:forbidigo // no descriptor is left, say; pion would give up for good
			continue
		}
		if c := b.callers.welcome(conn); c != nil {
			return c, nil
		}
		_ = conn.Close()
	}
}

// pause is how long nobody is taken after somebody could not be.
const pause = 20 * time.Millisecond

// welcome counts a connection; nil: there may be no more of them.
func (c *callers) welcome(conn net.Conn) *caller {
	at := network(conn.RemoteAddr())
	c.mu.Lock()
	defer c.mu.Unlock()
	most, id := c.mostWaiting(), key(conn.RemoteAddr())
	if c.conns[id] != nil || c.most > 0 && c.sockets >= c.most || c.all >= most || c.waiting[at] >= max(1, most/4) {
		return nil // or one from the same port is not over yet
	}
	c.sockets++
	c.all++
	c.waiting[at]++
	one := &caller{Conn: conn, callers: c, network: at}
	c.conns[id] = one
	_ = conn.SetReadDeadline(time.Now().Add(c.wait))
	return one
}

// caller is a client's connection over TCP.
type caller struct {
	net.Conn
	callers *callers
	network netip.Prefix
	once    sync.Once

	relay *conn // guarded by the callers' mutex; nil: it has no allocation
}

// Write implements [net.Conn]. A client that takes nothing loses its connection: half a message is no message.
func (c *caller) Write(b []byte) (int, error) {
	_ = c.SetWriteDeadline(time.Now().Add(c.callers.send))
	n, err := c.Conn.Write(b)
	if err != nil {
		_ = c.Close()
	}
	return n, err //nolint:wrapcheck // a socket's error is its own
}

// Close implements [net.Conn].
func (c *caller) Close() error {
	c.once.Do(func() {
		c.callers.mu.Lock()
		defer c.callers.mu.Unlock()
		c.callers.sockets--
		delete(c.callers.conns, key(c.RemoteAddr())) // it is this one: there is no other from that port meanwhile
		if c.relay == nil {
			c.callers.stopsWaiting(c)
		}
	})
	return c.Conn.Close() //nolint:wrapcheck // as above
}
