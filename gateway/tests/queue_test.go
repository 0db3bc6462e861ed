package gateway_test

import (
	"testing"
	"time"

	"github.com/parley-rtc/parley/gateway"
	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

// What a client is told back as it came counts as well: a target id may be as long as a frame.
func TestLongAnswersFillTheQueueOfAClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{Limits: gateway.Limits{MaxQueue: 256 << 10}}})
	peer := newStalled()
	t.Cleanup(peer.release)
	s, err := w.inside.Open(peer, link.About{ID: far1, Transport: "plain"})
	if err != nil {
		t.Fatal(err)
	}
	s.Receive(proto.Frame{Name: proto.RoomJoin, Room: lobby}, nil, 1)
	w.next(proto.OpJoin).answer(proto.Event{Name: proto.RoomJoined, OwnerID: far2, Clients: []proto.ClientID{far2}, Seq: 3})
	nobody := proto.Frame{Name: proto.SignalSend, Room: lobby, TargetID: proto.ClientID(pad(60 << 10)), Data: []byte("1")}
	for range 16 { // of which the ninth does not fit any more
		s.Receive(nobody, nil, 1)
	}
	select {
	case why := <-peer.closed:
		if why != link.TooSlow {
			t.Errorf("closed with %v", why)
		}
	case <-time.After(patience):
		t.Error("960 kB wait, twice a queue of 256 KiB is half of that")
	}
}

// --max-queue may be as small as --max-frame, and a signal has more around its data than the frame that brought it.
func TestAClientToWhomNothingIsOwedIsNotTooSlowForOneMessage(t *testing.T) {
	t.Parallel()
	const most = 64 << 10
	w := newWorld(t, worldOptions{config: gateway.Config{Limits: gateway.Limits{MaxQueue: most, MaxFrame: most}}})
	a := w.dial()
	w.joins(a, lobby, 3, far1)
	data := `"` + pad(most) + `"`
	w.replicas[0].signal(lobby, far1, a.ID(), 1, data)
	w.hears(a, proto.Event{Name: proto.SignalReceive, Room: lobby, SenderID: far1, Data: []byte(data)})
}
