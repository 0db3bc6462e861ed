package sim

import (
	"slices"
	"time"

	"github.com/parley-rtc/parley/proto"
)

// orders are what was decided about who may come to a room: the judges' own book, which they keep from what is committed.
type orders struct {
	bans  map[string]int64 // by sub: until when, in milliseconds
	kicks []order
}

// order is for how long a client, and its user, stay out.
type order struct {
	id    proto.ClientID
	sub   string
	until int64
}

func (w *world) ordersOf(room proto.Room) *orders {
	o := w.orders[room]
	if o == nil {
		o = &orders{bans: make(map[string]int64)}
		w.orders[room] = o
	}
	return o
}

// judgeOrders judges a change by what was decided before it about who may come, and takes note of what it decides. Nobody comes in who
// is banned, or was removed a moment ago; and no later record forgets that.
func (w *world) judgeOrders(last *state, e *entry) {
	if w.Moderation == 0 {
		return
	}
	rec := &e.state.Record
	o, now := w.ordersOf(rec.Room), w.time().UnixMilli()
	for i := range rec.Members {
		if m := &rec.Members[i]; !last.has(m.ID) || rec.Change.ID == m.ID && rec.Change.Event == proto.ClientBack {
			w.judgeComing(last, e, m, now)
		}
	}
	o.take(w, last, rec, now)
	for _, sub := range users {
		if until := o.bans[sub]; until > now && !slices.ContainsFunc(holds(rec, bans), func(h proto.Hold) bool { return h.Sub == sub && h.Until == until }) {
			w.fail("%s is banned until %d, and the record does not say so: %s", sub, until, e.data)
		}
	}
	for _, k := range o.kicks {
		if k.until > now && !slices.ContainsFunc(holds(rec, kicks), func(h proto.Hold) bool { return h.ID == k.id && h.Until == k.until }) {
			w.fail("%s was removed and stays out until %d, and the record does not say so: %s", k.id, k.until, e.data)
		}
	}
}

// judgeComing judges that somebody comes in, or back.
func (w *world) judgeComing(last *state, e *entry, m *proto.Member, now int64) {
	p, o := w.pages[m.ID], w.ordersOf(e.state.Record.Room)
	if o.bans[p.sub] > now && p.sub != "" {
		w.fail("%s of %s comes in, which is banned until %d: %s", m.ID, p.sub, o.bans[p.sub], e.data)
	}
	if last.has(m.ID) {
		return
	}
	for _, k := range o.kicks {
		if k.until > now && (k.id == m.ID || k.sub != "" && k.sub == p.sub) {
			w.fail("%s of %q comes in, and was removed and stays out until %d: %s", m.ID, p.sub, k.until, e.data)
		}
	}
	if last.open() {
		w.judgeDoor(last, e, m, now)
	} else if !p.may(proto.MayCreate) {
		w.fail("%s creates a room, which its token does not allow: %s", m.ID, e.data)
	}
}

// judgeDoor judges that somebody joins: no lock keeps it out, it has shown the password, and there is room.
func (w *world) judgeDoor(last *state, e *entry, m *proto.Member, now int64) {
	p, about := w.pages[m.ID], last.rec.About
	if !p.may(proto.MayJoin) {
		w.fail("%s joins, which its token does not allow: %s", m.ID, e.data)
	}
	if about == nil || last.rec.OwnerID == "" && about.OwnerSub != "" && about.OwnerSub == p.sub {
		return
	}
	if about.MaxMembers > 0 && len(e.state.Record.Members) > about.MaxMembers {
		w.fail("%s joins, and only %d members may be there: %s", m.ID, about.MaxMembers, e.data)
	}
	if proto.Holding(about.Admitted, m.ID, p.sub, now-int64(proto.RequestTimeout/time.Millisecond)) {
		return // it was so when that was decided
	}
	a := w.asks[m.Request]
	switch {
	case about.Locked:
		w.fail("%s joins, and the room is locked: %s", m.ID, e.data)
	case about.Password != "" && (a == nil || !isHash(about.Password, a.req.Proof)):
		w.fail("%s joins, and has not shown the password: %s", m.ID, e.data)
	}
}

// take takes note of what a change decides.
func (o *orders) take(w *world, last *state, rec *proto.Record, now int64) {
	change, sub := &rec.Change, ""
	if last.has(change.ID) {
		sub = last.rec.Members[last.rec.Member(change.ID)].Sub()
	}
	a := w.asks[change.Request]
	switch {
	case change.Reason == proto.Kicked:
		o.kicks = append(o.kicks, order{change.ID, sub, until(w, rec, kicks, func(h proto.Hold) bool { return h.ID == change.ID && h.Sub == sub })})
	case change.Reason == proto.Banned:
		o.bans[sub] = until(w, rec, bans, func(h proto.Hold) bool { return h.Sub == sub })
	case a == nil || change.Event != proto.RoomUpdated:
	case a.Op == proto.OpUnban:
		delete(o.bans, a.req.Banned)
	case a.Op == proto.OpBan:
		if sub = a.req.Banned; sub == "" {
			sub = w.pages[a.req.TargetID].sub
		}
		o.bans[sub] = until(w, rec, bans, func(h proto.Hold) bool { return h.Sub == sub })
		if least := now + 1000*a.req.Seconds - int64((proto.RequestTimeout+time.Second)/time.Millisecond); o.bans[sub] < least {
			w.fail("%s is banned until %d, and %d seconds were asked for", sub, o.bans[sub], a.req.Seconds)
		}
	}
}

func bans(a *proto.About) []proto.Hold  { return a.Bans }
func kicks(a *proto.About) []proto.Hold { return a.Kicked }

func holds(rec *proto.Record, list func(*proto.About) []proto.Hold) []proto.Hold {
	if rec.About == nil {
		return nil
	}
	return list(rec.About)
}

// until returns until when a record holds somebody. One that removes somebody has to.
func until(w *world, rec *proto.Record, list func(*proto.About) []proto.Hold, which func(proto.Hold) bool) int64 {
	all := holds(rec, list)
	i := slices.IndexFunc(all, which)
	if i < 0 {
		w.fail("the record that removes somebody lets it come back: %+v", rec)
		return 0
	}
	return all[i].Until
}

// bannedIn returns a user that is banned and has a client in the room; empty: there is none.
func (s *state) bannedIn(now int64) string {
	if !s.open() {
		return ""
	}
	for _, h := range s.rec.About.At(now).BanList() {
		if slices.ContainsFunc(s.rec.Members, func(m proto.Member) bool { return m.Sub() == h.Sub }) {
			return h.Sub
		}
	}
	return ""
}
