package roomsvc

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
)

// What changes a room has to be safe to repeat.
func TestARequestThatMayChangeARoomNeedsAnID(t *testing.T) {
	t.Parallel()
	for _, op := range proto.Ops() {
		_, _, err := readHeader(op, nats.Header{})
		if op.Changes() != errors.Is(err, proto.ErrRequest) {
			t.Errorf("%s without one: %v", op, err)
		}
		id, timeout, err := readHeader(op, nats.Header{proto.HeaderRequest: {"x-1"}, proto.HeaderTimeout: {"1500"}})
		if id != "x-1" || timeout != 1500*time.Millisecond || err != nil {
			t.Errorf("%s: %q, %v, %v", op, id, timeout, err)
		}
	}
}

// Each answer that the rules give is counted.
func TestEveryAnswerIsCounted(t *testing.T) {
	t.Parallel()
	for op, names := range map[proto.Op][]string{
		proto.OpCreate: {"room-created", "room-exists", "fenced", "resume-first", "unavailable"},
		proto.OpJoin:   {"room-joined", "room-not-exists", "fenced", "resume-first", "room-full"},
		proto.OpEnter:  {"room-created", "room-joined", "fenced", "resume-first", "room-full"},
		proto.OpResume: {"resumed", "not-in-room", "fenced"},
		proto.OpLeave:  {"room-left", "not-in-room", "fenced", "resume-first"},
		proto.OpClose:  {"room-left", "not-in-room", "fenced", "resume-first", "forbidden"},
		proto.OpSignal: {"relayed", "push-it", "not-in-room", "target-not-found", "bad-request"},
		proto.OpRoster: {"roster", "room-not-exists"},
		proto.OpList:   {"rooms"},
	} {
		m, err := registered(nil, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if m.outcomes[op][name] == nil {
				t.Errorf("%s of a %s is not counted", name, op)
			}
		}
	}
}
