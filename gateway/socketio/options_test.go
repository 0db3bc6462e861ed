package socketio

import (
	"testing"

	"github.com/parley-rtc/parley/proto"
)

func TestAnObjectBehindTheRoomSaysWhatBecomesOfItWithoutItsOwner(t *testing.T) {
	t.Parallel()
	for packet, want := range map[string]proto.Frame{
		`27["room-create","a",{"onOwnerGone":"transfer"}]`:  {Name: proto.RoomCreate, Policy: proto.PolicyTransfer},
		`27["room-enter","a",{"onOwnerGone":"stay","x":1}]`: {Name: proto.RoomEnter, Policy: proto.PolicyStay},
		`27["room-enter","a",{}]`:                           {Name: proto.RoomEnter, Policy: proto.PolicyClose},
		`27["room-join","a",{"onOwnerGone":"stay"}]`:        {Name: proto.RoomJoin},
		`27["room-create","a"]`:                             {Name: proto.RoomCreate},
		`27["room-create","a","transfer"]`:                  {Name: proto.RoomCreate},
		`27["room-close","a",{"onOwnerGone":"sell"}]`:       {Name: proto.RoomClose},
	} {
		p, err := decodePacket([]byte(packet))
		if err != nil {
			t.Fatal(err)
		}
		f, err := p.frame()
		if err != nil || f.Name != want.Name || f.Room != "a" || f.Policy != want.Policy || f.Ref != "7" {
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
