package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/parley-rtc/parley/e2e/couples"
	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// hurt is a time in which gateways may not have reached each other.
type hurt struct{ from, to time.Time }

// Around a fault: how long a hand-over, or the question what is kept, may take; and how long NATS takes until all is as before, where one
// of its servers has been away.
const (
	handOverIn = 3 * time.Second
	natsBackIn = 12 * time.Second
)

// startPairs starts pairs of sessions that signal each other all the time, on the gateways that ask for tokens.
func (c *chaos) startPairs(t *testing.T) {
	t.Helper()
	const n, rate = 6, 10
	opts := testkit.SessionOptions{Options: testkit.Options{Token: c.token(t, "pair", everything)}}
	made := 0
	c.pairs = couples.Start(t, c.asking(t), n, rate, opts, func() proto.Room {
		made++
		return proto.Room(fmt.Sprintf("pair-%d", made))
	})
	c.pairs.Unsaid = true
}

// cause is why a sender may stand in what a target is told as lost, or its signals be missing: its gateway died, or gateways did not reach
// each other.
func (c *chaos) cause(target, sender *testkit.Session, back testkit.Back) bool {
	if couples.Never(target, sender, back) {
		return true
	}
	for _, d := range c.deaths {
		if couples.AtDeath(d.url, d.at, handOverIn)(target, sender, back) {
			return true
		}
	}
	return slices.ContainsFunc(c.hurts, func(h hurt) bool {
		moved := slices.ContainsFunc(sender.Turns(), func(turn testkit.Turn) bool {
			return turn.Turn > 1 && turn.From.Add(handOverIn).After(h.from) && turn.From.Before(h.to)
		})
		asked := back.Live.After(h.from) && back.Resumed.Before(h.to)
		return back.Live.After(h.from) && (moved || asked)
	})
}

// death is that of a gateway.
type death struct {
	url string
	at  time.Time
}

// token returns one that holds for as long as the longest run.
func (c *chaos) token(t *testing.T, sub string, rooms harness.Grants) string {
	t.Helper()
	const most = 12 * time.Hour
	now := time.Now()
	return c.secret.TokenAt(t, sub, rooms, now, now.Add(most))
}

// asking returns the addresses of the gateways that ask for tokens.
func (c *chaos) asking(t *testing.T) []string {
	t.Helper()
	urls := c.d.URLs(t)
	return urls[:len(urls)-1]
}

// open returns the address of the gateway that asks for none.
func (c *chaos) open() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.urls[len(c.urls)-1]
}

// awaitForms waits until the room service records names: until its replicas know that each of them can read that.
func (c *chaos) awaitForms(t *testing.T) {
	t.Helper()
	s := testkit.DialWith(t, c.asking(t)[0], &testkit.Options{Token: c.token(t, "scout", everything)})
	harness.Await(t, "names are recorded", func() bool {
		want(t, s.Create(t, "scouted"), proto.RoomCreated)
		locked := s.Do(t, proto.Frame{
			Name: proto.RoomUpdate, Room: "scouted", More: &proto.FrameMore{Update: &proto.Update{Locked: new(true)}},
		})
		want(t, s.Leave(t, "scouted"), proto.RoomLeft)
		return locked.Name == proto.RoomUpdated
	})
	s.Close()
}

// sessions returns all sessions.
func (c *chaos) sessions() []*testkit.Session {
	all := c.pairs.Sessions()
	for _, one := range c.rooms.members {
		all = append(all, one.session)
	}
	return all
}

// restless breaks connections of pairs at random until ctx ends. A session may have twenty connections in ten seconds.
func (c *chaos) restless(ctx context.Context, random *rand.Rand) {
	all := c.pairs.Sessions()
	tick := time.NewTicker(400 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			all[random.IntN(len(all))].Break()
		case <-ctx.Done():
			return
		}
	}
}
