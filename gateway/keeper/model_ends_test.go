package keeper_test

import (
	"slices"

	"github.com/parley-rtc/parley/gateway/keeper"
	"github.com/parley-rtc/parley/proto"
)

// conn is a connection of one of the ends.
type conn struct {
	w     *world
	g     *node
	id    proto.ClientID
	turn  int64
	open  bool
	ended func() // what its client does about it
	last  int64  // when the last frame to the client arrives
}

// connect connects a client to some gateway.
func (w *world) connect(id proto.ClientID, turn int64, ended func()) *conn {
	c := &conn{w: w, g: w.anyGateway(), id: id, turn: turn, open: true, ended: ended}
	c.g.conns = append(c.g.conns, c)
	w.say("%s connects to %s, turn %d", id, c.g.id, turn)
	return c
}

// cut ends a connection.
func (c *conn) cut() {
	if !c.open {
		return
	}
	c.open = false
	c.w.say("%s's turn %d at %s ends", c.id, c.turn, c.g.id)
	c.g.conns = slices.DeleteFunc(c.g.conns, func(o *conn) bool { return o == c })
	if !c.g.dead {
		c.g.step(&keeper.In{Kind: keeper.Closed, ID: c.id, Turn: c.turn})
	}
	c.ended()
}

// write has something arrive at the client's end, in order, if the connection stands then.
func (c *conn) write(do func()) {
	c.last = max(c.last, c.w.now+c.w.between(1, 60))
	c.w.at(c.last, func() {
		if c.open {
			do()
		}
	})
}

// resume has the room service record that a client has come back, and answers its gateway; sometimes late.
func (w *world) resume(c *conn, fresh bool) {
	w.after(w.between(1, 40), func() {
		old := w.record[c.id]
		if old == nil || old.Turn >= c.turn || c.g.dead {
			return
		}
		stay := *old
		stay.Gateway, stay.Turn = c.g.id, c.turn
		if fresh {
			stay.Since = w.seq
			w.t.excused = max(w.t.excused, proto.Number(w.s.turn, w.s.num))
		}
		w.seq++
		seq := w.seq
		w.record[c.id] = &stay
		w.say("%s is in by turn %d at %s (seq %d)", c.id, c.turn, c.g.id, seq)
		w.publish(c.id, &stay, seq)
		before, wait := old.Gateway, w.between(1, 40)
		if w.trouble(12) && (c.id == tid || !fresh && w.now > w.doubted+6000*ms) {
			if c.id == sid {
				w.doubted = w.now
			}
			w.Doubts++
			before, wait = c.g.id, w.between(500, 4000) // it is asked again, and nobody knows any more
			w.say("and the answer is late")
		}
		w.after(wait, func() {
			if !c.g.dead {
				c.g.resumed(c, &stay, before, seq, fresh)
			}
		})
	})
}

// publish tells all gateways where a member is, in order.
func (w *world) publish(id proto.ClientID, stay *proto.Stay, seq uint64) {
	for _, g := range w.gateways {
		g.told = max(g.told, w.now+w.between(1, 60))
		if w.trouble(10) {
			g.told += w.between(0, 250)
		}
		w.at(g.told, func() {
			if !g.dead {
				g.event(id, stay)
			}
		})
	}
	_ = seq
}

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
	s.w.publish(sid, stay, s.w.seq)
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
	case keeper.Full, keeper.TooOld:
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

// targetEnd is the target's client.
type targetEnd struct {
	w      *world
	conn   *conn
	turn   int64
	live   bool
	heard  []int64
	last   int64   // the last heard, or that counts as heard
	unread []int64 // at its end, and the page has not read it
	// Causes for which the sender may be named.
	died     int64 // the last turn of the sender of which a gateway that died may have had something; 0: none has died
	dying    bool  // no gateway has taken anything of the sender since
	unkept   int64 // the last signal that went unkept
	notRead  int64 // the last signal that the end had and the page has never read
	named    int64 // up to which it was named, but the page may not have heard that
	excused  int64 // what is at or below need not be heard
	freshNow bool
}

func newTargetEnd(w *world) *targetEnd { return &targetEnd{w: w} }

func (t *targetEnd) join() {
	t.turn = 1
	t.conn = t.w.connect(tid, 1, t.ended)
	stay := &proto.Stay{Gateway: t.conn.g.id, Turn: 1, Since: t.w.seq}
	t.w.seq++
	t.w.record[tid] = stay
	t.w.publish(tid, stay, t.w.seq)
	t.conn.g.resumed(t.conn, stay, "", t.w.seq, false)
	t.live = true
	t.w.after(t.w.between(200, 3000), t.trouble)
}

func (t *targetEnd) trouble() {
	switch {
	case t.conn == nil || !t.conn.open || t.w.calm:
	case t.w.chance(25):
		t.w.kill(t.conn.g)
	default:
		t.conn.cut()
	}
	t.w.after(t.w.between(100, 4000), t.trouble)
}

// ended: the connection is over. What its end had the page reads now, or never.
func (t *targetEnd) ended() {
	t.live = false
	if len(t.unread) > 0 && t.w.trouble(15) {
		t.w.say("the page does not read %s to %s", number(t.unread[0]), number(t.unread[len(t.unread)-1]))
		t.w.Unread += len(t.unread)
		t.notRead = t.unread[len(t.unread)-1]
		t.unread = nil
	}
	t.read(len(t.unread))
	wait := t.w.between(10, 400)
	if t.w.trouble(30) {
		wait = t.w.between(400, 2500)
	}
	t.w.after(wait, t.comeBack)
}

func (t *targetEnd) comeBack() {
	if t.conn.open {
		if !t.live && t.w.calm {
			t.conn.cut()
		}
		return
	}
	t.turn++
	t.w.Moves++
	t.conn = t.w.connect(tid, t.turn, t.ended)
	t.freshNow = t.w.trouble(4)
	if t.freshNow {
		t.w.Fresh++
		t.w.say("the target is fresh")
		t.heard, t.last = nil, 0
	}
	t.w.resume(t.conn, t.freshNow)
	if t.w.trouble(10) {
		c := t.conn
		t.w.after(t.w.between(1, 300), c.cut)
	}
}

// receive: a signal has arrived at the end. The page reads it a little later.
func (t *targetEnd) receive(n int64) {
	t.unread = append(t.unread, n)
	c := t.conn
	t.w.after(t.w.between(0, 80), func() {
		if c == t.conn && c.open && len(t.unread) > 0 {
			t.read(1)
		}
	})
}

func (t *targetEnd) read(most int) {
	for _, n := range t.unread[:most] {
		t.w.say("the target hears %s", number(n))
		if n <= t.last {
			t.w.fail("%s is heard, and %s counts as heard", number(n), number(t.last))
		}
		t.heard = append(t.heard, n)
		t.last = n
	}
	t.unread = t.unread[most:]
}

// isLive: it has all that could be had. In lost the sender stands, or not: of what it had sent by then, up to a number, anything may be
// missing.
func (t *targetEnd) isLive(named bool, value, upTo int64) {
	t.read(len(t.unread))
	t.live = true
	t.w.Lives++
	if named {
		t.last = max(t.last, value)
		t.excused = max(t.excused, upTo)
	}
}
