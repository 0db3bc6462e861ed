package roomsvc

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// listQueue is how many list requests wait. Those beyond it are answered unavailable at once.
const listQueue = 64

func (s *Service) postList(a *ask) {
	select {
	case s.lists <- a:
	default:
		s.metrics.overflow("list")
		s.refuse(a.Op, &a.Request.Request, a.replies[0], proto.CodeUnavailable, "too many lists are asked for")
	}
}

// list answers requests for the names of rooms, one after another, until ctx ends.
func (s *Service) list(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case a := <-s.lists:
			e := s.page(a.After, a.Limit)
			payload := proto.AppendEvent(nil, &e)
			for len(e.List) > 1 && int64(len(payload)) > s.nc.MaxPayload() {
				e.List = e.List[:len(e.List)/2]
				e.Next = e.List[len(e.List)-1].Room
				payload = proto.AppendEvent(payload[:0], &e)
			}
			s.metrics.answered(a.Op, &e, time.Since(a.arrived))
			s.publish(a.replies[0], payload)
		}
	}
}

// page returns the rooms in memory whose names follow one, in the order of their bytes.
func (s *Service) page(after proto.Room, limit int) proto.Event {
	var names []proto.RoomInfo
	var bound proto.Room // no name from here on is among the first limit+1; empty: not known
	byName := func(a, b proto.RoomInfo) int { return strings.Compare(string(a.Room), string(b.Room)) }
	cut := func() {
		slices.SortFunc(names, byName)
		if len(names) > limit {
			names = names[:limit+1]
			bound = names[limit].Room
		}
	}
	for _, w := range s.workers {
		w.mu.RLock()
		for _, e := range w.rooms {
			if !e.state.Open() || e.state.Record.Room <= after {
				continue
			}
			rec := &e.state.Record
			if bound != "" && rec.Room >= bound {
				continue
			}
			names = append(names, proto.RoomInfo{
				Room: rec.Room, OwnerID: rec.OwnerID, Members: len(rec.Members), Seq: e.state.Seq,
			})
			if len(names) >= 2*(limit+1) {
				cut()
			}
		}
		w.mu.RUnlock()
	}
	cut()
	e := proto.Event{Name: proto.Rooms, List: names}
	if len(names) > limit {
		e.List = names[:limit]
		e.Next = e.List[limit-1].Room
	}
	return e
}
