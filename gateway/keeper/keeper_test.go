package keeper_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/parley-rtc/parley/gateway/keeper"
	"github.com/parley-rtc/parley/proto"
)

// here has a client with a key be in the lobby.
func here(k *keeper.Keeper, id proto.ClientID, address string) {
	k.Step(&keeper.In{
		Kind: keeper.Here, Room: lobby, ID: id, Peer: id, Stay: &proto.Stay{Gateway: "G1", Turn: 1, Since: 2}, Address: address,
	})
}

// send has a client send a signal of so many bytes to one who is away, and returns what becomes of it.
func send(t *testing.T, k *keeper.Keeper, from, to proto.ClientID, n int64, size int) keeper.Outcome {
	t.Helper()
	outs := k.Step(&keeper.In{
		Kind: keeper.Send, Room: lobby, ID: from, Peer: from, Turn: 1, Target: to, Stay: &proto.Stay{Gateway: "G2", Turn: 1, Since: 3},
		N: n, Signal: signal(from, n, size), Now: n,
	})
	if len(outs) == 1 && outs[0].Kind == keeper.Push {
		outs = k.Step(&keeper.In{Kind: keeper.Pushed, Now: n, Say: &proto.Peer{
			Kind: proto.Pushed, From: "G2", Room: lobby, SenderID: from, TargetID: to, Turn: 1, Since: 3, State: proto.TookAway,
		}})
	}
	if len(outs) != 1 || outs[0].Kind != keeper.Settle {
		t.Fatal(outs)
	}
	return outs[0].Outcome
}

func TestEachBoundKeepsOthersRoom(t *testing.T) {
	t.Parallel()
	const size = 100
	for _, c := range []struct {
		name string
		cfg  keeper.Config
		// After two of ann's signals to bob: what becomes of her third, of one to eve, of one of dan (from her address), of one of fay.
		third, toEve, ofDan, ofFay keeper.Outcome
	}{
		{"none", keeper.Config{}, keeper.Held, keeper.Held, keeper.Held, keeper.Held},
		{"signals of a pair", keeper.Config{MaxPair: 2}, keeper.Full, keeper.Held, keeper.Held, keeper.Held},
		{"bytes of a pair", keeper.Config{MaxPairBytes: 2*size + 1}, keeper.Full, keeper.Held, keeper.Held, keeper.Held},
		{"bytes of a sender", keeper.Config{MaxSender: 2*size + 1}, keeper.Full, keeper.Full, keeper.Held, keeper.Held},
		{"bytes of an address", keeper.Config{MaxAddress: 2*size + 1}, keeper.Full, keeper.Full, keeper.Full, keeper.Held},
		{"bytes in all", keeper.Config{MaxKept: 2*size + 1}, keeper.Full, keeper.Full, keeper.Full, keeper.Full},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.cfg.Self = "G1"
			k := keeper.New(c.cfg)
			here(k, "ann", "192.0.2.1")
			here(k, "dan", "192.0.2.1")
			here(k, "fay", "192.0.2.2")
			for n := range int64(2) {
				if o := send(t, k, "ann", "bob", n+1, size); o != keeper.Held {
					t.Fatalf("the first are %s", outcomes[o])
				}
			}
			for _, s := range []struct {
				from, to proto.ClientID
				want     keeper.Outcome
			}{{"ann", "bob", c.third}, {"ann", "eve", c.toEve}, {"dan", "bob", c.ofDan}, {"fay", "bob", c.ofFay}} {
				if o := send(t, k, s.from, s.to, 3, size); o != s.want {
					t.Errorf("a signal of %s to %s is %s, not %s", s.from, s.to, outcomes[o], outcomes[s.want])
				}
			}
		})
	}
}

