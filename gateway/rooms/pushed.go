package rooms

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-rtc/parley/proto"
)

// pushed are signals of one sender to one target in one room, as a keeper pushes them.
type pushed struct {
	from        proto.GatewayID
	room        proto.Room
	sender      proto.ClientID
	target      proto.ClientID
	turn        int64 // of the target
	since       uint64
	senderSince uint64 // of the sender's stay; 0: it has none, or has it from the beginning
	prev        int64  // the number of the signal before these that the keeper still keeps
	events      []proto.Event
	raw         []jsontext.Value // the JSON of each
	looked      bool             // a roster has been asked for because of the sender
}

// pushCame handles signals that a keeper pushes.
func (c *Core) pushCame(in *proto.Push) {
	if c.readPush(in) {
		c.take(&c.push)
	}
}

// readPush decodes a push into the core's own memory, and reports whether it is one: all of one sender and room, in order.
func (c *Core) readPush(in *proto.Push) bool {
	p := &c.push
	clear(p.events)
	*p = pushed{
		from: in.From, target: in.Target, turn: in.Turn, since: in.Since, senderSince: in.SenderSince, prev: in.Prev,
		raw: in.Signals, events: p.events[:0],
	}
	for _, raw := range in.Signals {
		e, err := proto.DecodeEvent(raw)
		if err != nil || e.Name != proto.SignalReceive {
			return false
		}
		if n := len(p.events); n > 0 && (e.N <= p.events[n-1].N || e.Room != p.room || e.SenderID != p.sender) {
			return false
		}
		p.room, p.sender = e.Room, e.SenderID
		p.events = append(p.events, e)
	}
	return len(p.events) > 0
}

// split parts a push behind the signal numbered limit. later is nil when nothing is above.
func (p *pushed) split(limit int64) (now pushed, later *pushed) {
	now = *p
	if p.events[len(p.events)-1].N <= limit {
		return now, nil
	}
	i := slices.IndexFunc(p.events, func(e proto.Event) bool { return e.N > limit })
	now.events, now.raw = p.events[:i], p.raw[:i]
	rest := *p
	rest.events, rest.raw = p.events[i:], p.raw[i:]
	if i > 0 {
		rest.prev = p.events[i-1].N
	}
	return now, &rest
}

// skip drops the signals at or below n.
func (p *pushed) skip(n int64) {
	i := 0
	for i < len(p.events) && p.events[i].N <= n {
		i++
	}
	p.events, p.raw = p.events[i:], p.raw[i:]
}

// bytes returns what a push takes that is kept.
func (p *pushed) bytes() int {
	size := 0
	for _, raw := range p.raw {
		size += fixed + len(raw)
	}
	return size
}

// own returns a push that outlives the step.
func (p *pushed) own() *pushed {
	own := *p
	own.events, own.raw = slices.Clone(p.events), slices.Clone(p.raw)
	return &own
}

// keepPush keeps a push in a list of its room, and reports whether there is room for it.
func (c *Core) keepPush(r *room, list *[]*kept, p *pushed) bool {
	k := &kept{e: proto.Event{Name: proto.SignalReceive, Room: p.room, SenderID: p.sender}, to: p.target, push: p.own()}
	if !c.hold(r, k) {
		return false
	}
	*list = append(*list, k)
	return true
}
