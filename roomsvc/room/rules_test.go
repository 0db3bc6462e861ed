package room_test

import (
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// evenly draws each of some values about as often. [rapid.SampledFrom] prefers the first by far.
func evenly[T any](values ...T) *rapid.Generator[T] {
	return rapid.Custom(func(t *rapid.T) T {
		i := 0
		for range 8 {
			i *= 2
			if rapid.Bool().Draw(t, "bit") {
				i++
			}
		}
		return values[i%len(values)]
	})
}

// drawn are the operations: those that fill a room more often than those that empty it.
func drawn() []proto.Op {
	ofRooms := slices.DeleteFunc(proto.Ops(), func(op proto.Op) bool { return op == proto.OpList || op == proto.OpRevoked })
	return append(ofRooms, proto.OpJoin, proto.OpJoin, proto.OpEnter, proto.OpEnter, proto.OpEnter, proto.OpResume, proto.OpResume,
		proto.OpBan, proto.OpBan, proto.OpBan, proto.OpKick, proto.OpUpdate, proto.OpTransfer, proto.OpKnock, proto.OpMember)
}

func requests() *rapid.Generator[room.Request] {
	return rapid.Custom(func(t *rapid.T) room.Request {
		client := evenly[proto.ClientID]("ann", "bob", "eve", "zoe", "kim")
		ids := evenly[proto.RequestID]("1", "2", "3", "4", "5", "6")
		q := room.Request{Op: evenly(drawn()...).Draw(t, "op"), ID: ids.Draw(t, "id")}
		q.Room = "r"
		q.ClientID, q.TargetID = client.Draw(t, "client"), client.Draw(t, "target")
		q.Gateway = evenly[proto.GatewayID]("g1", "g2").Draw(t, "gateway")
		if q.Op == proto.OpLeave && rapid.Bool().Draw(t, "named") {
			q.Joined = ids.Draw(t, "joined")
		}
		q.Lost = rapid.Bool().Draw(t, "lost")
		if q.ClientID != "kim" && (q.Op == proto.OpResume || rapid.Bool().Draw(t, "session")) { // kim has no key
			q.Turn = evenly[int64](1, 1, 1, 2, 3, 4).Draw(t, "turn")
			q.Keep = rapid.IntRange(0, 30).Draw(t, "keep")
		}
		q.Seq = rapid.Uint64Range(0, 60).Draw(t, "seq")
		q.Fresh = rapid.Bool().Draw(t, "fresh")
		q.Policy = evenly("", proto.PolicyClose, proto.PolicyTransfer, proto.PolicyStay).Draw(t, "policy")
		trusting(t, &q)
		return q
	})
}

// course is a room's way through a sequence of requests.
type course struct {
	rules room.Rules
	form  int             // that may be written
	dead  proto.GatewayID // which is gone
	at    int64
	st    *room.State
	bans  map[string]int64          // until when each user is banned
	came  map[proto.ClientID]uint64 // by which change each member joined, or came back fresh
	seqs  []uint64                  // of the changes
}

// TestRulesHoldForAnySequenceOfRequests checks each decision against what a reader of the protocol expects of it.
func TestRulesHoldForAnySequenceOfRequests(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := &course{came: map[proto.ClientID]uint64{}, bans: map[string]int64{}}
		c.rules = room.Rules{
			Replica: "R", MaxMembers: evenly(0, 0, 2, 4).Draw(t, "limit"),
			Form: func() int { return c.form },
			Gone: func(g proto.GatewayID) bool { return g == c.dead },
		}
		var seq uint64
		for _, q := range rapid.SliceOfN(requests(), 40, 100).Draw(t, "requests") {
			c.form = evenly(proto.RecordForm, proto.RecordForm, proto.RecordForm, proto.RecordForm, proto.SessionForm, 1).Draw(t, "form")
			c.at += evenly[int64](0, 1, 300, 1_000, 11_000).Draw(t, "later")
			q.At = c.at
			if a := c.about(); a != nil { // the worker has looked at the password
				q.Checked, q.Right = a.Password, q.Proof != "" && a.Password == "hash of "+q.Proof
			}
			c.dead = evenly[proto.GatewayID]("", "g1", "g2").Draw(t, "dead")
			before := copyOf(c.st)
			d := c.rules.Decide(c.st, &q)
			if !reflect.DeepEqual(before, c.st) {
				t.Fatalf("%+v changed the state", q)
			}
			c.check(t, &q, d)
			c.checkDoor(t, &q, d)
			if d.Record != nil {
				seq += uint64(rapid.IntRange(1, 3).Draw(t, "others"))
				c.st = &room.State{Seq: seq, Record: *d.Record}
				c.note(&q)
				for n := 0; d.Again; n++ { // the worker decides it again
					if c.checkTrust(t, &q, d, before); n > 5 {
						t.Fatalf("%+v has no end", q)
					}
					before = copyOf(c.st)
					d = c.rules.Decide(c.st, &q)
					c.check(t, &q, d)
					if d.Record != nil {
						seq++
						c.st = &room.State{Seq: seq, Record: *d.Record}
						c.note(&q)
					}
				}
				c.repeated(t, &q, d)
				c.repeatedLater(t, &q, d)
			}
			c.checkTrust(t, &q, d, before)
		}
	})
}

