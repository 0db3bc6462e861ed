package relay

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
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

// mostWaiting is how many connections over TCP may stand without an allocation; of one address a quarter of them.
const mostWaiting = 512

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
	peers   map[string]*rate.Limiter

	knows sync.RWMutex                    // guards the field below
	known map[netip.AddrPort]*net.UDPAddr // of clients over UDP that have an allocation
}

func newCallers(most int, wait, send time.Duration) *callers {
	return &callers{most: most, wait: wait, send: send, waiting: map[netip.Prefix]int{}, conns: map[string]*caller{}, peers: map[string]*rate.Limiter{}, known: map[netip.AddrPort]*net.UDPAddr{}}
}

// key tells clients apart, whose addresses may be alike over UDP and TCP.
func key(a net.Addr) string { return a.Network() + a.String() }

// address is a client's address as pion has it.
func (c *callers) address(at netip.AddrPort) net.Addr {
	c.knows.RLock()
	known := c.known[at]
	c.knows.RUnlock()
	if known == nil {
		known = net.UDPAddrFromAddrPort(at)
	}
	return known
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

// allocated is told of each allocation that is made.
func (c *callers) allocated(from net.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.peers[key(from)] = rate.NewLimiter(peersRate, peersAtOnce)
	if u, is := from.(*net.UDPAddr); is {
		c.knows.Lock()
		c.known[addrPort(u)] = u
		c.knows.Unlock()
	}
	if conn := c.conns[key(from)]; conn != nil && conn.waits {
		conn.waits = false
		c.stopsWaiting(conn)
		_ = conn.SetReadDeadline(time.Time{})
	}
}

// freed is told of each allocation that has ended.
func (c *callers) freed(from net.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.peers, key(from))
	if u, is := from.(*net.UDPAddr); is {
		c.knows.Lock()
		delete(c.known, addrPort(u))
		c.knows.Unlock()
	}
	if conn := c.conns[key(from)]; conn != nil && !conn.waits {
		conn.waits = true
		c.waiting[conn.network]++
		c.all++
		_ = conn.SetReadDeadline(time.Now().Add(c.wait))
	}
}

// mayLetIn reports whether an allocation may let in a peer, or go on with it.
func (c *callers) mayLetIn(from net.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	peers := c.peers[key(from)]
	return peers != nil && peers.Allow()
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
			return nil, err //nolint:wrapcheck // whoever asks knows which errors pass
		}
		if c := b.callers.welcome(conn); c != nil {
			return c, nil
		}
		_ = conn.Close()
	}
}

// welcome counts a connection; nil: there may be no more of them.
func (c *callers) welcome(conn net.Conn) *caller {
	at := network(conn.RemoteAddr())
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.most > 0 && c.sockets >= c.most || c.all >= mostWaiting || c.waiting[at] >= mostWaiting/4 {
		return nil
	}
	c.sockets++
	c.all++
	c.waiting[at]++
	one := &caller{Conn: conn, callers: c, network: at, waits: true}
	c.conns[key(conn.RemoteAddr())] = one
	_ = conn.SetReadDeadline(time.Now().Add(c.wait))
	return one
}

// caller is a client's connection over TCP.
type caller struct {
	net.Conn
	callers *callers
	network netip.Prefix
	once    sync.Once

	waits bool // guarded by the callers' mutex: it has no allocation
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
		delete(c.callers.conns, key(c.RemoteAddr()))
		if c.waits {
			c.callers.stopsWaiting(c)
		}
	})
	return c.Conn.Close() //nolint:wrapcheck // as above
}
