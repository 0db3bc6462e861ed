package room_test

import (
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// noteBans notes who is banned from now on: a ban ends by its time or by an unban, whatever else becomes of the room.
func (c *course) noteBans(q *room.Request) {
	switch q.Op {
	case proto.OpUnban:
		delete(c.bans, q.Banned)
	case proto.OpBan:
		for _, b := range c.about().BanList() {
			c.bans[b.Sub] = b.Until
		}
	default:
	}
}

// checkKeptOut checks that nobody is in the room who was banned from it, and that no member is told who another is by its token.
func (c *course) checkKeptOut(t *rapid.T, q *room.Request, d room.Decision) {
	if c.st.Open() && !d.Again {
		for i := range c.st.Record.Members {
			if m := &c.st.Record.Members[i]; c.bans[m.Sub()] > c.at {
				t.Fatalf("after %+v %s is in, whose user is banned until %d", q, m.ID, c.bans[m.Sub()])
			}
		}
	}
	if d.Answer.More == nil || d.Answer.Name == proto.RoomRoster {
		return
	}
	for _, m := range d.Answer.More.Members {
		if m.Sub != "" || m.ID == q.ClientID && d.Answer.Name != proto.Roster {
			t.Fatalf("%+v is told of %+v", q, m)
		}
	}
}

// checkWho checks what a member bears after a request of somebody.
func (c *course) checkWho(t *rapid.T, q *room.Request, was, is *proto.Member) {
	switch {
	case was.ID != q.ClientID:
		if !was.Who.Equal(is.Who) {
			t.Fatalf("%+v changed what %s bears", q, was.ID)
		}
	case q.Sub == "" && was.Sub() != is.Sub():
		t.Fatalf("%+v made of the user %q the user %q", q, was.Sub(), is.Sub())
	case q.Sub != "" && is.Who != nil && (is.Who.Sub != q.Sub || is.Who.User != q.User || is.Who.Mod != q.Can.Has(proto.MayModerate)):
		t.Fatalf("%+v bears %+v", q, is.Who)
	case q.Op == proto.OpMember && q.Meta != nil && string(is.Who.Meta) != string(q.Meta):
		t.Fatalf("%+v bears %+v", q, is.Who)
	}
}

// sameButOwner reports whether the same stands about a room but for who may be its owner again.
func sameButOwner(a, b *proto.About) bool {
	none := func(a *proto.About) { a.OwnerSub = "" }
	return a.With(none).Equal(b.With(none))
}

// checkDoor checks of who wants to come in that a password is looked at where that decides, and only there; and that who knocks hears
// what a join would meet.
func (c *course) checkDoor(t *rapid.T, q *room.Request, d room.Decision) {
	if q.Op != proto.OpJoin && q.Op != proto.OpEnter && q.Op != proto.OpKnock {
		return
	}
	if a := c.about(); q.Proof != "" && a != nil && a.Password != "" {
		unseen, right, wrong := *q, *q, *q
		unseen.Checked, unseen.Right = "", false
		right.Right, wrong.Right = true, false
		decides := !reflect.DeepEqual(c.rules.Decide(c.st, &right), c.rules.Decide(c.st, &wrong))
		if needs := c.rules.NeedsProof(c.st, &unseen); needs != decides {
			t.Fatalf("%+v needs its password looked at: %t, and that decides: %t", unseen, needs, decides)
		}
		if c.rules.NeedsProof(c.st, &wrong) {
			t.Fatalf("%+v would be looked at again", wrong)
		}
	}
	if q.Op != proto.OpKnock || c.st.Member(q.ClientID) != nil {
		return
	}
	join := *q
	join.Op = proto.OpJoin
	met := c.rules.Decide(c.st, &join)
	code := met.Answer.Code
	shut := code == proto.CodeLocked || code == proto.CodeBadPassword
	switch d.Answer.Name {
	case proto.KnockAdmitted:
		if met.Record == nil && code != proto.CodeRoomFull {
			t.Fatalf("%+v is let in, and joining is answered %+v", q, met.Answer)
		}
	case proto.KnockPending:
		if !shut || !c.about().Knock {
			t.Fatalf("%+v waits, and joining is answered %+v", q, met.Answer)
		}
	default:
		if d.Answer.Code != code && !(shut && d.Answer.Code == proto.CodeRateLimited) {
			t.Fatalf("%+v is answered %+v, and joining %+v", q, d.Answer, met.Answer)
		}
	}
}

// repeatedLater asks again what was carried out, after somebody else has joined.
func (c *course) repeatedLater(t *rapid.T, q *room.Request, first room.Decision) {
	switch q.Op {
	case proto.OpKick, proto.OpUnban, proto.OpTransfer, proto.OpAdmit, proto.OpRefuse:
	case proto.OpUpdate:
		if q.Update.Proof != nil {
			return // another salt
		}
	default:
		return
	}
	if !c.st.Open() {
		return
	}
	rec := c.st.Record
	rec.Prev, rec.Change = c.st.Seq, proto.Change{Event: proto.ClientJoined, ID: "new", Request: "new", Replica: "R"}
	rec.Members = append(slices.Clip(rec.Members), proto.Member{ID: "new", Gateway: "g1", Request: "new"})
	later := &room.State{Seq: c.st.Seq + 1, Record: rec}
	d := c.rules.Decide(later, q)
	if c.form < proto.TrustForm && d.Answer.Code == proto.CodeUnavailable {
		return
	}
	if d.Record != nil || d.Answer.Name != first.Answer.Name {
		t.Fatalf("%+v, repeated after another change, is answered %+v, at first %+v", q, d.Answer, first.Answer)
	}
}

// A stranger with a token learns by no answer whether a room is there.
func TestARoomThatIsThereAnswersAStrangerLikeOneThatIsNot(t *testing.T) {
	t.Parallel()
	for _, op := range []proto.Op{proto.OpKick, proto.OpBan, proto.OpUnban, proto.OpUpdate, proto.OpTransfer, proto.OpAdmit, proto.OpRefuse, proto.OpAbout, proto.OpClose, proto.OpMember} {
		q := asks(op, "eve", "E")
		q.Can, q.TargetID, q.Banned, q.Seconds, q.Update = proto.MayCreate, "ann", "A", 60, &proto.Update{Locked: new(true)}
		there, _ := decide(house(&proto.About{Locked: true}), q)
		missing, _ := decide(nil, q)
		if !reflect.DeepEqual(there, missing) {
			t.Errorf("%s\n  with the room:    %+v\n  without the room: %+v", op, there, missing)
		}
	}
}
