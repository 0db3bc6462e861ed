package keeper_test

import "github.com/parley-rtc/parley/proto"

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
