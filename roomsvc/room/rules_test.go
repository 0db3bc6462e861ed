package room_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

func requests() *rapid.Generator[room.Request] {
	return rapid.Custom(func(t *rapid.T) room.Request {
		client := rapid.SampledFrom([]proto.ClientID{"ann", "bob", "eve", "zoe", "kim"})
		ids := rapid.SampledFrom([]proto.RequestID{"1", "2", "3", "4", "5", "6"})
		q := room.Request{Op: rapid.SampledFrom(proto.Ops()).Draw(t, "op"), ID: ids.Draw(t, "id")}
		q.Room = "r"
		q.ClientID, q.TargetID = client.Draw(t, "client"), client.Draw(t, "target")
		q.Gateway = rapid.SampledFrom([]proto.GatewayID{"g1", "g2"}).Draw(t, "gateway")
		if q.Op == proto.OpLeave && rapid.Bool().Draw(t, "named") {
			q.Joined = ids.Draw(t, "joined")
		}
		q.Lost = rapid.Bool().Draw(t, "lost")
		return q
	})
}

// TestRulesHoldForAnySequenceOfRequests checks each decision against what a reader of the protocol expects of it.
func TestRulesHoldForAnySequenceOfRequests(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rules := room.Rules{Replica: "R", MaxMembers: rapid.IntRange(0, 4).Draw(t, "limit")}
		var st *room.State
		var seq uint64
		for _, q := range rapid.SliceOfN(requests(), 1, 60).Draw(t, "requests") {
			before := copyOf(st)
			d := rules.Decide(st, &q)
			if !reflect.DeepEqual(before, st) {
				t.Fatalf("%+v changed the state", q)
			}
			check(t, rules, st, &q, d)
			if d.Record != nil {
				seq += uint64(rapid.IntRange(1, 3).Draw(t, "others"))
				st = &room.State{Seq: seq, Record: *d.Record}
				repeated(t, rules, st, &q, d)
			}
		}
	})
}

func copyOf(st *room.State) *room.State {
	if st == nil {
		return nil
	}
	c := *st
	c.Record.Members = slices.Clone(st.Record.Members)
	c.Record.Change.Gateways = slices.Clone(st.Record.Change.Gateways)
	return &c
}

func check(t *rapid.T, rules room.Rules, st *room.State, q *room.Request, d room.Decision) {
	if d.Relay != "" {
		target := st.Member(q.TargetID)
		if q.Op != proto.OpSignal || st.Member(q.ClientID) == nil || target == nil || target.Gateway != d.Relay ||
			q.TargetID == q.ClientID || d.Record != nil {
			t.Fatalf("%+v was relayed to %s", q, d.Relay)
		}
		return
	}
	if d.Answer.Name == "" {
		t.Fatalf("%+v has no answer", q)
	}
	rec := d.Record
	if rec == nil {
		return
	}
	c := rec.Change
	switch {
	case rec.Prev != st.Sequence():
		t.Fatalf("%+v expects %d after %d", q, rec.Prev, st.Sequence())
	case c.Request != q.ID || c.ID != q.ClientID || c.Replica != rules.Replica:
		t.Fatalf("%+v made %+v", q, c)
	case rec.Closed != (len(rec.Members) == 0) || rec.Closed != (c.Event == proto.RoomClosed):
		t.Fatalf("%+v made %+v", q, rec)
	case rules.MaxMembers > 0 && len(rec.Members) > max(rules.MaxMembers, 1):
		t.Fatalf("%+v made a room of %d", q, len(rec.Members))
	case !rec.Closed && rec.Members[0].ID != rec.OwnerID:
		t.Fatalf("%+v made a room whose first member is not its owner", q)
	}
	if got, err := proto.DecodeRecord(proto.AppendRecord(nil, rec)); err != nil || fmt.Sprint(got) != fmt.Sprint(*rec) {
		t.Fatalf("%+v does not come back from its JSON: %+v, %v", rec, got, err)
	}
	told := (&room.State{Record: *rec}).Told()
	var had []proto.Member
	if st.Open() {
		had = st.Record.Members
	}
	for _, m := range append(slices.Clone(had), rec.Members...) {
		if !slices.Contains(told, m.Gateway) {
			t.Fatalf("%+v: gateway %s is not told", rec, m.Gateway)
		}
	}
	for i, m := range rec.Members {
		if slices.ContainsFunc(rec.Members[:i], func(o proto.Member) bool { return o.ID == m.ID }) {
			t.Fatalf("%+v has a member twice", rec)
		}
	}
}

// repeated asks again what has just been carried out: nothing may change, and the answer is the first one.
func repeated(t *rapid.T, rules room.Rules, st *room.State, q *room.Request, first room.Decision) {
	d := rules.Decide(st, q)
	if d.Record != nil || d.Answer.Name != first.Answer.Name {
		t.Fatalf("%+v, repeated, is answered %s, at first %s", q, d.Answer.Name, first.Answer.Name)
	}
	if d.Answer.Name != proto.RoomLeft && d.Answer.Seq != st.Seq {
		t.Fatalf("%+v, repeated, bears %d, the room is at %d", q, d.Answer.Seq, st.Seq)
	}
}
