package socketio

import (
	"testing"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

func TestEventsHaveTheirArgumentsInTheOrderOfTheTables(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		event proto.Event
		want  string
	}{
		{proto.Event{Name: proto.RoomCreated, Room: "a", Seq: 4}, `42["room-created","a"]`},
		{proto.Event{Name: proto.RoomExists, Room: "a"}, `42["room-exists","a"]`},
		{
			proto.Event{Name: proto.RoomJoined, Room: "a", OwnerID: "o", Clients: []proto.ClientID{"o", "c"}, Seq: 4},
			`42["room-joined","a","o",["o","c"]]`,
		},
		{proto.Event{Name: proto.RoomJoined, Room: "a", OwnerID: "o"}, `42["room-joined","a","o",[]]`},
		{proto.Event{Name: proto.RoomNotExists, Room: "a"}, `42["room-not-exists","a"]`},
		{proto.Event{Name: proto.RoomLeft, Room: "a"}, `42["room-left","a",false]`},
		{proto.Event{Name: proto.RoomLeft, Room: "a", Kicked: true, Reason: proto.OwnerLost}, `42["room-left","a",true]`},
		{proto.Event{Name: proto.NotInRoom, Room: "a"}, `42["not-in-room","a"]`},
		{proto.Event{Name: proto.TargetNotFound, Room: "a", TargetID: "t"}, `42["target-not-found","a","t"]`},
		{proto.Errorf(proto.CodeBadRequest, "a", "s", "no, \"%s\"", "so"), `42["error","no, \"so\""]`},
		{proto.Event{Name: proto.ClientJoined, Room: "a", ID: "c", Seq: 5, Prev: 4}, `42["client-joined","a","c"]`},
		{proto.Event{Name: proto.ClientLeft, Room: "a", ID: "c", Seq: 6, Prev: 5}, `42["client-left","a","c"]`},
		{proto.Event{Name: proto.ClientLeft, Room: "a", ID: "c", Seq: 6, Prev: 5, Reason: proto.MemberLost}, `42["client-left","a","c"]`},
		{proto.Event{Name: proto.ClientLeft, Room: "a", ID: "c", Reason: proto.MemberLost, Policy: proto.PolicyStay}, `42["client-left","a","c",{"reason":"lost"}]`},
		{proto.Event{Name: proto.ClientLeft, Room: "a", ID: "c", Reason: proto.MemberLeft, OwnerID: "n"}, `42["client-left","a","c",{"reason":"left","ownerId":"n"}]`},
		{
			proto.Event{Name: proto.RoomLeft, Room: "a", Kicked: true, Reason: proto.ClosedForAll, Policy: proto.PolicyClose},
			`42["room-left","a",true,{"reason":"closed"}]`,
		},
		{proto.Event{Name: proto.RoomLeft, Room: "a", Policy: proto.PolicyClose}, `42["room-left","a",false]`},
		{
			proto.Event{Name: proto.ICE, More: &proto.More{ICEServers: []proto.ICEServer{{URLs: []string{"stun:a"}}}, TTL: 60}},
			`42["ice",{"iceServers":[{"urls":["stun:a"]}],"ttl":60}]`,
		},
		{proto.Event{Name: proto.ClientAway, Room: "a", ID: "c", Seq: 6}, `42["client-away","a","c"]`},
		{proto.Event{Name: proto.ClientBack, Room: "a", ID: "c", Seq: 6, Prev: 5}, `42["client-back","a","c"]`},
		{proto.Event{Name: proto.ClientBack, Room: "a", ID: "c", Seq: 6, FreshBack: true}, `42["client-back","a","c",{"fresh":true}]`},
		{
			proto.Event{Name: proto.SignalReceive, Room: "ä\"", SenderID: "s", Data: []byte(`{ "b" : 1.0 }`), N: 7},
			`42["signal-receive","ä\"","s",{ "b" : 1.0 }]`,
		},
	} {
		if got := appendOut(nil, link.Out{Message: link.NewMessage(c.event)}); string(got) != c.want {
			t.Errorf("%s: got %s, want %s", c.event.Name, got, c.want)
		}
	}
}

// Who asks with an object is told the code in one.
func TestAnErrorCarriesItsCodeWhereTheRequestHadAnObject(t *testing.T) {
	t.Parallel()
	e := link.NewMessage(proto.Errorf(proto.CodeForbidden, "a\"b", "", "no"))
	for packet, want := range map[string]string{
		`2["room-create","a",{}]`:                      `42["error","no",{"code":"forbidden","room":"a\"b"}]`,
		`2["room-kick","a",{"targetId":"b"}]`:          `42["error","no",{"code":"forbidden","room":"a\"b"}]`,
		`2["room-create","a",{"onOwnerGone":"never"}]`: `42["error","no",{"code":"forbidden","room":"a\"b"}]`,
		`2["room-create","a"]`:                         `42["error","no"]`,
		`2["room-join","a"]`:                           `42["error","no"]`,
		`2["signal-send","a",{},1]`:                    `42["error","no"]`,
		`27["room-kick","a",{"targetId":"b"}]`:         `437[{"event":"error","message":"no","code":"forbidden","room":"a\"b"}]`,
	} {
		p, err := decodePacket([]byte(packet))
		if err != nil {
			t.Fatal(err)
		}
		f, _ := p.frame()
		if got := appendOut(nil, link.Out{Message: e, Ref: f.Ref}); string(got) != want {
			t.Errorf("%s is answered %s, want %s", packet, got, want)
		}
	}
}

func TestAcknowledgementsCarryTheObjectOfThePlainTransport(t *testing.T) {
	t.Parallel()
	e := proto.Event{Name: proto.RoomJoined, Room: "a", OwnerID: "o", Clients: []proto.ClientID{"o"}, Seq: 4}
	got := appendOut(nil, link.Out{Message: link.NewMessage(e), Ref: "12"})
	if want := `4312[{"event":"room-joined","room":"a","ownerId":"o","clients":["o"],"seq":4}]`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
