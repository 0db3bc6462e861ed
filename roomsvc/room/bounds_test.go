package room_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// house is a room with an owner who has a token, and what stands about it.
func house(about *proto.About, members ...proto.Member) *room.State {
	owner := proto.Member{ID: "ann", Gateway: "g", Request: "c", Who: &proto.Who{Sub: "A"}}
	return &room.State{Seq: 7, Record: proto.Record{
		Room: "r", OwnerID: "ann", Members: append([]proto.Member{owner}, members...), About: about,
		Change: proto.Change{Event: proto.RoomCreated, ID: "ann", Request: "c"},
	}}
}

// asks is a request of a client whose token allows to join.
func asks(op proto.Op, id proto.ClientID, sub string) *room.Request {
	q := &room.Request{Op: op, ID: proto.RequestID("q-" + id), At: 1000}
	q.Room, q.ClientID, q.Gateway, q.Sub, q.Can = "r", id, "g", sub, proto.MayJoin
	return q
}

// decide carries a request out, and returns what it is answered and what the room is then.
func decide(st *room.State, q *room.Request) (proto.Event, *room.State) {
	d := room.Rules{Replica: "R"}.Decide(st, q)
	if d.Record == nil {
		return d.Answer, st
	}
	return d.Answer, &room.State{Seq: st.Seq + 1, Record: *d.Record}
}

func TestARoomHasSoManyBansAndNoMore(t *testing.T) {
	t.Parallel()
	about := &proto.About{Bans: []proto.Hold{{Sub: "over", Until: 1000}}} // is not counted
	for i := range proto.MaxBans {
		about.Bans = append(about.Bans, proto.Hold{Sub: fmt.Sprint(i), Until: 2000})
	}
	q := asks(proto.OpBan, "ann", "A")
	q.Banned, q.Seconds = "another", 60
	if e, _ := decide(house(about), q); e.Code != proto.CodeTooManyBans {
		t.Errorf("one too many is answered %+v", e)
	}
	q.Banned = "5"
	e, after := decide(house(about), q)
	if e.Name != proto.ClientBanned || len(after.Record.About.Bans) != proto.MaxBans || !proto.Holding(after.Record.About.Bans, "", "5", 60_000) {
		t.Errorf("one that is there is answered %+v, and is %+v", e, after.Record.About)
	}
	about.Bans = about.Bans[:proto.MaxBans] // of which one is over
	q.Banned = "another"
	if e, after := decide(house(about), q); e.Name != proto.ClientBanned || len(after.Record.About.Bans) != proto.MaxBans {
		t.Errorf("the last one is answered %+v, and is %+v", e, after.Record.About)
	}
}

func TestOfTooManyHoldsTheOldestGoesFirst(t *testing.T) {
	t.Parallel()
	st := house(&proto.About{Locked: true, Knock: true})
	knocker := func(i int) proto.ClientID { return proto.ClientID(fmt.Sprint("c", i)) }
	for i := range proto.MaxHolds + 1 {
		q := asks(proto.OpAdmit, "ann", "A")
		q.ID, q.TargetID, q.Knocker = proto.RequestID(fmt.Sprint(i)), knocker(i), fmt.Sprint("s", i)
		_, st = decide(st, q)
	}
	if n := len(st.Record.About.Admitted); n != proto.MaxHolds {
		t.Errorf("there are %d", n)
	}
	if e, _ := decide(st, asks(proto.OpJoin, knocker(0), "s0")); e.Code != proto.CodeLocked {
		t.Errorf("the first is answered %+v", e)
	}
	if e, _ := decide(st, asks(proto.OpJoin, knocker(1), "s1")); e.Name != proto.RoomJoined {
		t.Errorf("the second is answered %+v", e)
	}
}

