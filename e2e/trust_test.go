package e2e_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// trusting is a site whose gateways ask for tokens.
type trusting struct {
	*site
	secret *harness.Secret
	site2  *harness.Site
}

// everything is what a token may grant, in all rooms.
var everything = harness.Grants{"*": {"create", "join", "moderate"}}

// newTrusting starts two gateways and two replicas, or one process, that ask for tokens.
func newTrusting(t *testing.T, cluster bool) *trusting {
	t.Helper()
	s := &trusting{secret: harness.NewSecret(t)}
	if !cluster {
		p := harness.StartParley(t, append(s.secret.Args, "--require-user")...)
		s.site = newSite(t, "nats://"+p.Addr(t, "nats"), views.Strict, p)
	} else {
		server := harness.StartNATS(t)
		s.site2 = harness.StartSite(t, server.URL, 2, 2, s.secret.Args, []string{"--require-user"})
		s.site = newSite(t, server.URL, views.Strict, s.site2.Gateways...)
	}
	s.awaitTrust(t)
	return s
}

// awaitTrust waits until the room service records names: until each of its replicas knows that all of them can read that. Which of
// them owns a room is chance, so a dozen rooms in a row have to be locked.
func (s *trusting) awaitTrust(t *testing.T) {
	t.Helper()
	c := s.user(t, "scout", everything)
	defer c.Close()
	row := 0
	harness.Await(t, "names are recorded", func() bool {
		room := fresh(t)
		want(t, c.Create(t, room), proto.RoomCreated)
		locked := c.Do(t, proto.Frame{Name: proto.RoomUpdate, Room: room, More: &proto.FrameMore{Update: &proto.Update{Locked: new(true)}}})
		want(t, c.Leave(t, room), proto.RoomLeft)
		if row++; locked.Name != proto.RoomUpdated {
			row = 0
		}
		return row == 12
	})
}

// user connects a client whose token grants some rooms.
func (s *trusting) user(t *testing.T, sub string, rooms harness.Grants) *testkit.Client {
	t.Helper()
	return testkit.DialWith(t, s.url(), &testkit.Options{Token: s.secret.Token(t, sub, rooms)})
}

// clusters runs a test on one process, and on two gateways and two replicas.
func clusters(t *testing.T, test func(t *testing.T, s *trusting)) {
	t.Parallel()
	for name, cluster := range map[string]bool{"one process": false, "two gateways and replicas": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newTrusting(t, cluster))
		})
	}
}

// requests are what may be asked of a room.
var requests = map[string]func(room proto.Room, target proto.ClientID) proto.Frame{
	"create": func(room proto.Room, _ proto.ClientID) proto.Frame {
		return proto.Frame{Name: proto.RoomCreate, Room: room}
	},
	"join": func(room proto.Room, _ proto.ClientID) proto.Frame {
		return proto.Frame{Name: proto.RoomJoin, Room: room}
	},
	"enter": func(room proto.Room, _ proto.ClientID) proto.Frame {
		return proto.Frame{Name: proto.RoomEnter, Room: room}
	},
	"knock": func(room proto.Room, _ proto.ClientID) proto.Frame {
		return proto.Frame{Name: proto.RoomKnock, Room: room}
	},
	"roster": func(room proto.Room, _ proto.ClientID) proto.Frame {
		return proto.Frame{Name: proto.RoomRoster, Room: room}
	},
	"update": func(room proto.Room, _ proto.ClientID) proto.Frame {
		return proto.Frame{Name: proto.RoomUpdate, Room: room, More: &proto.FrameMore{Update: &proto.Update{Knock: new(true)}}}
	},
	"kick": func(room proto.Room, target proto.ClientID) proto.Frame {
		return proto.Frame{Name: proto.RoomKick, Room: room, TargetID: target}
	},
	"ban": func(room proto.Room, target proto.ClientID) proto.Frame {
		return proto.Frame{Name: proto.RoomBan, Room: room, TargetID: target, More: &proto.FrameMore{Seconds: 60}}
	},
	"unban": func(room proto.Room, _ proto.ClientID) proto.Frame {
		return proto.Frame{Name: proto.RoomUnban, Room: room, More: &proto.FrameMore{Sub: "somebody"}}
	},
	"transfer": func(room proto.Room, target proto.ClientID) proto.Frame {
		return proto.Frame{Name: proto.RoomTransfer, Room: room, TargetID: target}
	},
	"admit": func(room proto.Room, target proto.ClientID) proto.Frame {
		return proto.Frame{Name: proto.RoomAdmit, Room: room, TargetID: target}
	},
	"refuse": func(room proto.Room, target proto.ClientID) proto.Frame {
		return proto.Frame{Name: proto.RoomRefuse, Room: room, TargetID: target}
	},
	"close": func(room proto.Room, _ proto.ClientID) proto.Frame {
		return proto.Frame{Name: proto.RoomClose, Room: room}
	},
	"meta": func(room proto.Room, _ proto.ClientID) proto.Frame {
		return proto.Frame{Name: proto.MemberUpdate, Room: room, More: &proto.FrameMore{Meta: jsontext.Value(`{"a":1}`)}}
	},
	"signal": func(room proto.Room, target proto.ClientID) proto.Frame {
		return proto.Frame{Name: proto.SignalSend, Room: room, TargetID: target, Data: jsontext.Value(`1`)}
	},
}

