package sim

import (
	"math"
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// history is what a room has been: the judges' truth.
type history struct{ states []*state }

// state is a room after a change. Until when the one before it was so depends on where one looks: the leader has it until
// it stores the next; but once anybody was told of the next, no request that begins later may be answered by it.
type state struct {
	rec    *proto.Record // nil: there is no room yet
	seq    uint64
	first  int64 // when the leader or a copy stored it
	stored int64 // when the leader did
	told   int64 // when a client was told of it first
}

func (s *state) open() bool { return s.rec != nil && !s.rec.Closed }

func (s *state) has(id proto.ClientID) bool { return s.open() && s.rec.Member(id) >= 0 }

// hasBy reports whether a client is a member by a request.
func (s *state) hasBy(id proto.ClientID, by proto.RequestID) bool {
	if !s.open() {
		return false
	}
	i := s.rec.Member(id)
	return i >= 0 && s.rec.Members[i].Request == by
}

// others returns the members but one, sorted.
func (s *state) others(but proto.ClientID) []proto.ClientID {
	ids := []proto.ClientID{}
	if s.open() {
		for i := range s.rec.Members {
			if id := s.rec.Members[i].ID; id != but {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

func (w *world) room(room proto.Room) *history {
	h := w.history[room]
	if h == nil {
		h = &history{states: []*state{{told: math.MaxInt64}}}
		w.history[room] = h
	}
	return h
}

// commit notes that a record is stored somewhere, and judges it: a leave ends the membership that it names.
func (w *world) commit(e *entry) {
	h := w.room(e.state.Record.Room)
	last := h.states[len(h.states)-1]
	if last.seq >= e.seq {
		return
	}
	change := &e.state.Record.Change
	if joined, ok := w.leaves[change.Request]; ok && last.has(change.ID) && !last.hasBy(change.ID, joined) {
		w.fail("the leave %s of %s ends another membership than %s: %s", change.Request, change.ID, joined, e.data)
	}
	w.judgeChange(last, e)
	h.states = append(h.states, &state{
		rec: &e.state.Record, seq: e.seq, first: w.now, stored: math.MaxInt64, told: math.MaxInt64,
	})
}

// storedBy notes that the leader has stored a record.
func (w *world) storedBy(e *entry) {
	if s := w.room(e.state.Record.Room).at(e.seq); s != nil {
		s.stored = w.now
	}
}

// at returns the room as the change with that number left it, or nil.
func (h *history) at(seq uint64) *state {
	i, ok := slices.BinarySearchFunc(h.states, seq, func(s *state, seq uint64) int { return int(s.seq) - int(seq) }) // small
	if !ok {
		return nil
	}
	return h.states[i]
}

// tell notes that a client was told of a change.
func (h *history) tell(seq uint64, now int64) {
	if s := h.at(seq); s != nil && seq > 0 {
		s.told = min(s.told, now)
	}
}

// now is the room as the leader has it.
func (h *history) now() *state { return h.states[len(h.states)-1] }

// ever reports whether something was so at some moment from one time on until now.
func (h *history) ever(from int64, so func(*state) bool) bool {
	for i, s := range h.states {
		if i+1 < len(h.states) {
			if next := h.states[i+1]; min(next.stored, next.told) < from {
				continue
			}
		}
		if so(s) {
			return true
		}
	}
	return false
}
