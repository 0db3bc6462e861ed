package e2e_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// sessions are the promises of sections 4 and 6 that every deployment keeps.
var sessions = []promise{
	{"RoomEnterCreatesOrJoinsAsOneChange", enterRoom},
	{"RoomCloseIsTheOwnersAlone", closeRoom},
	{"APolicyThatThereIsNotIsABadRequest", badPolicy},
	{"AResumedRoomIsASnapshotAndThenLive", snapshot},
	{"AFreshPageHearsNothingOldAndTheOthersKnow", freshPage},
	{"ASignalToSomebodyAwayIsHeldAndThenSent", heldThenSent},
	{"ASignalHeldForWhoLeavesIsToldAsTargetNotFound", heldThenGone},
	{"ASignalsNumberSentAgainIsAnsweredAsBeforeAndNotDelivered", sentAgain},
	{"AClientWithoutASessionHearsWhoCameBack", plainHears},
}

func enterRoom(t *testing.T, s *site) {
	room, clients := fresh(t), s.dials(t, 8)
	var wg sync.WaitGroup
	answers := make([]proto.Event, len(clients))
	errs := make([]error, len(clients))
	for i, c := range clients {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
			defer cancel()
			answers[i], errs[i] = c.Request(ctx, proto.Frame{Name: proto.RoomEnter, Room: room})
		})
	}
	wg.Wait()
	created := 0
	for i, e := range answers {
		switch {
		case errs[i] != nil:
			t.Fatal(errs[i])
		case e.Name == proto.RoomCreated && e.Seq > 0:
			created++
		case e.Name != proto.RoomJoined:
			t.Errorf("answered %s", proto.AppendEvent(nil, &e))
		}
	}
	if created != 1 {
		t.Errorf("%d have created the room", created)
	}
	members, _, err := s.truth(t).Members(t.Context(), room)
	if err != nil || len(members) != len(clients) {
		t.Errorf("the members are %v, %v", members, err)
	}
	for _, e := range answers {
		if e.Name == proto.RoomJoined && e.OwnerID != members[0] {
			t.Errorf("the owner is %s, %s is answered", members[0], proto.AppendEvent(nil, &e))
		}
	}
}

func closeRoom(t *testing.T, s *site) {
	room, owner, member, outside := fresh(t), s.dial(t), s.dial(t), s.dial(t)
	want(t, outside.CloseRoom(t, room), proto.NotInRoom)
	fill(t, room, owner, member)
	want(t, outside.CloseRoom(t, room), proto.NotInRoom)
	wantCode(t, member.CloseRoom(t, room), proto.CodeForbidden)
	owner.Quiet(t)
	e := owner.CloseRoom(t, room)
	if e.Name != proto.RoomLeft || e.Kicked {
		t.Errorf("answered %s", proto.AppendEvent(nil, &e))
	}
	if r := member.Expect(t, proto.RoomLeft); !r.Kicked || r.Reason != proto.ClosedForAll {
		t.Errorf("heard %s", r.Raw)
	}
	want(t, owner.CloseRoom(t, room), proto.NotInRoom)
	want(t, member.Join(t, room), proto.RoomNotExists)
	member.Quiet(t)
	owner.Quiet(t)
}

func badPolicy(t *testing.T, s *site) {
	c := s.dial(t)
	for i, policy := range []string{`"keep"`, `""`, `null`, `1`, `{}`, `["stay"]`, `"STAY"`} {
		for _, name := range []proto.Name{proto.RoomCreate, proto.RoomEnter} {
			room, ref := fresh(t), fmt.Sprintf("%d-%s", i, name)
			if err := c.SendText(t.Context(), fmt.Sprintf(`{"event":%q,"room":%q,"onOwnerGone":%s,"ref":%q}`, name, room, policy, ref)); err != nil {
				t.Fatal(err)
			}
			e, err := c.Answer(t.Context(), ref)
			if err != nil || e.Code != proto.CodeBadRequest && policy != `""` && policy != `null` {
				t.Errorf("%s with %s: answered %s, %v", name, policy, proto.AppendEvent(nil, &e), err)
			}
		}
	}
}