// TestWhoMayWhat asks for everything as everybody: each request, as a stranger, a member, a moderator and the owner of a room, with a
// token that grants nothing, or one thing.
func TestWhoMayWhat(t *testing.T) {
	clusters(t, func(t *testing.T, s *trusting) {
		const no = "forbidden"
		grants := []string{"", "create", "join", "moderate"}
		// By request and who asks; where it depends on the grant, after a slash by each of grants.
		table := map[string]map[string]string{
			"create":   {"stranger": "forbidden/room-exists/forbidden/forbidden"},
			"join":     {"stranger": "forbidden/forbidden/room-joined/forbidden"},
			"enter":    {"stranger": "forbidden/forbidden/room-joined/forbidden"},
			"knock":    {"stranger": "forbidden/forbidden/knock-admitted/forbidden"},
			"roster":   {"stranger": "forbidden/forbidden/forbidden/room-roster", "member": no, "moderator": "room-roster", "owner": "room-roster"},
			"update":   {"stranger": "forbidden/forbidden/forbidden/room-updated", "member": no, "moderator": "room-updated", "owner": "room-updated"},
			"kick":     {"stranger": "forbidden/forbidden/forbidden/client-kicked", "member": no, "moderator": "client-kicked", "owner": "client-kicked"},
			"ban":      {"stranger": "forbidden/forbidden/forbidden/client-banned", "member": no, "moderator": "client-banned", "owner": "client-banned"},
			"unban":    {"stranger": "forbidden/forbidden/forbidden/client-unbanned", "member": no, "moderator": "client-unbanned", "owner": "client-unbanned"},
			"transfer": {"stranger": no, "member": no, "moderator": no, "owner": "room-updated"},
			"admit":    {"stranger": "forbidden/forbidden/forbidden/target-not-found", "member": no, "moderator": "target-not-found", "owner": "target-not-found"},
			"refuse":   {"stranger": "forbidden/forbidden/forbidden/target-not-found", "member": no, "moderator": "target-not-found", "owner": "target-not-found"},
			"close":    {"stranger": "not-in-room/not-in-room/not-in-room/room-left", "member": no, "moderator": "room-left", "owner": "room-left"},
			"meta":     {"stranger": "not-in-room", "member": "member-updated", "moderator": "member-updated", "owner": "member-updated"},
			"signal":   {"stranger": "not-in-room", "member": "signal-sent", "moderator": "signal-sent", "owner": "signal-sent"},
		}
		mates := map[string]*testkit.Client{}
		for _, sub := range []string{"owner", "other"} {
			mates[sub] = s.user(t, sub, harness.Grants{"*": {"create", "join"}})
		}
		roles := map[string]*testkit.Client{
			"member":    s.user(t, "member", harness.Grants{"*": {"join"}}),
			"moderator": s.user(t, "moderator", harness.Grants{"*": {"join", "moderate"}}),
		}
		strangers := make([]*testkit.Client, len(grants))
		for i, grant := range grants {
			strangers[i] = s.user(t, "stranger"+grant, harness.Grants{"*": slices.DeleteFunc([]string{grant}, func(g string) bool { return g == "" })})
		}
		for request, by := range table {
			for role, outcome := range by {
				outcomes := strings.Split(outcome, "/")
				for i := range grants {
					if role != "stranger" && i > 0 {
						break
					}
					room := fresh(t)
					want(t, mates["owner"].Create(t, room), proto.RoomCreated)
					want(t, mates["other"].Join(t, room), proto.RoomJoined)
					asker := mates["owner"]
					switch role {
					case "stranger":
						asker = strangers[i]
					case "member", "moderator":
						asker = roles[role]
						want(t, asker.Join(t, room), proto.RoomJoined)
					}
					e := asker.Do(t, requests[request](room, mates["other"].ID()))
					got := string(e.Name)
					if e.Name == proto.Error {
						got = string(e.Code)
					}
					if expected := outcomes[min(i, len(outcomes)-1)]; got != expected {
						t.Errorf("%s by a %s with %q: answered %s, expected %s", request, role, grants[i], proto.AppendEvent(nil, &e), expected)
					}
					mates["owner"].Do(t, proto.Frame{Name: proto.RoomClose, Room: room})
				}
			}
		}
	})
}

