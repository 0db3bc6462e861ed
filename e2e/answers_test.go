package e2e_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/parley-rtc/parley/proto"
)

var answers = []promise{
	{"TheFirstFrameIsConnected", firstFrame},
	{"CreateMakesTheAskerOwnerAndOnlyMember", create},
	{"CreateOfAnOpenRoomIsRoomExistsWhoeverAsks", createTwice},
	{"JoinListsTheOthersInJoinOrder", joinLists},
	{"JoinAgainIsAnsweredWithTheListAsItIsAndTheOthersHearNothing", joinAgain},
	{"JoinOfNoRoomIsRoomNotExists", joinNoRoom},
	{"LeaveIsRoomLeftNotKicked", leave},
	{"LeaveOfARoomThatOneIsNotInIsNotInRoom", leaveOutside},
	{"SeqGrowsWhenARoomIsCreatedAgain", seqGrows},
	{"RefStandsOnTheAnswerAndOnlyThere", refs},
	{"PingIsPong", ping},
	{"RequestsAreHandledOneAtATimeInOrder", pipelined},
}

func firstFrame(t *testing.T, s *site) {
	c := s.dial(t)
	first := c.All()[0]
	if first.Name != proto.Connected || first.Version != 1 || first.ID.Check() != nil {
		t.Errorf("the first frame is %s", first.Raw)
	}
	if len(c.ID()) != 36 || c.ID()[14] != '4' {
		t.Errorf("%q is no UUID of version 4", c.ID())
	}
}

func create(t *testing.T, s *site) {
	room, a := fresh(t), s.dial(t)
	e := a.Create(t, room)
	want(t, e, proto.RoomCreated)
	if e.Room != room || e.Seq == 0 || e.OwnerID != "" || e.Clients != nil {
		t.Errorf("answered %+v", e)
	}
	if err := s.truth(t).Compare(t.Context(), room, ids(a)); err != nil {
		t.Error(err)
	}
}

func createTwice(t *testing.T, s *site) {
	room, a, b := fresh(t), s.dial(t), s.dial(t)
	fill(t, room, a)
	for _, c := range []interface {
		Create(testing.TB, proto.Room) proto.Event
	}{a, b, a, b} {
		e := c.Create(t, room)
		want(t, e, proto.RoomExists)
		if e.Room != room {
			t.Errorf("answered %+v", e)
		}
	}
	want(t, b.Leave(t, room), proto.NotInRoom)
}

func joinLists(t *testing.T, s *site) {
	room, clients := fresh(t), s.dials(t, 5)
	fill(t, room, clients[0])
	var last uint64
	for i, c := range clients[1:] {
		e := c.Join(t, room)
		want(t, e, proto.RoomJoined)
		if e.OwnerID != clients[0].ID() || !slices.Equal(e.Clients, ids(clients[:i+1]...)) || e.Seq <= last || e.Room != room {
			t.Errorf("answered %+v, expected the owner %s and %v", e, clients[0].ID(), ids(clients[:i+1]...))
		}
		last = e.Seq
	}
	if err := s.truth(t).Compare(t.Context(), room, ids(clients...)); err != nil {
		t.Error(err)
	}
}

func joinAgain(t *testing.T, s *site) {
	room, a, b, c := fresh(t), s.dial(t), s.dial(t), s.dial(t)
	fill(t, room, a, b)
	first := b.Join(t, room)
	want(t, first, proto.RoomJoined)
	if first.OwnerID != a.ID() || !slices.Equal(first.Clients, ids(a)) {
		t.Errorf("answered %+v", first)
	}
	want(t, c.Join(t, room), proto.RoomJoined)
	if r := a.Expect(t, proto.ClientJoined); r.ID != c.ID() {
		t.Errorf("heard %s after a second join of %s", r.Raw, b.ID())
	}
	b.Expect(t, proto.ClientJoined)
	again := b.Join(t, room)
	want(t, again, proto.RoomJoined)
	if !slices.Equal(again.Clients, ids(a, c)) || again.Seq <= first.Seq {
		t.Errorf("answered %+v", again)
	}
	owner := a.Join(t, room)
	want(t, owner, proto.RoomJoined)
	if owner.OwnerID != a.ID() || !slices.Equal(owner.Clients, ids(b, c)) {
		t.Errorf("the owner was answered %+v", owner)
	}
	want(t, b.Leave(t, room), proto.RoomLeft)
	if r := c.Expect(t, proto.ClientLeft); r.ID != b.ID() {
		t.Errorf("heard %s", r.Raw)
	}
}

func joinNoRoom(t *testing.T, s *site) {
	room, a := fresh(t), s.dial(t)
	if e := a.Join(t, room); e.Name != proto.RoomNotExists || e.Room != room {
		t.Errorf("answered %+v", e)
	}
	fill(t, room, a)
	want(t, a.Leave(t, room), proto.RoomLeft)
	want(t, a.Join(t, room), proto.RoomNotExists)
}

