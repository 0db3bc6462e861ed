package proto

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
)

// ErrRecord is wrapped by what [DecodeRecord] returns.
var ErrRecord = errors.New("bad journal record")

// Record is a room after a change, as the journal keeps it. Its own sequence is the message's in the stream.
type Record struct {
	Room    Room     `json:"room"`
	OwnerID ClientID `json:"ownerId"`
	Members []Member `json:"members"` // in join order; none once closed
	Prev    uint64   `json:"prev"`    // the sequence that the change was decided on and appended with
	Change  Change   `json:"change"`
	Closed  bool     `json:"closed"`
	// OnOwnerGone is in forms 3 and 4 alone. OwnerID is empty where the owner is gone and the policy is stay.
	OnOwnerGone Policy `json:"-"`
	// About is in form 4 alone; nil where nothing stands about the room. Of a closed room it is what outlives it.
	About *About `json:"-"`
}

// NeedsForm returns the least form that can hold the record: 1, 3 or 4.
func (r *Record) NeedsForm() int {
	if r.About != nil || slices.ContainsFunc(r.Members, Member.hasWho) {
		return trustForm
	}
	if !r.Closed && (r.outlivesOwner() || slices.ContainsFunc(r.Members, Member.hasStay)) {
		return sessionForm
	}
	return 1
}

// outlivesOwner reports whether the room has what form 3 alone can say of owners: a policy, or that there is none.
func (r *Record) outlivesOwner() bool {
	return r.OnOwnerGone != "" && r.OnOwnerGone != PolicyClose || r.OwnerID == ""
}

// Member is a client in a room.
type Member struct {
	ID      ClientID  `json:"id"`
	Gateway GatewayID `json:"gateway"`
	Request RequestID `json:"request"` // the create, join, enter or resume that made it one, or brought it back
	// The rest is in form 3 alone.
	Turn int64 `json:"-"` // of the connection by which it is in the room; 0: its session is not resumable
	Keep int   `json:"-"` // seconds that its session outlives the connection; not without a turn
	// Since is the room's seq before it joined or came back fresh; 0: before anybody resumable was in there. A room that has nothing else
	// of form 3 leaves it at 0 for members without a turn.
	Since uint64 `json:"-"`
	// Who is in form 4 alone: what the member bears; nil: nothing.
	Who *Who `json:"-"`
}

// hasWho reports whether the member has what form 4 alone can say of it.
func (m Member) hasWho() bool { return !m.Who.Empty() }

// hasStay reports whether the member has what form 3 alone can say of it.
func (m Member) hasStay() bool { return m.Turn > 0 || m.Since > 0 }

// Stay returns what gateways have to know of the member beside its id.
func (m *Member) Stay() Stay {
	return Stay{Gateway: m.Gateway, Request: m.Request, Turn: m.Turn, Keep: m.Keep, Since: m.Since}
}

// Change is what a record changed.
type Change struct {
	Event    Name        `json:"event"`              // room-created, client-joined, client-left, client-back, member-updated, room-updated, room-closed
	ID       ClientID    `json:"id,omitzero"`        // who joined, left, came back or was updated; who made or closed the room, or changed what stands about it
	Reason   Reason      `json:"reason,omitzero"`    // room-closed, client-left
	Fresh    bool        `json:"fresh,omitzero"`     // client-back: it has no peer connections any more
	Owner    bool        `json:"owner,omitzero"`     // client-left: it was the owner, who is another now or nobody; client-joined: it has become the owner
	By       ClientID    `json:"by,omitzero"`        // client-left: who removed it, if a client did
	Message  string      `json:"message,omitzero"`   // client-left: a word to who was removed
	Before   GatewayID   `json:"before,omitzero"`    // client-back: the gateway that it was in the room by before
	Request  RequestID   `json:"request"`            // the request that made the change
	Replica  ReplicaID   `json:"replica"`            // who made it
	Gateways []GatewayID `json:"gateways,omitempty"` // which had members before and have none after it
}

