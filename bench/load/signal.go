package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/parley-rtc/parley/bench/internal/hist"
	"github.com/parley-rtc/parley/bench/internal/result"
	"github.com/parley-rtc/parley/bench/internal/wire"
)

// signals is the scenario of two clients in each of many rooms that send each
// other a description. Without a rate the loop is closed: what one receives it
// answers, and the latency is that of the round trip. With one, signals leave
// at fixed times, whatever became of those before, and the latency of each is
// counted from the time at which it was to leave.
type signals struct {
	Rooms    int  `default:"50" help:"Rooms of two. Beyond 5,000, pairs of clients share several rooms and use them in turn."`
	Inflight int  `default:"256" help:"Without --rate: how many rooms are busy at a time; the others take their turn."`
	Rate     int  `default:"0" help:"Signals a second in all; 0 sends the next when the last has come."`
	Size     int  `default:"1200" help:"Bytes of a signal's data."`
	Ref      bool `help:"Ask for the confirmation of each signal (plain transport)."`
}

// mostPairs keeps clients below the 20,000 open files that many systems allow.
const mostPairs = 5000

// pair is two clients and the rooms that they share.
type pair struct {
	there, back lane
	next        *pair // closed loop: who goes on when a round trip is done
	sent        atomic.Int64
}

// lane is one direction of a pair. Its rooms take turns; the signals keep
// their order, so the times at which they left need no place in them.
type lane struct {
	from, to *wire.Conn
	left     chan time.Time // open loop: when those under way were to leave

	// Owned by who sends, one at a time.
	frames [][]byte // a signal in each room
	turn   int
}

// send sends a signal in the next room.
func (l *lane) send() error {
	l.turn++
	return l.from.Send(l.frames[l.turn%len(l.frames)])
}

// pending is how many signals of one lane may be under way in the open loop.
const pending = 1 << 14

func (s *signals) load(ctx context.Context, f *fleet) (result.Result, error) {
	pairs, err := s.meet(f)
	if err != nil {
		return result.Result{}, err
	}
	var done atomic.Uint64
	var latencies hist.Hist
	start := s.closed
	if s.Rate > 0 {
		start = s.open
	}
	if err := start(f, pairs, &done, &latencies); err != nil {
		return result.Result{}, err
	}

	if err := wait(ctx, f.set.Warmup); err != nil {
		return result.Result{}, err
	}
	latencies.Reset()
	w, err := open(f.set.Pid, done.Load())
	if err != nil {
		return result.Result{}, err
	}
	if err := wait(ctx, f.set.Duration); err != nil {
		return result.Result{}, err
	}
	r, err := w.close(done.Load())
	r.P50, r.P99 = latencies.Quantile(0.5), latencies.Quantile(0.99)
	if err == nil && r.Ops == 0 {
		err = errors.New("no signal arrived")
	}
	return r, err
}

// meet makes the rooms and their members.
func (s *signals) meet(f *fleet) ([]*pair, error) {
	if err := f.recorded(); err != nil {
		return nil, err
	}
	pairs := make([]*pair, min(s.Rooms, mostPairs))
	conns, err := f.dial(2 * len(pairs))
	if err != nil {
		return nil, err
	}
	ref := ""
	if s.Ref {
		ref = "r"
	}
	data := description(s.Size)
	return pairs, f.each(len(pairs), func(i int) error {
		// Neighbours meet: where there are two servers, one is on each.
		p := &pair{there: lane{from: conns[2*i], to: conns[2*i+1]}, back: lane{from: conns[2*i+1], to: conns[2*i]}}
		pairs[i] = p
		for r := i; r < s.Rooms; r += len(pairs) {
			room := fmt.Sprintf("pair-%s-%d", tag, r)
			if err := p.meet(f.protocol, room); err != nil {
				return err
			}
			for _, l := range []*lane{&p.there, &p.back} {
				l.frames = append(l.frames, f.protocol.Signal(room, l.to.ID, data, ref))
			}
		}
		return nil
	})
}

// meet makes one room of the pair.
func (p *pair) meet(protocol wire.Protocol, room string) error {
	owner, other := p.there.from, p.there.to
	if err := owner.Send(protocol.Create(room)); err != nil {
		return err
	}
	if err := owner.Await(wire.RoomCreated); err != nil {
		return err
	}
	if err := other.Send(protocol.Join(room)); err != nil {
		return err
	}
	if err := other.Await(wire.RoomJoined); err != nil {
		return err
	}
	return owner.Await(wire.ClientJoined)
}

// closed starts the closed loop.
func (s *signals) closed(f *fleet, pairs []*pair, done *atomic.Uint64, latencies *hist.Hist) error {
	busy := min(s.Inflight, len(pairs))
	for i, p := range pairs {
		p.next = pairs[i%busy]
		if i+busy < len(pairs) {
			p.next = pairs[i+busy]
		}
	}
	for _, p := range pairs {
		f.read(p.there.to, func(kind wire.Kind) error {
			if kind != wire.SignalReceive {
				return nil
			}
			done.Add(1)
			return p.back.send()
		})
		f.read(p.back.to, func(kind wire.Kind) error {
			if kind != wire.SignalReceive {
				return nil
			}
			done.Add(1)
			latencies.Record(time.Since(epoch) - time.Duration(p.sent.Load()))
			return p.next.begin()
		})
	}
	for _, p := range pairs[:busy] {
		if err := p.begin(); err != nil {
			return err
		}
	}
	return nil
}

// begin sends the first half of a round trip.
func (p *pair) begin() error {
	p.sent.Store(int64(time.Since(epoch)))
	return p.there.send()
}

// open starts the open loop: all lanes in turn, first those of one direction.
func (s *signals) open(f *fleet, pairs []*pair, done *atomic.Uint64, latencies *hist.Hist) error {
	lanes := make([]*lane, 2*len(pairs))
	for i, p := range pairs {
		lanes[i], lanes[len(pairs)+i] = &p.there, &p.back
	}
	depth := max(pending/len(lanes), 64)
	for _, l := range lanes {
		l.left = make(chan time.Time, depth)
		f.read(l.to, func(kind wire.Kind) error {
			if kind != wire.SignalReceive {
				return nil
			}
			done.Add(1)
			latencies.Record(time.Since(<-l.left))
			return nil
		})
	}
	turn := 0
	f.readers.Go(func() error {
		return pace(f.ctx, &f.closing, s.Rate, func(at time.Time) error {
			l := lanes[turn%len(lanes)]
			turn++
			select {
			case l.left <- at:
				return l.send()
			default:
				return fmt.Errorf("the server is %d signals behind", depth)
			}
		})
	})
	return nil
}

// description is a session description as JSON, of about size bytes.
func description(size int) string {
	const head, line, tail = `{"description":{"type":"offer","sdp":"v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\n`, `a=rtpmap:111 opus/48000/2\r\n`, `"}}`
	n := max((size-len(head)-len(tail))/len(line), 0)
	return head + strings.Repeat(line, n) + tail
}
