package worker

import (
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// retellEntries is how many changes a worker keeps to tell them again. The oldest go first; members then hear of them by the
// next change, or by a check.
const retellEntries = 32768

// told is a change that may have to be told again.
type told struct {
	at       time.Time // when this replica heard of it
	replica  proto.ReplicaID
	token    proto.Token
	seq      uint64
	form     int // of the record: who knows it tells it again
	payload  []byte
	beside   Beside // to gateways
	gateways []proto.GatewayID
}

func newTold(st *room.State, token proto.Token, now time.Time) told {
	event := st.Event()
	t := told{
		at: now, replica: st.Record.Change.Replica, token: token, seq: st.Seq, form: st.Form,
		payload: proto.AppendEvent(make([]byte, 0, 192), &event), gateways: st.Told(),
	}
	t.beside.Message = st.Record.Change.Message
	if st.Form >= proto.SessionForm {
		t.beside.Stays = st.EventStays()
	}
	return t
}

// past is what was told lately, the oldest first, in a ring of at most retellEntries.
type past struct {
	ring  []told
	first int
	count int
}

func (p *past) at(i int) *told { return &p.ring[(p.first+i)%len(p.ring)] }

func (p *past) add(t told) {
	if p.count == len(p.ring) && p.count < retellEntries {
		grown := make([]told, max(64, 2*p.count))
		for i := range p.count {
			grown[i] = *p.at(i)
		}
		p.ring, p.first = grown, 0
	}
	if p.count == len(p.ring) {
		p.ring[p.first] = t
		p.first = (p.first + 1) % len(p.ring)
		return
	}
	*p.at(p.count) = t
	p.count++
}

// has reports whether a change was told lately. It goes through all of them, for what happens seldom.
func (p *past) has(token proto.Token, seq uint64) bool {
	for i := range p.count {
		if t := p.at(i); t.seq == seq && t.token == token {
			return true
		}
	}
	return false
}

// forget drops what is older than a time.
func (p *past) forget(before time.Time) {
	for p.count > 0 && p.ring[p.first].at.Before(before) {
		p.ring[p.first] = told{}
		p.first = (p.first + 1) % len(p.ring)
		p.count--
	}
	if p.count == 0 && len(p.ring) > 1024 {
		*p = past{}
	}
}
