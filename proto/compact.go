package proto

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
)

// RecordForm is the newest form of journal records that this version reads and writes. Form 1 is that of [AppendRecord], forms 2
// and 3 those of [AppendCompact]. A replica says in its beats which one it knows; a newer one is written once all do. Form 3 is
// form 2 with what a room has of resumable sessions and of its policy, form 4 with what members bear and what stands about the room,
// too; each is written for rooms that have such, and no others.
const (
	RecordForm  = TrustForm
	SessionForm = 3 // the first that holds sessions and policies
	TrustForm   = 4 // the first that holds names and what stands about a room
	compactForm = 2
	sessionForm = SessionForm
	trustForm   = TrustForm
)

// ErrRecordForm is wrapped, beside [ErrRecord], by what decoding a record of a newer form returns: it must not be rewritten.
var ErrRecordForm = errors.New("the record has a newer form")

// AppendCompact appends a record in the least of forms 2 to 4 that can hold it. members are those of the record, packed. A closing,
// which has none, is written in form 1, unless something outlives it.
func AppendCompact(b []byte, r *Record, members Pack) []byte {
	switch {
	case members.who || r.About != nil:
		b = append(b, `{"v":4,"room":`...)
	case r.Closed:
		return AppendRecord(b, r)
	case members.stays || r.outlivesOwner():
		b = append(b, `{"v":3,"room":`...)
	default:
		b = append(b, `{"v":2,"room":`...)
	}
	b = appendString(b, string(r.Room))
	b = appendUint(b, "prev", r.Prev)
	b = appendChange(b, &r.Change)
	if r.Closed {
		b = append(b, `,"closed":true`...)
	} else {
		b = append(b, `,"closed":false`...)
	}
	if r.About != nil {
		b = appendAbout(b, r.About)
	}
	b = appendList(b, "gateways", members.Gateways)
	if r.OnOwnerGone != "" && r.OnOwnerGone != PolicyClose {
		b = appendField(b, "onOwnerGone", string(r.OnOwnerGone))
	}
	b = appendField(b, "ownerId", string(r.OwnerID))
	b = appendUint(b, "count", uint64(members.Count)) // not negative
	b = append(b, membersKey...)
	b = append(b, members.raw...)
	return append(b, `]}`...)
}

// membersKey stands once in a record of form 2 or 3: in a string its quotes would be escaped.
const membersKey = `,"members":[`

// Compact reports whether a record has form 2 or a newer one.
func Compact(b []byte) bool { return bytes.HasPrefix(b, []byte(`{"v":`)) }

// FormOf returns the form of a record that this version can read.
func FormOf(b []byte) int {
	switch {
	case !Compact(b):
		return 1
	case bytes.HasPrefix(b, []byte(`{"v":2,`)):
		return compactForm
	case bytes.HasPrefix(b, []byte(`{"v":3,`)):
		return sessionForm
	}
	return trustForm
}

// DecodeHead reads a record of form 2, 3 or 4 but for its members, which it returns packed; they share the record's memory. The error
// wraps [ErrRecord].
func (d *RecordDecoder) DecodeHead(b []byte) (Record, Pack, error) {
	c := cursor{b: b}
	r, p := d.scanHead(&c)
	if c.bad {
		var err error
		if r, p, err = decodeHead(b); err != nil {
			return Record{}, Pack{}, err
		}
	}
	if err := r.Room.Check(); err != nil {
		return Record{}, Pack{}, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	if r.Closed != (p.Count == 0) || p.Count < 0 || r.Closed != (len(p.Gateways) == 0) {
		return Record{}, Pack{}, fmt.Errorf("%w: room %q: %d members on %d gateways", ErrRecord, r.Room, p.Count, len(p.Gateways))
	}
	return r, p, nil
}

// scanHead reads the head of a record as AppendCompact writes it, of a room with a plain name about which nothing stands.
func (d *RecordDecoder) scanHead(c *cursor) (r Record, p Pack) {
	if p.who = c.optional(`{"v":4,"room":"`); !p.who {
		if p.stays = c.optional(`{"v":3,"room":"`); !p.stays {
			c.literal(`{"v":2,"room":"`)
		}
	}
	p.stays = p.stays || p.who
	r.Room = Room(c.plain())
	c.literal(`,"prev":`)
	r.Prev = c.number()
	c.literal(`,"change":{"event":"`)
	id, request := d.readChange(c, &r.Change)
	r.Change.ID, r.Change.Request = ClientID(id), RequestID(request)
	c.literal(`},"closed":false,"gateways":["`)
	p.Gateways = append(p.Gateways, GatewayID(d.share(c.plain())))
	for c.optional(`,"`) {
		p.Gateways = append(p.Gateways, GatewayID(d.share(c.plain())))
	}
	c.literal(`]`)
	if p.stays && c.optional(`,"onOwnerGone":"`) {
		r.OnOwnerGone = Policy(c.plain())
	}
	c.literal(`,"ownerId":"`)
	r.OwnerID = ClientID(c.plain())
	c.literal(`,"count":`)
	p.Count = int(c.within(1 << 31))
	c.literal(membersKey)
	p.raw = bytes.TrimSuffix(c.b, []byte(`]}`))
	if len(p.raw) == len(c.b) {
		c.bad = true
	}
	return r, p
}

// decodeHead reads the head of any record of form 2 to 4.
func decodeHead(b []byte) (Record, Pack, error) {
	at := bytes.LastIndex(b, []byte(membersKey)) // what stands about a room may say anything, and stands before it
	raw, ok := bytes.CutSuffix(b, []byte(`]}`))
	if at < 0 || !ok || at+len(membersKey) > len(raw) {
		at, raw = len(b), nil // perhaps it says that its form is newer
	}
	var h struct {
		V        int         `json:"v"`
		Room     Room        `json:"room"`
		Prev     uint64      `json:"prev"`
		Change   Change      `json:"change"`
		Closed   bool        `json:"closed"`
		Gateways []GatewayID `json:"gateways"`
		Policy   Policy      `json:"onOwnerGone"`
		OwnerID  ClientID    `json:"ownerId"`
		Count    int         `json:"count"`
		About    *About      `json:"about"`
	}
	head := b[:at]
	if raw != nil {
		head = append(slices.Clone(head), '}')
	}
	if err := json.Unmarshal(head, &h); err != nil && h.V <= RecordForm {
		return Record{}, Pack{}, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	switch {
	case h.V > RecordForm:
		return Record{}, Pack{}, fmt.Errorf("%w: %w: %d", ErrRecord, ErrRecordForm, h.V)
	case h.V < compactForm || raw == nil:
		return Record{}, Pack{}, fmt.Errorf("%w: it has no members", ErrRecord)
	}
	p := Pack{Gateways: h.Gateways, Count: h.Count, raw: raw[at+len(membersKey):], stays: h.V >= sessionForm, who: h.V >= trustForm}
	return Record{
		Room: h.Room, OwnerID: h.OwnerID, Prev: h.Prev, Change: h.Change, Closed: h.Closed, OnOwnerGone: h.Policy, About: h.About,
	}, p, nil
}
