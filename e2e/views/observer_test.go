package views

import (
	"testing"
	"time"

	"github.com/parley-rtc/parley/proto"
)

func TestALeaveThatIsToldAgainIsNotTakenForTheLast(t *testing.T) {
	t.Parallel()
	const room, id = proto.Room("lobby"), proto.ClientID("0123456789-0123456789")
	began := time.Unix(0, 0)
	o := &Observer{events: map[proto.Room][]Heard{}}
	for i, e := range []proto.Event{
		{Name: proto.ClientJoined, ID: id, Seq: 2},
		{Name: proto.ClientLeft, ID: id, Seq: 3},
		{Name: proto.ClientJoined, ID: id, Seq: 4},
		{Name: proto.ClientLeft, ID: id, Seq: 3}, // again, after a failover
		{Name: proto.ClientLeft, ID: id, Seq: 5},
	} {
		o.events[room] = append(o.events[room], Heard{Event: e, At: began.Add(time.Duration(i) * time.Second)})
	}
	if at, ok := o.Gone(room, id, began.Add(2*time.Second)); !ok || at != began.Add(4*time.Second) {
		t.Errorf("gone at %v, %v", at, ok)
	}
}