// Who is in a room is told by name, to those who come and to those who are there.
func TestMembersHaveNames(t *testing.T) {
	clusters(t, func(t *testing.T, s *trusting) {
		ann := s.user(t, "ann", everything)
		bob := s.user(t, "bob", harness.Grants{"*": {"join"}})
		room := fresh(t)
		want(t, ann.Create(t, room), proto.RoomCreated)
		e := bob.Do(t, proto.Frame{Name: proto.RoomJoin, Room: room, More: &proto.FrameMore{Meta: jsontext.Value(`{"hand":false}`)}})
		if e.More == nil || len(e.More.Members) != 1 || e.More.Members[0].User != "user ann" || !e.More.Members[0].Mod ||
			string(e.More.Members[0].Claims) != `{"name":"Name of ann"}` || e.More.Members[0].Sub != "" {
			t.Fatalf("bob is told %s", proto.AppendEvent(nil, &e))
		}
		joined := ann.Expect(t, proto.ClientJoined)
		if m := joined.More; m == nil || m.User != "user bob" || string(m.Meta) != `{"hand":false}` || m.Mod || strings.Contains(string(joined.Raw), `"sub"`) {
			t.Fatalf("ann hears %s", joined.Raw)
		}
		want(t, bob.Do(t, proto.Frame{Name: proto.MemberUpdate, Room: room, More: &proto.FrameMore{Meta: jsontext.Value(`{"hand":true}`)}}), proto.MemberUpdated)
		for _, c := range []*testkit.Client{ann, bob} {
			if got := c.Expect(t, proto.MemberUpdated); got.ID != bob.ID() || string(got.More.Meta) != `{"hand":true}` || got.Prev == 0 {
				t.Errorf("heard %s", got.Raw)
			}
		}
		wantCode(t, bob.Do(t, proto.Frame{
			Name: proto.MemberUpdate, Room: room, More: &proto.FrameMore{Meta: jsontext.Value(`{"a":"` + strings.Repeat("x", 300) + `"}`)},
		}), proto.CodeBadRequest)
	})
}

