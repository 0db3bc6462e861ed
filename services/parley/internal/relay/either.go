package relay

import (
	"bufio"
	"crypto/tls"
	"net"
)

// either is a listener at which clients speak TCP or TLS: a handshake of TLS begins as no message of TURN does.
type either struct {
	net.Listener
	cfg *tls.Config
}

func newEither(ln net.Listener, cfg *tls.Config) net.Listener {
	if cfg == nil {
		return ln
	}
	return &either{ln, cfg}
}

// Accept implements [net.Listener]. It waits for nobody to speak.
func (e *either) Accept() (net.Conn, error) {
	c, err := e.Listener.Accept()
	if err != nil {
		return nil, err //nolint:wrapcheck // whoever asks knows which errors pass
	}
	return &undecided{Conn: c, cfg: e.cfg}, nil
}

// undecided is a connection that becomes one of TLS, or does not, with its first byte. How long that may take is bounded by the listener.
type undecided struct {
	net.Conn
	cfg    *tls.Config
	chosen net.Conn // once it is known
}

// handshake is the first byte of TLS.
const handshake = 0x16

// Read implements [net.Conn]. One goroutine reads.
func (u *undecided) Read(b []byte) (int, error) {
	if u.chosen == nil {
		r := bufio.NewReaderSize(u.Conn, 1<<10)
		first, err := r.Peek(1)
		if err != nil {
			return 0, err //nolint:wrapcheck // a socket's error is its own
		}
		begun := &peeked{u.Conn, r}
		if first[0] == handshake {
			secured := tls.Server(begun, u.cfg)
			if err := secured.Handshake(); err != nil { //nolint:noctx // the deadline bounds it
				return 0, err //nolint:wrapcheck // as above
			}
			u.chosen = secured
		} else {
			u.chosen = begun
		}
	}
	return u.chosen.Read(b) //nolint:wrapcheck // as above
}

// Write implements [net.Conn]. A server of TURN speaks second.
func (u *undecided) Write(b []byte) (int, error) {
	if u.chosen == nil {
		return u.Conn.Write(b) //nolint:wrapcheck // a socket's error is its own
	}
	return u.chosen.Write(b) //nolint:wrapcheck // as above
}

type peeked struct {
	net.Conn
	r *bufio.Reader
}

// Read implements [net.Conn].
func (p *peeked) Read(b []byte) (int, error) { return p.r.Read(b) } //nolint:wrapcheck // a socket's error is its own