func copyOf(st *room.State) *room.State {
	if st == nil {
		return nil
	}
	c := *st
	c.Record.Members = slices.Clone(st.Record.Members)
	c.Record.Change.Gateways = slices.Clone(st.Record.Change.Gateways)
	return &c
}

// note notes who is there since when.
func (c *course) note(q *room.Request) {
	c.seqs = append(c.seqs, c.st.Seq)
	change := &c.st.Record.Change
	c.noteBans(q)
	switch {
	case change.Event == proto.RoomCreated:
		clear(c.came)
		c.came[change.ID] = c.st.Seq
	case change.Event == proto.ClientJoined, change.Event == proto.ClientBack && change.Fresh:
		c.came[change.ID] = c.st.Seq
	}
}

func (c *course) check(t *rapid.T, q *room.Request, d room.Decision) {
	st, rec := c.st, d.Record
	if d.Relay != "" {
		target := st.Member(q.TargetID)
		if q.Op != proto.OpSignal || st.Member(q.ClientID) == nil || target == nil || target.Gateway != d.Relay ||
			target.Turn > 0 || q.TargetID == q.ClientID || rec != nil {
			t.Fatalf("%+v was relayed to %s", q, d.Relay)
		}
		return
	}
	if d.Answer.Name == "" {
		t.Fatalf("%+v has no answer", q)
	}
	if m := st.Member(q.ClientID); m != nil && m.Turn > 0 && q.Turn > 0 && q.Op != proto.OpRoster && q.Op != proto.OpList &&
		(q.Op != proto.OpLeave || q.Joined != m.Request) { // who names what it ends may have any turn
		lower, higher := q.Turn < m.Turn, q.Turn > m.Turn && q.Op != proto.OpResume
		if (lower || higher) && rec != nil || lower != (d.Answer.Name == proto.Fenced) && q.Op != proto.OpResume ||
			higher != (d.Answer.Code == proto.CodeResumeFirst) {
			t.Fatalf("%+v by %+v: answered %+v", q, m, d.Answer)
		}
	}
	if d.Answer.Name == proto.Resumed {
		c.checkResumed(t, q, d)
	}
	if rec != nil {
		c.checkRecord(t, q, rec)
		c.checkOwner(t, q, rec)
		c.checkMembers(t, q, rec)
	}
}

// checkResumed checks what one is told who comes back: with whom it makes connections anew, and all stays.
func (c *course) checkResumed(t *rapid.T, q *room.Request, d room.Decision) {
	rec, own := &c.st.Record, *c.st.Member(q.ClientID)
	if d.Record != nil {
		rec = d.Record
	}
	stays, err := proto.DecodeStays(d.Stays)
	if err != nil || len(stays.Members) != len(rec.Members) || len(d.Answer.Clients) != len(rec.Members)-1 {
		t.Fatalf("%+v is answered with %d members, and beside it %s, %v", q, len(d.Answer.Clients), d.Stays, err)
	}
	if d.Record != nil && stays.Before != own.Gateway {
		t.Fatalf("%+v came from %s, and is told %s", q, own.Gateway, stays.Before)
	}
	for _, m := range rec.Members {
		if stays.Members[m.ID] != m.Stay() {
			t.Fatalf("the stay of %+v is told as %+v", m, stays.Members[m.ID])
		}
		want := m.ID != q.ClientID && (q.Seq == 0 || c.came[m.ID] > q.Seq)
		if q.Fresh || q.Seq != 0 && (q.Seq < c.came[q.ClientID] || !slices.Contains(c.seqs, q.Seq)) {
			continue // it has no connections; or it cannot have taken note of that
		}
		if slices.Contains(d.Answer.Fresh, m.ID) != want {
			t.Fatalf("%s came by %d: %+v is told that %v are fresh", m.ID, c.came[m.ID], q, d.Answer.Fresh)
		}
	}
}

func (c *course) checkRecord(t *rapid.T, q *room.Request, rec *proto.Record) {
	st, change := c.st, rec.Change
	switch {
	case rec.Prev != st.Sequence():
		t.Fatalf("%+v expects %d after %d", q, rec.Prev, st.Sequence())
	case change.Request != q.ID || change.Replica != c.rules.Replica || change.ID != q.ClientID && !removes(q.Op):
		t.Fatalf("%+v made %+v", q, change)
	case rec.Closed != (len(rec.Members) == 0) || rec.Closed != (change.Event == proto.RoomClosed):
		t.Fatalf("%+v made %+v", q, rec)
	case c.rules.MaxMembers > 0 && len(rec.Members) > max(c.rules.MaxMembers, 1):
		t.Fatalf("%+v made a room of %d", q, len(rec.Members))
	case rec.NeedsForm() > max(c.form, 1) && (st == nil || st.Record.NeedsForm() < rec.NeedsForm()):
		t.Fatalf("%+v made %+v, when only form %d might be written", q, rec, c.form)
	}
	if got, err := proto.DecodeRecord(write(rec)); err != nil || string(write(&got)) != string(write(rec)) {
		t.Fatalf("%+v does not come back from its JSON: %+v, %v", rec, got, err)
	}
	told := (&room.State{Record: *rec}).Told()
	var had []proto.Member
	if st.Open() {
		had = st.Record.Members
	}
	for _, m := range append(slices.Clone(had), rec.Members...) {
		if !slices.Contains(told, m.Gateway) {
			t.Fatalf("%+v: gateway %s is not told", rec, m.Gateway)
		}
	}
}

