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
