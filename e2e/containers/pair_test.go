//go:build containers

package containers_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// Within answerTime every request is answered, if only by `unavailable`; within
// goneTime a member whose gateway died is gone.
const (
	answerTime = 15 * time.Second
	goneTime   = 12 * time.Second
)

// pair is two people who meet again and again through the load balancer: one
// opens a room, the other comes, they signal each other, both leave. What they
// are told is held against what must be true.
type pair struct {
	url    string
	token  string
	number int

	// Owned by run.
	owner, guest *testkit.Client
	meetings     int

	mu          sync.Mutex // guards the fields below
	met         int        // meetings that went well from end to end
	since       time.Time  // when the last one that went well began
	interrupted int        // a connection ended, or an answer was `unavailable`
	wrong       []string   // answers that were not the truth
}

// run meets until the context ends.
func (p *pair) run(ctx context.Context) {
	defer p.close()
	for ctx.Err() == nil {
		begun := time.Now()
		ended, wrong := p.meet(ctx)
		if ctx.Err() != nil {
			return
		}
		p.mu.Lock()
		switch {
		case wrong != "":
			p.wrong = append(p.wrong, wrong)
		case ended:
			p.interrupted++
		default:
			p.met++
			p.since = begun
		}
		p.mu.Unlock()
		if ended || wrong != "" {
			p.close()
			pause(ctx, 100*time.Millisecond)
		}
	}
}

// pause keeps a pair whose gateway is gone from knocking all the time.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (p *pair) close() {
	for _, client := range []*testkit.Client{p.owner, p.guest} {
		if client != nil {
			client.Close()
		}
	}
	p.owner, p.guest = nil, nil
}

// connect opens what is not open; a refusal is an interruption.
func (p *pair) connect(ctx context.Context) bool {
	for _, client := range []**testkit.Client{&p.owner, &p.guest} {
		if *client != nil {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, answerTime)
		opened, err := testkit.Open(ctx, p.url, &testkit.Options{Token: p.token})
		cancel()
		if err != nil {
			return false
		}
		*client = opened
	}
	return true
}

// meet is one meeting. It returns whether it was interrupted, and else what was
// wrong with it, if anything.
func (p *pair) meet(ctx context.Context) (interrupted bool, wrong string) {
	if !p.connect(ctx) {
		return true, ""
	}
	p.meetings++
	room := proto.Room(fmt.Sprintf("pair-%d-meeting-%d", p.number, p.meetings))
	ping := fmt.Sprintf(`{"candidate":{"candidate":"ping %d"}}`, p.meetings)
	pong := fmt.Sprintf(`{"candidate":{"candidate":"pong %d"}}`, p.meetings)
	steps := []func() (bool, string){
		func() (bool, string) {
			return p.ask(ctx, p.owner, room, proto.Frame{Name: proto.RoomCreate}, proto.RoomCreated)
		},
		func() (bool, string) {
			return p.ask(ctx, p.guest, room, proto.Frame{Name: proto.RoomJoin}, proto.RoomJoined)
		},
		func() (bool, string) { return p.signal(ctx, p.owner, p.guest, room, ping) },
		func() (bool, string) { return p.signal(ctx, p.guest, p.owner, room, pong) },
		func() (bool, string) {
			return p.ask(ctx, p.guest, room, proto.Frame{Name: proto.RoomLeave}, proto.RoomLeft)
		},
		func() (bool, string) {
			return p.ask(ctx, p.owner, room, proto.Frame{Name: proto.RoomLeave}, proto.RoomLeft)
		},
	}
	for _, step := range steps {
		if interrupted, wrong := step(); interrupted || wrong != "" {
			return interrupted, wrong
		}
	}
	return false, ""
}