// checkOwner checks that a room has one owner, who is a member, or, where the policy is that, none; and who became it.
func (c *course) checkOwner(t *rapid.T, q *room.Request, rec *proto.Record) {
	if rec.Closed {
		return
	}
	owner := rec.Member(rec.OwnerID)
	if owner < 0 && (rec.OwnerID != "" || rec.OnOwnerGone != proto.PolicyStay) {
		t.Fatalf("%+v has no owner", rec)
	}
	if !c.st.Open() || rec.OwnerID == c.st.Record.OwnerID {
		return
	}
	switch {
	case rec.Change.Event == proto.RoomUpdated && (q.Op == proto.OpTransfer || c.st.Record.OwnerID == ""),
		rec.Change.Event == proto.ClientJoined && rec.Change.Owner && c.st.Record.OwnerID == "" && q.Sub == c.st.Record.About.OwnerSub:
		return
	}
	if rec.OnOwnerGone != c.st.Record.OnOwnerGone || rec.Change.Event != proto.ClientLeft || !rec.Change.Owner ||
		rec.Change.ID != c.st.Record.OwnerID {
		t.Fatalf("%+v made %+v of %+v", q, rec, c.st.Record)
	}
	if owner < 0 {
		return
	}
	lives := func(m proto.Member) bool { return m.Gateway != c.dead }
	mod := func(m proto.Member) bool { return lives(m) && m.Who != nil && m.Who.Mod }
	i := slices.IndexFunc(rec.Members, mod)
	if i < 0 {
		i = slices.IndexFunc(rec.Members, lives)
	}
	if owner != max(i, 0) {
		t.Fatalf("%+v has another owner than the first moderator or member whose gateway is not %s", rec, c.dead)
	}
}

// checkMembers checks that nobody is changed but who asks, and how that one is.
func (c *course) checkMembers(t *rapid.T, q *room.Request, rec *proto.Record) {
	sessions := rec.Closed
	for i, m := range rec.Members {
		sessions = sessions || m.Turn > 0
		if slices.ContainsFunc(rec.Members[:i], func(o proto.Member) bool { return o.ID == m.ID }) {
			t.Fatalf("%+v has a member twice", rec)
		}
	}
	if !c.st.Open() {
		return
	}
	last := -1
	for _, was := range c.st.Record.Members {
		i := rec.Member(was.ID)
		if i < 0 {
			if was.ID != q.ClientID && !rec.Closed && (was.ID != rec.Change.ID || !removes(q.Op)) {
				t.Fatalf("%+v took %s out", q, was.ID)
			}
			continue
		}
		is := rec.Members[i]
		if i <= last || is.Turn < was.Turn {
			t.Fatalf("%+v made %+v of %+v", q, rec.Members, c.st.Record.Members)
		}
		last = i
		if q.Op == proto.OpMember || q.Op == proto.OpResume {
			c.checkWho(t, q, &was, &is)
			was.Who, is.Who = nil, nil
		}
		if q.Op == proto.OpResume && was.ID == q.ClientID {
			was.Turn, was.Keep, was.Gateway, was.Request = q.Turn, q.Keep, q.Gateway, q.ID
			if q.Fresh {
				was.Since = c.st.Seq
			}
		}
		if !sessions {
			was.Since = 0
		}
		if is != was {
			t.Fatalf("%+v made %+v, expected %+v", q, is, was)
		}
	}
}

// repeated asks again what has just been carried out: nothing may change, and the answer is the first one.
func (c *course) repeated(t *rapid.T, q *room.Request, first room.Decision) {
	d := c.rules.Decide(c.st, q)
	if q.Admin && d.Answer.Name == proto.RoomNotExists && !c.st.Open() {
		return // an operator has closed it, or removed the last one
	}
	if d.Record != nil || d.Answer.Name != first.Answer.Name || d.Stays != first.Stays {
		t.Fatalf("%+v, repeated, is answered %s %s, at first %s %s", q, d.Answer.Name, d.Stays, first.Answer.Name, first.Stays)
	}
	switch d.Answer.Name {
	case proto.RoomLeft, proto.NotInRoom, proto.ClientKicked, proto.ClientBanned, proto.ClientUnbanned, proto.ClientAdmitted, proto.ClientRefused:
		return
	default:
	}
	if d.Answer.Seq != c.st.Seq {
		t.Fatalf("%+v, repeated, bears %d, the room is at %d", q, d.Answer.Seq, c.st.Seq)
	}
}
