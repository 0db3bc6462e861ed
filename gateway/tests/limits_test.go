package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/gateway"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

func TestAClientMayBeInSoManyRooms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{Limits: gateway.Limits{MaxRooms: 2}}})
	a := w.dial()
	w.creates(a, "one", 1)
	w.creates(a, "two", 2)
	if e := a.Join(t, "three"); e.Code != proto.CodeTooManyRooms || e.Room != "three" {
		t.Errorf("the answer is %+v", e)
	}
	w.none(proto.OpJoin)
	a.Expect(t, proto.Error)
	w.joins(a, "two", 2, far1) // in there already
	w.send(a, proto.Frame{Name: proto.RoomLeave, Room: "one"})
	w.next(proto.OpLeave).answer(proto.Event{Name: proto.RoomLeft})
	if _, err := a.Await(t.Context(), proto.RoomLeft); err != nil {
		t.Fatal(err)
	}
	w.joins(a, "three", 5, far1)
}

func TestARequestBeyondTheRateIsAnsweredAndNotCarriedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{Limits: gateway.Limits{Rate: 1, Burst: 3}}})
	a := w.dial()
	for range 3 {
		if e := a.Do(t, proto.Frame{Name: proto.Ping}); e.Name != proto.Pong {
			t.Errorf("the answer is %+v", e)
		}
	}
	if e := a.Join(t, lobby); e.Code != proto.CodeRateLimited || e.Room != lobby {
		t.Errorf("the answer is %+v", e)
	}
	w.none(proto.OpJoin)
}

// Signals are refused before that: what is left are events of its rooms, which cannot be.
func TestAClientThatReadsNothingIsClosedAsTooSlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{Limits: gateway.Limits{MaxQueue: 64 << 10}}})
	ctx := t.Context() // a busy machine takes long to fill a queue
	conn, _, err := websocket.Dial(ctx, w.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	conn.SetReadLimit(-1)
	_, first, err := conn.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	hello, err := proto.DecodeEvent(first)
	if err != nil {
		t.Fatal(err)
	}
	join := proto.AppendFrame(nil, &proto.Frame{Name: proto.RoomJoin, Room: lobby})
	if err := conn.Write(ctx, websocket.MessageText, join); err != nil {
		t.Fatal(err)
	}
	w.next(proto.OpJoin).answer(proto.Event{Name: proto.RoomJoined, OwnerID: far1, Clients: []proto.ClientID{far1}, Seq: 3})
	big := `"` + pad(60<<10) + `"`
	r := w.replicas[0]
	for n := int64(1); w.overflows("signals") == 0 && ctx.Err() == nil; n++ {
		r.signal(lobby, far1, hello.ID, n, big)
		w.sync()
	}
	for seq := uint64(4); w.overflows("outgoing") == 0 && ctx.Err() == nil; seq++ {
		r.tell(came(lobby, proto.NewClientID(), seq, seq-1))
		if seq%500 == 0 {
			w.sync()
		}
	}
	for err == nil {
		_, _, err = conn.Read(ctx)
	}
	if ce := (websocket.CloseError{}); !errors.As(err, &ce) || ce.Code != websocket.StatusPolicyViolation || ce.Reason != "too slow" {
		t.Errorf("closed with %v", err)
	}
	w.next(proto.OpLeave).answer(proto.Event{Name: proto.RoomLeft})
}

// Its sender hears so, by its ref wherever that stands, and stays in its rooms.
func TestAFrameAboveTheLimitIsRefusedAndTheConnectionGoesOn(t *testing.T) {
	t.Parallel()
	const most = 1000
	w := newWorld(t, worldOptions{config: gateway.Config{Limits: gateway.Limits{MaxFrame: most}}})
	a := w.dial()
	w.joins(a, lobby, 3, far1)
	frame := func(size int, ref string) string {
		const format = `{"event":"signal-send","room":"lobby","targetId":"%s","data":{"ref":"other","x":"%s"}%s}`
		return fmt.Sprintf(format, far1, pad(size-len(fmt.Sprintf(format, far1, "", ref))), ref)
	}
	for _, size := range []int{most + 1, most + 2, 2 * most, 16 * most} {
		for _, c := range [][2]string{{`,"ref":"7"`, "7"}, {`,"ref":""`, ""}, {"", ""}, {`,"ref":"7","ref":"8"`, ""}} {
			if err := a.SendText(t.Context(), frame(size, c[0])); err != nil {
				t.Fatal(err)
			}
			e := a.Expect(t, proto.Error)
			if e.Code != proto.CodeTooLarge || e.Ref != c[1] || e.Room != lobby || e.SenderID != a.ID() ||
				strings.Contains(string(e.Raw), `"ref":""`) != (c[0] == `,"ref":""`) {
				t.Errorf("%d bytes with %s: heard %s", size, c[0], e.Raw)
			}
		}
	}
	if err := a.SendText(t.Context(), frame(most, `,"ref":"7"`)); err != nil {
		t.Fatal(err)
	}
	w.next(proto.OpSignal).answer(proto.Event{Name: proto.SignalSent, Room: lobby, TargetID: far1})
	a.Expect(t, proto.SignalSent)
}