// Event returns the room event of a record that stands at a sequence. about is the member that it is about, where there is one: of a
// record whose members are packed, its own list has none.
func (r *Record) Event(seq uint64, about *Member) Event {
	e := Event{Name: r.Change.Event, Room: r.Room, Seq: seq, Prev: r.Prev}
	switch e.Name {
	case RoomCreated:
		e.OwnerID, e.Prev = r.OwnerID, 0
	case RoomClosed:
		e.OwnerID, e.Reason = r.OwnerID, r.Change.Reason
		if r.Change.ID != r.OwnerID {
			e.ID = r.Change.ID
		}
	case ClientLeft:
		e.ID, e.Reason = r.Change.ID, r.Change.Reason
		if r.Change.Owner {
			e.OwnerID = r.OwnerID
		}
	case RoomUpdated:
		e.OwnerID, e.Policy = r.OwnerID, r.OnOwnerGone
		if r.Change.ID != "" {
			e.More = &More{By: r.Change.ID}
		}
		e.TellAbout(r.About)
	default:
		e.ID, e.FreshBack = r.Change.ID, r.Change.Fresh
		if r.Change.Owner {
			e.OwnerID = r.OwnerID
		}
		if about != nil {
			e.More = about.Who.Shows()
		}
	}
	return e
}

// Member returns a member's index in join order, or -1.
func (r *Record) Member(id ClientID) int {
	for i := range r.Members {
		if r.Members[i].ID == id {
			return i
		}
	}
	return -1
}

// DecodeRecord reads a journal record of whichever form. The error wraps [ErrRecord].
func DecodeRecord(b []byte) (Record, error) {
	if Compact(b) {
		var d RecordDecoder
		return d.Decode(b)
	}
	var r Record
	if err := json.Unmarshal(b, &r); err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	if err := r.check(); err != nil {
		return Record{}, err
	}
	return r, nil
}

func (r *Record) check() error {
	if err := r.Room.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrRecord, err)
	}
	if r.Closed != (len(r.Members) == 0) {
		return fmt.Errorf("%w: room %q: closed is %t with %d members", ErrRecord, r.Room, r.Closed, len(r.Members))
	}
	return nil
}

// AppendRecord appends a record's JSON.
func AppendRecord(b []byte, r *Record) []byte {
	b = append(b, `{"room":`...)
	b = appendString(b, string(r.Room))
	b = appendField(b, "ownerId", string(r.OwnerID))
	b = append(b, `,"members":[`...)
	for i := range r.Members {
		if i > 0 {
			b = append(b, ',')
		}
		m := &r.Members[i]
		b = append(b, `{"id":`...)
		b = appendString(b, string(m.ID))
		b = appendField(b, "gateway", string(m.Gateway))
		b = appendField(b, "request", string(m.Request))
		b = append(b, '}')
	}
	b = append(b, ']')
	b = appendUint(b, "prev", r.Prev)
	b = appendChange(b, &r.Change)
	b = append(b, `,"closed":`...)
	if r.Closed {
		return append(b, `true}`...)
	}
	return append(b, `false}`...)
}

// appendChange appends a record's change, with the comma before it.
func appendChange(b []byte, c *Change) []byte {
	b = append(b, `,"change":{"event":`...)
	b = appendString(b, string(c.Event))
	if c.ID != "" {
		b = appendField(b, "id", string(c.ID))
	}
	if c.Reason != "" {
		b = appendField(b, "reason", string(c.Reason))
	}
	if c.Fresh {
		b = append(b, `,"fresh":true`...)
	}
	if c.Owner {
		b = append(b, `,"owner":true`...)
	}
	if c.By != "" {
		b = appendField(b, "by", string(c.By))
	}
	if c.Message != "" {
		b = appendField(b, "message", c.Message)
	}
	if c.Before != "" {
		b = appendField(b, "before", string(c.Before))
	}
	b = appendField(b, "request", string(c.Request))
	b = appendField(b, "replica", string(c.Replica))
	if len(c.Gateways) > 0 {
		b = appendList(b, "gateways", c.Gateways)
	}
	return append(b, '}')
}

// Sub returns who the member is by its token; empty: it had none.
func (m *Member) Sub() string {
	if m == nil || m.Who == nil {
		return ""
	}
	return m.Who.Sub
}
