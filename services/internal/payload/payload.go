// Package payload holds the settings against the largest message that NATS takes, so that what cannot fit is refused at
// the start and not when somebody sends it.
package payload

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/services/internal/settings"
)

// What a message has beside what the settings bound.
const (
	// overhead is more than the names, ids and headers around a signal's data or a room's members.
	overhead = 2048
	// perMember is a member in a room's record.
	perMember = 160
	// beside is what stands in a room's record beside its members: what they bear, in base64, and what stands about the room.
	beside = (proto.MaxBorne+2)/3*4 + proto.MaxAbout
)

// Need is what the settings of a process ask of NATS. In each, 0 bounds nothing.
type Need struct {
	Frame   int  // --max-frame, of a gateway
	Members int  // --max-members, of a room service
	Checks  bool // a room service: it sends checks
}

// Check holds the settings against NATS's max_payload. An error wraps [settings.ErrSetting].
func (n Need) Check(maxPayload int64) error {
	most := maxPayload - overhead
	switch {
	case n.Frame > 0 && int64(n.Frame) > most:
		return settings.Errorf("--max-frame %d does not fit into a message of NATS, whose max_payload is %d: "+
			"set --max-frame to %d at most, or raise max_payload", n.Frame, maxPayload, max(most, 0))
	case n.Members > 0 && most < beside+perMember:
		return settings.Errorf("what may stand about a room does not fit into a message of NATS, whose max_payload is %d: raise max_payload to %d at least",
			maxPayload, beside+overhead+int64(n.Members)*perMember)
	case n.Members > 0 && int64(n.Members)*perMember > most-beside:
		return settings.Errorf("a room of --max-members %d, with what its members may bear, does not fit into a message of NATS, whose max_payload is %d: "+
			"set --max-members to %d at most, or raise max_payload to %d", n.Members, maxPayload, (most-beside)/perMember, beside+overhead+int64(n.Members)*perMember)
	case n.Checks && most < proto.MaxCheckPage:
		return settings.Errorf("NATS's max_payload is %d: set it to %d or more, which the room service's checks need",
			maxPayload, proto.MaxCheckPage+overhead)
	}
	return nil
}

// refusals is how often NATS has to refuse a login before that is believed: a server that is just starting may do so.
const refusals = 3

// Watch checks the settings once NATS is reached, which may be later than the start, and then waits for the end of ctx.
// A login that is refused again and again is an error too.
func (n Need) Watch(ctx context.Context, log *slog.Logger, servers string, options []nats.Option) error {
	refused := 0
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		nc, err := nats.Connect(servers, append([]nats.Option{
			nats.Name("parley max_payload"), nats.NoReconnect(),
			nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Debug("NATS", "error", err) }), // else nats.go writes to stderr
		}, options...)...)
		if err == nil {
			most := nc.MaxPayload()
			nc.Close()
			if err := n.Check(most); err != nil {
				return err
			}
			<-ctx.Done()
			return nil
		}
		if errors.Is(err, nats.ErrAuthorization) {
			if refused++; refused >= refusals {
				return err // it says everything
			}
		}
		log.Debug("NATS is not reached yet", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}
