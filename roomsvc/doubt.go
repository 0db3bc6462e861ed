package roomsvc

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/journal"
)

// probeEvery is how often a replica in doubt appends a record that says nothing.
const probeEvery = time.Second

var errUnsettled = fmt.Errorf("%w: the journal stores nothing that is appended to it: "+
	"look at the NATS servers' log and disks, and restart one whose store has failed", ErrNotReady)

// doubt is whether the journal stores what is appended. NATS's store can fail in a way that nothing else shows: the stream
// is there, it is read and followed, and appends are never answered. So an append that waits for long raises doubt. A
// replica in doubt appends a record of its own each second, a probe, until anything is stored, by whomever it is asked for.
// A healthy journal is never probed. Owned by the steering goroutine.
type doubt struct {
	since  time.Time // nothing was stored since, though it was asked for; zero: there is no doubt
	proof  time.Time // what is stored after this ends it
	probed time.Time
	probe  uint64    // the one under way; 0: none
	looked time.Time // when it was looked at last
	awake  time.Time // since when the process has run without a break
	lasted bool      // for long enough: the replica is not ready
}

// look raises doubt, ends it, and probes. It reports whether the doubt has lasted.
func (d *doubt) look(now time.Time, s *Service) bool {
	if now.Sub(d.looked) > time.Second { // it slept: answers that have come were not read yet
		d.awake = now
	}
	d.looked = now
	stored, waited := s.at(&s.stored), s.waited.Swap(0)
	switch {
	case s.distrusted.Swap(false):
		d.since, d.proof, d.probed = now.Add(-s.cfg.timings.Unsettled), now, time.Time{}
	case d.since.IsZero() && waited == 0:
		return false
	case d.since.IsZero():
		d.since = s.born.Add(time.Duration(waited))
		if stored.After(d.since) {
			d.since = stored // others were stored after this one was begun
		}
		if d.awake.After(d.since) {
			d.since = d.awake
		}
		d.proof = d.since
	case stored.After(d.proof):
		s.journal.Forget(d.probe)
		d.since, d.probed, d.probe, d.lasted = time.Time{}, time.Time{}, 0, false
		s.doubted.Store(0)
		return false
	case d.awake.After(d.since) && !d.lasted:
		d.since, d.proof = d.awake, d.awake
	}
	s.doubted.Store(int64(d.proof.Sub(s.born)))
	if now.Sub(d.probed) >= probeEvery && s.jc.IsConnected() {
		d.probed = now
		d.ask(s)
	}
	d.lasted = now.Sub(d.since) >= s.cfg.timings.Unsettled
	return d.lasted
}

// ask appends a probe: the closing of a room that never was, under a name of its own. To a replica of any version that is
// no room, and it expires like every closing. Only a record can be stored, so nothing less would show that records are.
func (d *doubt) ask(s *Service) {
	s.journal.Forget(d.probe)
	request := proto.NewRequestID()
	name := proto.Room("probe-" + string(request))
	record := proto.AppendRecord(nil, &proto.Record{
		Room: name, Closed: true,
		Change: proto.Change{Event: proto.RoomClosed, Request: request, Replica: s.id},
	})
	d.probe, _ = s.journal.Append(name.Token(), record, 0, proto.ClosedTTL, func(_ uint64, r journal.Result) { // it is made again
		if r.Err == nil {
			s.hasStored(time.Now())
		}
	})
}

// at returns a time that is counted from the service's birth.
func (s *Service) at(since *atomic.Int64) time.Time { return s.born.Add(time.Duration(since.Load())) }

// hasStored notes that an append was stored.
func (s *Service) hasStored(now time.Time) { s.stored.Store(int64(now.Sub(s.born))) }

// waits notes an append that was begun at a time and still waits.
func (s *Service) waits(began, now time.Time) {
	if now.Sub(began) >= s.cfg.timings.Doubt && s.waited.Load() == 0 {
		s.waited.CompareAndSwap(0, int64(began.Sub(s.born)))
	}
}

// Unsettled returns for how long the journal has stored nothing although something was appended; 0 when all is well.
func (s *Service) Unsettled() time.Duration {
	if s.doubted.Load() != 0 {
		return time.Since(s.at(&s.doubted))
	}
	return 0
}

// Distrust tells the replica that the journal's store has failed: it is not ready until an append was stored.
func (s *Service) Distrust() {
	s.distrusted.Store(true)
	s.awake.Ring()
}
