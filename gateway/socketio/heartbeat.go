package socketio

import "time"

// heartbeat is when a session's heartbeats are due, and when it counts as dead. Revision 4: the server pings each
// interval after the last pong, and the client answers within the time-out. Revision 3: the client pings, and is dead
// after an interval and a time-out without a packet. Times are counted from the server's start.
type heartbeat struct {
	revision          int
	interval, timeout time.Duration

	ping     time.Duration // revision 4: when to ping; 0 while a pong is awaited
	deadline time.Duration // when the session is dead; 0: not for now
	extended bool          // revision 4: another packet has already extended the deadline
	unused   time.Duration // when a session that nobody uses is dropped; 0: it is used
	asker    time.Duration // when the gateway between has to have asked again; 0: it need not
}

func newHeartbeat(revision int, interval, timeout, now time.Duration) heartbeat {
	h := heartbeat{revision: revision, interval: interval, timeout: timeout, unused: now + timeout}
	if revision == revision3 {
		h.deadline = now + interval + timeout
	} else {
		h.ping = now + interval
	}
	return h
}

// heard takes note of a packet from the client.
func (h *heartbeat) heard(kind byte, now time.Duration) {
	switch {
	case h.revision == revision3:
		h.deadline = now + h.interval + h.timeout
	case kind == enginePong:
		h.ping, h.deadline, h.extended = now+h.interval, 0, false
	case h.deadline != 0 && !h.extended:
		h.deadline, h.extended = now+h.timeout, true
	}
}

// hold moves the deadline on while a session is not read from for our own reasons.
func (h *heartbeat) hold(now time.Duration) {
	if h.deadline != 0 {
		h.deadline = max(h.deadline, now+h.timeout)
	}
}

// beat reports what is due: a ping to be sent now, or the end of the session.
func (h *heartbeat) beat(now time.Duration) (ping, dead bool) {
	if due(h.deadline, now) || due(h.unused, now) || due(h.asker, now) {
		return false, true
	}
	if due(h.ping, now) {
		h.ping, h.deadline = 0, now+h.timeout
		return true, false
	}
	return false, false
}

func due(at, now time.Duration) bool { return at != 0 && now >= at }