func TestAClientThatComesFromElsewhereFillsThatAddress(t *testing.T) {
	t.Parallel()
	k := keeper.New(keeper.Config{Self: "G1", MaxAddress: 250})
	here(k, "ann", "192.0.2.1")
	here(k, "dan", "192.0.2.1")
	here(k, "fay", "192.0.2.2")
	send(t, k, "ann", "bob", 1, 100)
	send(t, k, "ann", "bob", 2, 100)
	here(k, "ann", "192.0.2.2")
	if o := send(t, k, "dan", "bob", 3, 100); o != keeper.Held {
		t.Errorf("where she was there is no room: %s", outcomes[o])
	}
	if o := send(t, k, "fay", "bob", 4, 100); o != keeper.Full {
		t.Errorf("where she is there is room: %s", outcomes[o])
	}
}

func TestWhoLeavesIsForgotten(t *testing.T) {
	t.Parallel()
	k := keeper.New(keeper.Config{Self: "G1"})
	for i := range int64(20) {
		id := proto.ClientID("client-" + strconv.FormatInt(i, 10))
		here(k, id, "192.0.2.1")
		for n := range int64(10) {
			send(t, k, id, proto.ClientID("target-"+strconv.FormatInt((i+n)%13, 10)), n+1, 100)
		}
	}
	for i := range 13 {
		k.Step(&keeper.In{Kind: keeper.StayIs, Room: lobby, ID: proto.ClientID("target-" + strconv.Itoa(i))})
	}
	for i := range 10 {
		k.Step(&keeper.In{Kind: keeper.NotHere, Room: lobby, ID: proto.ClientID("client-" + strconv.Itoa(i))})
	}
	if signals, bytes := k.Kept(); signals != 0 || bytes != 0 {
		t.Errorf("%d signals of %d bytes are kept of nobody", signals, bytes)
	}
	for i := 10; i < 20; i++ {
		k.Step(&keeper.In{Kind: keeper.NotHere, Room: lobby, ID: proto.ClientID("client-" + strconv.Itoa(i)), Turn: 1, Gateway: "G2"})
	}
	k.Step(&keeper.In{Kind: keeper.Pulse, Now: 61 * second})
	if n := k.Remembered(); n != 0 {
		t.Errorf("%d things are remembered of nobody", n)
	}
}

// posted returns what is told to gateways.
func posted(outs []keeper.Out) []*proto.Peer {
	var says []*proto.Peer
	for _, o := range outs {
		if o.Kind == keeper.Post {
			m := must(proto.DecodePeer(proto.AppendPeer(nil, o.Say)))
			says = append(says, &m)
		}
	}
	return says
}

func TestAHandOverComesInPagesAndCountsWhenAllAreThere(t *testing.T) {
	t.Parallel()
	old, young := keeper.New(keeper.Config{Self: "G1"}), keeper.New(keeper.Config{Self: "G2"})
	here(old, "ann", "")
	const targets, size = 12, 100 << 10
	for i := range targets {
		if o := send(t, old, "ann", proto.ClientID("target-"+strconv.Itoa(i)), 1, size); o != keeper.Held {
			t.Fatal(outcomes[o])
		}
	}
	young.Step(&keeper.In{
		Kind: keeper.Here, Room: lobby, ID: "ann", Peer: "ann", Stay: &proto.Stay{Gateway: "G2", Turn: 2, Since: 2}, Before: "G1", Seq: 9,
	})
	pages := posted(old.Step(&keeper.In{Kind: keeper.HandOver, Say: &proto.Peer{
		Kind: proto.HandOver, From: "G2", Room: lobby, ID: "ann", Turn: 2,
	}}))
	if len(pages) != targets/2 {
		t.Fatalf("%d pages", len(pages))
	}
	if !old.Holds("ann") {
		t.Error("it does not know that all has arrived, and has nothing to stay for")
	}
	slices.Reverse(pages)
	var said []*proto.Peer
	for i, page := range append(pages[1:], pages[0], pages[0]) {
		said = posted(young.Step(&keeper.In{Kind: keeper.HandedOver, Say: page}))
		if signals, _ := young.Kept(); i < len(pages)-1 && signals > 0 {
			t.Fatalf("after %d pages of %d %d signals are kept", i+1, len(pages), signals)
		}
		if i == len(pages)-1 {
			break
		}
	}
	if signals, bytes := young.Kept(); signals != targets || bytes < targets*size {
		t.Errorf("%d signals of %d bytes", signals, bytes)
	}
	if len(said) != 1 || said[0].Kind != proto.HandOver || said[0].Of != 1 {
		t.Fatalf("it does not say that all has arrived: %v", said)
	}
	old.Step(&keeper.In{Kind: keeper.HandOver, Say: said[0]})
	if old.Holds("ann") || old.Copied() > 0 {
		t.Error("the copy is still there")
	}
}

