package sim

import (
	"slices"
	"time"

	"github.com/parley-rtc/parley/e2e/orders"
	"github.com/parley-rtc/parley/proto"
)

// judgeOrders judges a change by what was decided before it about who may come.
func (w *world) judgeOrders(last *state, e *entry) {
	if w.Moderation == 0 {
		return
	}
	rec := &e.state.Record
	book, now := w.orders[rec.Room], w.time().UnixMilli()
	if book == nil {
		book = new(orders.Book)
		w.orders[rec.Room] = book
	}
	for i := range rec.Members {
		if m := &rec.Members[i]; !last.has(m.ID) {
			w.judgeDoor(last, e, m, now)
		}
	}
	a := w.asks[rec.Change.Request]
	was := make(map[string]int64)
	for _, sub := range users {
		was[sub] = book.Ban(sub)
	}
	lifts := func(sub string) bool { // another ban counts in the place of the one before
		return a != nil && (a.Op == proto.OpUnban || a.Op == proto.OpBan) &&
			(a.req.Banned == sub || a.req.Banned == "" && w.pages[a.req.TargetID].sub == sub)
	}
	for _, err := range book.Take(rec, e.seq, now, func(id proto.ClientID) string { return w.pages[id].sub }, lifts) {
		w.fail("%v: %s", err, e.data)
	}
	for _, sub := range users {
		if book.Ban(sub) > was[sub] {
			w.judgeBan(a, sub, book.Ban(sub)-now, e)
		}
	}
}

// judgeBan judges that a user is banned, or for longer than before: somebody has asked for that, and for so long.
func (w *world) judgeBan(a *ask, sub string, left int64, e *entry) {
	const late = int64((proto.RequestTimeout + time.Second) / time.Millisecond)
	switch {
	case a == nil || a.Op != proto.OpBan || a.req.Banned != "" && a.req.Banned != sub ||
		a.req.Banned == "" && w.pages[a.req.TargetID].sub != sub:
		w.fail("nobody has asked to ban %s: %s", sub, e.data)
	case left > 1000*a.req.Seconds || left < 1000*a.req.Seconds-late:
		w.fail("%s is banned for %d ms, and %d s were asked for: %s", sub, left, a.req.Seconds, e.data)
	}
}

// judgeDoor judges that somebody joins: no lock keeps it out, it has shown the password, and there is room.
func (w *world) judgeDoor(last *state, e *entry, m *proto.Member, now int64) {
	p := w.pages[m.ID]
	if !last.open() {
		if !p.may(proto.MayCreate) {
			w.fail("%s creates a room, which its token does not allow: %s", m.ID, e.data)
		}
		return
	}
	about := last.rec.About
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

func bans(a *proto.About) []proto.Hold  { return a.Bans }
func kicks(a *proto.About) []proto.Hold { return a.Kicked }

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
