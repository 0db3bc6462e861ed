package room_test

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// subs are the users of the clients of [requests]: two are one user's, and kim has no token.
var subs = map[proto.ClientID]string{"ann": "A", "bob": "B", "eve": "B", "zoe": "Z"}

// trusting draws what a request says of names and moderation.
func trusting(t *rapid.T, q *room.Request) {
	if q.Op.Moderates() || q.Op == proto.OpMember {
		q.ID += proto.RequestID("-" + q.Op) // a request is of one kind
	}
	if evenly(true, true, true, false).Draw(t, "token") {
		if q.Sub = subs[q.ClientID]; q.Sub != "" {
			q.Can = evenly[proto.Grants](0, 1, 2, 3, 3, 3, 4, 5, 6, 7, 7, 7).Draw(t, "can")
			q.User = "user " + q.Sub
		}
	}
	if q.Op == proto.OpLeave && q.Sub != "" && rapid.Bool().Draw(t, "no longer") {
		q.Reason = proto.Forbidden
	}
	if rapid.Bool().Draw(t, "meta") {
		q.Meta = jsontext.Value(rapid.SampledFrom([]string{`{"a":1}`, `{"b":[",\"members\":["]}`}).Draw(t, "which"))
	}
	q.Proof = evenly("", "one", "one", "two").Draw(t, "proof")
	q.Seconds = evenly[int64](1, 60, 600).Draw(t, "seconds")
	q.Message = evenly("", `",members":[`).Draw(t, "message")
	q.Knocker = subs[q.TargetID]
	if (q.Op == proto.OpBan || q.Op == proto.OpUnban) && rapid.Bool().Draw(t, "by sub") || q.Op == proto.OpUnban {
		q.Banned, q.TargetID = evenly("A", "B", "Z").Draw(t, "sub"), ""
	}
	if q.Op == proto.OpUpdate {
		q.Update = new(proto.Update)
		if rapid.Bool().Draw(t, "lock") {
			q.Update.Locked = new(evenly(true, false, false).Draw(t, "locked"))
		}
		if rapid.Bool().Draw(t, "password") {
			q.Update.Proof = new(q.Proof)
			q.Hash = "hash of " + q.Proof
		}
		if rapid.Bool().Draw(t, "most") {
			q.Update.MaxMembers = new(rapid.IntRange(0, 3).Draw(t, "members"))
		}
		if q.Update.Empty() || rapid.Bool().Draw(t, "other") {
			q.Update.Policy, q.Update.Knock, q.Update.Meta = new(q.Policy), new(q.Fresh), q.Meta
		}
	}
	if q.Op.Moderates() && evenly(true, false, false, false, false, false, false, false).Draw(t, "operator") {
		q.Admin, q.ClientID, q.Gateway, q.Sub, q.Can, q.Turn = true, "", "", "", 0, 0
	}
}

// removes reports whether an operation takes another member out.
func removes(op proto.Op) bool { return op == proto.OpKick || op == proto.OpBan }

func (c *course) about() *proto.About {
	if c.st == nil {
		return nil
	}
	return c.st.Record.About.At(c.at)
}

// checkTrust checks what a decision means for who may what. before is the room before its record.
func (c *course) checkTrust(t *rapid.T, q *room.Request, d room.Decision, before *room.State) {
	now := c.about()
	if now != nil && c.st.Open() && !d.Again {
		for i := range c.st.Record.Members {
			m := &c.st.Record.Members[i]
			if proto.Holding(now.Bans, m.ID, m.Sub(), c.at) {
				t.Fatalf("%+v left %s in, who is banned: %+v", q, m.ID, c.st.Record)
			}
		}
	}
	c.checkKeptOut(t, q, d)
	if d.Record == nil && !d.Again {
		return
	}
	rec := &c.st.Record
	var was *proto.About
	if before != nil {
		was = before.Record.About.At(q.At)
	}
	switch rec.Change.Event {
	case proto.RoomCreated, proto.ClientJoined:
		c.checkEntry(t, q, before, was)
	case proto.ClientBack:
		if m := before.Member(q.ClientID); m.Sub() != "" && m.Sub() != q.Sub || c.bans[q.Sub] > q.At ||
			!q.May(proto.MayJoin) && (before.Record.OwnerID != q.ClientID || !q.May(proto.MayCreate)) {
			t.Fatalf("%+v came back, who may not", q)
		}
	case proto.ClientLeft, proto.RoomClosed:
		if rec.Change.ID != q.ClientID && !c.moderated(q, before) {
			t.Fatalf("%+v, who may not, made %+v", q, rec.Change)
		}
	case proto.RoomUpdated:
		if !c.moderated(q, before) {
			t.Fatalf("%+v, who may not, made %+v of %+v", q, rec, before)
		}
	default:
	}
	if !rec.Closed && before.Open() && !q.Op.Moderates() && !sameButOwner(was, now) {
		t.Fatalf("%+v changed what stands about the room from %+v to %+v", q, was, now)
	}
	if q.Op != proto.OpUnban && was != nil {
		for _, b := range was.Bans {
			if b.Until > c.at && (now == nil || !slices.ContainsFunc(now.Bans, func(h proto.Hold) bool { return h.Sub == b.Sub })) {
				t.Fatalf("%+v lifted the ban %+v", q, b)
			}
		}
	}
}

// checkEntry checks that who has come in might.
func (c *course) checkEntry(t *rapid.T, q *room.Request, before *room.State, was *proto.About) {
	grant := proto.MayJoin
	if c.st.Record.Change.Event == proto.RoomCreated {
		grant = proto.MayCreate
	}
	if !q.May(grant) {
		t.Fatalf("%+v came in without a grant", q)
	}
	if was == nil {
		return
	}
	if proto.Holding(was.Bans, q.ClientID, q.Sub, q.At) || proto.Holding(was.Kicked, q.ClientID, q.Sub, q.At) {
		t.Fatalf("%+v came in, who is kept out by %+v", q, was)
	}
	if !before.Open() || proto.Holding(was.Admitted, q.ClientID, q.Sub, q.At) {
		return
	}
	if was.OwnerSub != "" && was.OwnerSub == q.Sub && before.Record.OwnerID == "" {
		if c.st.Record.OwnerID != q.ClientID {
			t.Fatalf("%+v came back, and is not the owner again", q)
		}
		return
	}
	if was.Locked || was.Password != "" && was.Password != "hash of "+q.Proof {
		t.Fatalf("%+v came into a room about which %+v stood", q, was)
	}
	if was.MaxMembers > 0 && len(c.st.Record.Members) > was.MaxMembers {
		t.Fatalf("%+v came in as one too many", q)
	}
}

// moderated reports whether who asks might do what an owner may.
func (c *course) moderated(q *room.Request, before *room.State) bool {
	if q.Admin || q.Sub != "" && q.Can.Has(proto.MayModerate) && c.bans[q.Sub] <= q.At {
		return true
	}
	m := before.Member(q.ClientID)
	return m != nil && before.Record.OwnerID == q.ClientID && (m.Sub() == "" || m.Sub() == q.Sub)
}
