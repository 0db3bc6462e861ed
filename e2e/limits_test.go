package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// padded is a ping of n bytes.
func padded(n int) string {
	const empty = `{"event":"ping","x":""}`
	return `{"event":"ping","x":"` + strings.Repeat("x", n-len(empty)) + `"}`
}

func TestAFrameOf64KiBPassesAndOneMoreByteIsRefused(t *testing.T) {
	t.Parallel()
	s := onePlace(t)
	c := s.dial(t)
	send := func(size int, answer proto.Name, code proto.Code) {
		t.Helper()
		if err := c.SendText(t.Context(), padded(size)); err != nil {
			t.Fatal(err)
		}
		if e := c.Expect(t, answer); e.Code != code {
			t.Errorf("%d bytes: heard %s", size, e.Raw)
		}
	}
	send(64<<10, proto.Pong, "")
	send(64<<10+1, proto.Error, proto.CodeTooLarge)
	send(70_000, proto.Error, proto.CodeTooLarge)
	send(1<<20, proto.Error, proto.CodeTooLarge)
	send(64<<10, proto.Pong, "")
	if err := c.SendText(t.Context(), padded(1<<20+1)); err != nil {
		t.Fatal(err)
	}
	wantClose(t, c, websocket.StatusMessageTooBig, "a frame may have 65536 bytes, and this one has more than 1048576")
	// In pieces it is no smaller.
	r, _ := rawClient(t, s.urls[0])
	for i := range 65 {
		first := byte(0)
		if i == 0 {
			first = 1
		}
		if _, err := r.Write(frame(first, false, strings.Repeat(" ", 16<<10))); err != nil {
			break
		}
	}
	_ = r.SetReadDeadline(time.Now().Add(harness.Patience))
	if code, _, _, err := closeFrame(r.r); err != nil || code != 1009 {
		t.Errorf("closed with %d, %v", code, err)
	}
}

func TestMaxFrameIsASetting(t *testing.T) {
	t.Parallel()
	s := onePlace(t, "--max-frame", "2000")
	c := s.dial(t)
	if e := c.All()[0]; e.Limits == nil || e.Limits.Frame != 2000 {
		t.Errorf("heard %s", e.Raw)
	}
	if err := c.SendText(t.Context(), padded(2000)); err != nil {
		t.Fatal(err)
	}
	c.Expect(t, proto.Pong)
	if err := c.SendText(t.Context(), padded(2001)); err != nil {
		t.Fatal(err)
	}
	if e := c.Expect(t, proto.Error); e.Code != proto.CodeTooLarge {
		t.Errorf("heard %s", e.Raw)
	}
}

func TestAClientIsIn64RoomsAtMost(t *testing.T) {
	t.Parallel()
	s := onePlace(t)
	a, b := s.dial(t), s.dial(t)
	other := fresh(t)
	fill(t, other, b)
	var rooms []proto.Room
	for range 64 {
		rooms = append(rooms, fresh(t))
		want(t, a.Create(t, rooms[len(rooms)-1]), proto.RoomCreated)
	}
	wantCode(t, a.Create(t, fresh(t)), proto.CodeTooManyRooms)
	e := a.Join(t, other)
	wantCode(t, e, proto.CodeTooManyRooms)
	if e.Room != other || e.SenderID != a.ID() {
		t.Errorf("answered %+v", e)
	}
	want(t, a.Join(t, rooms[0]), proto.RoomJoined) // one that it is in
	want(t, a.Leave(t, rooms[0]), proto.RoomLeft)
	want(t, a.Join(t, other), proto.RoomJoined)
	wantCode(t, a.Create(t, rooms[0]), proto.CodeTooManyRooms)
	if err := s.truth(t).Compare(t.Context(), rooms[0], nil); err != nil {
		t.Error(err)
	}
}

func TestMaxRoomsIsASettingAndZeroIsNone(t *testing.T) {
	t.Parallel()
	c := onePlace(t, "--max-rooms", "2").dial(t)
	want(t, c.Create(t, "one"), proto.RoomCreated)
	want(t, c.Create(t, "two"), proto.RoomCreated)
	wantCode(t, c.Create(t, "three"), proto.CodeTooManyRooms)
	free := onePlace(t, "--max-rooms", "0").dial(t)
	for range 70 {
		want(t, free.Create(t, fresh(t)), proto.RoomCreated)
	}
}

