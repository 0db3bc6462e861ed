package gateway_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/gateway"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// thinLine starts a proxy to an address that hands on so many bytes each tick, reading all the time, and returns where it
// listens. It ends with the test.
func thinLine(t *testing.T, to string, bytes int, tick time.Duration) string {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		in, err := ln.Accept()
		if err != nil {
			return
		}
		defer in.Close() // it is over
		out, err := net.Dial("tcp4", to)
		if err != nil {
			t.Error(err)
			return
		}
		defer out.Close() // it is over
		_ = out.(*net.TCPConn).SetReadBuffer(bytes)
		all.Go(func() { _, _ = io.Copy(out, in); _ = out.Close() })
		pace := time.NewTicker(tick)
		defer pace.Stop()
		for buf := make([]byte, bytes); ; <-pace.C {
			n, err := out.Read(buf)
			if _, w := in.Write(buf[:n]); w != nil || err != nil {
				return
			}
		}
	})
	t.Cleanup(func() { _ = ln.Close(); all.Wait() })
	return ln.Addr().String()
}

// A newcomer on a thin line, to whom many members send more at once than its queue holds, is not closed: those for whose
// signal there is no room hear unavailable, send it again, and all arrive, each sender's in order.
func TestANewcomerOnAThinLineThatReadsSteadilyHearsEverybody(t *testing.T) {
	t.Parallel()
	const members, each = 60, 4
	w := newWorld(t, worldOptions{config: gateway.Config{Limits: gateway.Limits{MaxQueue: 256 << 10}}})
	host := strings.TrimSuffix(strings.TrimPrefix(w.url, "ws://"), "/ws")
	c, err := testkit.Open(t.Context(), "ws://"+thinLine(t, host, 16<<10, 4*time.Millisecond)+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	ids := make([]proto.ClientID, members)
	for i := range ids {
		ids[i] = proto.ClientID(fmt.Sprintf("far%017d", i))
	}
	w.joins(c, lobby, 3, ids...)

	r := w.replicas[0]
	size := `"` + pad(32<<10) + `%d"`
	type sending struct {
		n   int64
		sub *nats.Subscription
	}
	under := make(map[proto.ClientID]*sending)
	for _, id := range ids {
		under[id] = &sending{n: 1}
	}
	refused, deadline := 0, time.Now().Add(2*time.Minute)
	for len(under) > 0 && time.Now().Before(deadline) {
		for id, s := range under {
			s.sub = r.signal(lobby, id, c.ID(), s.n, fmt.Sprintf(size, s.n))
		}
		for id, s := range under {
			m, err := s.sub.NextMsg(patience)
			if err != nil {
				t.Fatal(err)
			}
			switch e, err := proto.DecodeEvent(m.Data); {
			case err == nil && e.Name == proto.SignalSent:
				if s.n++; s.n > each {
					delete(under, id)
				}
			case err == nil && e.Code == proto.CodeUnavailable:
				refused++
			default:
				t.Fatalf("a sender was answered %s, %v", m.Data, err)
			}
		}
	}
	if refused == 0 {
		t.Error("nobody was told that there is no room: the test does not test")
	}
	heard := make(map[proto.ClientID]string)
	for range members * each {
		e := c.Expect(t, proto.SignalReceive)
		heard[e.SenderID] += string(e.Data[len(e.Data)-2 : len(e.Data)-1])
	}
	for _, id := range ids {
		if heard[id] != "1234" {
			t.Errorf("of %s it heard %q", id, heard[id])
		}
	}
	if n := w.overflows("outgoing"); n != 0 {
		t.Errorf("%v were closed as too slow", n)
	}
}