func TestMembersBearNoMoreThanARoomHolds(t *testing.T) {
	t.Parallel()
	object := func(n int) jsontext.Value {
		return jsontext.Value(`{"a":"` + strings.Repeat("x", n-len(`{"a":""}`)) + `"}`)
	}
	const each = proto.MaxMeta
	var members []proto.Member
	for i := range proto.MaxBorne/each - 1 {
		members = append(members, proto.Member{
			ID: proto.ClientID(fmt.Sprint("m", i)), Gateway: "g", Request: "j", Turn: 1, Keep: 30, Who: &proto.Who{Sub: "S", Meta: object(each - 1)},
		})
	}
	st := house(nil, members...)
	left := proto.MaxBorne - len(members)*each - len("A")

	join := asks(proto.OpJoin, "new", "N")
	join.Meta = object(left - len("N") + 1)
	if e, _ := decide(st, join); e.Code != proto.CodeRoomFull {
		t.Errorf("who bears a byte too many is answered %+v", e)
	}
	join.Meta = object(left - len("N"))
	e, full := decide(st, join)
	if e.Name != proto.RoomJoined {
		t.Fatalf("who bears all that is left is answered %+v", e)
	}
	if e, _ := decide(full, asks(proto.OpJoin, "bare", "")); e.Name != proto.RoomJoined {
		t.Errorf("who bears nothing is answered %+v", e)
	}

	update := asks(proto.OpMember, "m0", "S")
	update.Turn, update.Meta = 1, object(each)
	if e, _ := decide(full, update); e.Code != proto.CodeRoomFull {
		t.Errorf("who bears a byte more is answered %+v", e)
	}
	over := *full
	over.Record.Members = append(over.Record.Members[:len(full.Record.Members):len(full.Record.Members)], members[0])
	over.Record.Members[len(full.Record.Members)].ID = "more" // whatever has let it in
	update.Meta = object(each - 10)
	if e, _ := decide(&over, update); e.Name != proto.MemberUpdated {
		t.Errorf("who bears less is answered %+v", e)
	}

	resume := asks(proto.OpResume, "m0", "S")
	resume.Turn, resume.User, resume.Can = 2, "user", proto.MayJoin|proto.MayModerate
	e, after := decide(full, resume)
	if m := after.Member("m0"); e.Name != proto.Resumed || m.Who.User != "" || !m.Who.Mod || m.Sub() != "S" {
		t.Errorf("who comes back and would bear more is answered %s, and bears %+v", e.Name, m.Who)
	}
	if e, after = decide(st, resume); after.Member("m0").Who.User != "user" {
		t.Errorf("who comes back where there is room is answered %s, and bears %+v", e.Name, after.Member("m0").Who)
	}
}

// bearer keeps what is measured from being left out by the compiler.
var bearer *proto.Who

// It runs alone: allocations are counted.
func TestWhoHasNoNameCostsNothing(t *testing.T) {
	q := asks(proto.OpJoin, "new", "")
	q.Can = 0
	if n := testing.AllocsPerRun(100, func() { bearer = q.Who() }); n != 0 {
		t.Errorf("a request without a name allocates %v times for it", n)
	}
}

// A replica that dies between the records of a ban leaves a member that is banned. Its session may not use that.
func TestWhoIsBannedAndStillInDoesNotComeBack(t *testing.T) {
	t.Parallel()
	eve := proto.Member{ID: "eve", Gateway: "g", Request: "j", Turn: 1, Keep: 30, Who: &proto.Who{Sub: "E"}}
	st := house(&proto.About{Bans: []proto.Hold{{Sub: "E", Until: 2000}}}, eve)
	resume := asks(proto.OpResume, "eve", "E")
	resume.Turn = 2
	if e, _ := decide(st, resume); e.Code != proto.CodeBanned {
		t.Errorf("who is banned is answered %+v", e)
	}
	resume.At = 2000
	if e, _ := decide(st, resume); e.Name != proto.Resumed {
		t.Errorf("whose ban is over is answered %+v", e)
	}
}
