package keeper_test

import (
	"slices"

	"github.com/parley-rtc/parley/gateway/keeper"
	"github.com/parley-rtc/parley/proto"
)

// senderEnd is the sender's client. It keeps a signal until it is said to be sent, and sends it again when it is back.
type senderEnd struct {
	w         *world
	conn      *conn
	room      *conn // the connection by which it is in the room
	turn      int64
	num       int64 // of this turn
	unsent    []int64
	resend    []int64 // what is sent again before anything new
	asking    int64   // the one that is under way
	asked     uint64
	confirmed []int64
	still     bool
}

func newSenderEnd(w *world) *senderEnd { return &senderEnd{w: w} }

func (s *senderEnd) join() {
	s.turn = 1
	s.conn = s.w.connect(sid, s.turn, s.ended)
	stay := &proto.Stay{Gateway: s.conn.g.id, Turn: 1, Since: s.w.seq}
	s.w.seq++
	s.w.record[sid] = stay
	s.w.publish(sid, stay, false)
	s.conn.g.resumed(s.conn, stay, "", s.w.seq, false)
	s.w.after(s.w.between(200, 4000), s.trouble)
}

// trouble ends the connection now and then, or its gateway.
func (s *senderEnd) trouble() {
	switch {
	case s.conn == nil || !s.conn.open || s.w.calm:
	case s.w.chance(25):
		s.w.kill(s.conn.g)
	default:
		s.conn.cut()
	}
	s.w.after(s.w.between(100, 5000), s.trouble)
}

func (s *senderEnd) ended() {
	s.room, s.asking = nil, 0
	wait := s.w.between(10, 400)
	if s.w.trouble(30) {
		wait = s.w.between(400, 2500)
	}
	s.w.after(wait, s.comeBack)
}

func (s *senderEnd) comeBack() {
	if s.conn.open {
		if s.room == nil && s.w.calm {
			s.conn.cut()
		}
		return
	}
	s.turn++
	s.num = 0
	s.w.Moves++
	s.conn = s.w.connect(sid, s.turn, s.ended)
	fresh := s.w.trouble(4)
	if fresh {
		s.w.Fresh++
		s.w.say("the sender is fresh")
		s.unsent = nil
	}
	s.w.resume(s.conn, fresh)
	if s.w.trouble(10) { // it is in doubt, and the client goes elsewhere
		c := s.conn
		s.w.after(s.w.between(1, 300), c.cut)
	}
}

// resumed: it may send now.
func (s *senderEnd) resumed(c *conn) {
	if c != s.conn || !c.open {
		return
	}
	s.room = c
	s.resend = slices.Clone(s.unsent)
}

// sendNext sends a signal if none is under way.
func (s *senderEnd) sendNext() {
	w := s.w
	wait := w.between(1, 150)
	if w.chance(5) {
		wait = w.between(500, 2500)
	}
	w.after(wait, s.sendNext)
	if s.room == nil || s.asking != 0 {
		return
	}
	switch {
	case len(s.resend) > 0:
		s.asking = s.resend[0]
		s.resend = s.resend[1:]
	case s.still:
		return
	default:
		s.num++
		s.asking = proto.Number(s.turn, s.num)
		s.unsent = append(s.unsent, s.asking)
	}
	s.asked++
	s.room.g.send(s.room, s.asking, s.asked)
}

// settled: a request has ended.
func (s *senderEnd) settled(c *conn, num uint64, o keeper.Outcome, ref string) {
	if c != s.conn || !c.open || num != s.asked {
		return
	}
	s.w.say("%s of the sender is %s", number(s.asking), outcomes[o])
	n := s.asking
	s.asking = 0
	if t := s.w.t; t.dying && (o == keeper.Sent || o == keeper.Held) {
		t.died, t.dying = max(t.died, s.turn-1), false
	}
	s.word(n, o)
	_ = ref
}

// told: later word of one that was held.
func (s *senderEnd) told(n int64, o keeper.Outcome) {
	s.w.say("%s of the sender is %s at last", number(n), outcomes[o])
	s.word(n, o)
}

func (s *senderEnd) word(n int64, o keeper.Outcome) {
	switch o {
	case keeper.Held:
		s.w.Held++
		s.confirm(n)
	case keeper.Sent:
		s.confirm(n)
		s.forget(n)
	case keeper.NotFound:
		s.forget(n)
		s.confirmed = slices.DeleteFunc(s.confirmed, func(o int64) bool { return o == n })
	case keeper.Full:
		if slices.Contains(s.confirmed, n) { // by a gateway that has died: it is tried again, before anything new
			s.resend = slices.Insert(s.resend, 0, n)
			return
		}
		s.forget(n)
	case keeper.TooOld:
		s.forget(n)
	}
}

func (s *senderEnd) confirm(n int64) {
	if !slices.Contains(s.confirmed, n) {
		s.confirmed = append(s.confirmed, n)
	}
}

func (s *senderEnd) forget(n int64) {
	s.unsent = slices.DeleteFunc(s.unsent, func(o int64) bool { return o == n })
}

var outcomes = [...]string{"sent", "held", "not found", "unavailable", "too old"}
