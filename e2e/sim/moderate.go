package sim

import (
	"time"

	"github.com/parley-rtc/parley/proto"
)

// moderate has a client ask for what owners and moderators may, whether or not it may, or say what it is, or knock.
func (w *world) moderate(c *client, room proto.Room, v *view) {
	f := proto.Frame{Room: room, TargetID: w.target(v)}
	switch p := w.rnd.IntN(100); {
	case p < 22:
		f.Name, f.More = proto.RoomKick, &proto.FrameMore{Message: w.message()}
	case p < 36:
		f.Name, f.More = proto.RoomBan, &proto.FrameMore{Message: w.message(), Seconds: 1 + w.rnd.Int64N(5)}
		if w.chance(15) {
			f.More.Seconds = 30
		}
		if w.chance(40) {
			f.TargetID, f.More.Sub = "", pick(w, users)
		}
	case p < 44:
		f.Name, f.TargetID, f.More = proto.RoomUnban, "", &proto.FrameMore{Sub: pick(w, users)}
	case p < 64:
		f.Name, f.TargetID, f.More = proto.RoomUpdate, "", &proto.FrameMore{Update: w.update(room)}
	case p < 76:
		f.Name = proto.RoomTransfer
	case p < 80:
		f.Name, f.TargetID = proto.RoomRoster, ""
	case p < 88:
		f.Name, f.TargetID, f.More = proto.MemberUpdate, "", &proto.FrameMore{Meta: w.meta()}
	case p < 94:
		f.Name, f.TargetID, f.More = proto.RoomKnock, "", new(proto.FrameMore)
	default:
		f.Name = proto.RoomAdmit
		if w.chance(30) {
			f.Name = proto.RoomRefuse
		}
		if k := w.knocking(room); len(k) > 0 {
			f.TargetID = pick(w, k)
		}
	}
	if f.TargetID == c.ID || f.Name == proto.MemberUpdate && !v.in {
		return
	}
	c.request(f)
	if f.Name == proto.RoomKick && w.chance(60) {
		w.comeAgain(f.TargetID, room)
	}
}

// target chooses whom a request is about: a member, mostly.
func (w *world) target(v *view) proto.ClientID {
	if len(v.members) > 1 && w.chance(80) {
		return pick(w, v.members)
	}
	return pick(w, w.connected()).ID
}

// comeAgain has a client that is about to be removed ask to come in again, which it may have done before.
func (w *world) comeAgain(id proto.ClientID, room proto.Room) {
	w.after(w.span(0, 200*time.Millisecond), func() {
		c := w.pages[id].conn
		if c.closed {
			return
		}
		f := proto.Frame{Name: proto.RoomJoin, Room: room}
		w.shows(&f)
		if q := c.lastIn(room); q != nil && enters(ops[q.Name]) {
			f = q.Frame
		}
		c.request(f)
	})
}

// message is a word to who is removed, or none.
func (w *world) message() string {
	return pick(w, []string{"", "out", "be quiet"})
}

// update chooses what is to stand about a room.
func (w *world) update(room proto.Room) *proto.Update {
	u := new(proto.Update)
	for u.Empty() {
		if w.chance(40) {
			u.Locked = new(w.chance(35))
		}
		if w.chance(25) {
			u.Knock = new(w.chance(70))
		}
		if w.chance(20) {
			u.Proof = new("")
			if w.chance(50) {
				*u.Proof = proto.PasswordProof(room, pick(w, passwords))
			}
		}
		if w.chance(15) {
			u.MaxMembers = new(pick(w, []int{0, 0, 4, 5}))
		}
		if w.chance(25) {
			u.Policy = new(pick(w, []proto.Policy{proto.PolicyClose, proto.PolicyTransfer, proto.PolicyStay}))
		}
		if w.chance(20) {
			if u.Meta = w.meta(); w.chance(30) {
				u.Meta = []byte("null")
			}
		}
	}
	return u
}

// knocking returns who knocks at a room.
func (w *world) knocking(room proto.Room) []proto.ClientID {
	var list []proto.ClientID
	for _, g := range w.gateways {
		for _, k := range g.knocks {
			if k.room == room {
				list = append(list, k.c.ID)
			}
		}
	}
	return list
}
