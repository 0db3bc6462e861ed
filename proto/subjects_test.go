package proto

import (
	"errors"
	"strings"
	"testing"
)

const (
	testGateway = GatewayID("5d6e7f80-9a0b-4c1d-8e2f-3a4b5c6d7e8f")
	testReplica = ReplicaID("7f8091a2-bc2d-4e3f-8041-5c6d7e8f9012")
	testClient  = ClientID("9f1c2d3e-0a4b-4c5d-8e6f-708192a3b4c5")
)

func testSubjects(t testing.TB, prefix string) Subjects {
	t.Helper()
	s, err := NewSubjects(prefix)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSubjectsAreTheGoldenOnes(t *testing.T) {
	t.Parallel()
	s := testSubjects(t, "")
	token := Room("Küche, 2. Stock 🎥").Token()
	got := []string{
		s.Rooms(OpJoin), s.Replica(testReplica, OpJoin), s.ReplicaAll(testReplica), s.GatewayAll(testGateway),
		s.Reply(testGateway, "a7"), s.GatewayRoom(testGateway, token), s.GatewayClient(testGateway, testClient),
		s.GatewayCheck(testGateway), s.Beat(RoleGateway, string(testGateway)), s.BeatAll(RoleRoomsvc),
		s.Alive(string(testReplica)), s.Journal(token), s.JournalAll(), s.RoomEvent(token), s.RoomEventAll(),
		s.GatewayPush(testGateway), s.GatewayPeer(testGateway), s.GatewayAway(testGateway),
	}
	if len(got) != len(golden.Subjects) {
		t.Fatalf("%d subjects, %d golden", len(got), len(golden.Subjects))
	}
	for i, g := range golden.Subjects {
		if got[i] != g.Subject {
			t.Errorf("%s: %s, golden %s", g.What, got[i], g.Subject)
		}
	}
}

func TestEverySubjectOfAGatewayIsReadBack(t *testing.T) {
	t.Parallel()
	s := testSubjects(t, "staging-2")
	if s.Stream() != "STAGING-2" {
		t.Errorf("the stream is %s", s.Stream())
	}
	for _, c := range []struct {
		subject string
		kind    GatewayKind
		rest    string
	}{
		{s.Reply(testGateway, "a7"), KindReply, "a7"},
		{s.GatewayRoom(testGateway, "lobby"), KindRoom, "lobby"},
		{s.GatewayClient(testGateway, testClient), KindClient, string(testClient)},
		{s.GatewayCheck(testGateway), KindCheck, ""},
		{s.GatewayEngine(testGateway), KindEngine, ""},
		{s.GatewayPush(testGateway), KindPush, ""},
		{s.GatewayPeer(testGateway), KindPeer, ""},
		{s.GatewayAway(testGateway), KindAway, ""},
		{s.GatewayPush(testGateway) + ".x", KindUnknown, ""},
		{s.GatewayPeer(testGateway) + ".x", KindUnknown, ""},
		{s.GatewayAway(testGateway) + ".x", KindUnknown, ""},
		{s.GatewayCheck(testGateway) + ".x", KindUnknown, ""},
		{strings.TrimSuffix(s.GatewayAll(testGateway), ">") + "reply", KindUnknown, ""},
		{strings.TrimSuffix(s.GatewayAll(testGateway), ".>"), KindUnknown, ""},
		{strings.TrimSuffix(s.GatewayAll(testGateway), ">"), KindUnknown, ""},
		{"", KindUnknown, ""},
	} {
		if kind, rest := s.ParseGateway(testGateway, c.subject); kind != c.kind || rest != c.rest {
			t.Errorf("%q is of kind %d with %q, expected %d with %q", c.subject, kind, rest, c.kind, c.rest)
		}
	}
	for _, op := range Ops() {
		if got := s.ReplicaOp(s.Replica(testReplica, op)); got != op {
			t.Errorf("the operation of %s is %q", s.Replica(testReplica, op), got)
		}
		if got := s.ReplicaOp(s.Rooms(op)); got != op {
			t.Errorf("the operation of %s is %q", s.Rooms(op), got)
		}
	}
	if got := s.JournalRoom(s.Journal("=a")); got != "=a" {
		t.Errorf("the room of %s is %q", s.Journal("=a"), got)
	}
}

func TestAReplicaAnswersOnlyWhereItMay(t *testing.T) {
	t.Parallel()
	s := testSubjects(t, "")
	for subject, allowed := range map[string]bool{
		s.Reply(testGateway, "a7"):               true,
		"_INBOX.Vk3.7":                           true,
		"_INBOX.x":                               true,
		"":                                       false,
		"_INBOX":                                 false,
		"_INBOX.":                                false,
		"_INBOX.a.":                              false,
		"_INBOX..a":                              false,
		"_INBOX.*":                               false,
		"_INBOX.a.>":                             false,
		"_INBOX.a b":                             false,
		"_INBOXES.a":                             false,
		s.Reply(testGateway, ""):                 false,
		s.Reply(testGateway, "*"):                false,
		s.Reply(testGateway, "a.b"):              false,
		s.Reply("*", "a"):                        false,
		s.Reply("", "a"):                         false,
		s.GatewayRoom(testGateway, "lobby"):      false,
		s.GatewayClient(testGateway, testClient): false,
		s.GatewayCheck(testGateway):              false,
		s.GatewayPush(testGateway):               false,
		s.GatewayPeer(testGateway):               false,
		s.GatewayAway(testGateway):               false,
		s.Rooms(OpLeave):                         false,
		s.Journal("lobby"):                       false,
		s.RoomEvent("lobby"):                     false,
		s.Beat(RoleGateway, string(testGateway)): false,
		"$JS.API.STREAM.DELETE.PARLEY":           false,
		"other" + s.Reply(testGateway, "a7"):     false,
		"parley2.gateway." + string(testGateway) + ".r.a": false,
	} {
		if got := s.ReplyAllowed(subject); got != allowed {
			t.Errorf("an answer to %q: %t, expected %t", subject, got, allowed)
		}
	}
}

func TestAPrefixThatCannotStartASubjectIsRefused(t *testing.T) {
	t.Parallel()
	for _, p := range []string{".", "a.b", "*", ">", "a b", "ü", strings.Repeat("a", 33), "a\n"} {
		if _, err := NewSubjects(p); !errors.Is(err, ErrPrefix) {
			t.Errorf("the prefix %q: %v", p, err)
		}
	}
	if s := testSubjects(t, ""); s.Prefix() != DefaultPrefix || s.Stream() != "PARLEY" {
		t.Errorf("the default is %q with stream %q", s.Prefix(), s.Stream())
	}
}

func FuzzParseGateway(f *testing.F) {
	s := testSubjects(f, "")
	for _, g := range golden.Subjects {
		f.Add(g.Subject)
	}
	f.Fuzz(func(t *testing.T, subject string) {
		kind, rest := s.ParseGateway(testGateway, subject)
		if !strings.HasSuffix(subject, string(s.ReplicaOp(subject))) || !strings.HasSuffix(subject, string(s.JournalRoom(subject))) {
			t.Errorf("%q has the operation %q and the room %q", subject, s.ReplicaOp(subject), s.JournalRoom(subject))
		}
		if kind != KindUnknown && !strings.HasSuffix(subject, rest) {
			t.Errorf("%q has the rest %q", subject, rest)
		}
		if s.ReplyAllowed(subject) && strings.ContainsAny(subject, "*> \t\r\n") {
			t.Errorf("an answer to %q is allowed", subject)
		}
	})
}
