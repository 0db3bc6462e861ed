package rooms_test

import (
	"strconv"
	"testing"

	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

// filled returns a core with one room of so many clients, all here.
func filled(b *testing.B, n int) *rooms.Core {
	b.Helper()
	c := rooms.New(rooms.Config{Many: 50, MaxRosters: 32, MaxKept: 1 << 20, MaxKeptOne: 1 << 20})
	for i := range n {
		join(c, i)
	}
	return c
}

// join has one more client join the room, as a gateway hears it: the event first, then the answer.
func join(c *rooms.Core, i int) {
	others := make([]proto.ClientID, i)
	for k := range others {
		others[k] = client(k)
	}
	cl := &rooms.Client{ID: client(i)}
	c.Step(&rooms.In{Kind: rooms.Open, Client: cl})
	c.Step(&rooms.In{Kind: rooms.Begin, Client: cl, Ask: rooms.Ask{Op: proto.OpJoin, Room: "lobby", Num: 1, ID: "r"}})
	seq := uint64(i) + 1 // not negative
	c.Step(&rooms.In{Kind: rooms.Event, Event: &proto.Event{
		Name: proto.ClientJoined, Room: "lobby", ID: cl.ID, Seq: seq, Prev: seq - 1,
	}})
	c.Step(&rooms.In{Kind: rooms.Answer, Client: cl, Ask: rooms.Ask{Num: 1}, Event: &proto.Event{
		Name: proto.RoomJoined, Room: "lobby", OwnerID: client(0), Clients: others, Seq: seq,
	}})
}

func client(i int) proto.ClientID { return proto.ClientID("client-" + strconv.Itoa(i)) }

func BenchmarkSignal(b *testing.B) {
	c := filled(b, 10)
	e := proto.Event{Name: proto.SignalReceive, Room: "lobby", SenderID: client(1), Data: []byte("1")}
	in := rooms.In{Kind: rooms.Signal, Event: &e, To: client(2), Reply: "r"}
	b.ReportAllocs()
	for b.Loop() {
		e.N++
		if outs := c.Step(&in); len(outs) != 1 || outs[0].Kind != rooms.Deliver {
			b.Fatal(outs)
		}
	}
}

// A signal is the most frequent thing that happens. A step of one that is delivered at once makes no garbage.
func TestASignalsStepAllocatesNothing(t *testing.T) {
	c := rooms.New(rooms.Config{Many: 50, MaxRosters: 32, MaxKept: 1 << 20, MaxKeptOne: 1 << 20})
	for i := range 3 {
		join(c, i)
	}
	e := proto.Event{Name: proto.SignalReceive, Room: "lobby", SenderID: client(1), Data: []byte("1")}
	in := rooms.In{Kind: rooms.Signal, Event: &e, To: client(2), Reply: "r"}
	if n := testing.AllocsPerRun(100, func() { e.N++; c.Step(&in) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkEvent tells a room of so many clients here of a join and a leave.
func BenchmarkEvent(b *testing.B) {
	for _, n := range []int{10, 1000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			c := filled(b, n)
			seq := uint64(n) // not negative
			e := proto.Event{Room: "lobby", ID: "other"}
			in := rooms.In{Kind: rooms.Event, Event: &e}
			b.ReportAllocs()
			for b.Loop() {
				for _, name := range []proto.Name{proto.ClientJoined, proto.ClientLeft} {
					e.Name, e.Prev, e.Seq = name, seq, seq+1
					seq++
					c.Step(&in)
				}
			}
		})
	}
}

// BenchmarkFill fills a room with a thousand clients: what each join costs must not grow with those that are in.
func BenchmarkFill(b *testing.B) {
	for b.Loop() {
		filled(b, 1000)
	}
}
