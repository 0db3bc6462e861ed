package gateway

import (
	"slices"
	"time"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

// How often a session may connect, and how long a turn is remembered of a session that is not here any more.
const (
	oftenMost   = 20
	oftenWithin = 10 * time.Second
	sightFor    = proto.MaxKeep * time.Second
	maxSights   = 16 << 10 // of sessions that are not here any more: some 3 MiB
)

// sightings are the turns that were seen here, of sessions with a key. Whoever owns them guards them.
type sightings struct {
	by   map[proto.ClientID]*sight
	gone []parting // sessions of which no connection is here or kept any more, the first to be forgotten first
}

// sight is what was seen of one session.
type sight struct {
	turn   int64       // the highest
	times  []time.Time // when it connected lately, oldest first; oftenMost at most
	here   int         // its connections that are here or kept
	partAt time.Time   // when the last of these was over
}

// parting is an entry in the order in which sessions are forgotten; one that has come back since has another, or none.
type parting struct {
	id proto.ClientID
	at time.Time
}

// enter takes note of a connection. It returns a [link.Close] when that is not to be: its turn is not new, or its session connects
// too often.
func (s *sightings) enter(id proto.ClientID, turn int64, now time.Time) error {
	s.forget(now)
	if s.by == nil {
		s.by = make(map[proto.ClientID]*sight)
	}
	v := s.by[id]
	if v == nil {
		v = &sight{}
		s.by[id] = v
	}
	v.times = slices.DeleteFunc(v.times, func(at time.Time) bool { return now.Sub(at) >= oftenWithin })
	if len(v.times) >= oftenMost {
		return link.TooOften
	}
	v.times = append(v.times, now)
	if turn <= v.turn {
		return link.Resumed
	}
	v.turn = turn
	v.here++
	return nil
}

// leave takes note that a connection is over, and is not kept any more.
func (s *sightings) leave(id proto.ClientID, now time.Time) {
	v := s.by[id]
	if v.here--; v.here > 0 {
		return
	}
	v.partAt = now
	s.gone = append(s.gone, parting{id, now})
}

// forget drops those that have been gone for long, or are too many.
func (s *sightings) forget(now time.Time) {
	for len(s.gone) > 0 && (len(s.gone) > maxSights || now.Sub(s.gone[0].at) > sightFor) {
		p := s.gone[0]
		s.gone = s.gone[1:]
		if v := s.by[p.id]; v != nil && v.here == 0 && v.partAt.Equal(p.at) {
			delete(s.by, p.id)
		}
	}
}
