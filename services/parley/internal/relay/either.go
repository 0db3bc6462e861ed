package relay

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
)

// either is a listener at which clients speak TCP or, where there is a certificate, TLS: a handshake of TLS begins as no message of TURN does.
type either struct {
	net.Listener
	cfg *tls.Config
}

func newEither(ln net.Listener, cfg *tls.Config) net.Listener {
	if cfg != nil {
		cfg = cfg.Clone()
		cfg.NextProtos = nil // that was HTTP's; RFC 7443 has names for TURN, which nobody needs
	}
	return &either{ln, cfg}
}

// Accept implements [net.Listener]. It waits for nobody to speak.
func (e *either) Accept() (net.Conn, error) {
	c, err := e.Listener.Accept()
	if err != nil {
		return nil, err //nolint:wrapcheck // whoever asks knows which errors pass
	}
	if e.cfg != nil {
		c = &undecided{Conn: c, cfg: e.cfg}
	}
	return &framed{c, bufio.NewReaderSize(c, mostFrame)}, nil
}

// framed is a connection whose reads bring whole messages. pion puts pieces together by calling itself for each, without bound.
type framed struct {
	net.Conn
	r *bufio.Reader
}

// mostFrame is more than any message that is worth a datagram.
const mostFrame = 1600

var errNoFrame = errors.New("neither a message of STUN nor data of a channel, or too long a one")

// Read implements [net.Conn].
func (f *framed) Read(b []byte) (int, error) {
	head, err := f.r.Peek(header)
	if err != nil {
		return 0, err //nolint:wrapcheck // a socket's error is its own
	}
	size := int(binary.BigEndian.Uint16(head[2:]))
	switch head[0] >> 6 {
	case 0:
		size += stunHeader
	case 1:
		size = header + (size+3)&^3 // padded to four bytes
	default:
		return 0, errNoFrame
	}
	if size > mostFrame || size > len(b) {
		return 0, errNoFrame
	}
	if _, err := f.r.Peek(size); err != nil {
		return 0, err //nolint:wrapcheck // as above
	}
	return f.r.Read(b[:size]) //nolint:wrapcheck // as above; all of it is there
}

// stunHeader is what stands before a message's attributes, in bytes.
const stunHeader = 20

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
