package proto

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

// Stay is what gateways have to know of a member beside its id.
type Stay struct {
	Gateway GatewayID
	Request RequestID // the create, join, enter or resume that the record bears
	Turn    int64     // of the connection by which it is in the room; 0: its session is not resumable
	Keep    int       // seconds that its session outlives the connection
	// Since is the room's seq before the change by which it joined, or came back fresh: it joined after seq s if Since is s or more.
	Since uint64
}

// Resumable reports whether the member's session may be resumed.
func (s *Stay) Resumable() bool { return s.Turn > 0 }

// HeaderMembers is the header of an answer or a room event that carries [Stays].
const HeaderMembers = "Parley-Members"

// Stays are the stays of a room's members, beside what sockets receive and not in it. With a room event: that of the member who
// joined or came back. With room-created, room-joined and roster: those of the members whose sessions are resumable, the asker among
// them. With resumed: all.
type Stays struct {
	Before  GatewayID // resumed: the gateway that the record named before
	Members map[ClientID]Stay
	Order   []ClientID // of Members, as they stood
}

// ErrStays is wrapped by what [DecodeStays] returns.
var ErrStays = errors.New("bad list of members")

// AppendStays appends the header's value for those of members that pick chooses:
// {"count":1,"before":"<gateway>","gateways":["<gateway>"…],"members":[…]}. The members stand there as a [Pack] has them. before is
// left out where it is empty.
func AppendStays(b []byte, before GatewayID, members []Member, pick func(m *Member) bool) []byte {
	p := Pack{stays: true}
	for i := range members {
		if pick(&members[i]) {
			p.append(&members[i])
		}
	}
	b = append(b, `{"count":`...)
	b = strconv.AppendInt(b, int64(p.Count), 10)
	if before != "" {
		b = appendField(b, "before", string(before))
	}
	b = appendList(b, "gateways", p.Gateways)
	b = append(b, membersKey...)
	b = append(b, p.raw...)
	return append(b, `]}`...)
}

// DecodeStays reads the header. The error wraps [ErrStays].
func DecodeStays(header string) (Stays, error) {
	head, raw, found := strings.Cut(header, membersKey)
	raw, ends := strings.CutSuffix(raw, `]}`)
	if !found || !ends {
		return Stays{}, fmt.Errorf("%w: it names none", ErrStays)
	}
	var h struct {
		Count    int         `json:"count"`
		Before   GatewayID   `json:"before"`
		Gateways []GatewayID `json:"gateways"`
	}
	if err := json.Unmarshal([]byte(head+"}"), &h); err != nil {
		return Stays{}, fmt.Errorf("%w: %w", ErrStays, err)
	}
	pack := Pack{Gateways: h.Gateways, Count: h.Count, raw: []byte(raw), stays: true}
	members, err := pack.Members()
	if err != nil {
		return Stays{}, fmt.Errorf("%w: %w", ErrStays, err)
	}
	if !addressable(h.Before) {
		return Stays{}, fmt.Errorf("%w: the gateway before", ErrStays)
	}
	s := Stays{Before: h.Before, Members: make(map[ClientID]Stay, len(members)), Order: make([]ClientID, 0, len(members))}
	for i := range members {
		m := &members[i]
		if _, twice := s.Members[m.ID]; twice || m.ID == "" || m.Gateway == "" || !addressable(m.ID) || !addressable(m.Gateway) {
			return Stays{}, fmt.Errorf("%w: member %d has no gateway or no id of its own", ErrStays, i)
		}
		s.Members[m.ID], s.Order = m.Stay(), append(s.Order, m.ID)
	}
	return s, nil
}
