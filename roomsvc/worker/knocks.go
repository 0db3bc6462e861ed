package worker

import (
	"slices"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// knockFor is how long a knock stands that is not repeated. Gateways repeat it every five seconds, so another replica learns of it.
const knockFor = 15 * time.Second

// knocks are those who wait before rooms. The journal has nothing of them.
type knocks map[proto.Token][]*knock

// knock is one who waits.
type knock struct {
	info    proto.MemberInfo // what moderators are told
	gateway proto.GatewayID
	until   time.Time
	told    []proto.ClientID // owner and moderators who have been told
}

// of returns the knock of a client, or of another client of its user; nil: there is none.
func (k knocks) of(token proto.Token, id proto.ClientID, sub string) *knock {
	for _, one := range k[token] {
		if one.info.ID == id || sub != "" && one.info.Sub == sub {
			return one
		}
	}
	return nil
}

// knocked takes note of who waits, or waits still, and returns what it is answered.
func (w *Worker) knocked(a *Ask, st *room.State) proto.Event {
	refuse := func(why string) proto.Event {
		return proto.Errorf(proto.CodeRateLimited, a.Room, a.ClientID, "%s", why)
	}
	k := w.knocks.of(a.Token, a.ClientID, a.Sub)
	switch {
	case k != nil && k.info.ID != a.ClientID:
		return refuse("another client of the same user is knocking")
	case k == nil && len(w.knocks[a.Token]) >= proto.MaxKnocks:
		return refuse("too many are knocking")
	case k == nil:
		k = &knock{info: proto.MemberInfo{ID: a.ClientID}, gateway: a.Gateway}
		if who := a.Who(); who != nil {
			k.info.Who = *who
		}
		w.knocks[a.Token] = append(w.knocks[a.Token], k)
		w.Meter.Count(Knocks, 1)
	}
	k.until, k.gateway = w.now.Add(knockFor), a.Gateway
	w.tellKnock(k, a.Token, st)
	return proto.Event{Name: proto.KnockPending, Room: a.Room}
}

// tellKnock tells the owner and moderators in the room who have not been told.
func (w *Worker) tellKnock(k *knock, token proto.Token, st *room.State) {
	if st = w.unpack(token, st); !st.Open() {
		return
	}
	for i := range st.Record.Members {
		m := &st.Record.Members[i]
		mod := m.ID == st.Record.OwnerID || m.Who != nil && m.Who.Mod
		if mod && !slices.Contains(k.told, m.ID) {
			k.told = append(k.told, m.ID)
			e := proto.Event{Name: proto.ClientKnocked, Room: st.Record.Room, ID: k.info.ID, More: k.info.Shows()}
			w.Wire.TellOne(m.Gateway, m.ID, proto.AppendEvent(nil, &e))
		}
	}
}

// unknock forgets who waited, and tells those who were told of it.
func (w *Worker) unknock(token proto.Token, k *knock, st *room.State) {
	rest := slices.DeleteFunc(w.knocks[token], func(o *knock) bool { return o == k })
	if len(rest) == 0 {
		delete(w.knocks, token)
	} else {
		w.knocks[token] = rest
	}
	w.Meter.Count(Knocks, -1)
	if st = w.unpack(token, st); !st.Open() {
		return
	}
	e := proto.Event{Name: proto.ClientKnocked, Room: st.Record.Room, ID: k.info.ID, More: &proto.More{Gone: true}}
	for i := range st.Record.Members {
		if m := &st.Record.Members[i]; slices.Contains(k.told, m.ID) {
			w.Wire.TellOne(m.Gateway, m.ID, proto.AppendEvent(nil, &e))
		}
	}
}

// knocksSee goes on with who waits before a room that has changed.
func (w *Worker) knocksSee(token proto.Token, st *room.State) {
	if len(w.knocks[token]) == 0 {
		return
	}
	now := w.now.UnixMilli()
	for _, k := range slices.Clone(w.knocks[token]) {
		about := st.Record.About
		decided := proto.Name("")
		switch {
		case !st.Open():
		case about != nil && proto.Holding(about.Admitted, k.info.ID, k.info.Sub, now):
			decided = proto.KnockAdmitted
		case about != nil && proto.Holding(about.Refused, k.info.ID, k.info.Sub, now):
			decided = proto.KnockRefused
		default:
			if _, in := st.Find(k.info.ID); !in {
				w.tellKnock(k, token, st)
				continue
			}
		}
		if decided != "" {
			e := proto.Event{Name: decided, Room: st.Record.Room}
			w.Wire.TellOne(k.gateway, k.info.ID, proto.AppendEvent(nil, &e))
		}
		w.unknock(token, k, st)
	}
}

// expireKnocks forgets those whose gateway has said nothing of them for long.
func (w *Worker) expireKnocks() {
	for token, list := range w.knocks {
		for _, k := range slices.Clone(list) {
			if w.now.After(k.until) {
				w.unknock(token, k, w.rooms.State(token))
			}
		}
	}
}

// beside finishes an answer that no change stands behind with what the rules do not know: who knocks.
func (w *Worker) beside(a *Ask, d *room.Decision, st *room.State) {
	switch {
	case d.Answer.Name == proto.KnockPending:
		d.Answer = w.knocked(a, st)
	case d.Answer.Name == proto.RoomRoster:
		for _, k := range w.knocks[a.Token] {
			d.Answer.More.Knocks = append(d.Answer.More.Knocks, k.info)
		}
	case a.Op == proto.OpKnock:
		if k := w.knocks.of(a.Token, a.ClientID, ""); k != nil {
			w.unknock(a.Token, k, st)
		}
	}
}

// leaveDoor ends the knock of a client that waits no more.
func (w *Worker) leaveDoor(a *Ask) {
	if k := w.knocks.of(a.Token, a.ClientID, ""); k != nil && k.info.ID == a.ClientID {
		w.unknock(a.Token, k, w.rooms.State(a.Token))
	}
	e := proto.Event{Name: proto.KnockPending, Room: a.Room}
	a.answer(w, &e, nil)
}
