package session

import (
	"errors"
	"time"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/proto"
)

// brief is how long each leave may take of a session whose time is up. One that the room service does not answer at once, as in an
// election, must not overtake the client's resumption later.
const brief = time.Second

// keepAfter returns how long the session outlives a connection that has ended so. With mu held.
func (s *Session) keepAfter(why error) time.Duration {
	keep := time.Duration(s.Client.Keep)
	parting, _ := errors.AsType[link.Parting](why)
	switch {
	case s.About.Turn == 0, parting.Code == link.ClientLeaves, errors.Is(why, link.Disconnected):
		return 0
	case parting.Code == link.ClientGoes:
		return min(keep, proto.ReloadKeep)
	}
	return keep
}

// Keep returns how long the session outlives its connection, which has ended.
func (s *Session) Keep() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keep
}

// Depart has the session leave what it is in: it was kept, and its time is up, or nothing is left to keep. Leaves that are not
// answered at once are put off: the dispatcher hears that, and calls Depart again.
func (s *Session) Depart() { s.push(request{at: time.Now(), err: errOver}) }

// Reconsider ends a session that was kept and has nothing left to keep.
func (s *Session) Reconsider() { s.push(request{at: time.Now(), err: errEnded}) }

// line returns the session's transport, or nil once nothing more is written.
func (s *Session) line() link.Transport {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.transport
}

// shed lets go of all that only a connection needs.
func (s *Session) shed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.transport, s.limiter = nil, nil
}

// end is the last of a connection's requests: the session is kept, where there is something to keep, or leaves its rooms.
func (p *pump) end() {
	if p.gone || p.leaving {
		return
	}
	if p.s.Keep() == 0 || p.s.Rooms.Count() == 0 && !p.turns.Doubtful() {
		p.depart()
		return
	}
	p.away = true
	p.s.shed()
	p.s.host.Dispatcher.Away(p.s)
}

// rest lets go of what the pump keeps from one request to the next, of a session that is kept.
func (p *pump) rest() {
	if p.away {
		p.wake, p.sender = nil, nil
	}
}

// over leaves the rooms of a session that was kept. A leave that was not answered is put off, and all are made again then: those that
// were carried out do no harm.
func (p *pump) over() {
	if p.gone {
		return
	}
	if !p.leaving {
		p.leaving = true
		p.s.host.Dispatcher.Ended(p.s)
	}
	p.unanswered = false
	settled := p.leaveAll()
	p.unsettled = p.unsettled || !settled
	if p.unanswered {
		p.s.host.Dispatcher.PutOff(p.s)
		return
	}
	p.gone = true
	p.s.host.Dispatcher.Departed(p.s, !p.unsettled)
}

// deadline returns when a request of a session that leaves is unavailable: where the session was kept, soon.
func (p *pump) deadline(asked time.Time) time.Time {
	if soon := time.Now().Add(brief); p.leaving && soon.Before(asked) {
		return soon
	}
	return asked
}
