package worker

import (
	"fmt"
	"strings"
	"testing"

	"github.com/parley-rtc/parley/proto"
)

// A room whose members cannot be read is forgotten while the rooms of a gateway that is gone are gone through.
func TestMembersThatCannotBeReadDoNotEndALookAtThoseOfAGatewayThatIsGone(t *testing.T) {
	t.Parallel()
	x := newWorld()
	for n := range 3 {
		name := proto.Room(fmt.Sprintf("room-%d", n))
		r := proto.Record{Room: name, Prev: 1, OwnerID: "owner", Change: proto.Change{Event: proto.ClientJoined, Request: "r", Replica: "other"}}
		for i := range 30 {
			r.Members = append(r.Members, proto.Member{ID: proto.ClientID(fmt.Sprintf("m%d", i)), Gateway: "dead", Request: "r"})
		}
		data := string(proto.AppendCompact(nil, &r, proto.PackMembers(r.Members)))
		if n != 1 {
			data = strings.Replace(data, `"m7",0,`, `"m7",9,`, 1) // there is no such gateway
		}
		x.Feed(x.now, name.Token(), uint64(n)+2, []byte(data), x.now)
	}
	x.gone = "dead"
	x.Sweep(x.now, true)
	if n := x.counts[Underway]; n != 30 {
		t.Errorf("%d members are being removed, expected the 30 of the room that can be read", n)
	}
}
