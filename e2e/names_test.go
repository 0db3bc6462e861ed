package e2e_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/parley-rtc/parley/proto"
)

var roomNames = []promise{
	{"AnyNameOfTheRulesIsARoomOfItsOwn", hostileNames},
	{"ARoomNamedLikeAClientLeaksNothing", namedLikeAClient},
}

// hostile are names that mean something to a subject, a map, a path or a terminal.
var hostile = []proto.Room{
	"*", ">", ".", "..", "a.b", "a.*", "a.>", " ", "  ", "a b", "$JS.API.>", "_INBOX.x", "__proto__", "constructor", "toString",
	"=", "=Kg", "==", "=PQ", "-", "_", "é", "e\u0301", "É", "\u200b", "\u202e", "😀", "a/b", "../../etc/passwd", "%00", "<b>&\"'\\",
	"null", "0", "journal", "parley.rooms.create", "\ufffd", "\ufeff", "A", "a",
	proto.Room(strings.Repeat("x", 64)), proto.Room(strings.Repeat("x", 65)), proto.Room(strings.Repeat("x", 128)),
	proto.Room(strings.Repeat("😀", 32)),
}

func hostileNames(t *testing.T, s *site) {
	truth := s.truth(t)
	a, b := s.dial(t), s.dial(t)
	// A site's names are used by this test alone: no other names its rooms like this.
	for _, room := range hostile {
		want(t, a.Create(t, room), proto.RoomCreated)
		e := b.Join(t, room)
		want(t, e, proto.RoomJoined)
		if r := a.Expect(t, proto.ClientJoined); r.Room != room || r.ID != b.ID() {
			t.Errorf("room %q: heard %s", room, r.Raw)
		}
		want(t, a.Signal(t, room, b.ID(), `1`), proto.SignalSent)
		if r := b.Expect(t, proto.SignalReceive); r.Room != room {
			t.Errorf("room %q: heard %s", room, r.Raw)
		}
		if err := truth.Compare(t.Context(), room, ids(a, b)); err != nil {
			t.Error(err)
		}
		if token := string(room.Token()); token[0] == '=' {
			if name, err := base64.RawURLEncoding.DecodeString(token[1:]); err != nil || string(name) != string(room) {
				t.Errorf("token %q of %q: %v", token, room, err)
			}
		}
	}
	for _, room := range hostile {
		want(t, a.Leave(t, room), proto.RoomLeft)
		if r := b.Expect(t, proto.RoomLeft); r.Room != room || !r.Kicked {
			t.Errorf("room %q: heard %s", room, r.Raw)
		}
	}
}

func namedLikeAClient(t *testing.T, s *site) {
	a, b := s.dial(t), s.dial(t)
	room := proto.Room(b.ID())
	fill(t, room, a)
	b.Quiet(t)
	want(t, a.Signal(t, room, b.ID(), `1`), proto.TargetNotFound)
	want(t, b.Join(t, room), proto.RoomJoined)
	a.Expect(t, proto.ClientJoined)
	want(t, a.Signal(t, room, b.ID(), `1`), proto.SignalSent)
	b.Expect(t, proto.SignalReceive)
}
