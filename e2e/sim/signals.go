package sim

import (
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-rtc/parley/proto"
)

// signal is one that a client has sent. It is known by its data, which is its number among all.
type signal struct {
	pair
	num    int
	n      int64 // its number: as its sender's gateway has numbered it, or
	own    int64 // its sender itself
	at     int64 // when it was sent
	said   proto.Name
	saidAt int64 // when its sender heard last what became of it
	queued bool  // it stood in the queue of the target's connection
	heard  int64 // when its target heard it
}

// pair is a sender's signals to a target in a room.
type pair struct {
	room     proto.Room
	from, to proto.ClientID
}

// newSignal makes one. Its number is its data.
func (w *world) newSignal(p pair) *signal {
	s := &signal{pair: p, num: len(w.signals) + 1, at: w.now}
	w.signals = append(w.signals, s)
	w.lines[p] = append(w.lines[p], s)
	return s
}

// frame is the request by which it is sent.
func (s *signal) frame() proto.Frame {
	return proto.Frame{
		Name: proto.SignalSend, Room: s.room, TargetID: s.to, Data: jsontext.Value(strconv.Itoa(s.num)), N: s.own,
	}
}

// signal returns the one that has some data.
func (w *world) signal(data jsontext.Value) *signal {
	num, err := strconv.Atoi(string(data))
	if err != nil || num < 1 || num > len(w.signals) {
		w.fail("there is no signal %s", data)
		return &signal{}
	}
	return w.signals[num-1]
}

// confirmed reports whether its sender was told that it is delivered, or kept.
func (s *signal) confirmed() bool { return s.said == proto.SignalSent || s.said == proto.SignalHeld }

// missing reports whether a confirmed signal was not heard, without a reason of those that it may have: its sender was in lost, or
// it or the target left or came back fresh.
func (w *world) missing(s *signal) bool {
	if !s.confirmed() || s.heard > 0 {
		return false
	}
	target := w.pages[s.to]
	return s.n > target.view(s.room).passed[s.from] && !w.excused(s)
}

// excused reports whether a signal's sender or target left, or came back fresh, after it was sent. Gateways hear of that later:
// so a little before counts too.
func (w *world) excused(s *signal) bool {
	lag := 300 * time.Millisecond
	if !w.clean() {
		lag = 15 * time.Second
	}
	for _, st := range slices.Backward(w.room(s.room).states) {
		if st.rec == nil {
			return false
		}
		if w.plain(st, s.from) || w.plain(st, s.to) {
			return true
		}
		if st.first < s.at-int64(lag) {
			return false
		}
		change := &st.rec.Change
		if !st.has(s.from) || !st.has(s.to) || change.Event != proto.ClientLeft && st.rec.Prev == 0 {
			return true
		}
		if change.Event == proto.ClientBack && change.Fresh && (change.ID == s.from || change.ID == s.to) {
			return true
		}
	}
	return false
}

// plain reports whether a session is in a room as one without a key is: an older replica has written the record.
func (w *world) plain(s *state, id proto.ClientID) bool {
	return w.pages[id].keep > 0 && s.has(id) && !s.resumable(id)
}

// hearSignal judges a signal: from a member, in its sender's order, once, and not before another that was confirmed.
func (c *client) hearSignal(v *view, e *proto.Event) {
	w := c.w
	s := w.signal(e.Data)
	switch {
	case !v.in:
		c.wrong(e, "it is not in there")
	case !slices.Contains(v.members, e.SenderID):
		c.wrong(e, "its sender is not in there: %v", v.members)
	case s.pair != pair{e.Room, e.SenderID, c.ID}:
		c.wrong(e, "it is for %s, from %s in %q", s.to, s.from, s.room)
	case s.heard > v.began:
		c.wrong(e, "it has heard it at %.3f", float64(s.heard)/1e6)
	case s.num <= v.last[e.SenderID]:
		c.wrong(e, "it comes after %d", v.last[e.SenderID])
	case c.Turn > 0 && s.confirmed() && s.saidAt < v.stayAt:
		c.wrong(e, "it joined, or came back fresh, after that was confirmed")
	case c.Turn > 0 && v.keeps && e.N != s.n:
		c.wrong(e, "its number is %d", s.n)
	case c.Turn > 0 && e.N <= v.heard[e.SenderID]:
		c.wrong(e, "it has heard, or has to take as heard, %d", v.heard[e.SenderID])
	}
	v.last[e.SenderID], s.heard = s.num, w.now
	if c.Turn > 0 {
		v.heard[e.SenderID] = e.N
	}
	for _, before := range w.lines[s.pair] { // until it is live, it is not told yet that one is missing
		if v.live && before.num < s.num && w.missing(before) {
			c.wrong(e, "%d (%d) was confirmed before it and not heard", before.num, before.n)
		}
	}
}

// say notes what a sender was told of a signal, and judges it.
func (c *client) say(s *signal, e *proto.Event) {
	w := c.w
	s.said, s.saidAt = e.Name, w.now
	t := w.pages[s.to]
	if v := t.view(s.room); s.said == proto.SignalSent && !s.queued && v.in && v.live && !t.conn.closed && s.n > v.passed[s.from] && !w.excused(s) {
		c.wrong(e, "%d has stood in no queue", s.num)
	}
	if s.confirmed() && s.num < t.view(s.room).last[s.from] && w.missing(s) {
		c.wrong(e, "its target has heard a later one, and not %d (%d)", s.num, s.n)
	}
}

// sayLater takes later word of a signal that was held.
func (c *client) sayLater(e *proto.Event, ref string) {
	i, _ := strconv.Atoi(ref) // it is one of those that are held
	delete(c.held, ref)
	s := c.w.signal(c.asked[i].Data)
	c.say(s, e)
	if e.Name != proto.SignalSent && e.Name != proto.TargetNotFound {
		c.wrong(e, "of %d it has heard that it is held", s.num)
	}
	if e.Name == proto.TargetNotFound && s.heard > 0 && !c.w.excused(s) {
		c.wrong(e, "its target has heard %d, and was there all the time", s.num)
	}
}
