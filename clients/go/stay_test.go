package parley

import (
	"context"
	"testing"
	"time"
)

// The app asks to enter a room that it is put out of, loses its connection, and gives that up: the client comes back all the same.
func TestARoomIsComeBackToThoughTheAppGaveUpEnteringIt(t *testing.T) {
	t.Parallel()
	f := startFake(t)
	c, at := f.dial(Delays(time.Millisecond, time.Millisecond))
	room := enterFake(t, c, at, "lobby")
	c.mu.Lock()
	c.stays["lobby"].tries = 20 // by itself it would come back much later
	c.firstDelay, c.mostDelay = time.Hour, time.Hour
	c.stays["lobby"].since = time.Now()
	c.mu.Unlock()
	at.say(`{"event":"room-left","room":"lobby","kicked":true,"reason":"owner-left"}`)
	expect(t, room, Leave)
	expect(t, room, Away)
	c.mu.Lock()
	c.firstDelay, c.mostDelay = time.Millisecond, time.Millisecond
	c.mu.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	done := later(func() (*Room, error) { return c.Enter(ctx, "lobby", Entry{}) })
	at.hear("room-enter") // the app's
	at.end()
	next := f.next().hello()
	r := next.hear("resume")
	next.say(`{"event":"not-in-room","room":"lobby","ref":"` + r.Ref + `"}`)
	again := next.hear("room-enter")
	cancel()
	<-done
	a := next.hear("room-enter") // the client's own
	if a.Ref == again.Ref {
		t.Error("it is the app's request once more")
	}
	next.say(`{"event":"room-created","room":"lobby","seq":12,"ref":"` + a.Ref + `"}`)
	expect(t, room, Back)
}
