// Package orders judges who may come to a room, from its records alone: nobody who is banned, or was removed a moment ago, is a member
// of any later record, and no record forgets who stays out, also over the room's closing.
package orders

import (
	"fmt"
	"slices"

	"github.com/parley-rtc/parley/proto"
)

// Book is what was decided about who may come to one room. It is kept from what the records say, one after the other, so that a record
// which forgets something is found out. The zero value is that of a room without records.
type Book struct {
	bans  map[string]int64 // by sub: until when, in milliseconds since 1970
	kicks []proto.Hold
	last  *proto.Record
	seq   uint64 // of last
}

// Who says whose a client is, by its token; empty: it has none.
type Who func(id proto.ClientID) string

// Take takes a room's next record, which has a sequence and was stored at a time, in milliseconds since 1970. lifts reports whether the
// change may have lifted the ban of a user, or have banned it anew. It returns what must not be. Records in between may be missing: then less is found.
func (b *Book) Take(rec *proto.Record, seq uint64, now int64, who Who, lifts func(sub string) bool) []error {
	var errs []error
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s; change %+v, about %+v", fmt.Sprintf(format, args...), rec.Change, rec.About))
	}
	for i := range rec.Members {
		id := rec.Members[i].ID
		was := b.last != nil && !b.last.Closed && b.last.Member(id) >= 0
		if back := rec.Change.ID == id && rec.Change.Event == proto.ClientBack; was && !back {
			continue
		}
		sub := who(id)
		if until := b.bans[sub]; sub != "" && until > now && (!b.lacks(rec) || !lifts(sub)) {
			wrong("%s of %s comes in, which is banned until %d", id, sub, until)
		}
		if !was && proto.Holding(b.kicks, id, sub, now) {
			wrong("%s of %q comes in, and was removed a moment ago: %+v", id, sub, b.kicks)
		}
	}
	b.check(rec, now, lifts, wrong)
	b.note(rec)
	b.seq = seq
	return errs
}

// lacks reports whether the record before another is not known.
func (b *Book) lacks(rec *proto.Record) bool { return b.last == nil || rec.Prev != b.seq }

// check finds what a record forgets, and a removal that lets who was removed come back.
func (b *Book) check(rec *proto.Record, now int64, lifts func(sub string) bool, wrong func(format string, args ...any)) {
	about := rec.About
	if about == nil {
		about = new(proto.About)
	}
	for sub, until := range b.bans {
		stands := slices.ContainsFunc(about.Bans, func(h proto.Hold) bool { return h.Sub == sub && h.Until > now })
		if until > now && !stands && !lifts(sub) {
			wrong("%s is banned until %d, and the record does not say so", sub, until)
		}
	}
	for _, k := range b.kicks {
		if k.Until > now && !slices.Contains(about.Kicked, k) {
			wrong("the record does not say that %+v stays out", k)
		}
	}
	change := &rec.Change
	switch change.Reason {
	case proto.Kicked:
		if !slices.ContainsFunc(about.Kicked, func(h proto.Hold) bool { return h.ID == change.ID }) {
			wrong("%s is removed, and may come back at once", change.ID)
		}
	case proto.Banned:
		if b.lacks(rec) {
			break
		}
		if i := b.last.Member(change.ID); i < 0 || !proto.Holding(about.Bans, "", b.last.Members[i].Sub(), 0) {
			wrong("%s is banned, and may come back at once", change.ID)
		}
	default:
	}
}

// note takes note of what a record says.
func (b *Book) note(rec *proto.Record) {
	b.last, b.bans, b.kicks = rec, make(map[string]int64), nil
	if rec.About == nil {
		return
	}
	for _, h := range rec.About.Bans {
		b.bans[h.Sub] = h.Until
	}
	b.kicks = slices.Clone(rec.About.Kicked)
}

// Ban returns until when a user is banned, in milliseconds since 1970; 0: it is not.
func (b *Book) Ban(sub string) int64 { return b.bans[sub] }
