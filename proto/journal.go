package proto

import "bytes"

// RecordDecoder reads journal records like [DecodeRecord], and faster those in the layout of [AppendRecord], of which a
// replica that starts reads a million. Records that it has read share the ids of gateways and replicas, of which there
// are few. The zero value is ready; it is for one goroutine at a time.
type RecordDecoder struct {
	known map[string]string
}

// maxKnown bounds how many ids are remembered; beyond it all are learned anew.
const maxKnown = 10_000

// Decode reads a record. The error wraps [ErrRecord].
func (d *RecordDecoder) Decode(b []byte) (Record, error) {
	if Compact(b) {
		r, p, err := d.DecodeHead(b)
		if err != nil {
			return Record{}, err
		}
		if r.Members, err = p.Members(); err != nil {
			return Record{}, err
		}
		return r, nil
	}
	c := cursor{b: b}
	if r := d.scan(&c); !c.bad && len(c.b) == 0 {
		return r, r.check()
	}
	r, err := DecodeRecord(b)
	if err != nil {
		return r, err
	}
	for i := range r.Members {
		r.Members[i].Gateway = GatewayID(d.share([]byte(r.Members[i].Gateway)))
	}
	r.Change.Replica = ReplicaID(d.share([]byte(r.Change.Replica)))
	return r, nil
}

func (d *RecordDecoder) share(id []byte) string {
	if s, ok := d.known[string(id)]; ok {
		return s
	}
	if d.known == nil || len(d.known) >= maxKnown {
		d.known = make(map[string]string)
	}
	s := string(id)
	d.known[s] = s
	return s
}

func (d *RecordDecoder) scan(c *cursor) Record {
	var r Record
	c.literal(`{"room":"`)
	r.Room = Room(c.plain())
	c.literal(`,"ownerId":"`)
	owner := c.plain()
	c.literal(`,"members":[`)
	if n := bytes.Count(c.b, []byte(`{"id":"`)); n > 0 {
		r.Members = make([]Member, 0, n)
	}
	for more := !c.optional(`]`); more && !c.bad; {
		var m Member
		c.literal(`{"id":"`)
		m.ID = ClientID(c.plain())
		c.literal(`,"gateway":"`)
		m.Gateway = GatewayID(d.share(c.plain()))
		c.literal(`,"request":"`)
		m.Request = RequestID(c.plain())
		c.literal(`}`)
		r.Members = append(r.Members, m)
		if more = c.optional(`,`); !more {
			c.literal(`]`)
		}
	}
	c.literal(`,"prev":`)
	r.Prev = c.number()
	c.literal(`,"change":{"event":"`)
	id, request := d.readChange(c, &r.Change)
	c.literal(`},"closed":`)
	if r.Closed = c.optional(`true}`); !r.Closed {
		c.literal(`false}`)
	}
	if !c.bad {
		r.shareIDs(owner, id, request)
	}
	return r
}

// readChange reads a change but for its closing brace. The ids that are mostly a member's too are returned.
func (d *RecordDecoder) readChange(c *cursor, ch *Change) (id, request []byte) {
	ch.Event = eventName(c.plain())
	if c.optional(`,"id":"`) {
		id = c.plain()
	}
	if c.optional(`,"reason":"`) {
		ch.Reason = Reason(c.plain())
	}
	ch.Fresh, ch.Owner = c.optional(`,"fresh":true`), c.optional(`,"owner":true`)
	if c.optional(`,"by":"`) {
		ch.By = ClientID(c.plain())
	}
	if c.optional(`,"message":"`) {
		ch.Message = c.visible(string(c.b))
	}
	if c.optional(`,"before":"`) {
		ch.Before = GatewayID(d.share(c.plain()))
	}
	c.literal(`,"request":"`)
	request = c.plain()
	c.literal(`,"replica":"`)
	ch.Replica = ReplicaID(d.share(c.plain()))
	if c.optional(`,"gateways":["`) {
		ch.Gateways = append(ch.Gateways, GatewayID(d.share(c.plain())))
		for c.optional(`,"`) {
			ch.Gateways = append(ch.Gateways, GatewayID(d.share(c.plain())))
		}
		c.literal(`]`)
	}
	return id, request
}

// shareIDs sets the ids that are mostly a member's too, and lets them share its memory.
func (r *Record) shareIDs(owner, id, request []byte) {
	for i := range r.Members {
		m := &r.Members[i]
		if r.OwnerID == "" && string(m.ID) == string(owner) {
			r.OwnerID = m.ID
		}
		if r.Change.ID == "" && string(m.ID) == string(id) {
			r.Change.ID = m.ID
		}
		if r.Change.Request == "" && string(m.Request) == string(request) {
			r.Change.Request = m.Request
		}
	}
	if r.OwnerID == "" {
		r.OwnerID = ClientID(owner)
	}
	if r.Change.ID == "" {
		r.Change.ID = ClientID(id)
	}
	if r.Change.Request == "" {
		r.Change.Request = RequestID(request)
	}
}

func eventName(b []byte) Name {
	for _, name := range [...]Name{ClientJoined, ClientLeft, RoomCreated, RoomClosed, ClientBack, MemberUpdated, RoomUpdated} {
		if string(name) == string(b) {
			return name
		}
	}
	return Name(b)
}
