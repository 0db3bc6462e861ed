package rooms

import (
	"testing"

	"github.com/parley-rtc/parley/proto"
)

// A thousand that join one room at once keep a thousand events each.
func TestWhatIsKeptForMoreClientsThanOneIsKeptOnce(t *testing.T) {
	t.Parallel()
	c := New(Config{MaxKept: 1 << 20, MaxKeptOne: 1 << 20})
	for _, id := range []proto.ClientID{"a", "b"} {
		cl := &Client{ID: id}
		c.Step(&In{Kind: Open, Client: cl})
		c.Step(&In{Kind: Begin, Client: cl, Ask: Ask{Op: proto.OpJoin, Room: "lobby", Num: 1}})
	}
	c.Step(&In{Kind: Event, Event: &proto.Event{Name: proto.ClientJoined, Room: "lobby", ID: "far", Seq: 2, Prev: 1}})
	joining := c.rooms["lobby"].joining
	if a, b := joining[0].kept, joining[1].kept; len(a) != 1 || len(b) != 1 || a[0] != b[0] {
		t.Errorf("%v and %v are kept", a, b)
	}
	if c.keptBytes != fixed {
		t.Errorf("%d bytes count as kept, expected %d", c.keptBytes, fixed)
	}
}

// A room may have its own bound and there be many rooms: what is kept in all is bounded too.
func TestWhatIsKeptForAllRoomsTogetherIsBounded(t *testing.T) {
	t.Parallel()
	c := New(Config{MaxKept: 3 * fixed, MaxKeptOne: 2 * fixed})
	dropped := uint64(0)
	for i, room := range []proto.Room{"one", "two"} {
		cl := &Client{ID: proto.ClientID("client-" + room)}
		c.Step(&In{Kind: Open, Client: cl})
		c.Step(&In{Kind: Begin, Client: cl, Ask: Ask{Op: proto.OpJoin, Room: room, Num: 1}})
		for n := range uint64(2) {
			e := proto.Event{Name: proto.ClientJoined, Room: room, ID: "far", Seq: n + 2, Prev: n + 1}
			for _, o := range c.Step(&In{Kind: Event, Event: &e}) {
				if o.Kind == Dropped {
					dropped += o.Num
				}
			}
			if i == 0 && dropped > 0 {
				t.Error("the first room was not given what is there")
			}
		}
	}
	if dropped != 1 || c.keptBytes != 3*fixed {
		t.Errorf("%d were dropped, and %d bytes are kept", dropped, c.keptBytes)
	}
}
