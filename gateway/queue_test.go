package gateway

import (
	"strings"
	"testing"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

// A queue holds as many bytes as it says, not half of them.
func TestAnEncodedMessageCountsOnce(t *testing.T) {
	t.Parallel()
	e := proto.Event{Name: proto.SignalReceive, Room: "lobby", SenderID: "far00000000000000001", Data: []byte(`"` + strings.Repeat("x", 60<<10) + `"`)}
	encoded := link.NewEncoded(e, proto.AppendEvent(nil, &e))
	if n, most := encoded.Size(), len(encoded.JSON())+1024; n < len(encoded.JSON()) || n > most {
		t.Errorf("a message of %d bytes counts %d", len(encoded.JSON()), n)
	}
}