// comeBack ends a connection without a word and resumes its room on another.
func comeBack(t *testing.T, s *site, c *client, key *[proto.KeySize]byte, turn int64, room proto.Room) (*client, proto.Event) {
	t.Helper()
	c.Abort()
	heard := c.Heard(room)
	next := keyed(t, s.url(), key, turn)
	e := next.Resume(t, room, heard)
	want(t, e, proto.Resumed)
	return next, e
}

func snapshot(t *testing.T, s *site) {
	awaitSessions(t, s)
	room, key := fresh(t), testkit.NewKey()
	owner, plain := keyed(t, s.url(), testkit.NewKey(), 1), s.dial(t)
	c := keyed(t, s.url(), key, 1)
	fill(t, room, owner, plain, c)
	c.Abort()
	late := keyed(t, s.url(), testkit.NewKey(), 1)
	want(t, late.Join(t, room), proto.RoomJoined)
	want(t, plain.Leave(t, room), proto.RoomLeft)
	if r := late.Expect(t, proto.ClientLeft); r.ID != plain.ID() {
		t.Errorf("heard %s", r.Raw)
	}
	back, e := comeBack(t, s, c, key, 2, room)
	switch {
	case e.OwnerID != owner.ID(), len(e.Clients) != 2, e.Clients[0] != owner.ID(), e.Clients[1] != late.ID():
		t.Errorf("answered %s", proto.AppendEvent(nil, &e))
	case len(e.Fresh) != 1, e.Fresh[0] != late.ID(), e.Seq <= c.Heard(room).Seq:
		t.Errorf("answered %s", proto.AppendEvent(nil, &e))
	}
	if r := back.Expect(t, proto.Live); len(r.Lost) != 0 {
		t.Errorf("heard %s", r.Raw)
	}
	r := backOf(t, late)
	if r.ID != back.ID() || r.Seq != e.Seq || r.FreshBack {
		t.Errorf("heard %s", r.Raw)
	}
	back.Quiet(t)
	late.Quiet(t)
	again := keyed(t, s.url(), key, 3)
	all := again.Resume(t, room, testkit.Heard{}) // it has taken note of nothing: everybody is fresh
	want(t, all, proto.Resumed)
	if len(all.Fresh) != 2 {
		t.Errorf("answered %s", proto.AppendEvent(nil, &all))
	}
	want(t, again.Resume(t, "nowhere", testkit.Heard{}), proto.NotInRoom)
}

func freshPage(t *testing.T, s *site) {
	awaitSessions(t, s)
	room, key, awayKey := fresh(t), testkit.NewKey(), testkit.NewKey()
	owner, c, away := keyed(t, s.url(), testkit.NewKey(), 1), keyed(t, s.url(), key, 1), keyed(t, s.url(), awayKey, 1)
	fill(t, room, owner, c, away)
	away.Abort()
	c.Abort()
	harness.Await(t, "a signal is held", func() bool { return owner.Signal(t, room, c.ID(), `"old"`).Name == proto.SignalHeld })
	page := keyed(t, s.url(), key, 2)
	want(t, page.ResumeFresh(t, room), proto.Resumed)
	if r := page.Expect(t, proto.Live); len(r.Lost) != 0 {
		t.Errorf("heard %s", r.Raw)
	}
	if r := backOf(t, owner); !r.FreshBack || r.ID != page.ID() {
		t.Errorf("heard %s", r.Raw)
	}
	want(t, owner.Signal(t, room, page.ID(), `"new"`), proto.SignalSent)
	for {
		r := page.Expect(t, proto.SignalReceive, proto.ClientAway)
		if r.Name == proto.ClientAway {
			continue
		}
		if string(r.Data) != `"new"` {
			t.Errorf("heard %s", r.Raw)
		}
		break
	}
	_, e := comeBack(t, s, away, awayKey, 2, room) // for who was away meanwhile, it is fresh as well
	if len(e.Fresh) != 1 || e.Fresh[0] != page.ID() {
		t.Errorf("answered %s", proto.AppendEvent(nil, &e))
	}
}