func TestARoomHas1024MembersAtMost(t *testing.T) {
	t.Parallel()
	s := onePlace(t)
	truth, gateway, room := s.truth(t), asker(t, s), fresh(t)
	owner := proto.NewClientID()
	requests := map[proto.ClientID]proto.RequestID{}
	ask := func(op proto.Op, id proto.ClientID) proto.Event {
		t.Helper()
		requests[id] = proto.NewRequestID()
		e, err := truth.AskAs(t.Context(), op, &proto.Request{Room: room, ClientID: id, Gateway: gateway}, requests[id])
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	want(t, ask(proto.OpCreate, owner), proto.RoomCreated)
	members := []proto.ClientID{owner}
	for range 1023 {
		id := proto.NewClientID()
		want(t, ask(proto.OpJoin, id), proto.RoomJoined)
		members = append(members, id)
	}
	wantCode(t, ask(proto.OpJoin, proto.NewClientID()), proto.CodeRoomFull)
	c := s.dial(t)
	e := c.Join(t, room)
	wantCode(t, e, proto.CodeRoomFull)
	if e.Room != room || e.SenderID != c.ID() {
		t.Errorf("answered %+v", e)
	}
	want(t, ask(proto.OpJoin, members[1]), proto.RoomJoined) // one who is a member
	if err := truth.Compare(t.Context(), room, members); err != nil {
		t.Error(err)
	}
	e, err := truth.Ask(t.Context(), proto.OpLeave, &proto.Request{Room: room, ClientID: members[5], Gateway: gateway})
	if err != nil || e.Name != proto.RoomLeft {
		t.Fatalf("answered %+v, %v", e, err)
	}
	e = c.Join(t, room)
	want(t, e, proto.RoomJoined)
	if len(e.Clients) != 1023 {
		t.Errorf("it lists %d", len(e.Clients))
	}
}

func TestMaxMembersIsASetting(t *testing.T) {
	t.Parallel()
	s := onePlace(t, "--max-members", "2")
	clients := s.dials(t, 3)
	fill(t, "room", clients[:2]...)
	wantCode(t, clients[2].Join(t, "room"), proto.CodeRoomFull)
	want(t, clients[1].Leave(t, "room"), proto.RoomLeft)
	want(t, clients[2].Join(t, "room"), proto.RoomJoined)
	wantCode(t, clients[1].Join(t, "room"), proto.CodeRoomFull)
}

func TestRequestsBeyondTheRateAreAnsweredAndNotCarriedOut(t *testing.T) {
	t.Parallel()
	s := onePlace(t)
	c := s.dial(t)
	const n = 6000
	start := time.Now()
	for i := range n {
		if err := c.Send(t.Context(), proto.Frame{Name: proto.RoomCreate, Room: proto.Room(fmt.Sprintf("rate-%d", i))}); err != nil {
			t.Fatal(err)
		}
	}
	counts := map[proto.Name]int{}
	var refused proto.Room
	for range n {
		r := c.Expect(t, proto.RoomCreated, proto.Error)
		switch {
		case r.Name == proto.Error && r.Code == proto.CodeRateLimited:
			counts["rate-limited"]++
			refused = r.Room
		case r.Name == proto.Error && r.Code == proto.CodeTooManyRooms:
			counts["allowed"]++
		case r.Name == proto.RoomCreated:
			counts["allowed"]++
		default:
			t.Fatalf("heard %s", r.Raw)
		}
	}
	took := time.Since(start).Seconds()
	if most := 1000 + int(500*took) + 50; counts["allowed"] < 1000 || counts["allowed"] > most {
		t.Errorf("%v in %.2f s, expected 1,000 to %d allowed", counts, took, most)
	}
	if counts["rate-limited"] == 0 || refused == "" {
		t.Fatalf("%v, the last room refused is %q", counts, refused)
	}
	if err := s.truth(t).Compare(t.Context(), refused, nil); err != nil {
		t.Error(err)
	}
	harness.Await(t, "the client may ask again", func() bool {
		e := c.Do(t, proto.Frame{Name: proto.RoomLeave, Room: "rate-0"})
		return e.Name == proto.RoomLeft
	})
}

func TestRateAndBurstAreSettings(t *testing.T) {
	t.Parallel()
	s := onePlace(t, "--rate", "1", "--burst", "3")
	c := s.dial(t)
	for range 3 {
		want(t, c.Leave(t, "x"), proto.NotInRoom)
	}
	e := c.Leave(t, "x")
	wantCode(t, e, proto.CodeRateLimited)
	if e.Ref == "" || e.SenderID != c.ID() {
		t.Errorf("answered %+v", e)
	}
	want(t, s.dial(t).Leave(t, "x"), proto.NotInRoom) // another client is not slowed
}

func TestAClientThatTakesNothingIsClosedAsTooSlowAndTouchesNoOther(t *testing.T) {
	t.Parallel()
	s := onePlace(t, "--rate", "0")
	room, a, b := fresh(t), s.dial(t), s.dial(t)
	fill(t, room, a, b)
	slow, id := rawClient(t, s.urls[0])
	write(t, slow, fmt.Sprintf(`{"event":"room-join","room":%q}`, room))
	a.Expect(t, proto.ClientJoined)
	b.Expect(t, proto.ClientJoined)
	data := `"` + strings.Repeat("x", 60_000) + `"`
	delivered := 0
	for ; delivered < 1000; delivered++ {
		if e := a.Signal(t, room, proto.ClientID(id), data); e.Name != proto.SignalSent {
			wantCode(t, e, proto.CodeUnavailable) // it may read again: it is not closed for that
			break
		}
	}
	if bytes := delivered * len(data); bytes < 1<<20 || bytes > 16<<20 {
		t.Errorf("%d signals, %d bytes were taken for a client that does not read", delivered, bytes)
	}
	want(t, b.Signal(t, room, a.ID(), `1`), proto.SignalSent)
	a.Expect(t, proto.SignalReceive)
	ctx, cancel := context.WithTimeout(t.Context(), 3*harness.Patience)
	defer cancel()
	for _, c := range []*client{a, b} {
		if r, err := c.Await(ctx, proto.ClientLeft); err != nil || string(r.ID) != id {
			t.Errorf("heard %s, %v", r.Raw, err)
		}
	}
	want(t, a.Signal(t, room, proto.ClientID(id), data), proto.TargetNotFound)
}

func TestConnectionsBeyondAGatewaysLimitAreRefusedWith503(t *testing.T) {
	t.Parallel()
	s := onePlace(t, "--max-conns", "3")
	clients := s.dials(t, 3)
	if got := refused(t, s.urls[0], nil); got != http.StatusServiceUnavailable {
		t.Errorf("the fourth was answered %d", got)
	}
	clients[0].Close()
	harness.Await(t, "there is a place again", func() bool { return refused(t, s.urls[0], nil) == 0 })
	want(t, clients[1].Do(t, proto.Frame{Name: proto.Ping}), proto.Pong)
}

func Test1024ConnectionsFromOneAddressAreTheMost(t *testing.T) {
	t.Parallel()
	s := onePlace(t)
	conns := make([]*testkit.Client, 1024)
	for i := range conns {
		conns[i] = s.dial(t)
	}
	if got := refused(t, s.urls[0], nil); got != http.StatusServiceUnavailable {
		t.Errorf("the 1,025th was answered %d", got)
	}
	conns[0].Abort()
	harness.Await(t, "there is a place again", func() bool { return refused(t, s.urls[0], nil) == 0 })
	for _, c := range conns {
		c.Abort()
	}
}

func TestAddressesBehindATrustedProxyCountEach(t *testing.T) {
	t.Parallel()
	s := onePlace(t, "--max-conns-per-address", "1", "--trusted-proxy", "127.0.0.0/8")
	from := func(addr string) http.Header { return http.Header{"X-Forwarded-For": {addr}} }
	open := func(addr string) int {
		c, err := testkit.Open(t.Context(), s.urls[0], &testkit.Options{Header: from(addr)})
		if err == nil {
			t.Cleanup(c.Close)
			return 0
		}
		return refused(t, s.urls[0], from(addr))
	}
	for addr, status := range map[string]int{"192.0.2.1": 0, "192.0.2.2": 0, "2001:db8::1": 0} {
		if got := open(addr); got != status {
			t.Errorf("%s: %d", addr, got)
		}
		if got := open(addr); got != http.StatusServiceUnavailable {
			t.Errorf("%s a second time: %d", addr, got)
		}
		// What a client writes there itself stands before what the proxy adds.
		if got := open("198.51.100.7, " + addr); got != http.StatusServiceUnavailable {
			t.Errorf("%s behind an invented address: %d", addr, got)
		}
	}
	direct := onePlace(t, "--max-conns-per-address", "1")
	c, err := testkit.Open(t.Context(), direct.urls[0], &testkit.Options{Header: from("192.0.2.1")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if got := refused(t, direct.urls[0], from("192.0.2.2")); got != http.StatusServiceUnavailable {
		t.Errorf("an address of the client's invention counts: %d", got)
	}
}

func TestSettingsOfZeroAreNoLimit(t *testing.T) {
	t.Parallel()
	s := onePlace(t, "--max-conns", "0", "--max-conns-per-address", "0", "--rate", "0", "--burst", "0", "--max-members", "0",
		"--max-queue", "0")
	clients := s.dials(t, 20)
	fill(t, "room", clients...)
	c := clients[0]
	const n = 3000
	for range n {
		if err := c.SendText(t.Context(), `{"event":"ping"}`); err != nil {
			t.Fatal(err)
		}
	}
	for range n {
		c.Expect(t, proto.Pong)
	}
}
