package roomsvc

import (
	"strconv"
	"testing"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

func TestChecksOfManyGatewaysAndRoomsPauseForAQuarterOfTheirTimeAtMost(t *testing.T) {
	t.Parallel()
	s, err := New(Config{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var gateways []proto.GatewayID
	members := []proto.Member{}
	for range 50 {
		g := proto.NewGatewayID()
		gateways = append(gateways, g)
		members = append(members, proto.Member{ID: proto.NewClientID(), Gateway: g})
	}
	for i, r := range s.crew.runners {
		for n := range 2*checkSlice + i { // one worker's share is just two slices, the others' a little more
			r.rooms.Put(proto.Token(strconv.Itoa(n)), &room.State{Seq: 1, Record: proto.Record{Members: members}})
		}
	}
	const every = 10 * time.Second
	pauses := s.countPauses(gateways)
	if want := 50 * (2*len(s.crew.runners) - 1); pauses != want {
		t.Errorf("%d pauses, expected %d", pauses, want)
	}
	for _, n := range []int{0, 1, 100, pauses, 100 * pauses} {
		if pause := checkPause(every, n); time.Duration(n)*pause > every/4 || pause > maxPause || pause <= 0 {
			t.Errorf("%d pauses of %v", n, pause)
		}
	}
	if pause := checkPause(every, 0); pause != maxPause {
		t.Errorf("few rooms pause for %v, expected %v", pause, maxPause)
	}
}
