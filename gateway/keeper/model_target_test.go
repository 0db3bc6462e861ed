package keeper_test

import "github.com/parley-rtc/parley/proto"

// targetEnd is the target's client.
type targetEnd struct {
	w      *world
	conn   *conn
	turn   int64
	live   bool
	heard  []int64
	last   int64 // the last heard, or that counts as heard
	busy   int64
	unread []frame // at its end, and the page has not read it
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
	t.w.publish(tid, stay, false)
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
	if t.w.trouble(15) {
		t.endUnread()
	}
	t.read()
	t.live = false
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

// frame is what has arrived at the target's end: a signal, or live.
type frame struct {
	n           int64 // 0: live
	named       bool  // the sender stands in lost
	value, upTo int64 // of what it had sent by then, up to a number, anything may be missing
}

// receive: a frame has arrived at the end. The page reads it a little later, or when it is busy no longer.
func (t *targetEnd) receive(f frame) {
	t.unread = append(t.unread, f)
	c := t.conn
	if f.n > 0 && t.w.trouble(3) {
		t.busy = t.w.now + t.w.between(200, 2500)
	}
	t.w.at(max(t.busy, t.w.now+t.w.between(0, 80)), func() {
		if c == t.conn && c.open && t.w.now >= t.busy {
			t.read()
		}
	})
}

func (t *targetEnd) read() {
	for _, f := range t.unread {
		if f.n == 0 {
			t.live = true
			t.w.Lives++
			if f.named {
				t.last = max(t.last, f.value)
				t.excused = max(t.excused, f.upTo)
			}
			continue
		}
		t.w.say("the target hears %s", number(f.n))
		if f.n <= t.last {
			t.w.fail("%s is heard, and %s counts as heard", number(f.n), number(t.last))
		}
		t.heard = append(t.heard, f.n)
		t.last = f.n
	}
	t.unread = nil
}

// endUnread: the page ends, and has not read what its end had.
func (t *targetEnd) endUnread() {
	for _, f := range t.unread {
		t.w.say("the page does not read %s", number(f.n))
		t.w.Unread++
		t.notRead = max(t.notRead, f.n)
	}
	t.unread = nil
}
