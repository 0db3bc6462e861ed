package socketio

import (
	"context"
	"errors"
	"time"

	"github.com/parley-rtc/parley/gateway/defect"
)

// pollLimit is how many bytes one poll takes, unless one packet is larger: what goes over NATS has to fit into a message.
const pollLimit = 256 << 10

// pullLimit is the same for the gateway that carries a WebSocket. It asks again once the client has taken that, and counts
// as gone when it does not for 5 s: so much a thin line takes.
const pullLimit = 32 << 10

// handle does what is asked of a session that lives here. It waits as long as poll and post do.
func (s *Server) handle(ctx context.Context, r *request, hold time.Duration) answer {
	c := s.lookup(r.SID)
	if c == nil {
		return refused(codeUnknownSID)
	}
	if a, ok := c.admits(r); !ok {
		return a
	}
	if !c.ofUser(ctx, r) {
		return refused(codeUnknownSID)
	}
	c.use()
	switch r.Op {
	case opPoll:
		return c.poll(ctx, modePolling, hold)
	case opPost:
		return c.post(modePolling, r.Body)
	case opProbe:
		return c.beginUpgrade(r.Attempt)
	case opHurry:
		return c.hurry()
	case opCancel:
		c.cancelUpgrade()
	case opSwitch:
		return c.endUpgrade(nil)
	case opPull:
		return c.poll(ctx, modeCarried, hold)
	case opPush:
		return c.post(modeCarried, r.Body)
	case opDrop:
		return c.endFrom(modePolling, r.Reason)
	case opEnd:
		return c.endFrom(modeCarried, r.Reason)
	default:
		return refused(codeBadRequest)
	}
	return answer{}
}

// endFrom ends a session that is on that transport, and leaves one alone that is not: whoever asks for its end has nothing
// to do with it any more.
func (c *conn) endFrom(m mode, reason string) answer {
	c.mu.Lock()
	mine := c.mode == m
	c.mu.Unlock()
	if !mine {
		return refused(codeBadRequest)
	}
	c.end(errors.New(reason))
	return answer{Closed: true}
}

// use notes that a client of revision 3, which joins unasked, has come back after the handshake.
func (c *conn) use() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.revision == revision3 && c.session != nil && c.alive() {
		c.beat.unused = 0
	}
}

// HandleRemote answers what another gateway asks about a session here: the payload of a message on this gateway's subject
// engine. It may wait for 10 s, longer where a client's session takes nothing in, and is safe to be called at the same
// time for any number of messages.
func (s *Server) HandleRemote(ctx context.Context, message []byte) []byte {
	var r request
	body, err := decode(message, &r)
	if err != nil {
		s.log.Debug("engine", "error", err)
		return encode(refused(codeBadRequest), nil)
	}
	r.Body = body
	var answer []byte
	err = defect.Guard("a request of Socket.IO from another gateway", func() {
		a := s.handle(ctx, &r, s.cfg.holdRemote)
		answer = encode(a, a.Body)
	})
	if defect.Log(s.log, err, "op", string(r.Op)) {
		if c := s.lookup(r.SID); c != nil { // the one whom it concerns
			c.end(err)
		}
		answer = encode(refused(codeUnknownSID), nil)
	}
	return answer
}

// ask does what is asked of a session, here or at its home.
func (s *Server) ask(ctx context.Context, r *request) answer {
	home, ok := r.gateway()
	switch {
	case !ok:
		return refused(codeUnknownSID)
	case home == s.cfg.Gateway:
		return s.handle(ctx, r, 0)
	case s.cfg.Remote == nil:
		return refused(codeUnknownSID)
	}
	for {
		a, err := s.call(ctx, r)
		if err != nil {
			s.log.Debug("engine", "home", home, "op", r.Op, "error", err)
			s.abandon(r, "the way to the session's gateway failed, or the client went")
			return refused(codeUnknownSID)
		}
		if !a.Again {
			return a
		}
	}
}

// askAll is ask for a POST. A body that is too large for a message of NATS goes to another gateway in parts, one after the
// other, until one of them ends the session. Of a packet that is refused anyway, as it is above MaxFrame, only so much goes
// that its home sees that.
func (s *Server) askAll(ctx context.Context, r *request) answer {
	if home, ok := r.gateway(); !ok || home == s.cfg.Gateway || len(r.Body) <= pollLimit {
		return s.ask(ctx, r)
	}
	part := *r
	var a answer
	for part.Body = range parts(r.Revision, r.Body, pollLimit) {
		if len(part.Body) > pollLimit {
			part.Body = s.cutBody(r.Revision, part.Body)
		}
		if a = s.ask(ctx, &part); a.Refused || a.Closed {
			break
		}
	}
	return a
}

// abandon tells a session's home that something may have got lost here, or the client is gone: better the end than a
// client that has missed something and does not know.
func (s *Server) abandon(r *request, reason string) {
	end := *r
	end.Reason, end.Body = reason, nil
	switch r.Op {
	case opPoll, opPost:
		end.Op = opDrop
	case opSwitch, opPull, opPush:
		end.Op = opEnd
	default:
		return
	}
	s.spawn(func() {
		if _, err := s.call(context.Background(), &end); err != nil {
			s.log.Debug("engine", "op", end.Op, "error", err)
		}
	})
}

// call asks another gateway once.
func (s *Server) call(ctx context.Context, r *request) (answer, error) {
	home, _ := r.gateway()
	within, cancel := context.WithTimeout(ctx, s.cfg.holdRemote+s.cfg.PingTimeout)
	defer cancel()
	b, err := s.cfg.Remote.Call(within, home, encode(r, r.Body))
	if err != nil {
		return answer{}, err // the caller says where
	}
	var a answer
	a.Body, err = decode(b, &a)
	return a, err
}
