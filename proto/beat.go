package proto

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
)

// Errors of the messages by which processes watch each other.
var (
	ErrBeat  = errors.New("bad beat")
	ErrCheck = errors.New("bad check")
)

// State is what a beat says of its process.
type State string

// The states of a process.
const (
	Up      State = "up"
	Leaving State = "leaving" // its last beat, or of a replica that is not ready for now
)

// Beat says each second that a process is here.
type Beat struct {
	Role  Role   `json:"role"`
	ID    string `json:"id"`
	State State  `json:"state"`
	// Record is the newest form of journal records that a replica reads and writes; 0, of replicas before form 2, is form 1.
	Record int `json:"record"`
	// Revoked, of a replica, is the sequence of the journal's record of tokens that count no more; 0: there is none. A gateway that knows
	// less asks for it.
	Revoked uint64 `json:"revoked"`
	// Load is what a gateway holds, for people who look; nil where the process does not say. Nobody decides on it.
	Load *Load `json:",embed"`
}

// Load is what a gateway holds.
type Load struct {
	Sessions uint64 `json:"sessions"` // clients connected to it
	Rooms    uint64 `json:"rooms"`    // rooms with members among them
	Away     uint64 `json:"away"`     // sessions that it keeps without a connection
}

// Encode returns the beat's JSON.
func (b Beat) Encode() []byte {
	out := append([]byte(`{"role":`), `"`...)
	out = append(append(out, b.Role...), '"')
	out = appendField(out, "id", b.ID)
	out = appendField(out, "state", string(b.State))
	if b.Record > 0 {
		out = appendUint(out, "record", uint64(b.Record))
	}
	if b.Revoked > 0 {
		out = appendUint(out, "revoked", b.Revoked)
	}
	if b.Load != nil {
		out = appendUint(out, "sessions", b.Load.Sessions)
		out = appendUint(out, "rooms", b.Load.Rooms)
		out = appendUint(out, "away", b.Load.Away)
	}
	return append(out, '}')
}

// DecodeBeat reads a beat. The error wraps [ErrBeat].
func DecodeBeat(data []byte) (Beat, error) {
	var b Beat
	if err := json.Unmarshal(data, &b); err != nil {
		return Beat{}, fmt.Errorf("%w: %w", ErrBeat, err)
	}
	if b.Role != RoleGateway && b.Role != RoleRoomsvc || b.State != Up && b.State != Leaving {
		return Beat{}, fmt.Errorf("%w: role %q, state %q", ErrBeat, Clip(string(b.Role)), Clip(string(b.State)))
	}
	if err := checkProcess(b.ID); err != nil {
		return Beat{}, fmt.Errorf("%w: %w", ErrBeat, err)
	}
	return b, nil
}

// Check is what a replica believes of a gateway's members, in the rooms that it ranks first for.
type Check struct {
	Replica ReplicaID   `json:"replica"`
	Rooms   []CheckRoom `json:"rooms"`
}

// CheckRoom is one room in a check.
type CheckRoom struct {
	Room    Room          `json:"room"`
	Seq     uint64        `json:"seq"`
	Members []CheckMember `json:"members"` // those of the gateway that is told
}

// CheckMember is a member in a check.
type CheckMember struct {
	ID      ClientID  `json:"id"`
	Request RequestID `json:"request"`
}

// DecodeCheck reads a check. The error wraps [ErrCheck].
func DecodeCheck(b []byte) (Check, error) {
	var c Check
	if err := json.Unmarshal(b, &c); err != nil {
		return Check{}, fmt.Errorf("%w: %w", ErrCheck, err)
	}
	return c, nil
}

// EncodeChecks returns the check as pages of at most [MaxCheckPage] bytes each, a room never split over two unless it
// alone is larger. No rooms make one empty page.
func EncodeChecks(c *Check) [][]byte {
	head := append([]byte(`{"replica":`), `"`...)
	head = append(append(head, c.Replica...), `","rooms":[`...)
	var pages [][]byte
	page, first := append([]byte(nil), head...), true
	var one []byte
	for i := range c.Rooms {
		one = appendCheckRoom(one[:0], &c.Rooms[i])
		if !first && len(page)+1+len(one)+2 > MaxCheckPage {
			pages = append(pages, append(page, `]}`...))
			page, first = append([]byte(nil), head...), true
		}
		if !first {
			page = append(page, ',')
		}
		page, first = append(page, one...), false
	}
	return append(pages, append(page, `]}`...))
}

func appendCheckRoom(b []byte, r *CheckRoom) []byte {
	b = append(b, `{"room":`...)
	b = appendString(b, string(r.Room))
	b = appendUint(b, "seq", r.Seq)
	b = append(b, `,"members":[`...)
	for i := range r.Members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"id":`...)
		b = appendString(b, string(r.Members[i].ID))
		b = appendField(b, "request", string(r.Members[i].Request))
		b = append(b, '}')
	}
	return append(b, `]}`...)
}