// Who was removed stays out: as another client, through another gateway, and also when the room was made anew.
func TestWhoWasRemovedStaysOut(t *testing.T) {
	clusters(t, func(t *testing.T, s *trusting) {
		ann, bob := s.user(t, "ann", everything), s.user(t, "bob", harness.Grants{"*": {"create", "join"}})
		kim := s.user(t, "kim", harness.Grants{"*": {"join"}})
		room := fresh(t)
		want(t, ann.Create(t, room), proto.RoomCreated)
		want(t, bob.Join(t, room), proto.RoomJoined)
		want(t, kim.Join(t, room), proto.RoomJoined)
		want(t, ann.Do(t, proto.Frame{Name: proto.RoomKick, Room: room, TargetID: bob.ID(), More: &proto.FrameMore{Message: "calm down"}}), proto.ClientKicked)
		bob.Expect(t, proto.ClientJoined)
		left := bob.Expect(t, proto.RoomLeft)
		if !left.Kicked || left.Reason != proto.Kicked || left.Message != "calm down" {
			t.Errorf("bob hears %s", left.Raw)
		}
		if heard := kim.Expect(t, proto.ClientLeft); heard.Reason != proto.Kicked || strings.Contains(string(heard.Raw), "calm") {
			t.Errorf("kim hears %s", heard.Raw)
		}
		wantCode(t, bob.Join(t, room), proto.CodeForbidden)
		wantCode(t, s.user(t, "bob", everything).Join(t, room), proto.CodeForbidden)
		want(t, ann.Do(t, proto.Frame{Name: proto.RoomBan, Room: room, More: &proto.FrameMore{Sub: "kim", Seconds: 600}}), proto.ClientBanned)
		if left := kim.Expect(t, proto.RoomLeft); left.Reason != proto.Banned {
			t.Errorf("kim hears %s", left.Raw)
		}
		again := s.user(t, "kim", everything)
		for _, name := range []proto.Name{proto.RoomJoin, proto.RoomEnter, proto.RoomKnock} {
			wantCode(t, again.Do(t, proto.Frame{Name: name, Room: room}), proto.CodeBanned)
		}
		want(t, ann.CloseRoom(t, room), proto.RoomLeft)
		wantCode(t, again.Create(t, room), proto.CodeBanned)
		want(t, ann.Create(t, room), proto.RoomCreated)
		wantCode(t, again.Join(t, room), proto.CodeBanned)
		want(t, ann.Do(t, proto.Frame{Name: proto.RoomUnban, Room: room, More: &proto.FrameMore{Sub: "kim"}}), proto.ClientUnbanned)
		want(t, again.Join(t, room), proto.RoomJoined)
	})
}

// A ban removes every client of its user.
func TestABanRemovesEveryClientOfItsUser(t *testing.T) {
	clusters(t, func(t *testing.T, s *trusting) {
		ann := s.user(t, "ann", everything)
		room := fresh(t)
		want(t, ann.Create(t, room), proto.RoomCreated)
		var bobs []*testkit.Client
		for range 4 {
			bob := s.user(t, "bob", everything)
			want(t, bob.Join(t, room), proto.RoomJoined)
			bobs = append(bobs, bob)
		}
		e := ann.Do(t, proto.Frame{Name: proto.RoomBan, Room: room, TargetID: bobs[1].ID(), More: &proto.FrameMore{Seconds: 60}})
		want(t, e, proto.ClientBanned)
		if e.More.Sub != "bob" {
			t.Errorf("answered %s", proto.AppendEvent(nil, &e))
		}
		for _, bob := range bobs {
			if r, err := bob.Await(t.Context(), proto.RoomLeft); err != nil || r.Reason != proto.Banned {
				t.Errorf("a client of bob hears %s, %v", r.Raw, err)
			}
		}
		roster := ann.Do(t, proto.Frame{Name: proto.RoomRoster, Room: room})
		if len(roster.More.Members) != 1 || len(roster.More.Bans) != 1 || roster.More.Bans[0].Sub != "bob" || roster.More.Bans[0].Seconds > 60 {
			t.Errorf("the roster is %s", proto.AppendEvent(nil, &roster))
		}
	})
}

// withPassword is a request with a password.
func withPassword(name proto.Name, room proto.Room, password string) proto.Frame {
	more := &proto.FrameMore{}
	more.SetPassword(password)
	return proto.Frame{Name: name, Room: room, More: more}
}