// ask sends a request whose answer must be the one that is expected, since nobody
// else knows the room.
func (p *pair) ask(ctx context.Context, client *testkit.Client, room proto.Room, frame proto.Frame, expected proto.Name) (bool, string) {
	frame.Room = room
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	answer, err := client.Request(limited, frame)
	switch {
	case ctx.Err() != nil:
		return true, ""
	case err != nil:
		if p.endsSoon(ctx, room) { // what cannot be sent shows before the reader has seen the end
			return true, ""
		}
		return false, fmt.Sprintf("%s in %s: %v", frame.Name, room, err)
	case answer.Name == proto.Error && answer.Code == proto.CodeUnavailable:
		return true, ""
	case answer.Name != expected:
		// It is the truth if the other's connection has just ended, which he may
		// notice later than the room service.
		if p.endsSoon(ctx, room) {
			return true, ""
		}
		return false, fmt.Sprintf("%s in %s was answered %s %s %q at %s; the owner %s, the guest %s", frame.Name, room,
			answer.Name, answer.Code, answer.Message, time.Now().Format(clock), last(p.owner), last(p.guest))
	case expected == proto.RoomJoined && (answer.OwnerID != p.owner.ID() || len(answer.Clients) != 1 || answer.Clients[0] != p.owner.ID()):
		return false, fmt.Sprintf("%s in %s tells of the owner %s and of %v, not of %s", expected, room, answer.OwnerID, answer.Clients, p.owner.ID())
	}
	return false, ""
}

const clock = "15:04:05.000"

// last says what a client heard last, for who looks for the reason of a wrong answer.
func last(client *testkit.Client) string {
	said := string(client.ID()) + " heard"
	all := client.All()
	for _, heard := range all[max(0, len(all)-5):] {
		said += " " + heard.At.Format(clock) + " " + string(heard.Raw)
	}
	return said
}

// signal sends a signal, and when that was confirmed waits for it at the other end.
func (p *pair) signal(ctx context.Context, from, to *testkit.Client, room proto.Room, data string) (bool, string) {
	frame := proto.Frame{Name: proto.SignalSend, TargetID: to.ID(), Data: jsontext.Value(data)}
	if interrupted, wrong := p.ask(ctx, from, room, frame, proto.SignalSent); interrupted || wrong != "" {
		return interrupted, wrong
	}
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	for {
		heard, err := to.Await(limited, proto.SignalReceive)
		switch {
		case err != nil && (ctx.Err() != nil || p.ended()):
			return true, ""
		case err != nil:
			return false, fmt.Sprintf("a confirmed signal in %s did not arrive: %v", room, err)
		case proto.Room(heard.Room) != room:
			continue
		case heard.SenderID != from.ID() || string(heard.Data) != data:
			return false, fmt.Sprintf("a signal in %s arrived as %s", room, heard.Raw)
		}
		return false, ""
	}
}

// ended says whether one of the two has lost his connection.
func (p *pair) ended() bool { return !p.owner.Ended().IsZero() || !p.guest.Ended().IsZero() }

// endsSoon says whether one of the two loses his connection, or is told that he
// was removed from the room, in the time that this may take to show.
func (p *pair) endsSoon(ctx context.Context, room proto.Room) bool {
	ctx, cancel := context.WithTimeout(ctx, goneTime)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if p.ended() || kicked(p.owner, room) || kicked(p.guest, room) {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}

func kicked(client *testkit.Client, room proto.Room) bool {
	for _, heard := range client.All() {
		if heard.Name == proto.RoomLeft && heard.Kicked && proto.Room(heard.Room) == room {
			return true
		}
	}
	return false
}

// crowd is several pairs at once.
type crowd []*pair

// gather starts pairs that meet until the test ends.
func gather(t *testing.T, d *deployment, pairs int) crowd {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	var c crowd
	for number := range pairs {
		one := &pair{url: d.url, token: d.token, number: number}
		c = append(c, one)
		running.Go(func() { one.run(ctx) })
	}
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	return c
}

// goesOn waits until every pair has had a meeting that began after now, and
// returns how long that took.
func (c crowd) goesOn(t *testing.T, after string) time.Duration {
	t.Helper()
	from := time.Now()
	await(t, "everybody meets again after "+after, func() bool {
		for _, one := range c {
			one.mu.Lock()
			since := one.since
			one.mu.Unlock()
			if since.Before(from) {
				return false
			}
		}
		return true
	})
	return time.Since(from)
}

// truthful fails the test for every wrong answer, and says what there was else.
func (c crowd) truthful(t *testing.T) {
	t.Helper()
	var met, interrupted int
	for _, one := range c {
		one.mu.Lock()
		met += one.met
		interrupted += one.interrupted
		for _, wrong := range one.wrong {
			t.Error(wrong)
		}
		one.mu.Unlock()
	}
	t.Logf("%d meetings went well, %d were interrupted", met, interrupted)
}
