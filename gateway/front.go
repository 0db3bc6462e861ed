package gateway

import (
	"net"
	"net/http"

	"github.com/parley-rtc/parley/gateway/edge"
	"github.com/parley-rtc/parley/gateway/plain"
	"github.com/parley-rtc/parley/gateway/porch"
	"github.com/parley-rtc/parley/gateway/socketio"
)

// front is where clients come in.
type front struct {
	// Set by New.
	limits  edge.Limits
	proxies edge.Proxies
	origins edge.Origins
	notices *edge.Notices
	door    *edge.Door
	plain   *plain.Server
	engine  *socketio.Server
	handler http.Handler

	gate *gate
}

// newFront makes what is in front, out of the settings.
func (g *Gateway) newFront() error {
	f := &g.front
	var err error
	if f.proxies, err = edge.ParseProxies(g.cfg.TrustedProxies); err != nil {
		return err // it names the setting
	}
	if f.origins, err = edge.ParseOrigins(g.cfg.AllowOrigins, f.proxies); err != nil {
		return err // it names the setting
	}
	l := g.cfg.Limits
	f.limits = edge.Limits{MaxConns: l.MaxConns, MaxConnsPerAddress: l.MaxConnsPerAddress, IPv6Prefix: l.IPv6Prefix}
	f.notices, f.door, f.gate = edge.NewNotices(f.origins, g.log), edge.NewDoor(f.limits), newGate()
	f.plain = plain.New(plain.Config{
		Door: entrance{g, transportPlain}, Open: g.open, AllowOrigin: g.admits(transportPlain), Forbidden: f.notices.Forbidden,
		Address: f.proxies.Address, MaxFrame: l.MaxFrame, Limits: l.told(), Keep: g.cfg.keepSeconds(), ICE: g.cfg.ICE.Open(), Log: g.log, Failed: g.fail,
		Check: g.trust.checking(transportPlain),
	})
	f.engine = socketio.New(socketio.Config{
		Door: entrance{g, transportSocketIO}, Open: g.open, Gateway: g.id, MaxFrame: l.MaxFrame, Burst: l.Burst,
		AllowOrigin: g.admits(transportSocketIO), Address: f.proxies.Address, Forbidden: f.notices.Forbidden, Unknown: g.unknown,
		Remote: remote{g}, Failed: g.fail, Check: g.trust.checking(transportSocketIO),
	}, g.log)
	f.handler = g.newHandler()
	return nil
}

// CheckOrigin returns an error when a pattern can never match an origin. Its text goes on from the pattern and says what to
// write.
func CheckOrigin(allowed string) error { return edge.CheckOrigin(allowed) } // its text is told

// admits returns who judges origins for a transport, and counts whom it turns away.
func (g *Gateway) admits(transport string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		allowed := g.front.origins.Allow(r)
		if !allowed {
			g.metrics.refused(transport, reasonOrigin)
		}
		return allowed
	}
}

// unknown counts and says that a request was refused since it is not known whose it is.
func (g *Gateway) unknown(r *http.Request) string {
	g.metrics.refused(transportSocketIO, reasonProxy)
	return g.front.notices.Unknown(r)
}

// entrance is a transport's way to the door, which counts whom it turns away. It implements [link.Door].
type entrance struct {
	g         *Gateway
	transport string
}

// Enter implements [link.Door].
func (e entrance) Enter(address string) error {
	err := e.g.front.door.Enter(address)
	if err != nil {
		e.g.metrics.refused(e.transport, reasonOf(err))
	}
	return err // it is told as it is
}

// Leave implements [link.Door].
func (e entrance) Leave(address string) { e.g.front.door.Leave(address) }

// Porch returns a listener for the server of who serves [Gateway.Handler] without [Gateway.Serve]. It bounds the connections
// that are not clients yet, as the gateway's limits and the process's file descriptors have it; TLS goes on top of it. Its
// ConnState has to be the server's. There is one for a gateway.
func (g *Gateway) Porch(ln net.Listener) *porch.Porch {
	cfg := g.front.limits.Porch(porch.PlacesBeside(g.cfg.Sockets), g.front.proxies)
	cfg.Note = func(n int) { g.metrics.sockets.Set(float64(n)) }
	cfg.Dropped = func(why porch.Reason) { g.metrics.dropped.WithLabelValues(string(why)).Inc() }
	return porch.New(ln, cfg)
}