func TestACopyMakesRoomForWhatIsKept(t *testing.T) {
	t.Parallel()
	k := keeper.New(keeper.Config{Self: "G1", MaxKept: 350})
	for _, id := range []proto.ClientID{"ann", "dan", "fay"} {
		here(k, id, "")
		send(t, k, id, "bob", 1, 100)
	}
	k.Step(&keeper.In{Kind: keeper.NotHere, Room: lobby, ID: "ann", Turn: 1, Gateway: "G2"})
	k.Step(&keeper.In{Kind: keeper.NotHere, Room: lobby, ID: "dan", Turn: 1, Gateway: "G2"})
	if o := send(t, k, "fay", "bob", 2, 100); o != keeper.Held || k.Copied() < 100 || k.Copied() > 199 {
		t.Errorf("%s, and copies of %d bytes", outcomes[o], k.Copied())
	}
	if o := send(t, k, "fay", "bob", 3, 100); o != keeper.Held || k.Copied() != 0 {
		t.Errorf("%s, and copies of %d bytes", outcomes[o], k.Copied())
	}
	if o := send(t, k, "fay", "bob", 4, 100); o != keeper.Full {
		t.Errorf("%s", outcomes[o])
	}
}

func TestAPushIsBounded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ count, size, want int }{{100, 100, 64}, {10, 100 << 10, 2}, {3, 300 << 10, 1}} {
		k := keeper.New(keeper.Config{Self: "G1"})
		here(k, "ann", "")
		for n := range int64(c.count) {
			send(t, k, "ann", "bob", n+1, c.size)
		}
		outs := k.Step(&keeper.In{Kind: keeper.StayIs, Room: lobby, ID: "bob", Stay: &proto.Stay{Gateway: "G2", Turn: 2, Since: 3}})
		if len(outs) != 1 || len(outs[0].Push.Signals) != c.want {
			t.Errorf("of %d signals of %d bytes %d are pushed at once, not %d", c.count, c.size, len(outs[0].Push.Signals), c.want)
		}
	}
}

func TestTheLast64NumbersAreRemembered(t *testing.T) {
	t.Parallel()
	k := keeper.New(keeper.Config{Self: "G1"})
	here(k, "ann", "")
	for n := range int64(200) {
		send(t, k, "ann", "bob", 2*n+2, 100)
	}
	if o := send(t, k, "ann", "bob", 272, 100); o != keeper.TooOld { // though it is kept still
		t.Errorf("272 is %s", outcomes[o])
	}
	k.Step(&keeper.In{Kind: keeper.Asked, Say: &proto.Peer{
		Kind: proto.Ask, From: "G2", Room: lobby, TargetID: "bob", Turn: 2, Since: 3, Pairs: []proto.PeerPair{{SenderID: "ann", N: 400}},
	}})
	for _, c := range []struct {
		n    int64
		want keeper.Outcome
	}{{400, keeper.Sent}, {274, keeper.Sent}, {272, keeper.TooOld}, {275, keeper.TooOld}, {2, keeper.TooOld}} {
		if o := send(t, k, "ann", "bob", c.n, 100); o != c.want {
			t.Errorf("%d is %s", c.n, outcomes[o])
		}
	}
}