// No limit is none for whom it would be read without end.
func TestAFrameOf16TimesTheLimitClosesWith1009(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{Limits: gateway.Limits{MaxFrame: 1000}}})
	a := w.dial()
	if err := a.SendText(t.Context(), `{"event":"ping","ref":"x","pad":"`+pad(16_000)+`"}`); err != nil {
		t.Fatal(err)
	}
	within, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	code, reason, err := a.CloseCode(within)
	if err != nil || code != websocket.StatusMessageTooBig || reason != "a frame may have 1000 bytes, and this one has more than 16000" {
		t.Errorf("closed with %d %q, %v", code, reason, err)
	}
}

func TestClientsAreToldTheirLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limits gateway.Limits
		want   proto.Limits
	}{
		{gateway.Limits{}, proto.Limits{Frame: 65536, Rooms: 64, Rate: 500, Burst: 1000}},
		{gateway.Limits{MaxFrame: 2000, MaxRooms: 3, Rate: 4, Burst: 5}, proto.Limits{Frame: 2000, Rooms: 3, Rate: 4, Burst: 5}},
		{gateway.Limits{MaxFrame: -1, MaxRooms: 3, Rate: -1, Burst: -1}, proto.Limits{Rooms: 3}},
	} {
		w := newWorld(t, worldOptions{config: gateway.Config{Limits: c.limits}})
		if e := w.dial().All()[0]; e.Name != proto.Connected || e.Limits == nil || *e.Limits != c.want {
			t.Errorf("heard %s, want %+v", e.Raw, c.want)
		}
	}
}

// Without a limit of ours there is still NATS's, and asking again would not help.
func TestASignalThatNATSDoesNotTakeIsTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{Limits: gateway.Limits{MaxFrame: -1}}})
	a := w.dial()
	w.joins(a, lobby, 3, far1)
	most := int(w.inside.Conn().MaxPayload())
	signal := func(size int) {
		t.Helper()
		w.send(a, proto.Frame{Name: proto.SignalSend, Room: lobby, TargetID: far1, Data: []byte(`"` + pad(size) + `"`), Ref: "x"})
	}
	signal(most)
	if e := a.Expect(t, proto.Error); e.Code != proto.CodeTooLarge || e.Ref != "x" {
		t.Errorf("heard %s", e.Raw)
	}
	signal(most - 1024)
	w.next(proto.OpSignal).answer(proto.Event{Name: proto.SignalSent, TargetID: far1})
	a.Expect(t, proto.SignalSent)
}

// refused dials and returns the status of the refusal.
func (w *world) refused(header http.Header) int {
	w.t.Helper()
	c, err := testkit.Open(w.t.Context(), w.url, &testkit.Options{Header: header})
	if err == nil {
		w.t.Cleanup(c.Close)
		return http.StatusSwitchingProtocols
	}
	refused := (*testkit.RefusedError)(nil)
	if !errors.As(err, &refused) {
		w.t.Fatal(err)
	}
	if refused.Status == http.StatusServiceUnavailable && refused.Header.Get("Retry-After") == "" {
		w.t.Error("a refusal does not say when to try again")
	}
	return refused.Status
}

