package gateway_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/parley-rtc/parley/gateway"
	"github.com/parley-rtc/parley/gateway/internal/inside"
	"github.com/parley-rtc/parley/gateway/tokens"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// secret is what the tests' tokens are signed with.
var secret = strings.Repeat("k", tokens.LeastSecret)

// grants are what a token grants, by room.
type grants map[string][]string

// claims is a token's payload.
type claims struct {
	Sub    string `json:"sub"`
	Issued int64  `json:"iat"`
	Expire int64  `json:"exp"`
	Parley parley `json:"parley"`
}

type parley struct {
	User   string         `json:"user,omitzero"`
	Claims map[string]any `json:"claims,omitzero"`
	Rooms  []roomGrant    `json:"rooms"`
}

type roomGrant struct {
	Room string   `json:"room"`
	Can  []string `json:"can"`
}

// signed returns a token of a sub, issued so many seconds from now.
func signed(t *testing.T, sub string, issued int, g grants) string {
	t.Helper()
	now := time.Now().Unix() + int64(issued)
	c := claims{Sub: sub, Issued: now, Expire: now + 3600, Parley: parley{User: "user " + sub, Claims: map[string]any{"of": sub}, Rooms: []roomGrant{}}}
	for room, can := range g {
		c.Parley.Rooms = append(c.Parley.Rooms, roomGrant{room, can})
	}
	payload, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(payload)
	sum := hmac.New(sha256.New, []byte(secret))
	sum.Write([]byte(text))
	return text + "." + encode(sum.Sum(nil))
}

// withTokens returns the options of a world whose gateway asks for tokens. Only what a test wants is asked a second time.
func withTokens(t *testing.T, limits gateway.Limits) worldOptions {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	return worldOptions{
		config: gateway.Config{Auth: &tokens.Config{SecretFile: file}, Limits: limits},
		timing: func(x *inside.Timing) { x.Attempt = time.Minute },
	}
}

// as connects with a token.
func (w *world) as(token string) *testkit.Client {
	w.t.Helper()
	return w.open(testkit.Options{Token: token})
}

func (w *world) open(o testkit.Options) *testkit.Client {
	w.t.Helper()
	c, err := testkit.Open(w.t.Context(), w.url, &o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Abort)
	return c
}

// all grants everything in every room.
var all = grants{"*": {"create", "join", "moderate"}}

func TestEachRequestSaysWhoAsksAndWhatItMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withTokens(t, gateway.Limits{}))
	a := w.as(signed(t, "ann", 0, grants{"lobby": {"join"}, "lob*": {"moderate"}, "other": {"create"}}))
	const full = `"sub":"ann","can":["join","moderate"],"user":"user ann"`
	is := func(q *asked, want string) {
		t.Helper()
		if !strings.Contains(string(q.msg.Data), want) {
			t.Errorf("%s was asked for with\n  %s, expected\n  %s", q.op, q.msg.Data, want)
		}
	}
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: lobby, More: &proto.FrameMore{Meta: []byte(`{"hand":1}`)}})
	q := w.next(proto.OpJoin)
	is(q, full+`,"claims":{"of":"ann"},"meta":{"hand":1}`)
	q.answer(proto.Event{Name: proto.RoomJoined, OwnerID: far1, Clients: []proto.ClientID{far1}, Seq: 2})
	a.Expect(t, proto.RoomJoined)
	for _, one := range []struct {
		f    proto.Frame
		op   proto.Op
		want string
	}{
		{proto.Frame{Name: proto.RoomKick, TargetID: far1, More: &proto.FrameMore{Message: "out"}}, proto.OpKick, `"can":["join","moderate"],"message":"out"`},
		{proto.Frame{Name: proto.RoomKnock}, proto.OpKnock, full},
		{proto.Frame{Name: proto.MemberUpdate, More: &proto.FrameMore{Meta: []byte(`{}`)}}, proto.OpMember, full},
		{proto.Frame{Name: proto.RoomRoster}, proto.OpAbout, `"sub":"ann","can":["join","moderate"]`},
		{proto.Frame{Name: proto.RoomLeave}, proto.OpLeave, `"sub":"ann","can":["join","moderate"]`},
	} {
		one.f.Room, one.f.Ref = lobby, "1"
		w.send(a, one.f)
		q := w.next(one.op)
		is(q, one.want)
		q.answer(proto.Event{Name: proto.RoomNotExists})
		a.Expect(t, proto.RoomNotExists)
	}
	w.send(a, proto.Frame{Name: proto.SignalSend, Room: lobby, TargetID: far1, Data: []byte("1")})
	q = w.next(proto.OpSignal)
	if is(q, `"sub":"ann"`); strings.Contains(string(q.msg.Data), `"can"`) || strings.Contains(string(q.msg.Data), `"user"`) {
		t.Errorf("a signal was asked for with %s", q.msg.Data)
	}
	q.answer(proto.Event{Name: proto.TargetNotFound, TargetID: far1})
}