func TestALockAndAPasswordKeepOthersOut(t *testing.T) {
	clusters(t, func(t *testing.T, s *trusting) {
		ann, bob, kim := s.user(t, "ann", everything), s.user(t, "bob", everything), s.user(t, "kim", everything)
		room := fresh(t)
		want(t, ann.Create(t, room), proto.RoomCreated)
		want(t, ann.Do(t, proto.Frame{Name: proto.RoomUpdate, Room: room, More: &proto.FrameMore{Update: &proto.Update{Locked: new(true)}}}), proto.RoomUpdated)
		wantCode(t, bob.Join(t, room), proto.CodeLocked)
		want(t, ann.Do(t, proto.Frame{Name: proto.RoomUpdate, Room: room, More: &proto.FrameMore{Update: &proto.Update{Locked: new(false)}}}), proto.RoomUpdated)
		set := withPassword(proto.RoomUpdate, room, "marked-password")
		set.More.Update = &proto.Update{}
		e := ann.Do(t, set)
		want(t, e, proto.RoomUpdated)
		if e.More == nil || !e.More.Password || e.More.Locked {
			t.Errorf("answered %s", proto.AppendEvent(nil, &e))
		}
		wantCode(t, bob.Join(t, room), proto.CodeBadPassword)
		wantCode(t, bob.Do(t, withPassword(proto.RoomJoin, room, "wrong")), proto.CodeBadPassword)
		want(t, bob.Do(t, withPassword(proto.RoomJoin, room, "marked-password")), proto.RoomJoined)
		want(t, bob.Leave(t, room), proto.RoomLeft)
		for range 5 { // one was wrong already
			if e := kim.Do(t, withPassword(proto.RoomEnter, room, "guess")); e.Code == proto.CodeRateLimited {
				break
			}
		}
		wantCode(t, kim.Do(t, withPassword(proto.RoomJoin, room, "marked-password")), proto.CodeRateLimited)
	})
}

func TestAWaitingRoom(t *testing.T) {
	clusters(t, func(t *testing.T, s *trusting) {
		ann := s.user(t, "ann", everything)
		bob, kim := s.user(t, "bob", harness.Grants{"*": {"join"}}), s.user(t, "kim", harness.Grants{"*": {"join"}})
		room := fresh(t)
		want(t, ann.Create(t, room), proto.RoomCreated)
		want(t, ann.Do(t, proto.Frame{Name: proto.RoomUpdate, Room: room, More: &proto.FrameMore{Update: &proto.Update{Locked: new(true), Knock: new(true)}}}), proto.RoomUpdated)
		ann.Expect(t, proto.RoomUpdated)
		want(t, bob.Do(t, proto.Frame{Name: proto.RoomKnock, Room: room, More: &proto.FrameMore{Meta: jsontext.Value(`{"note":"hi"}`)}}), proto.KnockPending)
		knocked := ann.Expect(t, proto.ClientKnocked)
		if knocked.ID != bob.ID() || knocked.More.User != "user bob" || string(knocked.More.Meta) != `{"note":"hi"}` {
			t.Errorf("ann hears %s", knocked.Raw)
		}
		mod := s.user(t, "mod", everything) // who moderates later is told, too
		wantCode(t, mod.Join(t, room), proto.CodeLocked)
		want(t, ann.Do(t, proto.Frame{Name: proto.RoomAdmit, Room: room, TargetID: bob.ID()}), proto.ClientAdmitted)
		bob.Expect(t, proto.KnockAdmitted)
		want(t, bob.Join(t, room), proto.RoomJoined)
		want(t, kim.Do(t, proto.Frame{Name: proto.RoomKnock, Room: room}), proto.KnockPending)
		want(t, ann.Do(t, proto.Frame{Name: proto.RoomRefuse, Room: room, TargetID: kim.ID()}), proto.ClientRefused)
		kim.Expect(t, proto.KnockRefused)
		wantCode(t, kim.Do(t, proto.Frame{Name: proto.RoomKnock, Room: room}), proto.CodeRateLimited)
		zoe := s.user(t, "zoe", harness.Grants{"*": {"join"}})
		want(t, zoe.Do(t, proto.Frame{Name: proto.RoomKnock, Room: room}), proto.KnockPending)
		zoe.Close()
		for {
			if r, err := ann.Await(t.Context(), proto.ClientKnocked); err != nil || r.ID == zoe.ID() && r.More != nil && r.More.Gone {
				if err != nil {
					t.Error(err)
				}
				break
			}
		}
	})
}

