package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

type client = testkit.Client

var signals = []promise{
	{"ASignalReachesItsTargetAloneByteForByte", signalBytes},
	{"ASignalWithoutRefIsAnsweredBySilence", signalSilence},
	{"ASignalFromOutsideIsNotInRoom", signalOutside},
	{"ASignalToNoMemberIsTargetNotFound", signalNoTarget},
	{"ASignalToOneselfIsABadRequest", signalSelf},
	{"SignalsKeepTheirOrder", signalOrder},
	{"ASignalOfTheLargestFrameArrives", signalLarge},
}

func signalBytes(t *testing.T, s *site) {
	room, a, b, c := fresh(t), s.dial(t), s.dial(t), s.dial(t)
	fill(t, room, a, b, c)
	for _, data := range []string{
		`{"description":{"type":"offer","sdp":"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n"}}`,
		`{"candidate":{"candidate":"candidate:1 1 UDP 1 192.0.2.1 9 typ host","sdpMid":"0","sdpMLineIndex":0}}`,
		`{}`, `null`, `0`, `"text"`, `[1,2,[3]]`, `true`, `-0.0e+10`, `1E400`, `123456789012345678901234567890`,
		`{"b":1,"a":2,"__proto__":{"x":1}}`, `{ "spaces" :  [ 1 , 2 ] }`, `"\u00e9é\/\ud83d\ude00😀"`, `{"sdp":"cut \ud83d"}`, `["\ude00\ud83d",{"\ud83d":0}]`, `{"n":5,"event":"x"}`,
		`{"a":"</script>&"}`, `"` + strings.Repeat("x", 10_000) + `"`, `{"data":{"data":{"data":[]}},"n":7}`,
	} {
		want(t, a.Signal(t, room, b.ID(), data), proto.SignalSent)
		r := b.Expect(t, proto.SignalReceive)
		if string(r.Data) != data || r.SenderID != a.ID() || r.Room != room {
			t.Errorf("sent %s, heard %s", data, r.Raw)
		}
	}
	c.Quiet(t)
	a.Quiet(t)
}

func signalSilence(t *testing.T, s *site) {
	room, a, b := fresh(t), s.dial(t), s.dial(t)
	fill(t, room, a, b)
	if err := a.Send(t.Context(), proto.Frame{Name: proto.SignalSend, Room: room, TargetID: b.ID(), Data: []byte(`1`)}); err != nil {
		t.Fatal(err)
	}
	b.Expect(t, proto.SignalReceive)
	a.Quiet(t)
	if err := a.Send(t.Context(), proto.Frame{Name: proto.SignalSend, Room: room, TargetID: "nobody", Data: []byte(`1`)}); err != nil {
		t.Fatal(err)
	}
	if r := a.Expect(t, proto.TargetNotFound); r.TargetID != "nobody" || r.Room != room {
		t.Errorf("heard %s", r.Raw)
	}
}

func signalOutside(t *testing.T, s *site) {
	room, a, b := fresh(t), s.dial(t), s.dial(t)
	if e := a.Signal(t, room, b.ID(), `1`); e.Name != proto.NotInRoom || e.Room != room {
		t.Errorf("answered %+v", e)
	}
	fill(t, room, a)
	want(t, b.Signal(t, room, a.ID(), `1`), proto.NotInRoom)
	want(t, b.Signal(t, room, "nobody", `1`), proto.NotInRoom)
	a.Quiet(t)
}

func signalNoTarget(t *testing.T, s *site) {
	room, a, b, c := fresh(t), s.dial(t), s.dial(t), s.dial(t)
	fill(t, room, a, b)
	for _, target := range []proto.ClientID{
		c.ID(), "nobody", "*", ">", "a.b", " ", "__proto__", "ü", proto.ClientID(room), proto.ClientID(strings.Repeat("x", 10_000)),
		proto.NewClientID(), "\x00",
	} {
		if e := a.Signal(t, room, target, `1`); e.Name != proto.TargetNotFound || e.TargetID != target || e.Room != room {
			t.Errorf("answered %.200s to target %.100q", fmt.Sprintf("%+v", e), target)
		}
	}
	want(t, b.Leave(t, room), proto.RoomLeft)
	want(t, a.Signal(t, room, b.ID(), `1`), proto.TargetNotFound)
	c.Quiet(t)
	b.Quiet(t)
}

func signalSelf(t *testing.T, s *site) {
	room, a := fresh(t), s.dial(t)
	fill(t, room, a)
	e := a.Signal(t, room, a.ID(), `1`)
	wantCode(t, e, proto.CodeBadRequest)
	if e.Room != room || e.SenderID != a.ID() {
		t.Errorf("answered %+v", e)
	}
	a.Quiet(t)
}

func signalOrder(t *testing.T, s *site) {
	room, a, b := fresh(t), s.dial(t), s.dial(t)
	fill(t, room, a, b)
	const n = 500
	for i := range n {
		f := proto.Frame{Name: proto.SignalSend, Room: room, TargetID: b.ID(), Data: fmt.Appendf(nil, "%d", i)}
		if err := a.Send(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		if r := b.Expect(t, proto.SignalReceive); string(r.Data) != fmt.Sprint(i) {
			t.Fatalf("signal %d: heard %s", i, r.Raw)
		}
	}
	a.Quiet(t)
}

func signalLarge(t *testing.T, s *site) {
	room, a, b := fresh(t), s.dial(t), s.dial(t)
	fill(t, room, a, b)
	data := `"` + strings.Repeat("é", 32_600) + `"`
	want(t, a.Signal(t, room, b.ID(), data), proto.SignalSent)
	if r := b.Expect(t, proto.SignalReceive); string(r.Data) != data {
		t.Errorf("%d bytes became %d", len(data), len(r.Data))
	}
}
