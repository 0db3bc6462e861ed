package roomsvc

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/memory"
)

// checkSlice is how many rooms are looked at before signals and changes get their turn again.
const checkSlice = 256

// maxPause is how long the checks pause between two of a gateway's slices, at most.
const maxPause = 20 * time.Millisecond

// check tells each gateway, every ten seconds, what this replica believes of its members, until ctx ends.
func (s *Service) check(ctx context.Context) error {
	every := s.cfg.timings.Check
	first := time.NewTimer(rand.N(every)) // so that replicas do not all check at once
	defer first.Stop()
	select {
	case <-ctx.Done():
		return nil
	case <-first.C:
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if s.Ready() == nil {
			gateways := s.watch.Gateways()
			slices.Sort(gateways) // the same order each time, so that each is checked as often as the others
			pause := checkPause(every, s.countPauses(gateways))
			for _, gateway := range gateways {
				s.checkGateway(ctx, gateway, pause)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// countPauses returns how often the checks of gateways pause together.
func (s *Service) countPauses(gateways []proto.GatewayID) int {
	pauses := 0
	for _, r := range s.crew.runners {
		for _, gateway := range gateways {
			pauses += max(r.rooms.Count(gateway)-1, 0) / checkSlice
		}
	}
	return pauses
}

// checkPause returns how long each pause is: all of them take a quarter of the time until the next checks, at most, however
// many gateways and rooms there are, so that a gateway's turn comes at much the same time in each round.
func checkPause(every time.Duration, pauses int) time.Duration {
	return min(every/4/time.Duration(pauses+1), maxPause)
}

// checkGateway sends one gateway its rooms that this replica ranks first for. A gateway without any is sent nothing.
func (s *Service) checkGateway(ctx context.Context, gateway proto.GatewayID, pause time.Duration) {
	c := proto.Check{Replica: s.id}
	for _, r := range s.crew.runners {
		rooms := r.rooms.Of(gateway)
		for len(rooms) > 0 {
			n := min(checkSlice, len(rooms))
			c.Rooms = s.checkRooms(c.Rooms[:0], r.rooms, rooms[:n], gateway)
			rooms = rooms[n:]
			if len(c.Rooms) > 0 {
				for _, page := range proto.EncodeChecks(&c) {
					s.wire.publish(s.subjects.GatewayCheck(gateway), page)
				}
			}
			if len(rooms) == 0 {
				break
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
		}
	}
}

// checkRooms appends what is believed of a gateway's members in rooms.
func (s *Service) checkRooms(checks []proto.CheckRoom, mem *memory.Rooms, rooms []*memory.Room, gateway proto.GatewayID,
) []proto.CheckRoom {
	for _, e := range rooms {
		st := mem.Load(e)
		if !st.Open() || !s.watch.First(e.Token, st.Form) {
			continue
		}
		st, err := st.Unpack()
		if err != nil {
			continue // the worker says so, when it is asked for this room
		}
		r := proto.CheckRoom{Room: st.Record.Room, Seq: st.Seq}
		for i := range st.Record.Members {
			if m := &st.Record.Members[i]; m.Gateway == gateway {
				r.Members = append(r.Members, proto.CheckMember{ID: m.ID, Request: m.Request})
			}
		}
		if len(r.Members) > 0 {
			checks = append(checks, r)
		}
	}
	return checks
}
