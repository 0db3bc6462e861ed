package proto

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// RecordForm is the newest form of journal records that this version reads and writes. Form 1 is that of [AppendRecord], forms 2
// and 3 those of [AppendCompact]. A replica says in its beats which one it knows; a newer one is written once all do. Form 3 is
// form 2 with what a room has of resumable sessions and of its policy; it is written for rooms that have such, and no others.
const (
	RecordForm  = SessionForm
	SessionForm = 3 // the first that holds sessions and policies
	compactForm = 2
	sessionForm = SessionForm
)

// ErrRecordForm is wrapped, beside [ErrRecord], by what decoding a record of a newer form returns: it must not be rewritten.
var ErrRecordForm = errors.New("the record has a newer form")

// Pack is the members of a room as a record of form 2 has them: encoded, so that a join copies them and appends one more, and a
// replica that does not serve the room does not decode them. A Pack is never changed once made.
type Pack struct {
	Gateways []GatewayID // those that have members; members name them by their place here
	Count    int         // of members
	raw      []byte      // in join order, with commas between: ["<id>",<gateway>,"<request>"], or with ,<turn>,<keep>,<since> at its end
	stays    bool        // some have these, so it is of form 3
}

// PackMembers encodes members.
func PackMembers(members []Member) Pack {
	const each = 56 // with ids and requests as Parley makes them
	p := Pack{raw: make([]byte, 0, each*len(members))}
	p.stays = slices.ContainsFunc(members, func(m Member) bool { return m.Turn > 0 })
	for i := range members {
		p.append(&members[i])
	}
	return p
}

// Form returns the form of a record that has these members.
func (p Pack) Form() int {
	if p.stays {
		return sessionForm
	}
	return compactForm
}

// Join returns the pack with one member more.
func (p Pack) Join(m Member) Pack {
	const room = 128
	grown := Pack{Gateways: slices.Clip(p.Gateways), Count: p.Count, raw: make([]byte, len(p.raw), len(p.raw)+room), stays: p.stays || m.Turn > 0}
	copy(grown.raw, p.raw)
	grown.append(&m)
	return grown
}

// append encodes a member at the end.
func (p *Pack) append(m *Member) {
	g := slices.Index(p.Gateways, m.Gateway)
	if g < 0 {
		g = len(p.Gateways)
		p.Gateways = append(p.Gateways, m.Gateway)
	}
	if p.Count > 0 {
		p.raw = append(p.raw, ',')
	}
	p.Count++
	p.raw = append(p.raw, '[')
	p.raw = appendString(p.raw, string(m.ID))
	p.raw = append(p.raw, ',')
	p.raw = strconv.AppendInt(p.raw, int64(g), 10)
	p.raw = append(p.raw, ',')
	request := string(m.Request)
	if rest, ok := strings.CutPrefix(request, string(m.Gateway)+"-"); ok {
		request = "." + rest // a request's own characters are others
	}
	p.raw = appendString(p.raw, request)
	if p.stays && (m.Turn > 0 || m.Since > 0) {
		for _, n := range [...]int64{m.Turn, int64(m.Keep), int64(m.Since)} { // a stream's sequence fits
			p.raw = append(p.raw, ',')
			p.raw = strconv.AppendInt(p.raw, n, 10)
		}
	}
	p.raw = append(p.raw, ']')
}

// AppendCompact appends a record in form 2, or in form 3 where it has what form 2 cannot hold. members are those of the record,
// packed. A closing, which has none, is written in form 1.
func AppendCompact(b []byte, r *Record, members Pack) []byte {
	if r.Closed {
		return AppendRecord(b, r)
	}
	kept := r.OnOwnerGone != "" && r.OnOwnerGone != PolicyClose
	if members.stays || kept || r.OwnerID == "" {
		b = append(b, `{"v":3,"room":`...)
	} else {
		b = append(b, `{"v":2,"room":`...)
	}
	b = appendString(b, string(r.Room))
	b = appendUint(b, "prev", r.Prev)
	b = appendChange(b, &r.Change)
	b = append(b, `,"closed":false`...)
	b = appendGateways(b, members.Gateways)
	if kept {
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
	}
	return sessionForm
}

// DecodeHead reads a record of form 2 or 3 but for its members, which it returns packed; they share the record's memory. The error
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
	if r.Closed || p.Count <= 0 || len(p.Gateways) == 0 {
		return Record{}, Pack{}, fmt.Errorf("%w: room %q: %d members on %d gateways", ErrRecord, r.Room, p.Count, len(p.Gateways))
	}
	return r, p, nil
}

// scanHead reads the head of a record as AppendCompact writes it, of a room with a plain name.
func (d *RecordDecoder) scanHead(c *cursor) (r Record, p Pack) {
	if p.stays = c.optional(`{"v":3,"room":"`); !p.stays {
		c.literal(`{"v":2,"room":"`)
	}
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
	p.Count = int(min(c.number(), 1<<31)) // it fits
	c.literal(membersKey)
	p.raw = bytes.TrimSuffix(c.b, []byte(`]}`))
	if len(p.raw) == len(c.b) {
		c.bad = true
	}
	return r, p
}