// A token that does not count, or no more, is told in words by the closing code 4401.
func TestATokenThatDoesNotCountClosesTheConnection(t *testing.T) {
	t.Parallel()
	s := newTrusting(t, false)
	now := time.Now()
	for name, token := range map[string]string{
		"none": "", "expired": s.secret.TokenAt(t, "ann", everything, now.Add(-time.Hour), now.Add(-time.Minute)), "nonsense": "a.b.c",
	} {
		_, err := testkit.Open(t.Context(), s.url(), &testkit.Options{Token: token})
		if err == nil || !strings.Contains(err.Error(), "4401") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// New grants hold at once: a room that may not be joined any more is left, and its owner hands it over.
func TestANewTokenHoldsAtOnce(t *testing.T) {
	clusters(t, func(t *testing.T, s *trusting) {
		ann, bob := s.user(t, "ann", everything), s.user(t, "bob", everything)
		room := fresh(t)
		want(t, ann.Create(t, room), proto.RoomCreated)
		want(t, bob.Join(t, room), proto.RoomJoined)
		renew := func(c *testkit.Client, token string) proto.Event {
			return c.Do(t, proto.Frame{Name: proto.TokenRenew, More: &proto.FrameMore{Token: token}})
		}
		wantCode(t, renew(ann, s.secret.Token(t, "bob", everything)), proto.CodeUnauthorized)
		wantCode(t, renew(ann, s.secret.TokenAt(t, "ann", everything, time.Now().Add(-time.Minute), time.Now().Add(time.Hour))), proto.CodeUnauthorized)
		want(t, renew(ann, s.secret.Token(t, "ann", harness.Grants{"elsewhere": {"join"}})), proto.TokenAccepted)
		if r, err := ann.Await(t.Context(), proto.RoomLeft); err != nil || !r.Kicked || r.Reason != proto.Forbidden {
			t.Fatalf("ann hears %s, %v", r.Raw, err)
		}
		if r, err := bob.Await(t.Context(), proto.ClientLeft); err != nil || r.OwnerID != bob.ID() || r.Reason != proto.Forbidden {
			t.Fatalf("bob hears %s, %v", r.Raw, err)
		}
		wantCode(t, ann.Join(t, room), proto.CodeForbidden)
		want(t, bob.Do(t, proto.Frame{Name: proto.RoomTransfer, Room: room, TargetID: bob.ID()}), proto.RoomUpdated)
	})
}

// What a room is for, who is banned and which password it has outlives every process.
func TestModerationOutlivesARestartOfEverything(t *testing.T) {
	t.Parallel()
	secret := harness.NewSecret(t)
	p := harness.StartParley(t, append(secret.Args, "--data-dir", t.TempDir())...)
	s := &trusting{secret: secret, site: newSite(t, "nats://"+p.Addr(t, "nats"), views.Strict, p)}
	s.awaitTrust(t)
	ann := s.user(t, "ann", everything)
	room := fresh(t)
	key := testkit.NewKey()
	owner := testkit.DialWith(t, s.url(), &testkit.Options{Token: secret.Token(t, "owner", everything), Key: key, Turn: 1})
	want(t, owner.Create(t, room), proto.RoomCreated)
	set := withPassword(proto.RoomUpdate, room, "marked-password")
	set.More.Update = &proto.Update{}
	want(t, owner.Do(t, set), proto.RoomUpdated)
	want(t, owner.Do(t, proto.Frame{Name: proto.RoomBan, Room: room, More: &proto.FrameMore{Sub: "bob", Seconds: 3600}}), proto.ClientBanned)
	ann.Close()
	p.Kill(t)
	p = p.Again(t)
	p.Ready(t)
	s.site = newSite(t, "nats://"+p.Addr(t, "nats"), views.Strict, p)
	wantCode(t, s.user(t, "ann", everything).Join(t, room), proto.CodeBadPassword)
	wantCode(t, s.user(t, "bob", everything).Join(t, room), proto.CodeBanned)
	want(t, s.user(t, "kim", everything).Do(t, withPassword(proto.RoomJoin, room, "marked-password")), proto.RoomJoined)
	stranger := testkit.DialWith(t, s.url(), &testkit.Options{Token: secret.Token(t, "bob", everything), Key: key, Turn: 2})
	wantCode(t, stranger.Do(t, proto.Frame{Name: proto.Resume, Room: room}), proto.CodeForbidden)
	back := testkit.DialWith(t, s.url(), &testkit.Options{Token: secret.Token(t, "owner", everything), Key: key, Turn: 3})
	e := back.Do(t, proto.Frame{Name: proto.Resume, Room: room})
	want(t, e, proto.Resumed)
	if e.OwnerID != back.ID() || e.More == nil || !e.More.Password {
		t.Errorf("answered %s", proto.AppendEvent(nil, &e))
	}
}