func heldThenSent(t *testing.T, s *site) {
	awaitSessions(t, s)
	room, key := fresh(t), testkit.NewKey()
	owner, c := keyed(t, s.url(), testkit.NewKey(), 1), keyed(t, s.url(), key, 1)
	fill(t, room, owner, c)
	c.Abort()
	harness.Await(t, "a signal is held", func() bool { return owner.Signal(t, room, c.ID(), `1`).Name == proto.SignalHeld })
	f := proto.Frame{Name: proto.SignalSend, Room: room, TargetID: c.ID(), Data: []byte(`2`), Ref: "mine"}
	want(t, owner.Do(t, f), proto.SignalHeld)
	back, _ := comeBack(t, s, c, key, 2, room)
	var heard []string
	for {
		r := back.Expect(t, proto.SignalReceive, proto.Live)
		if r.Name == proto.Live {
			if len(r.Lost) > 0 {
				t.Errorf("heard %s", r.Raw)
			}
			break
		}
		heard = append(heard, string(r.Data))
	}
	if n := len(heard); n < 2 || heard[n-1] != `2` {
		t.Errorf("heard %v before live", heard)
	}
	harness.Await(t, "it is said to have been sent", func() bool {
		var said []proto.Name
		for _, r := range owner.All() {
			if r.Ref == "mine" {
				said = append(said, r.Name)
			}
		}
		return len(said) == 2 && said[0] == proto.SignalHeld && said[1] == proto.SignalSent
	})
}

func heldThenGone(t *testing.T, s *site) {
	awaitSessions(t, s)
	room := fresh(t)
	owner, c := keyed(t, s.url(), testkit.NewKey(), 1), brief(t, s.url(), testkit.NewKey(), 1)
	fill(t, room, owner, c)
	c.Abort()
	f := proto.Frame{Name: proto.SignalSend, Room: room, TargetID: c.ID(), Data: []byte(`2`), Ref: "mine"}
	if e := owner.Do(t, f); e.Name != proto.SignalHeld && e.Name != proto.SignalSent { // sent before the end was noticed
		t.Fatalf("answered %s", proto.AppendEvent(nil, &e))
	} else if e.Name == proto.SignalSent {
		f.Ref = "next"
		if e := owner.Do(t, f); e.Name == proto.TargetNotFound {
			return // it had gone already
		}
	}
	harness.Await(t, "it is said to have found nobody", func() bool {
		for _, r := range owner.All() {
			if r.Ref == f.Ref && r.Name == proto.TargetNotFound {
				return true
			}
		}
		return false
	})
}

func sentAgain(t *testing.T, s *site) {
	awaitSessions(t, s)
	room := fresh(t)
	a, b := keyed(t, s.url(), testkit.NewKey(), 1), keyed(t, s.url(), testkit.NewKey(), 1)
	fill(t, room, a, b)
	n := proto.Number(1, 0)
	for i := range int64(100) {
		want(t, a.SignalN(t, room, b.ID(), n+i+1, `1`), proto.SignalSent)
		want(t, a.SignalN(t, room, b.ID(), n+i+1, `2`), proto.SignalSent) // the same again
	}
	for i := range int64(100) {
		if r := b.Expect(t, proto.SignalReceive); r.N != n+i+1 || string(r.Data) != `1` {
			t.Fatalf("heard %s", r.Raw)
		}
	}
	want(t, a.SignalN(t, room, b.ID(), n+40, `3`), proto.SignalSent)
	wantCode(t, a.SignalN(t, room, b.ID(), n+20, `4`), proto.CodeTooOld)
	b.Quiet(t)
}

func plainHears(t *testing.T, s *site) {
	awaitSessions(t, s)
	room, key, plain := fresh(t), testkit.NewKey(), s.dial(t)
	c := keyed(t, s.url(), key, 1)
	fill(t, room, plain, c)
	back, e := comeBack(t, s, c, key, 2, room)
	r := backOf(t, plain)
	if r.ID != back.ID() || r.Seq != e.Seq {
		t.Errorf("heard %s", r.Raw)
	}
	back.Expect(t, proto.Live)
	want(t, plain.Signal(t, room, back.ID(), `1`), proto.SignalSent)
	if r := back.Expect(t, proto.SignalReceive); r.N == 0 {
		t.Errorf("heard %s", r.Raw)
	}
	want(t, back.Signal(t, room, plain.ID(), `2`), proto.SignalSent)
	if r := plain.Expect(t, proto.SignalReceive); r.N != 0 {
		t.Errorf("heard %s", r.Raw)
	}
}
