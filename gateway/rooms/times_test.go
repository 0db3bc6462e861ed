package rooms_test

import (
	"runtime"
	"strconv"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

// pulsed steps a core with a pulse each quarter of a second, wherever in it something has happened, until one has an out of a kind. It
// returns how long that took.
func pulsed(c *rooms.Core, began, first int64, seen func(now int64, o *rooms.Out) bool) int64 {
	for now := began + first; ; now += int64(proto.AskEvery) {
		for _, o := range c.Step(&rooms.In{Kind: rooms.Pulse, Now: now}) {
			if seen(now, &o) {
				return now - began
			}
		}
		if now > began+int64(10*proto.LiveWithin) {
			return -1
		}
	}
}

// returned returns a core in which a client has come back to a room with one other member, and the moment.
func returned(began int64) *rooms.Core {
	c := rooms.New(rooms.Config{Self: "g1", Many: 50, MaxRosters: 32, MaxKept: 1 << 20, MaxKeptOne: 1 << 20})
	cl := &rooms.Client{ID: "bob", Turn: 2}
	c.Step(&rooms.In{Kind: rooms.Open, Client: cl})
	c.Step(&rooms.In{Kind: rooms.Begin, Client: cl, Ask: rooms.Ask{Op: proto.OpResume, Room: "lobby", Num: 1, ID: "r"}})
	c.Step(&rooms.In{
		Kind: rooms.Answer, Now: began, Client: cl, Ask: rooms.Ask{Num: 1},
		Event: &proto.Event{Name: proto.Resumed, Room: "lobby", OwnerID: "far", Clients: []proto.ClientID{"far"}, Seq: 5},
		Stays: &proto.Stays{Members: map[proto.ClientID]proto.Stay{
			"far": {Gateway: "g2", Turn: 1}, "bob": {Gateway: "g1", Turn: 2},
		}},
	})
	return c
}

func TestLiveComesWithinTwoSecondsWhoeverDoesNotAnswer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.Int64Range(0, int64(proto.AskEvery)).Draw(t, "first pulse")
		asked := int64(0)
		took := pulsed(returned(0), 0, first, func(now int64, o *rooms.Out) bool {
			if o.Kind == rooms.Post && o.Say.Kind == proto.Ask {
				asked = now
			}
			return o.Kind == rooms.Tell && o.Event.Name == proto.Live
		})
		if took < int64(proto.AskFor) || took > int64(proto.LiveWithin) {
			t.Errorf("live came after %d", took)
		}
		if asked >= int64(proto.AskFor) || asked < int64(proto.AskFor-proto.AskEvery) {
			t.Errorf("it was asked last after %d", asked)
		}
	})
}

func TestWhatWasGivenIsPingedForWithinASecond(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := resumables(2)
		first := rapid.Int64Range(0, int64(proto.AskEvery)).Draw(t, "first pulse")
		in := push(1)
		in.Now = 5
		c.Step(&in)
		took := pulsed(c, 5, first, func(_ int64, o *rooms.Out) bool { return o.Kind == rooms.Ping })
		if took < int64(proto.ConfirmAfter/2) || took > int64(proto.ConfirmAfter) {
			t.Errorf("the ping came after %d", took)
		}
	})
}

// resumables returns a core with one room of so many clients, all here, whose sessions are resumable.
func resumables(n int) *rooms.Core {
	c := rooms.New(rooms.Config{Self: "g1", Many: 50, MaxRosters: 32, MaxKept: 1 << 20, MaxKeptOne: 1 << 20})
	for i := range n {
		cl := &rooms.Client{ID: client(i), Turn: 1, Keep: 30 * second}
		seq := uint64(i) + 1 // not negative
		stays := &proto.Stays{Members: map[proto.ClientID]proto.Stay{
			cl.ID: {Gateway: "g1", Request: proto.RequestID("g1-" + strconv.Itoa(i)), Turn: 1, Keep: 30, Since: seq - 1},
		}}
		c.Step(&rooms.In{Kind: rooms.Open, Client: cl})
		c.Step(&rooms.In{Kind: rooms.Begin, Client: cl, Ask: rooms.Ask{Op: proto.OpJoin, Room: "lobby", Num: 1, ID: "r"}})
		c.Step(&rooms.In{Kind: rooms.Event, Stays: stays, Event: &proto.Event{
			Name: proto.ClientJoined, Room: "lobby", ID: cl.ID, Seq: seq, Prev: seq - 1,
		}})
		others := make([]proto.ClientID, i)
		for k := range others {
			others[k] = client(k)
		}
		c.Step(&rooms.In{Kind: rooms.Answer, Client: cl, Ask: rooms.Ask{Num: 1}, Stays: stays, Event: &proto.Event{
			Name: proto.RoomJoined, Room: "lobby", OwnerID: client(0), Clients: others, Seq: seq,
		}})
	}
	return c
}

// push is a signal from the first of resumables to the second.
func push(n int64) rooms.In {
	e := proto.Event{Name: proto.SignalReceive, Room: "lobby", SenderID: client(0), Data: []byte("1"), N: n}
	return rooms.In{Kind: rooms.Push, Push: &proto.Push{
		From: "g2", Target: client(1), Turn: 1, Since: 1, Signals: []jsontext.Value{proto.AppendEvent(nil, &e)},
	}}
}

func BenchmarkPush(b *testing.B) {
	c := resumables(10)
	n := int64(0)
	pushes := make([]rooms.In, 1000)
	b.ReportAllocs()
	for b.Loop() {
		if n%1000 == 0 {
			b.StopTimer()
			for i := range pushes {
				pushes[i] = push(n + int64(i) + 1)
			}
			b.StartTimer()
		}
		if outs := c.Step(&pushes[n%1000]); len(outs) != 1 || outs[0].Kind != rooms.DeliverPush {
			b.Fatal(outs)
		}
		n++
	}
}

// An idle connection of a resumable session may take 1 KiB more than another, of which this is the core's part.
func TestAnIdleResumableMemberTakesLittleMemory(t *testing.T) {
	const n = 1000
	used := func(make func(n int) *rooms.Core) int64 {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		c := make(n)
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(c)
		return int64(after.HeapAlloc) - int64(before.HeapAlloc)
	}
	plain := used(func(n int) *rooms.Core {
		c := rooms.New(rooms.Config{Many: 50, MaxRosters: 32, MaxKept: 1 << 20, MaxKeptOne: 1 << 20})
		for i := range n {
			join(c, i)
		}
		return c
	})
	if more := (used(resumables) - plain) / n; more > 640 {
		t.Errorf("it takes %d bytes more", more)
	} else {
		t.Logf("it takes %d bytes more", more)
	}
}
