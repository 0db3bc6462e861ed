package proto

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Pack is the members of a room as a record of form 2 has them: encoded, so that a join copies them and appends one more, and a
// replica that does not serve the room does not decode them. A Pack is never changed once made.
type Pack struct {
	Gateways []GatewayID // those that have members; members name them by their place here
	Count    int         // of members
	// raw has them in join order, with commas between: ["<id>",<gateway>,"<request>"], from form 3 on perhaps with
	// ,<turn>,<keep>,<since>, and in form 4 perhaps with ,"<what it bears>" after these.
	raw   []byte
	stays bool // it has form 3 or 4: members have these, or its record is of that form for another reason
	who   bool // it has form 4
}

// PackMembers encodes members.
func PackMembers(members []Member) Pack {
	const each = 56 // with ids and requests as Parley makes them
	p := Pack{raw: make([]byte, 0, each*len(members))}
	p.who = slices.ContainsFunc(members, Member.hasWho)
	p.stays = p.who || slices.ContainsFunc(members, Member.hasStay)
	for i := range members {
		p.append(&members[i])
	}
	return p
}

// Form returns the form of a record that has these members.
func (p Pack) Form() int {
	switch {
	case p.who:
		return trustForm
	case p.stays:
		return sessionForm
	}
	return compactForm
}

// Join returns the pack with one member more.
func (p Pack) Join(m Member) Pack {
	const room = 128
	grown := Pack{Gateways: slices.Clip(p.Gateways), Count: p.Count, raw: make([]byte, len(p.raw), len(p.raw)+room), who: p.who || m.hasWho()}
	grown.stays = p.stays || grown.who || m.hasStay()
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
	who := p.who && m.hasWho()
	if p.stays && m.hasStay() || who {
		for _, n := range [...]uint64{uint64(max(m.Turn, 0)), uint64(max(m.Keep, 0)), m.Since} {
			p.raw = append(p.raw, ',')
			p.raw = strconv.AppendUint(p.raw, n, 10)
		}
	}
	if who {
		p.raw = m.Who.append(append(p.raw, ','))
	}
	p.raw = append(p.raw, ']')
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
	members, err := Pack{Gateways: p.Gateways, Count: 1, raw: p.raw[from : from+end+1], stays: p.stays, who: p.who}.Members()
	if err != nil {
		return Member{}, false
	}
	return members[0], true
}

// Members decodes the members. They share memory with one another, not with the pack. The error wraps [ErrRecord].
func (p Pack) Members() ([]Member, error) {
	if p.Count < 0 || p.Count > len(p.raw) { // a member takes more than a byte
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
	requests := make([]byte, 0, len(p.raw)) // those that begin with their gateway
	ends := make([]int, 0, p.Count)
	c := cursor{b: p.raw}
	for more := true; more; more = c.optional(`,`) {
		var m Member
		c.literal(`["`)
		m.ID = ClientID(c.text(text))
		c.literal(`,`)
		g := c.number()
		c.literal(`,"`)
		own := c.optional(`.`)
		request := c.text(text)
		if c.bad || g >= uint64(len(p.Gateways)) {
			return nil
		}
		m.Gateway = p.Gateways[g]
		if own {
			requests = append(append(append(requests, m.Gateway...), '-'), request...)
		} else {
			m.Request = RequestID(request)
		}
		if p.stays && c.optional(`,`) {
			turn := c.number()
			c.literal(`,`)
			keep := c.number()
			c.literal(`,`)
			m.setStay(turn, keep, c.number())
			if p.who && c.optional(`,"`) {
				if m.Who = whoOf(c.plain()); m.Who == nil {
					return nil
				}
			}
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
		const fields, withStay, withWho = 3, 6, 7 // with others it is of a newer form
		if len(v) != fields && (len(v) != withStay || !p.stays) && (len(v) != withWho || !p.who) {
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
		if len(v) >= withStay {
			var turn, keep, since uint64
			if json.Unmarshal(v[3], &turn) != nil || json.Unmarshal(v[4], &keep) != nil || json.Unmarshal(v[5], &since) != nil {
				return nil
			}
			m.setStay(turn, keep, since)
		}
		if len(v) == withWho {
			var text string
			if json.Unmarshal(v[withWho-1], &text) != nil {
				return nil
			}
			if m.Who = whoOf([]byte(text)); m.Who == nil {
				return nil
			}
		}
		members = append(members, m)
	}
	return members
}

// setStay takes what a record says of a member, and no more than may be: nothing is kept without a turn.
func (m *Member) setStay(turn, keep, since uint64) {
	m.Turn, m.Since = int64(min(turn, MaxTurn)), since
	if turn > 0 {
		m.Keep = int(min(keep, MaxKeep))
	}
}
