package e2e_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/proto"
)

var services = []promise{
	{"AnotherServiceSeesJoinsAndLeavesOnceInOrder", anotherService},
	{"RosterIsTheRoom", roster},
	{"ListPagesThroughAllRooms", list},
	{"ARequestAskedAgainGetsTheFirstAnswer", askedAgain},
	{"ALeaveOfAnotherJoinLeavesTheMemberAlone", leaveOfAnotherJoin},
	{"ABadRequestOverNATSIsAnswered", badRequests},
	{"AReplySubjectElsewhereIsNotAnswered", replyElsewhere},
	{"TheJournalHoldsTheWholeRoomAndItsChange", journal},
	{"TheServiceIsVisibleToNATSMicro", micro},
	{"AServiceThatBeatsHasMembers", serviceWithMembers},
}

// anotherService is what docs/services.md shows: nats.go and nothing else.
func anotherService(t *testing.T, s *site) {
	room := fresh(t)
	nc := harness.Connect(t, s.nats)
	type event struct {
		Event   string `json:"event"`
		Room    string `json:"room"`
		ID      string `json:"id"`
		OwnerID string `json:"ownerId"`
		Reason  string `json:"reason"`
		Seq     uint64 `json:"seq"`
		Prev    uint64 `json:"prev"`
	}
	heard := make(chan event, 100)
	sub, err := nc.Subscribe("parley.room.*.event", func(m *nats.Msg) {
		var e event
		if err := json.Unmarshal(m.Data, &e); err != nil || e.Room == string(room) {
			heard <- e
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	a, b, c := s.dial(t), s.dial(t), s.dial(t)
	expect := func(name string, id proto.ClientID, reason string, prev uint64) uint64 {
		t.Helper()
		select {
		case e := <-heard:
			if e.Event != name || e.ID+e.OwnerID != string(id) || e.Reason != reason || e.Prev != prev || e.Seq <= prev {
				t.Fatalf("heard %+v, expected %s of %s after %d", e, name, id, prev)
			}
			return e.Seq
		case <-time.After(harness.Patience):
			t.Fatalf("%s was not told", name)
			return 0
		}
	}
	for range 3 {
		want(t, a.Create(t, room), proto.RoomCreated)
		seq := expect("room-created", a.ID(), "", 0)
		want(t, b.Join(t, room), proto.RoomJoined)
		seq = expect("client-joined", b.ID(), "", seq)
		want(t, b.Join(t, room), proto.RoomJoined) // changes nothing
		want(t, c.Join(t, room), proto.RoomJoined)
		seq = expect("client-joined", c.ID(), "", seq)
		want(t, a.Signal(t, room, b.ID(), `1`), proto.SignalSent) // no event
		want(t, b.Leave(t, room), proto.RoomLeft)
		seq = expect("client-left", b.ID(), "left", seq)
		want(t, a.Leave(t, room), proto.RoomLeft)
		expect("room-closed", a.ID(), "owner-left", seq)
	}
	seq := a.Create(t, room).Seq
	expect("room-created", a.ID(), "", 0)
	a.Abort()
	expect("room-closed", a.ID(), "owner-lost", seq)
}

func roster(t *testing.T, s *site) {
	room, truth := fresh(t), s.truth(t)
	if e, err := truth.Ask(t.Context(), proto.OpRoster, &proto.Request{Room: room}); err != nil || e.Name != proto.RoomNotExists {
		t.Errorf("answered %+v, %v", e, err)
	}
	clients := s.dials(t, 3)
	fill(t, room, clients...)
	e, err := truth.Ask(t.Context(), proto.OpRoster, &proto.Request{Room: room})
	if err != nil || e.Name != proto.Roster || e.OwnerID != clients[0].ID() || !slices.Equal(e.Clients, ids(clients...)) || e.Room != room {
		t.Errorf("answered %+v, %v", e, err)
	}
	if err := truth.Compare(t.Context(), room, ids(clients...)); err != nil {
		t.Error(err)
	}
}

func list(t *testing.T, s *site) {
	truth, a := s.truth(t), s.dial(t)
	mine := map[proto.Room]bool{}
	for range 25 {
		room := fresh(t)
		fill(t, room, a)
		mine[room] = true
	}
	for _, limit := range []int{3, 1000} {
		found := map[proto.Room]bool{}
		var after proto.Room
		for range 1000 {
			e, err := truth.Ask(t.Context(), proto.OpList, &proto.Request{After: after, Limit: limit})
			if err != nil || e.Name != proto.Rooms || len(e.List) > limit {
				t.Fatalf("answered %+v, %v", e, err)
			}
			for _, r := range e.List {
				if found[r.Room] {
					t.Errorf("%q came twice", r.Room)
				}
				found[r.Room] = true
				if mine[r.Room] && (r.OwnerID != a.ID() || r.Members != 1 || r.Seq == 0) {
					t.Errorf("listed %+v", r)
				}
			}
			if after = e.Next; after == "" {
				break
			}
		}
		for room := range mine {
			if !found[room] {
				t.Errorf("%q is not listed with a limit of %d", room, limit)
			}
		}
	}
}

// asker is a service that takes part over NATS alone: it beats, and answers that it is alive.
func asker(t *testing.T, s *site) proto.GatewayID {
	t.Helper()
	nc := harness.Connect(t, s.nats)
	id := proto.NewGatewayID()
	beat := func(state proto.State) {
		_ = nc.Publish("parley.beat.gateway."+string(id), proto.Beat{Role: proto.RoleGateway, ID: string(id), State: state}.Encode())
	}
	if _, err := nc.Subscribe("parley.alive."+string(id), func(m *nats.Msg) { _ = m.Respond(nil) }); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			beat(proto.Up)
			select {
			case <-tick.C:
			case <-ctx.Done():
				beat(proto.Leaving)
				_ = nc.Flush()
				return
			}
		}
	}()
	t.Cleanup(func() { stop(); <-done })
	return id
}

func askedAgain(t *testing.T, s *site) {
	room, truth, gateway := fresh(t), s.truth(t), asker(t, s)
	owner, member := proto.NewClientID(), proto.NewClientID()
	ask := func(op proto.Op, r proto.Request, id proto.RequestID) proto.Event {
		t.Helper()
		r.Room, r.Gateway = room, gateway
		e, err := truth.AskAs(t.Context(), op, &r, id)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	made, joined, left := proto.NewRequestID(), proto.NewRequestID(), proto.NewRequestID()
	first := ask(proto.OpCreate, proto.Request{ClientID: owner}, made)
	want(t, first, proto.RoomCreated)
	if again := ask(proto.OpCreate, proto.Request{ClientID: owner}, made); again.Name != proto.RoomCreated || again.Seq != first.Seq {
		t.Errorf("answered %+v, then %+v", first, again)
	}
	want(t, ask(proto.OpCreate, proto.Request{ClientID: owner}, proto.NewRequestID()), proto.RoomExists)
	in := ask(proto.OpJoin, proto.Request{ClientID: member}, joined)
	want(t, in, proto.RoomJoined)
	if again := ask(proto.OpJoin, proto.Request{ClientID: member}, joined); again.Name != proto.RoomJoined || again.Seq != in.Seq {
		t.Errorf("answered %+v, then %+v", in, again)
	}
	if again := ask(proto.OpCreate, proto.Request{ClientID: owner}, made); again.Name != proto.RoomCreated ||
		!slices.Equal(again.Clients, []proto.ClientID{member}) || again.Seq != in.Seq {
		t.Errorf("the create's repetition was answered %+v", again)
	}
	leave := proto.Request{ClientID: member, Joined: joined}
	want(t, ask(proto.OpLeave, leave, left), proto.RoomLeft)
	want(t, ask(proto.OpLeave, leave, left), proto.RoomLeft)
	want(t, ask(proto.OpLeave, leave, proto.NewRequestID()), proto.NotInRoom)
	want(t, ask(proto.OpLeave, proto.Request{ClientID: owner, Joined: made}, proto.NewRequestID()), proto.RoomLeft)
	if err := truth.Compare(t.Context(), room, nil); err != nil {
		t.Error(err)
	}
}

func leaveOfAnotherJoin(t *testing.T, s *site) {
	room, truth, gateway, id := fresh(t), s.truth(t), asker(t, s), proto.NewClientID()
	made := proto.NewRequestID()
	e, err := truth.AskAs(t.Context(), proto.OpCreate, &proto.Request{Room: room, ClientID: id, Gateway: gateway}, made)
	if err != nil || e.Name != proto.RoomCreated {
		t.Fatalf("answered %+v, %v", e, err)
	}
	e, err = truth.Ask(t.Context(), proto.OpLeave,
		&proto.Request{Room: room, ClientID: id, Gateway: gateway, Joined: proto.NewRequestID(), Lost: true})
	if err != nil || e.Name != proto.NotInRoom {
		t.Errorf("answered %+v, %v", e, err)
	}
	if err := truth.Compare(t.Context(), room, []proto.ClientID{id}); err != nil {
		t.Error(err)
	}
	e, err = truth.Ask(t.Context(), proto.OpLeave, &proto.Request{Room: room, ClientID: id, Gateway: gateway, Joined: made})
	if err != nil || e.Name != proto.RoomLeft {
		t.Errorf("answered %+v, %v", e, err)
	}
}

func badRequests(t *testing.T, s *site) {
	truth := s.truth(t)
	for _, one := range []struct{ op, payload string }{
		{"create", ``},
		{"create", `nonsense`},
		{"create", `{"room":"x"}`},
		{"create", `{"room":"","clientId":"aaaaaaaaaaaaaaaaaaaa","gateway":"g"}`},
		{"create", `{"room":"x","clientId":"a.*","gateway":"g"}`},
		{"create", `{"room":"x","clientId":"aaaaaaaaaaaaaaaaaaaa","gateway":"a.>"}`},
		{"join", `{"room":"x","room":"x","clientId":"aaaaaaaaaaaaaaaaaaaa","gateway":"g"}`},
		{"join", `{"room":"a\ud800","clientId":"aaaaaaaaaaaaaaaaaaaa","gateway":"g"}`},
		{"signal", `{"room":"x","clientId":"aaaaaaaaaaaaaaaaaaaa","gateway":"g"}`},
		{"roster", `{}`},
		{"roster", strings.Repeat("[", 20_000)},
		{"list", `{"limit":1001}`},
		{"list", `{"limit":-1}`},
	} {
		e, err := truth.Raw(t.Context(), "parley.rooms."+one.op, []byte(one.payload), proto.NewRequestID())
		if err != nil || e.Name != proto.Error || e.Code != proto.CodeBadRequest {
			t.Errorf("%s %.60s: answered %+v, %v", one.op, one.payload, e, err)
		}
	}
	for _, id := range []proto.RequestID{"", "a b", "*", proto.RequestID(strings.Repeat("x", 65))} {
		e, err := truth.AskAs(t.Context(), proto.OpCreate,
			&proto.Request{Room: fresh(t), ClientID: proto.NewClientID(), Gateway: proto.NewGatewayID()}, id)
		if err != nil || e.Name != proto.Error || e.Code != proto.CodeBadRequest {
			t.Errorf("Parley-Request %.60q: answered %+v, %v", id, e, err)
		}
	}
}

func replyElsewhere(t *testing.T, s *site) {
	room, nc := fresh(t), harness.Connect(t, s.nats)
	a := s.dial(t)
	fill(t, room, a)
	for _, reply := range []string{"parley.journal.x", "parley.room.x.event", "else.where", "parley.gateway.x.client.y"} {
		sub, err := nc.SubscribeSync(reply)
		if err != nil {
			t.Fatal(err)
		}
		for _, inbox := range []string{reply, nats.NewInbox()} { // the second is answered, after the first would have been
			m := nats.NewMsg("parley.rooms.roster")
			m.Reply = inbox
			m.Header.Set(proto.HeaderRequest, string(proto.NewRequestID()))
			m.Data = proto.AppendRequest(nil, proto.OpRoster, &proto.Request{Room: room})
			good, err := nc.SubscribeSync(inbox)
			if err != nil {
				t.Fatal(err)
			}
			if err := nc.PublishMsg(m); err != nil {
				t.Fatal(err)
			}
			if inbox == reply {
				continue
			}
			if _, err := good.NextMsg(harness.Patience); err != nil {
				t.Fatal(err)
			}
		}
		if m, err := sub.NextMsg(100 * time.Millisecond); !errors.Is(err, nats.ErrTimeout) {
			t.Errorf("an answer came to %s: %v, %v", reply, m, err)
		}
	}
}

func journal(t *testing.T, s *site) {
	room, truth := fresh(t), s.truth(t)
	a, b := s.dial(t), s.dial(t)
	created := a.Create(t, room)
	joined := b.Join(t, room)
	r, seq, err := truth.Journal(t.Context(), room)
	if err != nil || r == nil {
		t.Fatal(err)
	}
	if seq != joined.Seq || r.Prev != created.Seq || r.Room != room || r.OwnerID != a.ID() || r.Closed || len(r.Members) != 2 ||
		r.Members[0].ID != a.ID() || r.Members[1].ID != b.ID() || r.Change.Event != proto.ClientJoined ||
		r.Members[1].Request != r.Change.Request || r.Change.Replica == "" || r.Members[0].Gateway == "" {
		t.Errorf("at %d: %+v", seq, r)
	}
	want(t, a.Leave(t, room), proto.RoomLeft)
	r, _, err = truth.Journal(t.Context(), room)
	if err != nil || r == nil || !r.Closed || len(r.Members) != 0 || r.Prev != joined.Seq || r.Change.Event != proto.RoomClosed {
		t.Errorf("%+v, %v", r, err)
	}
	js, err := jetstream.New(harness.Connect(t, s.nats))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "PARLEY")
	if err != nil {
		t.Fatal(err)
	}
	m, err := stream.GetLastMsgForSubject(t.Context(), "parley.journal."+string(room.Token()))
	if err != nil || m.Header.Get("Nats-TTL") == "" {
		t.Errorf("the closing does not expire: %v, %v", m, err)
	}
	if c := stream.CachedInfo().Config; c.MaxMsgsPerSubject != 1 || c.AllowDirect {
		t.Errorf("the stream keeps %d a room, direct gets are %t", c.MaxMsgsPerSubject, c.AllowDirect)
	}
}

func micro(t *testing.T, s *site) {
	nc := harness.Connect(t, s.nats)
	m, err := nc.Request("$SRV.INFO.parley-roomsvc", nil, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range proto.Ops() {
		if !strings.Contains(string(m.Data), `"parley.rooms.`+string(op)+`"`) {
			t.Errorf("%s is not served: %s", op, m.Data)
		}
	}
}

// serviceWithMembers has a program that is no gateway join a room and signal.
func serviceWithMembers(t *testing.T, s *site) {
	room, truth, gateway, id := fresh(t), s.truth(t), asker(t, s), proto.NewClientID()
	nc := harness.Connect(t, s.nats)
	inbox, err := nc.SubscribeSync("parley.gateway." + string(gateway) + ".>")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	a := s.dial(t)
	fill(t, room, a)
	joined := proto.NewRequestID()
	e, err := truth.AskAs(t.Context(), proto.OpJoin, &proto.Request{Room: room, ClientID: id, Gateway: gateway}, joined)
	if err != nil || e.Name != proto.RoomJoined || !slices.Equal(e.Clients, ids(a)) {
		t.Fatalf("answered %+v, %v", e, err)
	}
	if r := a.Expect(t, proto.ClientJoined); r.ID != id {
		t.Errorf("heard %s", r.Raw)
	}
	e, err = truth.Ask(t.Context(), proto.OpSignal,
		&proto.Request{Room: room, ClientID: id, Gateway: gateway, TargetID: a.ID(), N: 1, Data: []byte(`{}`)})
	if err != nil || e.Name != proto.SignalSent {
		t.Errorf("answered %+v, %v", e, err)
	}
	if r := a.Expect(t, proto.SignalReceive); r.SenderID != id || string(r.Data) != `{}` {
		t.Errorf("heard %s", r.Raw)
	}
	m, err := inbox.NextMsg(harness.Patience) // its own join
	if err != nil || m.Subject != "parley.gateway."+string(gateway)+".room."+string(room.Token()) {
		t.Errorf("%v, %v", m, err)
	}
	want(t, a.Leave(t, room), proto.RoomLeft)
	for {
		m, err := inbox.NextMsg(harness.Patience)
		if err != nil {
			t.Fatal(err)
		}
		if e, err := proto.DecodeEvent(m.Data); err == nil && e.Name == proto.RoomClosed {
			if e.OwnerID != a.ID() || e.Reason != proto.OwnerLeft {
				t.Errorf("heard %s", m.Data)
			}
			return
		}
	}
}
