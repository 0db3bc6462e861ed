package gateway_test

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
)

// other is another gateway, as far as this one can tell: the test decides what it says.
type other struct {
	w      *world
	id     proto.GatewayID
	nc     *nats.Conn
	pushes *nats.Subscription
	peers  *nats.Subscription
}

// other returns one that listens.
func (w *world) other() *other {
	w.t.Helper()
	o := &other{w: w, id: proto.NewGatewayID(), nc: w.nats.Connect(w.t)}
	var err error
	if o.pushes, err = o.nc.SubscribeSync(w.subjects.GatewayPush(o.id)); err != nil {
		w.t.Fatal(err)
	}
	if o.peers, err = o.nc.SubscribeSync(w.subjects.GatewayPeer(o.id)); err != nil {
		w.t.Fatal(err)
	}
	if err = o.nc.FlushTimeout(patience); err != nil {
		w.t.Fatal(err)
	}
	return o
}

// says tells the gateway something of sessions.
func (o *other) says(p proto.Peer) {
	o.w.t.Helper()
	p.From = o.id
	if err := o.nc.Publish(o.w.subjects.GatewayPeer(o.w.g.ID()), proto.AppendPeer(nil, &p)); err != nil {
		o.w.t.Fatal(err)
	}
}

// hears waits for what the gateway says, and passes over what is of another kind.
func (o *other) hears(kind proto.PeerKind) proto.Peer {
	o.w.t.Helper()
	for {
		m, err := o.peers.NextMsg(patience)
		if err != nil {
			o.w.t.Fatalf("waiting for %s: %v", kind, err)
		}
		p, err := proto.DecodePeer(m.Data)
		if err != nil || p.From != o.w.g.ID() {
			o.w.t.Fatalf("heard %s: %v", m.Data, err)
		}
		if p.Kind == kind {
			return p
		}
	}
}

// handed waits for signals that the gateway hands over.
func (o *other) handed() proto.Push {
	o.w.t.Helper()
	m, err := o.pushes.NextMsg(patience)
	if err != nil {
		o.w.t.Fatalf("waiting for a push: %v", err)
	}
	p, err := proto.DecodePush(m.Data)
	if err != nil {
		o.w.t.Fatal(err)
	}
	return p
}

// member is a member at this gateway whose session is resumable.
func (o *other) member(id proto.ClientID, turn int64, since uint64) proto.Member {
	return proto.Member{ID: id, Gateway: o.id, Request: "far-1", Turn: turn, Keep: 30, Since: since}
}

// tellWith is tell of an event beside which the stay of a member is told.
func (r *replica) tellWith(e proto.Event, members ...proto.Member) {
	r.w.t.Helper()
	m := nats.NewMsg(r.w.subjects.GatewayRoom(r.w.g.ID(), e.Room.Token()))
	m.Data = proto.AppendEvent(nil, &e)
	m.Header.Set(proto.HeaderMembers, string(proto.AppendStays(nil, "", members, func(*proto.Member) bool { return true })))
	if err := r.nc.PublishMsg(m); err != nil {
		r.w.t.Fatal(err)
	}
}

// answers says what became of a push.
func (o *other) answers(p *proto.Push, state proto.Took) {
	o.w.t.Helper()
	last, err := proto.DecodeEvent(p.Signals[len(p.Signals)-1])
	if err != nil {
		o.w.t.Fatal(err)
	}
	if state != proto.TookAll {
		last.N = 0
	}
	o.says(proto.Peer{
		Kind: proto.Pushed, Room: last.Room, SenderID: last.SenderID, TargetID: p.Target, Turn: p.Turn, Since: p.Since, N: last.N, State: state,
	})
}

func TestWhatAnotherGatewaySaysThatNobodyUnderstandsIsCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	o := w.other()
	o.says(proto.Peer{Kind: "of-a-later-version"})
	for w.count("parley_gateway_stray_messages_total") != 1 {
		w.sync()
	}
}