// decodeHead reads the head of any record of form 2 or 3.
func decodeHead(b []byte) (Record, Pack, error) {
	at := bytes.Index(b, []byte(membersKey))
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
	p := Pack{Gateways: h.Gateways, Count: h.Count, raw: raw[at+len(membersKey):], stays: h.V >= sessionForm}
	return Record{
		Room: h.Room, OwnerID: h.OwnerID, Prev: h.Prev, Change: h.Change, Closed: h.Closed, OnOwnerGone: h.Policy,
	}, p, nil
}

// Find decodes one member and no other.
func (p Pack) Find(id ClientID) (Member, bool) {
	one := appendString([]byte{'['}, string(id))
	from := bytes.LastIndex(p.raw, append(one, ',')) // no string in there has a quote in it; who has joined last stands last
	if from < 0 {
		return Member{}, false
	}
	end := bytes.IndexByte(p.raw[from:], ']')
	if end < 0 {
		return Member{}, false
	}
	members, err := Pack{Gateways: p.Gateways, Count: 1, raw: p.raw[from : from+end+1], stays: p.stays}.Members()
	if err != nil {
		return Member{}, false
	}
	return members[0], true
}

// Members decodes the members. They share memory with one another, not with the pack. The error wraps [ErrRecord].
func (p Pack) Members() ([]Member, error) {
	if p.Count > len(p.raw) { // a member takes more than a byte
		return nil, fmt.Errorf("%w: it cannot have %d members", ErrRecord, p.Count)
	}
	members := p.scan()
	if members == nil {
		members = p.decode()
	}
	if members == nil || len(members) != p.Count {
		return nil, fmt.Errorf("%w: its members cannot be read", ErrRecord)
	}
	return members, nil
}

// scan decodes members as append writes them, with plain ids, or returns nil. It makes three allocations for all of them.
func (p *Pack) scan() []Member {
	members := make([]Member, 0, p.Count)
	text := string(p.raw)
	at := func(b []byte, c *cursor) string { // b ends before a quote that c has just read
		if c.bad {
			return ""
		}
		end := len(text) - len(c.b) - 1
		return text[end-len(b) : end]
	}
	requests := make([]byte, 0, len(p.raw)) // those that begin with their gateway
	ends := make([]int, 0, p.Count)
	c := cursor{b: p.raw}
	for more := true; more; more = c.optional(`,`) {
		var m Member
		c.literal(`["`)
		m.ID = ClientID(at(c.plain(), &c))
		c.literal(`,`)
		g := c.number()
		c.literal(`,"`)
		own := c.optional(`.`)
		request := c.plain()
		if c.bad || g >= uint64(len(p.Gateways)) {
			return nil
		}
		m.Gateway = p.Gateways[g]
		if own {
			requests = append(append(append(requests, m.Gateway...), '-'), request...)
		} else {
			m.Request = RequestID(at(request, &c))
		}
		if p.stays && c.optional(`,`) {
			m.Turn = int64(min(c.number(), MaxTurn))
			c.literal(`,`)
			m.Keep = int(min(c.number(), MaxKeep))
			c.literal(`,`)
			m.Since = c.number()
		}
		c.literal(`]`)
		members, ends = append(members, m), append(ends, len(requests))
	}
	if c.bad || len(c.b) > 0 {
		return nil
	}
	all, from := string(requests), 0
	for i, end := range ends {
		if members[i].Request == "" {
			members[i].Request = RequestID(all[from:end])
		}
		from = end
	}
	return members
}

// decode decodes members of any layout, or returns nil.
func (p *Pack) decode() []Member {
	var list [][]jsontext.Value
	if json.Unmarshal(slices.Concat([]byte{'['}, p.raw, []byte{']'}), &list) != nil {
		return nil
	}
	members := make([]Member, 0, len(list))
	for _, v := range list {
		var id, request string
		var gateway uint64
		const fields, withStay = 3, 6 // with others it is of a newer form
		if len(v) != fields && (len(v) != withStay || !p.stays) {
			return nil
		}
		if json.Unmarshal(v[0], &id) != nil || json.Unmarshal(v[1], &gateway) != nil ||
			json.Unmarshal(v[2], &request) != nil {
			return nil
		}
		if gateway >= uint64(len(p.Gateways)) {
			return nil
		}
		m := Member{ID: ClientID(id), Gateway: p.Gateways[gateway], Request: RequestID(request)}
		if rest, own := strings.CutPrefix(request, "."); own {
			m.Request = RequestID(string(m.Gateway) + "-" + rest)
		}
		if len(v) == withStay && (json.Unmarshal(v[3], &m.Turn) != nil || json.Unmarshal(v[4], &m.Keep) != nil ||
			json.Unmarshal(v[5], &m.Since) != nil) {
			return nil
		}
		members = append(members, m)
	}
	return members
}
