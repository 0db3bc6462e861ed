package socketio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/gateway/defect"
	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/wsconn"
)

// errProbe ends an attempt to upgrade; the session goes on polling.
var errProbe = errors.New("the upgrade was not completed")

// carrier is a WebSocket by which a session on polling is to be upgraded; when the session lives on another gateway, it is
// carried from then on.
type carrier struct {
	s   *Server
	req request
	ws  *wsconn.Conn
}

// runHere upgrades a session of this gateway, and reads the WebSocket until it ends.
func (p *carrier) runHere() {
	c := p.s.lookup(p.req.SID)
	if c == nil || !c.attachProbe(p.req.Attempt, p.ws) {
		p.ws.CloseNow()
		return
	}
	err := p.handshake(func() bool { return !c.endUpgrade(p.ws).Refused })
	if err != nil {
		c.dropProbe(p.ws)
		p.ws.CloseNow()
		return
	}
	c.contain("reading from a client", c.read)
}

// handshake answers the probe and waits for the client to be ready. A client that sends anything else, or too late, stays
// on polling.
func (p *carrier) handshake(ready func() bool) error {
	err := p.expect([]byte("2probe"), func() bool {
		p.tell(opHurry, "")
		frames := p.ws.Batch()
		frames.Text(func(b []byte) []byte { return append(b, "3probe"...) })
		return frames.Flush() == nil
	})
	if err != nil {
		return err
	}
	return p.expect([]byte{engineUpgrade}, ready)
}

// expect reads one packet and goes on when it is the one.
func (p *carrier) expect(want []byte, then func() bool) error {
	return p.ws.Read(func(kind websocket.MessageType, message []byte) error { // not told to anybody
		if kind != wsconn.Text || !bytes.Equal(message, want) || !then() {
			return errProbe
		}
		return nil
	}, nil)
}

// run upgrades a session of another gateway and carries its WebSocket: one goroutine asks for what is to be written, this
// one hands over what it reads.
func (p *carrier) run() {
	defer p.s.carry(p)()
	late := time.AfterFunc(p.s.cfg.upgradeTimeout, p.ws.CloseNow)
	err := p.handshake(func() bool { return late.Stop() && !p.tell(opSwitch, "").Refused })
	late.Stop()
	if err != nil {
		p.tell(opCancel, "")
		p.tell(opEnd, errProbe.Error()) // where the session has gone over, and the answer was lost
		p.ws.CloseNow()
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	var pulling sync.WaitGroup
	defer pulling.Wait()
	defer cancel()
	pulling.Go(func() { p.contain(func() { p.pull(ctx) }) })
	for err == nil {
		err = p.ws.Read(p.push, p.pushLarge)
	}
	cancel()
	if why, ours := closeFor(err); ours {
		p.ws.Close(why.Code, why.Reason, closePatience)
	}
	p.ws.CloseNow()
	p.tell(opEnd, causeOf(err).Error())
}

// contain runs what concerns this client alone. A defect in it ends the WebSocket, and so the session, and no more.
func (p *carrier) contain(f func()) {
	err := defect.Guard("carrying a WebSocket for another gateway", f)
	if defect.Log(p.s.log, err, "address", p.req.Address) {
		p.ws.CloseNow()
		p.tell(opEnd, err.Error())
	}
}

// push hands one packet over.
func (p *carrier) push(kind websocket.MessageType, message []byte) error {
	packet, err := packetOf(p.req.Revision, kind, message)
	if err != nil {
		return err
	}
	if bytes.IndexByte(packet, separator) >= 0 {
		return fmt.Errorf("%w: a control character", errPacket)
	}
	r := p.req
	r.Op, r.Body = opPush, packet
	a := p.s.ask(context.Background(), &r)
	switch {
	case a.Code != 0:
		return link.Close{Code: a.Code, Reason: a.Reason}
	case a.Refused, a.Closed:
		return errEnded
	}
	return nil
}

// pull writes what the session's home has for the client, until the session ends there or the WebSocket here.
func (p *carrier) pull(ctx context.Context) {
	for {
		r := p.req
		r.Op = opPull
		a := p.s.ask(ctx, &r)
		if len(a.Body) > 0 && !a.Refused && p.write(a.Body) != nil {
			p.ws.CloseNow()
			return
		}
		switch {
		case a.Code != 0:
			p.ws.Close(a.Code, a.Reason, closePatience)
			return
		case a.Refused, a.Closed:
			if ctx.Err() == nil {
				p.ws.Close(link.GoingAway.Code, link.GoingAway.Reason, closePatience)
			}
			return
		}
	}
}

// write writes packets joined as in a payload of revision 4.
func (p *carrier) write(body []byte) error {
	frames := p.ws.Batch()
	for packet := range bytes.SplitSeq(body, []byte{separator}) {
		frames.Text(func(b []byte) []byte { return append(b, packet...) })
	}
	return frames.Flush() // wsconn says what it did
}

// tell asks the session's home for something that does not wait.
func (p *carrier) tell(o op, reason string) answer {
	r := p.req
	r.Op, r.Reason, r.Body = o, reason, nil
	return p.s.ask(context.Background(), &r)
}
