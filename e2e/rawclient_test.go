package e2e_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/proto"
)

// rawConn is a WebSocket client by hand, that does what no library does: stay silent, not read, break frames.
type rawConn struct {
	net.Conn
	r *bufio.Reader
}

// rawClient connects by hand, reads the first frame and returns the client id in it.
func rawClient(t *testing.T, where string) (*rawConn, string) {
	t.Helper()
	u, err := url.Parse(where)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(harness.Patience))
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", u.Path, u.Host)
	r := bufio.NewReaderSize(c, 4096)
	for line := "-"; line != "\r\n"; {
		if line, err = r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	op, payload, err := readFrame(r)
	e, decodeErr := proto.DecodeEvent(payload)
	if op != 1 || err != nil || decodeErr != nil || e.Name != proto.Connected {
		t.Fatalf("the first frame is %d %q, %v", op, payload, err)
	}
	_ = c.SetDeadline(time.Time{})
	return &rawConn{Conn: c, r: r}, string(e.ID)
}

// write sends a text frame, masked with zeros.
func write(t *testing.T, c *rawConn, text string) {
	t.Helper()
	if _, err := c.Write(frame(1, true, text)); err != nil {
		t.Fatal(err)
	}
}

// frame encodes a client's frame, masked with zeros.
func frame(op byte, final bool, payload string) []byte {
	if final {
		op |= 0x80
	}
	b := []byte{op}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// readFrame reads one frame of a server.
func readFrame(r io.Reader) (op byte, payload []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return 0, nil, err
	}
	op = head[0] & 0x0f
	n := uint64(head[1] & 0x7f)
	switch n {
	case 126:
		_, err = io.ReadFull(r, head[:2])
		n = uint64(binary.BigEndian.Uint16(head[:2]))
	case 127:
		_, err = io.ReadFull(r, head[:8])
		n = binary.BigEndian.Uint64(head[:8])
	}
	if err != nil {
		return 0, nil, err
	}
	payload = make([]byte, n)
	_, err = io.ReadFull(r, payload)
	return op, payload, err
}

// closeFrame reads until a close frame and returns its code and reason; the number of bytes read before it too.
func closeFrame(r io.Reader) (code uint16, reason string, before int, err error) {
	for {
		op, payload, err := readFrame(r)
		if err != nil {
			return 0, "", before, err
		}
		if op == 8 && len(payload) >= 2 {
			return binary.BigEndian.Uint16(payload), string(payload[2:]), before, nil
		}
		before += len(payload)
	}
}

func TestBrokenFramesEndTheConnectionAlone(t *testing.T) {
	t.Parallel()
	s := onePlace(t)
	room, a := fresh(t), s.dial(t)
	fill(t, room, a)
	for name, bytes := range map[string][]byte{
		"not masked":         {0x81, 0x02, '{', '}'},
		"reserved bits":      {0xf1, 0x80, 0, 0, 0, 0},
		"reserved opcode":    {0x83, 0x80, 0, 0, 0, 0},
		"split ping":         {0x09, 0x80, 0, 0, 0, 0},
		"long ping":          append([]byte{0x89, 0xfe, 0, 126, 0, 0, 0, 0}, make([]byte, 126)...),
		"lone continuation":  {0x80, 0x80, 0, 0, 0, 0},
		"negative length":    {0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0},
		"exabytes announced": {0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0},
		"close of one byte":  {0x88, 0x81, 0, 0, 0, 0, 3},
	} {
		c, _ := rawClient(t, s.urls[0])
		write(t, c, fmt.Sprintf(`{"event":"room-join","room":%q}`, room))
		joined := a.Expect(t, proto.ClientJoined)
		if _, err := c.Write(bytes); err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(harness.Patience))
		code, _, _, err := closeFrame(c.r)
		if err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: the connection stays", name)
		}
		if err == nil && code != 1002 && code != 1009 && code != 1007 {
			t.Errorf("%s: closed with %d", name, code)
		}
		_ = c.Close()
		if r := a.Expect(t, proto.ClientLeft); r.ID != joined.ID {
			t.Errorf("%s: heard %s", name, r.Raw)
		}
	}
	a.Quiet(t)
}

func TestAFrameInPiecesIsOneFrame(t *testing.T) {
	t.Parallel()
	s := onePlace(t)
	c, _ := rawClient(t, s.urls[0])
	for _, b := range [][]byte{
		frame(1, false, `{"event":`), frame(9, true, "between"), frame(0, false, `"pi`), frame(0, true, `ng","x":"`+"é"+`"}`),
	} {
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	_ = c.SetReadDeadline(time.Now().Add(harness.Patience))
	var heard []string
	for range 2 {
		op, payload, err := readFrame(c.r)
		if err != nil {
			t.Fatal(err)
		}
		heard = append(heard, fmt.Sprintf("%d %s", op, payload))
	}
	if got := strings.Join(heard, ", "); got != `10 between, 1 {"event":"pong"}` {
		t.Errorf("heard %s", got)
	}
}
