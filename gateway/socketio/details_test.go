package socketio

import (
	"testing"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

func TestReasonsComeInAnObjectInRoomsThatTheClientEnteredWithOne(t *testing.T) {
	t.Parallel()
	var d details
	says := func(e proto.Event, ref, want string) {
		t.Helper()
		for range 2 { // what did not fit into a poll is encoded again
			if got := d.append(nil, link.Out{Message: link.NewMessage(e), Ref: ref}); string(got) != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	}
	left := proto.Event{Name: proto.ClientLeft, Room: "a", ID: "c", Reason: proto.MemberLost}
	owner := proto.Event{Name: proto.ClientLeft, Room: "a", ID: "c", Reason: proto.MemberLeft, OwnerID: "n"}
	kicked := proto.Event{Name: proto.RoomLeft, Room: "a", Kicked: true, Reason: proto.ClosedForAll}
	joined := proto.Event{Name: proto.RoomJoined, Room: "a", OwnerID: "c", Clients: []proto.ClientID{"c"}}

	says(joined, "", `42["room-joined","a","c",["c"]]`)
	says(left, "", `42["client-left","a","c"]`)
	says(joined, "{", `42["room-joined","a","c",["c"]]`)
	says(left, "", `42["client-left","a","c",{"reason":"lost"}]`)
	says(owner, "", `42["client-left","a","c",{"reason":"left","ownerId":"n"}]`)
	says(joined, "", `42["room-joined","a","c",["c"]]`) // again, to see who is there
	says(proto.Event{Name: proto.ClientJoined, Room: "a", ID: "e"}, "", `42["client-joined","a","e"]`)
	says(proto.Event{Name: proto.ClientLeft, Room: "b", ID: "c", Reason: proto.MemberLost}, "", `42["client-left","b","c"]`)
	says(kicked, "", `42["room-left","a",true,{"reason":"closed"}]`)
	says(joined, "", `42["room-joined","a","c",["c"]]`)
	says(left, "", `42["client-left","a","c"]`)
	says(proto.Event{Name: proto.RoomCreated, Room: "a", Seq: 4}, "7{", `437[{"event":"room-created","room":"a","seq":4}]`)
	says(proto.Event{Name: proto.RoomLeft, Room: "a"}, "", `42["room-left","a",false]`)
	says(proto.Event{Name: proto.RoomCreated, Room: "b", Seq: 4}, "{", `42["room-created","b"]`)
	if len(d.rooms) != 1 {
		t.Errorf("%d rooms are remembered", len(d.rooms))
	}
}

func TestAnObjectBehindTheRoomSaysWhatBecomesOfItWithoutItsOwner(t *testing.T) {
	t.Parallel()
	for packet, want := range map[string]proto.Frame{
		`27["room-create","a",{"onOwnerGone":"transfer"}]`: {Name: proto.RoomCreate, Room: "a", Policy: proto.PolicyTransfer, Ref: "7{"},
		`2["room-enter","a",{"onOwnerGone":"stay","x":1}]`: {Name: proto.RoomEnter, Room: "a", Policy: proto.PolicyStay, Ref: "{"},
		`27["room-enter","a",{}]`:                          {Name: proto.RoomEnter, Room: "a", Ref: "7{"},
		`27["room-join","a",{"onOwnerGone":"stay"}]`:       {Name: proto.RoomJoin, Room: "a", Ref: "7{"},
		`27["room-create","a"]`:                            {Name: proto.RoomCreate, Room: "a", Ref: "7"},
		`27["room-create","a","transfer"]`:                 {Name: proto.RoomCreate, Room: "a", Ref: "7"},
		`27["room-close","a",{}]`:                          {Name: proto.RoomClose, Room: "a", Ref: "7"},
	} {
		p, err := decodePacket([]byte(packet))
		if err != nil {
			t.Fatal(err)
		}
		f, err := p.frame()
		if err != nil || f.Name != want.Name || f.Room != want.Room || f.Policy != want.Policy || f.Ref != want.Ref {
			t.Errorf("%s: %+v, %v", packet, f, err)
		}
	}
	for _, bad := range []string{
		`2["room-create","a",{"onOwnerGone":7}]`, `2["room-enter","a",{"onOwnerGone":"sell"}]`, `2["resume","a",{}]`,
	} {
		p, err := decodePacket([]byte(bad))
		if err != nil {
			t.Fatal(err)
		}
		if f, err := p.frame(); err == nil {
			t.Errorf("%s: %+v", bad, f)
		}
	}
}
