package socketio

import (
	"strings"
	"testing"

	"github.com/parley-rtc/parley/gateway/link"
)

// TestWhoTakesNothingCannotHaveAnswersPileUp: pongs and refused namespaces are made without a request of a session's, so
// no limit on requests bounds them.
func TestWhoTakesNothingCannotHaveAnswersPileUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	pile := func(q, body string) *fakeSession {
		session, c := w.session(), w.conn(q)
		for range 100 {
			w.post(q, body)
			if session.causeOfEnd() != nil {
				break
			}
			c.mu.Lock()
			waits := 0
			for _, p := range c.outbox.control {
				waits += len(p) + controlCost
			}
			c.mu.Unlock()
			if waits > maxControl {
				t.Fatalf("%d bytes wait", waits)
			}
		}
		return session
	}
	q := w.open("3")
	pile(q, strings.Repeat("1:2", 10000)).wantEnd(t, link.TooSlow)
	w.get(q)
	w.get(q).want(t, 200, "1:1")
	q = w.join()
	pile(q, "40/"+strings.Repeat("x", 60000)+",").wantEnd(t, link.TooSlow)
	w.get(q)
	w.get(q).want(t, 200, "1")
	// One that takes them may go on.
	q = w.open("3")
	for range 20 {
		w.post(q, strings.Repeat("1:2", 1000)).want(t, 200, "ok")
		w.get(q)
	}
	if w.session().causeOfEnd() != nil {
		t.Fatal("it was closed")
	}
}
