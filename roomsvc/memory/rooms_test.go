package memory_test

import (
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/memory"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// whole returns an open room as it is once its members are decoded.
func whole(seq uint64, members ...proto.Member) *room.State {
	return &room.State{Seq: seq, Form: proto.RecordForm, Record: proto.Record{
		Room: "r", OwnerID: members[0].ID, Members: members, Prev: seq - 1,
		Change: proto.Change{Event: proto.ClientJoined, ID: members[len(members)-1].ID},
	}}
}

// packed returns the same room as the feed brings it: its members are encoded.
func packed(seq uint64, members ...proto.Member) *room.State {
	st := whole(seq, members...)
	st.Pack, st.Record.Members = proto.PackMembers(members), nil
	return st
}

// crowd returns n members, whose gateways take turns.
func crowd(n int, gateways ...proto.GatewayID) []proto.Member {
	members := make([]proto.Member, n)
	for i := range members {
		g := gateways[i%len(gateways)]
		members[i] = proto.Member{ID: proto.ClientID("m" + strconv.Itoa(i)), Gateway: g, Request: proto.RequestID(g) + "-1"}
	}
	return members
}

// A replica that does not serve a room has its members encoded, and so does not know whether sender and target are among them:
// its worker decodes them.
func TestASignalInAPackedRoomIsLeftToTheWorker(t *testing.T) {
	t.Parallel()
	members := crowd(2*room.Large, "g1", "g2")
	r := memory.New()
	route := func() bool {
		g, ok := r.Route("r", "m0", "m1")
		if ok && g != "g2" {
			t.Errorf("m1 is sent to at %s", g)
		}
		return ok
	}
	for seq := uint64(1); seq < 6; seq += 2 { // another replica changes the room, and this one is asked, in turn
		if r.Put("r", packed(seq, members...)); route() {
			t.Errorf("at %d: a route in a packed room", seq)
		}
		if r.Put("r", whole(seq, members...)); !route() {
			t.Errorf("at %d: no route once the members are decoded", seq)
		}
		if r.Put("r", whole(seq+1, append(slices.Clip(members), proto.Member{ID: "new", Gateway: "g2"})...)); !route() {
			t.Errorf("at %d: no route after a join", seq)
		}
		if g, ok := r.Route("r", "m0", "new"); !ok || g != "g2" {
			t.Errorf("at %d: the new member is at %q, %t", seq, g, ok)
		}
	}
	r.Put("r", packed(9, members[1:]...))
	r.Put("r", whole(9, members[1:]...))
	if route() {
		t.Error("a route from a sender who left while the room was packed")
	}
}

// Which gateways have members where does not depend on whether the members are decoded.
func TestPackedOrWholeARoomIsListedUnderItsGateways(t *testing.T) {
	t.Parallel()
	gateways := []proto.GatewayID{"g1", "g2", "g3", "g4"}
	rapid.Check(t, func(t *rapid.T) {
		a, b := memory.New(), memory.New()
		have := map[proto.Token]*room.State{}
		for seq := range uint64(rapid.IntRange(1, 30).Draw(t, "changes")) {
			token := rapid.SampledFrom([]proto.Token{"x", "y", "z"}).Draw(t, "room")
			if rapid.IntRange(0, 4).Draw(t, "closed") == 0 {
				delete(have, token)
				a.Remove(token)
				b.Remove(token)
			} else {
				members := crowd(rapid.IntRange(1, 40).Draw(t, "members"),
					rapid.SliceOfNDistinct(rapid.SampledFrom(gateways), 1, 4, rapid.ID[proto.GatewayID]).Draw(t, "gateways")...)
				have[token] = whole(seq+1, members...)
				fresh, other := a.Put(token, packed(seq+1, members...)), b.Put(token, have[token])
				if !slices.Equal(fresh, other) {
					t.Fatalf("new are %v and %v", fresh, other)
				}
			}
			if !slices.Equal(a.Gateways(), b.Gateways()) {
				t.Fatalf("the gateways are %v and %v", a.Gateways(), b.Gateways())
			}
			for _, g := range gateways {
				list := map[proto.Token]bool{}
				for i := range a.Count(g) {
					token, st := a.At(g, i)
					list[token] = true
					if !st.Packed() || st.Count() != have[token].Count() {
						t.Fatalf("%s has %d members, expected %d", token, st.Count(), have[token].Count())
					}
				}
				want := 0
				for token, st := range have {
					if slices.Contains(st.Gateways(), g) {
						if want++; !list[token] {
							t.Fatalf("%s is not listed under %s", token, g)
						}
					}
				}
				if len(list) != want || a.Count(g) != want || b.Count(g) != want || len(a.Of(g)) != want {
					t.Fatalf("%s is in %d, %d and %d rooms, expected %d", g, len(list), a.Count(g), b.Count(g), want)
				}
			}
		}
	})
}

// A signal to a session's member has to be kept by its sender's gateway: it is for the worker to say so. That member may send all the
// same.
func TestASignalToASessionIsLeftToTheWorker(t *testing.T) {
	t.Parallel()
	for _, n := range []int{3, 2 * room.Large} {
		members := crowd(n, "g1", "g2")
		members[1].Turn = 1
		r := memory.New()
		expect := func(what string, sender, target proto.ClientID, gateway proto.GatewayID) {
			t.Helper()
			if g, ok := r.Route("r", sender, target); ok != (gateway != "") || ok && g != gateway {
				t.Errorf("of %d, %s: from %s to %s by way of %q, %t", n, what, sender, target, g, ok)
			}
		}
		r.Put("r", whole(1, members...))
		expect("at first", "m0", "m1", "")
		expect("at first", "m1", "m0", "g1")
		members = append(slices.Clone(members), proto.Member{ID: "new", Gateway: "g2", Turn: 3})
		r.Put("r", whole(2, members...))
		expect("after a join", "m0", "new", "")
		expect("after a join", "new", "m0", "g1")
		members = slices.Clone(members)
		members[1].Gateway, members[1].Turn = "g1", 2
		back := whole(3, members...)
		back.Record.Change = proto.Change{Event: proto.ClientBack, ID: "m1"}
		r.Put("r", back)
		expect("after a return", "m0", "m1", "")
		expect("after a return", "m1", "m2", "g1")
	}
}
