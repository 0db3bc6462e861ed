package sim

import (
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
	"github.com/parley-rtc/parley/roomsvc/worker"
)

// expires is how long a closing stays in the stream. It is shorter than in truth, so that runs see it.
const expires = 25 * time.Second

// stream is the journal: a log that a leader writes and copies follow, one on each node. A record is proposed, and then
// stored, at different moments, by the leader and by each copy: a copy may feed a replica before the leader has stored the
// record itself. Its fields are one log seen by four.
type stream struct {
	w      *world
	log    []*entry // the entry at index i has the sequence i+1
	stored int      // how many of them the leader has stored
	fed    [nodes]int
	last   map[proto.Token]*entry // as the leader has stored it
	tail   map[proto.Token]uint64 // the last proposed sequence

	leader  int  // the node of the leader
	stalled bool // the leader is away from most of the copies: nothing is stored
	term    int
	stale   *staleLeader // one that was cut off and has not noticed that it was replaced
}

// entry is a record in the log.
type entry struct {
	seq    uint64
	token  proto.Token
	data   []byte
	state  *room.State
	at     int64 // when the leader stores it, if nothing comes between
	feedAt [nodes]int64
	when   time.Time
	stays  time.Duration // of a closing: for how long
	done   func(worker.Result)
}

// staleLeader answers reads on its node by what it had stored when it was cut off.
type staleLeader struct {
	node int
	last map[proto.Token]*entry
}

func newStream(w *world) *stream {
	return &stream{
		w: w, last: make(map[proto.Token]*entry), tail: make(map[proto.Token]uint64), leader: w.rnd.IntN(nodes),
	}
}

// append is an append that has come to the leader that a node reaches. done is called when it is answered.
func (s *stream) append(node int, token proto.Token, data []byte, expect uint64, ttl time.Duration, done func(worker.Result)) {
	switch {
	case s.stale != nil && s.stale.node == node, !s.w.net.reach(node, s.leader):
		return // nobody who could have it stored
	case s.tail[token] != expect:
		s.w.note("append to %s at %d is refused: it expects %d", token, s.tail[token], expect)
		done(worker.Result{Err: worker.ErrConflict})
		return
	}
	rec, err := proto.DecodeRecord(data)
	if err != nil {
		s.w.fail("a record cannot be read: %v: %s", err, data)
		return
	}
	if rec.Prev != expect {
		s.w.fail("a record that was decided on %d replaces the one at %d: %s", rec.Prev, expect, data)
		return
	}
	e := &entry{seq: uint64(len(s.log) + 1), token: token, data: data, when: s.w.time(), done: done}
	e.state = &room.State{Seq: e.seq, Record: rec, Form: proto.FormOf(data)}
	e.stays = s.keeps(e, ttl)
	e.at = s.w.now + s.delay()
	for i := range nodes {
		e.feedAt[i] = s.w.now + s.delay()
		s.w.at(e.feedAt[i], s.advance)
	}
	s.w.at(e.at, s.advance)
	s.log = append(s.log, e)
	s.tail[token] = e.seq
	s.w.note("proposed %d: %s", e.seq, data)
}

// keeps returns for how long a closing stays: what outlives it must not expire with it.
func (s *stream) keeps(e *entry, ttl time.Duration) time.Duration {
	rest, until := e.state.Record.About.Outliving(s.w.time().UnixMilli())
	if rest == nil || !e.state.Record.Closed {
		return expires
	}
	least := time.UnixMilli(until).Sub(s.w.time())
	if ttl < least {
		s.w.fail("a closing expires after %v, and somebody is kept out for %v: %s", ttl, least, e.data)
	}
	return max(expires, least+2*time.Second)
}

// delay is how long storing takes.
func (s *stream) delay() int64 {
	if s.w.ill(s.w.Loss) {
		return int64(s.w.span(0, 150*time.Millisecond))
	}
	return int64(s.w.span(200*time.Microsecond, 4*time.Millisecond))
}

// advance has the leader and the copies store what is due.
func (s *stream) advance() {
	if s.stalled {
		return
	}
	for s.stored < len(s.log) && s.log[s.stored].at <= s.w.now {
		s.store(s.log[s.stored])
	}
	for i := range nodes {
		if !s.w.net.reach(i, s.leader) {
			continue
		}
		for s.fed[i] < len(s.log) && s.log[s.fed[i]].feedAt[i] <= s.w.now && (i != s.leader || s.fed[i] < s.stored) {
			e := s.log[s.fed[i]]
			s.fed[i]++
			s.w.note("node %d has %d", i, e.seq)
			s.w.commit(e)
			for _, r := range s.w.replicas {
				if r.node == i && r.following {
					r.feed(e)
				}
			}
		}
	}
}

// store has the leader store an entry, and answer.
func (s *stream) store(e *entry) {
	s.stored++
	s.last[e.token] = e
	s.w.commit(e)
	s.w.storedBy(e)
	s.w.note("the leader has %d", e.seq)
	if e.done != nil {
		e.done(worker.Result{Seq: e.seq})
	}
	if e.state.Record.Closed {
		s.w.after(e.stays, func() {
			if s.last[e.token] == e {
				delete(s.last, e.token)
				if s.tail[e.token] == e.seq {
					delete(s.tail, e.token)
				}
			}
		})
	}
	if s.fed[s.leader] < s.stored {
		s.w.at(s.w.now, s.advance)
	}
}

// read reads a room's last record as the leader that a node reaches has it. ok is false when there is none to answer.
func (s *stream) read(node int, token proto.Token) (r worker.Result, ok bool) {
	last := s.last
	switch {
	case s.stale != nil && s.stale.node == node:
		last = s.stale.last
	case !s.w.net.reach(node, s.leader):
		return r, false
	case s.stalled && s.w.net.cut != s.leader:
		return r, false // an election
	}
	if e := last[token]; e != nil {
		return worker.Result{Seq: e.seq, State: e.state}, true
	}
	return r, true
}

// snapshot returns the last record of each room as a copy has stored it, in order.
func (s *stream) snapshot(node int) []*entry {
	at := make(map[proto.Token]uint64)
	for _, e := range s.log[:s.fed[node]] {
		at[e.token] = e.seq
	}
	var list []*entry
	for _, e := range s.log[:s.fed[node]] {
		gone := e.state.Record.Closed && s.w.time().Sub(e.when) > e.stays
		if at[e.token] == e.seq && !gone {
			list = append(list, e)
		}
	}
	return list
}
