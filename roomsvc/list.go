package roomsvc

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// listQueue is how many list requests wait. Those beyond it are answered unavailable at once.
const listQueue = 64

// lister answers requests for the names of rooms, one after another.
type lister struct{ waiting chan listing }

// listing is such a request.
type listing struct {
	after   proto.Room
	limit   int
	reply   string
	arrived time.Time
}

func (l *lister) post(s *Service, q listing) {
	select {
	case l.waiting <- q:
	default:
		s.metrics.overflow("list")
		s.wire.refuse(proto.OpList, &proto.Request{}, q.reply, proto.CodeUnavailable, "too many lists are asked for")
	}
}

// run answers until ctx ends.
func (l *lister) run(ctx context.Context, s *Service) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case q := <-l.waiting:
			e := s.crew.page(q.after, q.limit)
			payload := proto.AppendEvent(nil, &e)
			for len(e.List) > 1 && int64(len(payload)) > s.nc.MaxPayload() {
				e.List = e.List[:len(e.List)/2]
				e.Next = e.List[len(e.List)-1].Room
				payload = proto.AppendEvent(payload[:0], &e)
			}
			s.metrics.answered(proto.OpList, &e, time.Since(q.arrived))
			s.wire.publish(q.reply, payload)
		}
	}
}

// page returns the rooms in memory whose names follow one, in the order of their bytes.
func (c *crew) page(after proto.Room, limit int) proto.Event {
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
	for _, r := range c.runners {
		r.rooms.Each(func(st *room.State) {
			rec := &st.Record
			if rec.Room <= after || bound != "" && rec.Room >= bound {
				return
			}
			names = append(names, proto.RoomInfo{Room: rec.Room, OwnerID: rec.OwnerID, Members: st.Count(), Seq: st.Seq})
			if len(names) >= 2*(limit+1) {
				cut()
			}
		})
	}
	cut()
	e := proto.Event{Name: proto.Rooms, List: names}
	if len(names) > limit {
		e.List = names[:limit]
		e.Next = e.List[limit-1].Room
	}
	return e
}
