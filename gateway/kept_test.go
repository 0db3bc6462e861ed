package gateway

import (
	"testing"

	"github.com/parley-rtc/parley/proto"
)

// A thousand that join one room at once keep a thousand events each.
func TestWhatIsKeptForMoreClientsThanOneIsKeptOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	h := newHub(w.g)
	for num := range uint64(2) {
		h.begin(&session{num: num}, &ask{op: proto.OpJoin, room: lobby, session: num})
	}
	e := came(lobby, far1, 2, 1)
	h.roomEvent(proto.AppendEvent(nil, &e))
	joining := h.rooms[lobby].joining
	if a, b := joining[0].kept, joining[1].kept; len(a) != 1 || len(b) != 1 || a[0] != b[0] {
		t.Errorf("%v and %v are kept", a, b)
	}
}