func TestWhatNoEntryOfATokenAllowsTheGatewayForbids(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withTokens(t, gateway.Limits{}))
	a := w.as(signed(t, "ann", 0, grants{"create": {"create"}, "join": {"join"}, "mod": {"moderate"}}))
	// Who moderates may do so as an owner too: the room service knows owners.
	passes := map[proto.Name][]proto.Room{
		proto.RoomCreate: {"create"}, proto.RoomJoin: {"join"}, proto.RoomKnock: {"join"}, proto.RoomEnter: {"create", "join"},
		proto.RoomKick: {"create", "join", "mod", "none"}, proto.RoomRoster: {"create", "join", "mod", "none"},
	}
	ops := map[proto.Name]proto.Op{
		proto.RoomCreate: proto.OpCreate, proto.RoomJoin: proto.OpJoin, proto.RoomKnock: proto.OpKnock, proto.RoomEnter: proto.OpEnter,
		proto.RoomKick: proto.OpKick, proto.RoomRoster: proto.OpAbout,
	}
	for name, rooms := range passes {
		for _, room := range []proto.Room{"create", "join", "mod", "none"} {
			f := proto.Frame{Name: name, Room: room}
			if name == proto.RoomKick {
				f.TargetID = far1
			}
			w.send(a, f)
			if slices.Contains(rooms, room) {
				w.next(ops[name]).answer(proto.Event{Name: proto.RoomNotExists})
				a.Expect(t, proto.RoomNotExists)
				continue
			}
			if e := a.Expect(t, proto.Error); e.Code != proto.CodeForbidden || e.Room != room {
				t.Errorf("%s of %s: heard %s", name, room, e.Raw)
			}
			w.none(ops[name])
		}
	}
}

// Wrong passwords, and knocks, are counted by user; of who has no token, by what the address counts as.
func TestWhoHasNoTokenIsKnownByItsAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{TrustedProxies: []string{"127.0.0.1"}}})
	a := w.open(testkit.Options{Header: http.Header{"X-Forwarded-For": {"2001:db8:1:2:3::4"}}})
	password := &proto.FrameMore{}
	password.SetPassword("open sesame")
	for _, one := range []struct {
		f    proto.Frame
		op   proto.Op
		from string
	}{
		{proto.Frame{Name: proto.RoomJoin, More: password}, proto.OpJoin, "2001:db8:1:2::/64"},
		{proto.Frame{Name: proto.RoomJoin}, proto.OpJoin, ""},
		{proto.Frame{Name: proto.RoomKnock}, proto.OpKnock, "2001:db8:1:2::/64"},
	} {
		one.f.Room = lobby
		w.send(a, one.f)
		q := w.next(one.op)
		if q.From != one.from || strings.Contains(string(q.msg.Data), "sesame") {
			t.Errorf("asked for with %s", q.msg.Data)
		}
		q.answer(proto.Event{Name: proto.RoomNotExists})
		a.Expect(t, proto.RoomNotExists)
	}
	b := newWorld(t, withTokens(t, gateway.Limits{}))
	c := b.as(signed(t, "ann", 0, all))
	b.send(c, proto.Frame{Name: proto.RoomJoin, Room: lobby, More: password})
	q := b.next(proto.OpJoin)
	if q.From != "" || q.Proof == "" {
		t.Errorf("with a token: asked for with %s", q.msg.Data)
	}
	q.answer(proto.Event{Name: proto.RoomNotExists})
}

func TestWhatAClientSaysOfItselfIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{Limits: gateway.Limits{MaxMeta: 20}}, timing: func(x *inside.Timing) { x.Attempt = time.Minute }})
	a := w.dial()
	large := &proto.FrameMore{Meta: []byte(`{"name":"ann of old"}`)}
	for _, name := range []proto.Name{proto.RoomCreate, proto.RoomJoin, proto.RoomEnter, proto.RoomKnock, proto.MemberUpdate} {
		w.send(a, proto.Frame{Name: name, Room: lobby, More: large})
		if e := a.Expect(t, proto.Error); e.Code != proto.CodeBadRequest {
			t.Errorf("%s: heard %s", name, e.Raw)
		}
	}
	w.none(proto.OpCreate, proto.OpJoin, proto.OpEnter, proto.OpKnock, proto.OpMember)
	small := &proto.FrameMore{Meta: []byte(`{"name":"ann of ol"}`)}
	w.creates(a, lobby, 1)
	for range 2 {
		w.send(a, proto.Frame{Name: proto.MemberUpdate, Room: lobby, More: small, Ref: "1"})
		w.next(proto.OpMember).answer(proto.Event{Name: proto.MemberUpdated, ID: a.ID(), Seq: 2})
		a.Expect(t, proto.MemberUpdated)
	}
	w.send(a, proto.Frame{Name: proto.MemberUpdate, Room: lobby, More: small})
	if e := a.Expect(t, proto.Error); e.Code != proto.CodeRateLimited {
		t.Errorf("heard %s", e.Raw)
	}
}

func TestAnAnswerOfModerationIsHandedOnAsItCame(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	a := w.dial()
	answer := proto.Event{
		Name: proto.RoomRoster, Room: lobby, OwnerID: far1, Seq: 7,
		More: &proto.More{Locked: true, Members: []proto.MemberInfo{{ID: far1, Who: proto.Who{Sub: "far", User: "Far", Mod: true}}}},
	}
	w.send(a, proto.Frame{Name: proto.RoomRoster, Room: lobby, Ref: "7", HasRef: true})
	w.next(proto.OpAbout).answer(answer)
	answer.Ref = "7"
	w.hears(a, answer)
	w.send(a, proto.Frame{Name: proto.RoomTransfer, Room: lobby, TargetID: far2, Ref: "8", HasRef: true})
	q := w.next(proto.OpTransfer)
	if again := w.next(proto.OpTransfer); again.id != q.id || again.TargetID != far2 {
		t.Errorf("the second attempt is %s %s, the first %s", again.id, again.msg.Data, q.id)
	} else {
		again.answer(proto.Event{Name: proto.RoomUpdated, OwnerID: far2, Seq: 8})
	}
	w.hears(a, proto.Event{Name: proto.RoomUpdated, Room: lobby, OwnerID: far2, Seq: 8, Ref: "8"})
}
