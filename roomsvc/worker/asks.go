package worker

import (
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// Bounds of a worker.
const (
	// roomQueue is how many requests wait for one room's append. Those beyond it are answered unavailable at once.
	roomQueue = 4096
	// maxActive is how many requests a worker has under way, most of them waiting for the journal. Those beyond it are
	// answered unavailable at once.
	maxActive = 32768
	// maxReads is how many reads of a worker the leader has to answer at a time; the others wait for them. JetStream drops
	// all that it has been asked when that is more than it can queue, which is ten thousand.
	maxReads = 256
	// maxReplies is how many attempts of one request are answered. No asker makes so many.
	maxReplies = 64
)

// Ask is a request on its way to its answer. The worker owns it once it was taken. Its fields are the request as it came,
// its answer's way, and where it stands: they are one life.
type Ask struct {
	room.Request
	Token    proto.Token
	Replies  []string // of its attempts so far
	Arrived  time.Time
	Deadline time.Time // when nobody waits for it any more
	Removal  bool      // it removes a member whose gateway is gone; nobody hears an answer

	done    bool
	looking bool    // its password is looked at
	held    bool    // until it is known in which form records may be written
	read    inquiry // of the room's record
	knew    uint64  // what memory had when that was asked first
	unsure  bool    // asked again once the leader is believed
}

// changes reports whether the request may change its room.
func (a *Ask) changes() bool { return a.Op.Changes() }

// asks are the requests that a worker has under way.
type asks struct {
	active  []*Ask // in the order in which they came, with those that are done until the next tick
	count   int    // without those
	byID    map[proto.RequestID]*Ask
	reading int    // how many of them the leader has to answer
	backlog []*Ask // those that wait until there are fewer
}

// repeated returns the request that another attempt repeats, or nil.
func (s *asks) repeated(a *Ask) *Ask {
	first := s.byID[a.ID]
	if first != nil && a.ID != "" && first.Token == a.Token && first.Op == a.Op && first.ClientID == a.ClientID {
		return first
	}
	return nil
}

func (s *asks) add(a *Ask) {
	s.active = append(s.active, a)
	s.count++
	if a.ID != "" {
		s.byID[a.ID] = a
	}
}

func (s *asks) remove(a *Ask) {
	s.count--
	if s.byID[a.ID] == a {
		delete(s.byID, a.ID)
	}
}

// compact drops those that are done.
func (s *asks) compact() {
	kept := s.active[:0]
	for _, a := range s.active {
		if !a.done {
			kept = append(kept, a)
		}
	}
	clear(s.active[len(kept):])
	s.active = kept
}
