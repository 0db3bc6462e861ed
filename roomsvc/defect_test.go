package roomsvc

import (
	"testing"

	"github.com/parley-rtc/parley/proto"
)

// The asker would take a message that ended a replica to the next, and end that too.
func TestADefectEndsNoReplica(t *testing.T) {
	t.Parallel()
	s, err := New(Config{}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defect := func(*worker) { panic("a defect") }
	s.workers[0].handle(&mail{call: defect})
	s.take(proto.OpCreate, nil, "_INBOX.x", nil, func([]byte) (proto.Request, error) { panic("a defect") })
}