func TestConnectionsBeyondTheGatewaysLimitAreRefusedWith503(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{Limits: gateway.Limits{MaxConns: 2}}})
	a := w.dial()
	w.dial()
	if status := w.refused(nil); status != http.StatusServiceUnavailable {
		t.Errorf("the third connection was answered %d", status)
	}
	a.Close()
	testkit.WaitFor(t, "room for another", func() bool { return w.inside.Door.Count() == 1 })
	w.dial()
}

// Both transports together stay within the limit: a Socket.IO session counts from its handshake on, once.
func TestBothTransportsTogetherStayWithinTheLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{Limits: gateway.Limits{MaxConns: 3}}})
	a := w.dial()
	w.dial()
	_, rest, _ := strings.Cut(w.polled("EIO=4", nil).body, `"sid":"`)
	sid, _, _ := strings.Cut(rest, `"`)
	full := func() {
		t.Helper()
		if status := w.refused(nil); status != http.StatusServiceUnavailable {
			t.Errorf("a plain socket was answered %d", status)
		}
		if got := w.polled("EIO=4", nil); got.status != http.StatusServiceUnavailable {
			t.Errorf("a poll was answered %+v", got)
		}
	}
	full()
	if got := w.sends(http.MethodPost, "/socket.io/?EIO=4&transport=polling&sid="+sid, nil, "40"); got.status != 200 {
		t.Fatalf("connecting was answered %+v", got)
	}
	testkit.WaitFor(t, "the session", func() bool { return w.count("parley_gateway_sessions") == 3 })
	full()
	if n := w.count("parley_gateway_refusals_total"); n != 4 {
		t.Errorf("%v refusals are counted", n)
	}
	a.Close()
	testkit.WaitFor(t, "a place", func() bool { return w.inside.Door.Count() == 2 })
	if got := w.polled("EIO=4", nil); got.status != 200 {
		t.Errorf("the place of a plain socket is not a poll's: %+v", got)
	}
	full()
}

func TestConnectionsOfOneAddressAreCountedBehindTrustedProxies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{
		TrustedProxies: []string{"127.0.0.1"}, Limits: gateway.Limits{MaxConnsPerAddress: 1},
	}})
	from := func(address string) http.Header { return http.Header{"X-Forwarded-For": {address}} }
	for _, c := range []struct {
		address string
		status  int
	}{
		{"192.0.2.1", http.StatusSwitchingProtocols},
		{"192.0.2.1", http.StatusServiceUnavailable},
		{"192.0.2.2", http.StatusSwitchingProtocols},
		{"198.51.100.7, 192.0.2.2", http.StatusServiceUnavailable}, // what the client says of itself does not count
	} {
		if status := w.refused(from(c.address)); status != c.status {
			t.Errorf("%s was answered %d, expected %d", c.address, status, c.status)
		}
	}
}

func TestAnIPv6NetworkIsCountedAsOneClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{
		TrustedProxies: []string{"127.0.0.1"}, Limits: gateway.Limits{MaxConnsPerAddress: 1},
	}})
	for _, c := range []struct {
		address string
		status  int
	}{
		{"2001:db8:0:1::1", http.StatusSwitchingProtocols},
		{"2001:db8:0:1:ffff::2", http.StatusServiceUnavailable},
		{"2001:db8:0:2::1", http.StatusSwitchingProtocols},
	} {
		if status := w.refused(http.Header{"X-Real-Ip": {c.address}}); status != c.status {
			t.Errorf("%s was answered %d, expected %d", c.address, status, c.status)
		}
		if status := w.polled("EIO=4", http.Header{"X-Real-Ip": {c.address}}).status; status != http.StatusServiceUnavailable {
			t.Errorf("a poll of %s, whose network is in by another transport, was answered %d", c.address, status)
		}
	}
	testkit.WaitFor(t, "refusals to be counted", func() bool { return w.count("parley_gateway_refusals_total") >= 1 })
}

func TestWhatProxiesThatAreNotTrustedReportDoesNotCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{config: gateway.Config{Limits: gateway.Limits{MaxConnsPerAddress: 1}}})
	if status := w.refused(http.Header{"X-Forwarded-For": {"192.0.2.1"}}); status != http.StatusSwitchingProtocols {
		t.Errorf("the first was answered %d", status)
	}
	if status := w.refused(http.Header{"X-Forwarded-For": {"192.0.2.2"}}); status != http.StatusServiceUnavailable {
		t.Errorf("the second was answered %d", status)
	}
}
