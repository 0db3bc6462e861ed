package views

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-rtc/parley/proto"
)

// Truth asks the room service and the journal over NATS.
type Truth struct {
	nc *nats.Conn
	js jetstream.JetStream
}

// NewTruth returns a Truth over a connection, under the prefix "parley".
func NewTruth(tb testing.TB, nc *nats.Conn) *Truth {
	tb.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		tb.Fatalf("truth: %v", err)
	}
	return &Truth{nc: nc, js: js}
}

// Roster asks for a room's roster: the members in join order, nil when there is no such room, and the seq.
func (t *Truth) Roster(ctx context.Context, room proto.Room) ([]proto.ClientID, uint64, error) {
	e, err := t.Ask(ctx, proto.OpRoster, &proto.Request{Room: room})
	if err != nil {
		return nil, 0, err
	}
	switch e.Name {
	case proto.RoomNotExists:
		return nil, 0, nil
	case proto.Roster:
		if len(e.Clients) == 0 || e.Clients[0] != e.OwnerID {
			return nil, 0, fmt.Errorf("roster of %q: owner %s, clients %v", room, e.OwnerID, e.Clients)
		}
		return e.Clients, e.Seq, nil
	default:
		return nil, 0, fmt.Errorf("roster of %q: %s %s %s", room, e.Name, e.Code, e.Message)
	}
}

// Ask sends a request as any service does, with an id of its own, and returns the answer.
func (t *Truth) Ask(ctx context.Context, op proto.Op, r *proto.Request) (proto.Event, error) {
	return t.AskAs(ctx, op, r, proto.NewRequestID())
}

// AskAs is [Truth.Ask] with a given Parley-Request.
func (t *Truth) AskAs(ctx context.Context, op proto.Op, r *proto.Request, id proto.RequestID) (proto.Event, error) {
	return t.Raw(ctx, "parley.rooms."+string(op), proto.AppendRequest(nil, op, r), id)
}

// Raw sends any payload to any subject as a request.
func (t *Truth) Raw(ctx context.Context, subject string, payload []byte, id proto.RequestID) (proto.Event, error) {
	m := nats.NewMsg(subject)
	m.Header.Set(proto.HeaderRequest, string(id))
	m.Data = payload
	answer, err := t.nc.RequestMsgWithContext(ctx, m)
	if err != nil {
		return proto.Event{}, fmt.Errorf("%s: %w", subject, err)
	}
	return proto.DecodeEvent(answer.Data) // it says what it was
}

// Journal reads a room's last record from the stream's leader; nil when there is none.
func (t *Truth) Journal(ctx context.Context, room proto.Room) (*proto.Record, uint64, error) {
	stream, err := t.js.Stream(ctx, "PARLEY")
	if err != nil {
		return nil, 0, fmt.Errorf("journal: %w", err)
	}
	m, err := stream.GetLastMsgForSubject(ctx, "parley.journal."+string(room.Token()))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("journal: %w", err)
	}
	r, err := proto.DecodeRecord(m.Data)
	if err != nil {
		return nil, 0, fmt.Errorf("journal: %w", err)
	}
	return &r, m.Sequence, nil
}

// Members reads a room's members from the journal, in join order; nil when the room is not open.
func (t *Truth) Members(ctx context.Context, room proto.Room) ([]proto.ClientID, uint64, error) {
	r, seq, err := t.Journal(ctx, room)
	if err != nil || r == nil || r.Closed {
		return nil, 0, err
	}
	ids := make([]proto.ClientID, len(r.Members))
	for i, m := range r.Members {
		ids[i] = m.ID
	}
	return ids, seq, nil
}

// Compare returns an error when roster and journal differ over a room, or the journal has another than the members
// given.
func (t *Truth) Compare(ctx context.Context, room proto.Room, members []proto.ClientID) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	roster, rosterSeq, err := t.Roster(ctx, room)
	if err != nil {
		return err
	}
	journal, seq, err := t.Members(ctx, room)
	if err != nil {
		return err
	}
	if !slices.Equal(roster, journal) || rosterSeq != seq {
		return fmt.Errorf("room %q: the roster is %v at %d, the journal %v at %d", room, roster, rosterSeq, journal, seq)
	}
	if !slices.Equal(journal, members) {
		return fmt.Errorf("room %q: the journal has %v, a member %v", room, journal, members)
	}
	return nil
}
