package e2e_test

import (
	"testing"

	"github.com/parley-rtc/parley/proto"
)

var pushes = []promise{
	{"AJoinIsToldToEveryOtherMemberWithSeqAndPrev", joinIsTold},
	{"TheOwnersLeaveClosesTheRoom", ownerLeaves},
	{"TheOwnersLossClosesTheRoom", ownerLost},
	{"AMembersLossIsToldAsClientLeft", memberLost},
	{"AConnectionThatEndsLeavesEveryRoom", leavesEveryRoom},
	{"RoomsDoNotHearOfEachOther", roomsApart},
	{"NothingIsHeardOfARoomAfterLeavingIt", nothingAfter},
}

func joinIsTold(t *testing.T, s *site) {
	room, clients := fresh(t), s.dials(t, 6)
	seq := clients[0].Create(t, room).Seq
	for i, c := range clients[1:] {
		e := c.Join(t, room)
		want(t, e, proto.RoomJoined)
		for _, other := range clients[:i+1] {
			r := other.Expect(t, proto.ClientJoined)
			if r.ID != c.ID() || r.Room != room || r.Seq != e.Seq || r.Prev != seq {
				t.Errorf("heard %s, expected that %s joined at %d after %d", r.Raw, c.ID(), e.Seq, seq)
			}
		}
		seq = e.Seq
	}
}

func ownerLeaves(t *testing.T, s *site) {
	room, clients := fresh(t), s.dials(t, 4)
	fill(t, room, clients...)
	if e := clients[0].Leave(t, room); e.Name != proto.RoomLeft || e.Kicked {
		t.Errorf("the owner was answered %+v", e)
	}
	closed(t, s, room, proto.OwnerLeft, clients)
}

func ownerLost(t *testing.T, s *site) {
	room, clients := fresh(t), s.dials(t, 4)
	fill(t, room, clients...)
	clients[0].Abort()
	closed(t, s, room, proto.OwnerLost, clients)
}

// closed checks that all but the owner were told of the closing and why, and that the room is gone.
func closed(t *testing.T, s *site, room proto.Room, why proto.Reason, clients []*client) {
	t.Helper()
	for _, c := range clients[1:] {
		if r := c.Expect(t, proto.RoomLeft); !r.Kicked || r.Room != room || r.Reason != why {
			t.Errorf("heard %s", r.Raw)
		}
		want(t, c.Leave(t, room), proto.NotInRoom)
		want(t, c.Join(t, room), proto.RoomNotExists)
		c.Quiet(t)
	}
	if err := s.truth(t).Compare(t.Context(), room, nil); err != nil {
		t.Error(err)
	}
	want(t, clients[1].Create(t, room), proto.RoomCreated)
}

func memberLost(t *testing.T, s *site) {
	room, clients := fresh(t), s.dials(t, 4)
	fill(t, room, clients...)
	clients[2].Abort()
	for _, i := range []int{0, 1, 3} {
		if r := clients[i].Expect(t, proto.ClientLeft); r.ID != clients[2].ID() || r.Room != room {
			t.Errorf("heard %s", r.Raw)
		}
	}
	clients[3].Close()
	for _, i := range []int{0, 1} {
		if r := clients[i].Expect(t, proto.ClientLeft); r.ID != clients[3].ID() {
			t.Errorf("heard %s", r.Raw)
		}
		clients[i].Quiet(t)
	}
}

func leavesEveryRoom(t *testing.T, s *site) {
	a, b := s.dial(t), s.dial(t)
	rooms := map[proto.Room]bool{}
	for range 20 {
		room := fresh(t)
		fill(t, room, a, b)
		rooms[room] = true
	}
	b.Abort()
	for range 20 {
		r := a.Expect(t, proto.ClientLeft)
		if r.ID != b.ID() || !rooms[r.Room] {
			t.Errorf("heard %s", r.Raw)
		}
		delete(rooms, r.Room)
	}
}

func roomsApart(t *testing.T, s *site) {
	one, two := fresh(t), fresh(t)
	a, b, c := s.dial(t), s.dial(t), s.dial(t)
	fill(t, one, a, b)
	fill(t, two, c, b)
	want(t, c.Signal(t, two, b.ID(), `1`), proto.SignalSent)
	if r := b.Expect(t, proto.SignalReceive); r.Room != two || r.SenderID != c.ID() {
		t.Errorf("heard %s", r.Raw)
	}
	want(t, c.Signal(t, one, b.ID(), `1`), proto.NotInRoom)
	want(t, c.Signal(t, two, a.ID(), `1`), proto.TargetNotFound)
	want(t, c.Leave(t, two), proto.RoomLeft)
	if r := b.Expect(t, proto.RoomLeft); r.Room != two {
		t.Errorf("heard %s", r.Raw)
	}
	want(t, a.Signal(t, one, b.ID(), `2`), proto.SignalSent)
	if r := b.Expect(t, proto.SignalReceive); r.Room != one {
		t.Errorf("heard %s", r.Raw)
	}
	a.Quiet(t)
}

func nothingAfter(t *testing.T, s *site) {
	room, a, b, c := fresh(t), s.dial(t), s.dial(t), s.dial(t)
	fill(t, room, a, b)
	want(t, b.Leave(t, room), proto.RoomLeft)
	want(t, c.Join(t, room), proto.RoomJoined)
	want(t, c.Signal(t, room, b.ID(), `1`), proto.TargetNotFound)
	want(t, a.Leave(t, room), proto.RoomLeft)
	c.Expect(t, proto.RoomLeft)
	b.Quiet(t)
}
