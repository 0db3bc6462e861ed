package e2e_test

import (
	"os"
	"testing"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// olderRoomsvc names a program of an earlier release, with which to run the test of upgrades. Without it a replica of this version
// says that it knows form 3 of records and no more, as the release before names and moderation does.
const olderRoomsvc = "PARLEY_OLDER_ROOMSVC"

// startOlder starts a replica that knows nothing of names and moderation.
func startOlder(t *testing.T, nats string) *harness.Process {
	t.Helper()
	if os.Getenv(olderRoomsvc) != "" {
		p := harness.StartShell(t, `exec "$`+olderRoomsvc+`" "$@"`, harness.Roomsvc, "--ops-listen", "127.0.0.1:0", "--nats", nats, "--log-format", "text")
		p.Ready(t)
		return p
	}
	return harness.StartRoomsvc(t, nats, "--record-form", "3")
}

// guarded is a room with a password from which eve is banned, and one that is locked.
type guarded struct {
	s            *trusting
	room, closed proto.Room
	older        bool // a program of an earlier release is up
}

// holds says when somebody gets in who may not, or who may does not. A program of an earlier release answers unavailable for a room
// whose record it does not know, as long as it is up.
func (g *guarded) holds(t *testing.T, when string) {
	t.Helper()
	eve, bob := g.s.user(t, "eve", everything), g.s.user(t, "bob", everything)
	defer eve.Close()
	defer bob.Close()
	for _, c := range []struct {
		who  *testkit.Client
		ask  proto.Frame
		code proto.Code
	}{
		{eve, withPassword(proto.RoomJoin, g.room, "marked-password"), proto.CodeBanned},
		{bob, proto.Frame{Name: proto.RoomJoin, Room: g.closed}, proto.CodeLocked},
	} {
		if e := c.who.Do(t, c.ask); e.Code != c.code && !(g.older && e.Code == proto.CodeUnavailable) {
			t.Errorf("%s, %s of %q is answered %+v", when, c.ask.Name, c.ask.Room, e)
		}
	}
	switch e := bob.Do(t, withPassword(proto.RoomJoin, g.room, "marked-password")); {
	case e.Name == proto.RoomJoined:
		want(t, bob.Leave(t, g.room), proto.RoomLeft)
	case !g.older || e.Code != proto.CodeUnavailable:
		t.Errorf("%s, who knows the password is answered %+v", when, e)
	}
}

// notRecorded says when something of moderation is recorded although an older replica runs.
func notRecorded(t *testing.T, s *trusting, when string) {
	t.Helper()
	c := s.user(t, "zoe", everything)
	defer c.Close()
	room := fresh(t)
	want(t, c.Create(t, room), proto.RoomCreated)
	for _, f := range []proto.Frame{
		{Name: proto.RoomUpdate, Room: room, More: &proto.FrameMore{Update: &proto.Update{Locked: new(true)}}},
		{Name: proto.RoomBan, Room: room, More: &proto.FrameMore{Sub: "eve", Seconds: 60}},
	} {
		if e := c.Do(t, f); e.Code != proto.CodeUnavailable && !(e.Code == proto.CodeBadRequest && os.Getenv(olderRoomsvc) != "") {
			t.Errorf("%s, %s is answered %+v", when, f.Name, e)
		}
	}
	want(t, c.Leave(t, room), proto.RoomLeft)
}

// TestNoBanLockOrPasswordIsLostInAnUpgrade: replicas are replaced by newer ones and back, in good order and killed, in every order.
// What stands about a room is not recorded while an older one is up. What was recorded holds all the time, for everybody.
func TestNoBanLockOrPasswordIsLostInAnUpgrade(t *testing.T) {
	t.Parallel()
	server := harness.StartNATS(t)
	secret := harness.NewSecret(t)
	old := []*harness.Process{startOlder(t, server.URL), startOlder(t, server.URL)}
	s := &trusting{secret: secret}
	gateways := []*harness.Process{harness.StartGateway(t, server.URL, secret.Args...), harness.StartGateway(t, server.URL, secret.Args...)}
	s.site = newSite(t, server.URL, views.Strict, gateways...)

	notRecorded(t, s, "while both are older")
	replicas := []*harness.Process{harness.StartRoomsvc(t, server.URL), nil}
	old[0].Stop(t)
	notRecorded(t, s, "while one is older")
	replicas[1] = harness.StartRoomsvc(t, server.URL)
	old[1].Kill(t)
	s.awaitTrust(t)

	owner := s.user(t, "ann", everything)
	g := &guarded{s: s, room: fresh(t), closed: fresh(t)}
	want(t, owner.Create(t, g.room), proto.RoomCreated)
	want(t, owner.Create(t, g.closed), proto.RoomCreated)
	set := withPassword(proto.RoomUpdate, g.room, "marked-password")
	set.More.Update = &proto.Update{}
	want(t, owner.Do(t, set), proto.RoomUpdated)
	want(t, owner.Do(t, proto.Frame{Name: proto.RoomBan, Room: g.room, More: &proto.FrameMore{Sub: "eve", Seconds: 3600}}), proto.ClientBanned)
	want(t, owner.Do(t, proto.Frame{Name: proto.RoomUpdate, Room: g.closed, More: &proto.FrameMore{Update: &proto.Update{Locked: new(true)}}}), proto.RoomUpdated)
	g.holds(t, "when all are newer")

	old[0], g.older = startOlder(t, server.URL), os.Getenv(olderRoomsvc) != ""
	notRecorded(t, s, "with an older one back")
	g.holds(t, "with an older one back")
	replicas[0].Kill(t)
	g.holds(t, "with a newer one killed")
	replicas[0] = harness.StartRoomsvc(t, server.URL)
	replicas[1].Stop(t)
	g.holds(t, "with a newer one stopped")
	old[0].Kill(t)
	s.awaitTrust(t)
	g.older = false
	g.holds(t, "with the older one killed")
}
