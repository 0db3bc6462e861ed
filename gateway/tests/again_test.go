package gateway_test

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/gateway/session"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// joinAgain has a member ask to join once more, and returns the request.
func joinAgain(t *testing.T) (*world, member, *asked) {
	t.Helper()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	owner := proto.NewClientID()
	joined := proto.Event{Name: proto.RoomJoined, Room: lobby, OwnerID: owner, Clients: []proto.ClientID{owner}, Seq: 5}
	w.next(proto.OpJoin).answer(joined)
	w.hears(a, joined)
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	return w, member{a, owner, joined}, w.next(proto.OpJoin)
}

// member is who joins again.
type member struct {
	*testkit.Client
	owner  proto.ClientID
	answer proto.Event // room-joined, from before
}

// A replica that slept may have carried out an old join: what the record bears is what the leave has to name.
func TestTheLeaveOfOneWhoJoinedAgainNamesTheRequestThatItsRecordBears(t *testing.T) {
	t.Parallel()
	w, m, q := joinAgain(t)
	err := q.msg.RespondMsg(&nats.Msg{
		Header: nats.Header{proto.HeaderRequest: {"what-the-record-bears"}}, Data: proto.AppendEvent(nil, &m.answer),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.hears(m.Client, m.answer)
	w.send(m.Client, proto.Frame{Name: proto.RoomLeave, Room: lobby})
	leave := w.next(proto.OpLeave)
	if leave.Joined != "what-the-record-bears" {
		t.Errorf("the leave ends %q", leave.Joined)
	}
	leave.answer(proto.Event{Name: proto.RoomLeft})
	w.hears(m.Client, proto.Event{Name: proto.RoomLeft, Room: lobby})
}

// The removal before it was missed, and the event of the new join comes late: the record bears the second request.
func TestTheLeaveOfOneWhoBecameAMemberAnewNamesTheSecondRequest(t *testing.T) {
	t.Parallel()
	w, m, q := joinAgain(t)
	m.answer.Seq = 7
	err := q.msg.RespondMsg(&nats.Msg{
		Header: nats.Header{proto.HeaderRequest: {string(q.id)}}, Data: proto.AppendEvent(nil, &m.answer),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.hears(m.Client, m.answer)
	w.replicas[0].tell(came(lobby, m.ID(), 7, 6))
	w.send(m.Client, proto.Frame{Name: proto.RoomLeave, Room: lobby})
	if leave := w.next(proto.OpLeave); leave.Joined != q.id {
		t.Errorf("the leave ends %q, the record bears %q", leave.Joined, q.id)
	}
}

func TestOneWhoJoinsAgainWhileTheRoomIsClosedHearsNoAnswerFromBefore(t *testing.T) {
	t.Parallel()
	w, m, q := joinAgain(t)
	w.replicas[0].tell(proto.Event{
		Name: proto.RoomClosed, Room: lobby, OwnerID: m.owner, Seq: 6, Prev: 5, Reason: proto.OwnerLeft,
	})
	w.hears(m.Client, kicked(lobby, proto.OwnerLeft))
	q.answer(m.answer)
	w.hears(m.Client, proto.Event{Name: proto.RoomNotExists, Room: lobby})
}

func TestOneWhoJoinsAgainWhileItIsRemovedIsToldToAskAgain(t *testing.T) {
	t.Parallel()
	w, m, q := joinAgain(t)
	w.replicas[0].tell(proto.Event{Name: proto.ClientLeft, Room: lobby, ID: m.ID(), Seq: 6, Prev: 5})
	w.hears(m.Client, kicked(lobby, proto.Removed))
	q.answer(m.answer)
	if e := m.Expect(t, proto.Error); e.Code != proto.CodeUnavailable {
		t.Errorf("heard %s", e.Raw)
	}
}

// testSession returns a client's session.
func testSession(w *world, id proto.ClientID) *session.Session {
	for _, s := range w.inside.Sessions() {
		if s.ID() == id {
			return s
		}
	}
	w.t.Fatalf("%s is not connected", id)
	return nil
}
