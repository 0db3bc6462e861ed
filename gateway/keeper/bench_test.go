package keeper_test

import (
	"strconv"
	"testing"

	"github.com/parley-rtc/parley/gateway/keeper"
	"github.com/parley-rtc/parley/proto"
)

// busy is a keeper with senders and targets in one room, each to each.
type busy struct {
	k       *keeper.Keeper
	stay    proto.Stay
	send    keeper.In
	pushed  keeper.In
	confirm keeper.In
	n       int64
	senders []proto.ClientID
	targets []proto.ClientID
}

func newBusy(senders, targets int) *busy {
	x := &busy{k: keeper.New(keeper.Config{
		Self: "G1", MaxPair: 1024, MaxPairBytes: 256 << 10, MaxSender: 1 << 20, MaxAddress: 8 << 20, MaxKept: 64 << 20,
	})}
	x.stay = proto.Stay{Gateway: "G2", Turn: 1, Since: 3}
	for i := range senders {
		id := proto.ClientID("sender-" + strconv.Itoa(i))
		x.senders = append(x.senders, id)
		x.k.Step(&keeper.In{Kind: keeper.Here, Room: "lobby", ID: id, Peer: x, Stay: &proto.Stay{Gateway: "G1", Turn: 1, Since: 2}})
	}
	for i := range targets {
		x.targets = append(x.targets, proto.ClientID("target-"+strconv.Itoa(i)))
	}
	x.send = keeper.In{
		Kind: keeper.Send, Room: "lobby", Peer: x, Turn: 1, Stay: &x.stay, Address: "192.0.2.1",
		Signal: []byte(`{"event":"signal-receive","room":"lobby","senderId":"sender-0","data":{"candidate":"…"},"n":1}`),
	}
	x.pushed = keeper.In{Kind: keeper.Pushed, Say: &proto.Peer{
		Kind: proto.Pushed, From: "G2", Room: "lobby", Turn: 1, Since: 3, State: proto.TookAll,
	}}
	x.confirm = keeper.In{Kind: keeper.Confirm, Say: &proto.Peer{
		Kind: proto.Confirm, From: "G2", Pairs: []proto.PeerPair{{Room: "lobby", Turn: 1, Since: 3}},
	}}
	return x
}

// signal sends one signal, which is pushed and taken. A ninth of a second later, by the signals' time, a pulse comes; each sixteenth signal
// of a pair all until then are confirmed.
func (x *busy) signal(tb testing.TB) {
	sender, target := x.senders[int(x.n)%len(x.senders)], x.targets[int(x.n)/len(x.senders)%len(x.targets)]
	x.n++
	x.send.ID, x.send.Target, x.send.N, x.send.Now = sender, target, x.n, x.n*200_000
	if outs := x.k.Step(&x.send); len(outs) != 1 || outs[0].Kind != keeper.Push {
		tb.Fatal(outs)
	}
	x.pushed.Say.SenderID, x.pushed.Say.TargetID, x.pushed.Say.N, x.pushed.Now = sender, target, x.n, x.send.Now
	if outs := x.k.Step(&x.pushed); len(outs) != 1 || outs[0].Outcome != keeper.Sent {
		tb.Fatal(outs)
	}
	pairs := int64(len(x.senders) * len(x.targets))
	if x.n/pairs%16 == 15 {
		p := &x.confirm.Say.Pairs[0]
		p.SenderID, p.TargetID, p.N = sender, target, x.n
		x.k.Step(&x.confirm)
	}
	if x.n%1250 == 0 {
		x.k.Step(&keeper.In{Kind: keeper.Pulse, Now: x.send.Now})
	}
}

// BenchmarkSignal keeps, pushes and confirms signals between 100 clients, each to each.
func BenchmarkSignal(b *testing.B) {
	x := newBusy(100, 100)
	for range 100 * 100 * 80 {
		x.signal(b)
	}
	b.ReportAllocs()
	for b.Loop() {
		x.signal(b)
	}
}

// A signal is the most frequent thing that happens. One that is pushed and taken at once makes no garbage.
func TestASignalAllocatesNothing(t *testing.T) {
	x := newBusy(2, 2)
	for range 1000 {
		x.signal(t)
	}
	if n := testing.AllocsPerRun(2000, func() { x.signal(t) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// A pulse costs what is due, however many pairs there are.
func BenchmarkPulse(b *testing.B) {
	x := newBusy(100, 100)
	for range 100 * 100 {
		x.signal(b)
	}
	in := keeper.In{Kind: keeper.Pulse, Now: x.send.Now}
	b.ReportAllocs()
	for b.Loop() {
		in.Now += 250_000_000
		x.k.Step(&in)
	}
}
