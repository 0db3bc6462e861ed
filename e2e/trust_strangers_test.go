package e2e_test

import (
	"strings"
	"testing"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// TestAStrangerLearnsNothingOfARoom asks for everything in a room that no grant names, once while the room is there and once while
// there is none: the answers are the same, and nobody in the room hears anything.
func TestAStrangerLearnsNothingOfARoom(t *testing.T) {
	clusters(t, func(t *testing.T, s *trusting) {
		ann := s.user(t, "ann", everything)
		room := fresh(t)
		strangers := []*testkit.Client{
			s.user(t, "mallory", harness.Grants{"other-*": {"create", "join", "moderate"}}),
			s.user(t, "mallory", nil),
		}
		ask := func() map[string]string {
			answers := map[string]string{}
			for i, c := range strangers {
				for name, make := range requests {
					e := c.Do(t, make(room, ann.ID()))
					e.Ref = ""
					answers[string(rune('0'+i))+" "+name] = string(proto.AppendEvent(nil, &e))
				}
			}
			return answers
		}
		missing := ask()
		want(t, ann.Create(t, room), proto.RoomCreated)
		set := withPassword(proto.RoomUpdate, room, "marked-password")
		set.More.Update = &proto.Update{Locked: new(true), Knock: new(true)}
		want(t, ann.Do(t, set), proto.RoomUpdated)
		ann.Expect(t, proto.RoomUpdated)
		for name, there := range ask() {
			if there != missing[name] {
				t.Errorf("%s\n  with the room:    %s\n  without the room: %s", name, there, missing[name])
			}
			if !strings.Contains(there, `"code":"forbidden"`) && !strings.Contains(there, "not-in-room") {
				t.Errorf("%s is answered %s", name, there)
			}
		}
		ann.Quiet(t)
	})
}

// TestAGrantIsOfTheRoomsThatItNames and of no others that look like them.
func TestAGrantIsOfTheRoomsThatItNames(t *testing.T) {
	t.Parallel()
	s := newTrusting(t, false)
	for grant, rooms := range map[string][]string{
		"team-*": {"team", "Team-a", "team\u2010a", " team-a", "\u200bteam-a", "xteam-a", "TEAM-A", "te\u00e4m-a", "*", "team*"},
		"lobby":  {"lobby ", "Lobby", "lobby-a", "lobb", "l*", "*", "lobby\u0301", "l\u043ebby"},
		"a*b":    {"a1b", "ab", "a"}, // a star counts at the end alone
		"":       {"a", "*"},
	} {
		c, err := testkit.Open(t.Context(), s.url(), &testkit.Options{Token: s.secret.Token(t, "mallory", harness.Grants{grant: {"create", "join", "moderate"}})})
		if err != nil {
			continue // the token is refused
		}
		for _, room := range rooms {
			for name := range requests {
				e := c.Do(t, requests[name](proto.Room(room), "somebody"))
				if e.Code != proto.CodeForbidden && e.Name != proto.NotInRoom && e.Code != proto.CodeBadRequest && e.Code != proto.CodeRateLimited {
					t.Errorf("with a grant of %q, %s of %q is answered %s", grant, name, room, proto.AppendEvent(nil, &e))
				}
			}
		}
		c.Close()
	}
}