func leave(t *testing.T, s *site) {
	room, a, b := fresh(t), s.dial(t), s.dial(t)
	fill(t, room, a, b)
	if e := b.Leave(t, room); e.Name != proto.RoomLeft || e.Kicked || e.Room != room {
		t.Errorf("answered %+v", e)
	}
	if r := a.Expect(t, proto.ClientLeft); r.ID != b.ID() {
		t.Errorf("heard %s", r.Raw)
	}
	if err := s.truth(t).Compare(t.Context(), room, ids(a)); err != nil {
		t.Error(err)
	}
	want(t, b.Join(t, room), proto.RoomJoined)
}

func leaveOutside(t *testing.T, s *site) {
	room, a, b := fresh(t), s.dial(t), s.dial(t)
	want(t, a.Leave(t, room), proto.NotInRoom)
	fill(t, room, a)
	if e := b.Leave(t, room); e.Name != proto.NotInRoom || e.Room != room {
		t.Errorf("answered %+v", e)
	}
	want(t, a.Leave(t, room), proto.RoomLeft)
	want(t, a.Leave(t, room), proto.NotInRoom)
}

func seqGrows(t *testing.T, s *site) {
	room, a, b := fresh(t), s.dial(t), s.dial(t)
	var last uint64
	for range 5 {
		created := a.Create(t, room)
		joined := b.Join(t, room)
		if created.Seq <= last || joined.Seq <= created.Seq {
			t.Fatalf("seq %d, then %d, then %d", last, created.Seq, joined.Seq)
		}
		if r := a.Expect(t, proto.ClientJoined); r.Seq != joined.Seq || r.Prev != created.Seq {
			t.Errorf("heard %s of the join at %d after %d", r.Raw, joined.Seq, created.Seq)
		}
		last = joined.Seq
		want(t, a.Leave(t, room), proto.RoomLeft)
		if r := b.Expect(t, proto.RoomLeft); !r.Kicked {
			t.Errorf("heard %s", r.Raw)
		}
	}
}

func refs(t *testing.T, s *site) {
	room, a, b := fresh(t), s.dial(t), s.dial(t)
	for _, ref := range []string{"7", "", `"\`, strings.Repeat("x", 64), "ü", "null"} {
		if ref == "" {
			continue // one without a ref is answered without, below
		}
		if e := a.Do(t, proto.Frame{Name: proto.RoomLeave, Room: room, Ref: ref}); e.Name != proto.NotInRoom || e.Ref != ref {
			t.Errorf("answered %+v to ref %q", e, ref)
		}
	}
	if err := a.Send(t.Context(), proto.Frame{Name: proto.RoomCreate, Room: room}); err != nil {
		t.Fatal(err)
	}
	if r := a.Expect(t, proto.RoomCreated); r.Ref != "" || strings.Contains(string(r.Raw), `"ref"`) {
		t.Errorf("heard %s", r.Raw)
	}
	want(t, b.Join(t, room), proto.RoomJoined)
	if r := a.Expect(t, proto.ClientJoined); strings.Contains(string(r.Raw), `"ref"`) {
		t.Errorf("a push bears a ref: %s", r.Raw)
	}
	if e := b.Signal(t, room, a.ID(), `{}`); e.Name != proto.SignalSent || e.TargetID != a.ID() || e.Room != room {
		t.Errorf("answered %+v", e)
	}
	if r := a.Expect(t, proto.SignalReceive); strings.Contains(string(r.Raw), `"ref"`) || strings.Contains(string(r.Raw), `"n"`) {
		t.Errorf("a push bears a ref or a count: %s", r.Raw)
	}
}

func ping(t *testing.T, s *site) {
	c := s.dial(t)
	if err := c.SendText(t.Context(), `{"event":"ping"}`); err != nil {
		t.Fatal(err)
	}
	if r := c.Expect(t, proto.Pong); string(r.Raw) != `{"event":"pong"}` {
		t.Errorf("heard %s", r.Raw)
	}
	want(t, c.Do(t, proto.Frame{Name: proto.Ping}), proto.Pong)
}

func pipelined(t *testing.T, s *site) {
	room, c := fresh(t), s.dial(t)
	const rounds = 20
	frames := []struct {
		ask    proto.Name
		answer proto.Name
	}{
		{proto.RoomCreate, proto.RoomCreated},
		{proto.RoomCreate, proto.RoomExists},
		{proto.RoomJoin, proto.RoomJoined},
		{proto.RoomLeave, proto.RoomLeft},
		{proto.RoomLeave, proto.NotInRoom},
		{proto.RoomJoin, proto.RoomNotExists},
	}
	for range rounds {
		for _, f := range frames {
			if err := c.Send(t.Context(), proto.Frame{Name: f.ask, Room: room}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range rounds {
		for _, f := range frames {
			c.Expect(t, f.answer)
		}
	}
}
