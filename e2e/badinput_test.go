package e2e_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/proto"
)

var badInput = []promise{
	{"ABadFrameIsAnsweredWithBadRequestAndNothingElse", badFrames},
	{"ABadFrameIsAnsweredWithItsRef", badFrameRef},
	{"ABinaryFrameIsABadRequest", binaryFrame},
	{"TextThatIsNotUTF8ClosesWith1007", notUTF8},
	{"UnknownMembersAreIgnored", unknownMembers},
	{"OneClientsBadInputTouchesNoOther", untouched},
}

// deep is a frame with brackets nested some 10,000 deep: 20 kB.
func deep(open, shut string) string {
	return `{"event":"signal-send","room":"x","targetId":"y","data":` + strings.Repeat(open, 10_000) + strings.Repeat(shut, 10_000) + `}`
}

// bad are frames that no request can be read from.
var bad = map[string]string{
	"empty":                 ``,
	"blank":                 ` `,
	"not JSON":              `room-join`,
	"cut off":               `{"event":"room-join"`,
	"trailing":              `{"event":"ping"}{"event":"ping"}`,
	"array":                 `[{"event":"ping"}]`,
	"string":                `"ping"`,
	"null":                  `null`,
	"number":                `1`,
	"no event":              `{}`,
	"event null":            `{"event":null,"room":"x"}`,
	"event number":          `{"event":1,"room":"x"}`,
	"no such event":         `{"event":"room-destroy","room":"x"}`,
	"an answer's name":      `{"event":"room-created","room":"x"}`,
	"an op's name":          `{"event":"roster","room":"x"}`,
	"event in capitals":     `{"event":"ROOM-JOIN","room":"x"}`,
	"name in capitals":      `{"Event":"room-join","room":"x"}`,
	"room in capitals":      `{"event":"room-join","Room":"x"}`,
	"duplicate event":       `{"event":"room-join","event":"room-join","room":"x"}`,
	"duplicate room":        `{"event":"room-join","room":"x","room":"x"}`,
	"duplicate unknown":     `{"event":"ping","x":1,"x":1}`,
	"duplicate nested":      `{"event":"signal-send","room":"x","targetId":"y","data":{"a":1,"a":2}}`,
	"escaped duplicate":     `{"event":"room-join","room":"x","\u0072oom":"x"}`,
	"no room":               `{"event":"room-join"}`,
	"room null":             `{"event":"room-join","room":null}`,
	"room number":           `{"event":"room-create","room":7}`,
	"room object":           `{"event":"room-create","room":{}}`,
	"room empty":            `{"event":"room-create","room":""}`,
	"room too long":         `{"event":"room-create","room":"` + strings.Repeat("x", 129) + `"}`,
	"room of 10 kB":         `{"event":"room-create","room":"` + strings.Repeat("x", 10_000) + `"}`,
	"room 43 times 3 bytes": `{"event":"room-create","room":"` + strings.Repeat("€", 43) + `"}`,
	"room with NUL":         `{"event":"room-create","room":"a\u0000"}`,
	"room with line feed":   `{"event":"room-create","room":"a\nb"}`,
	"room with DEL":         `{"event":"room-create","room":"a\u007f"}`,
	"room with C1":          `{"event":"room-create","room":"a\u0085"}`,
	"room lone surrogate":   `{"event":"room-create","room":"a\ud800"}`,
	"raw control character": "{\"event\":\"room-create\",\"room\":\"a\tb\"}",
	"target lone surrogate": `{"event":"signal-send","room":"x","targetId":"\udc00","data":1}`,
	"ref number":            `{"event":"ping","ref":1}`,
	"ref null":              `{"event":"ping","ref":null}`,
	"ref too long":          `{"event":"ping","ref":"` + strings.Repeat("r", 65) + `"}`,
	"no target":             `{"event":"signal-send","room":"x","data":1}`,
	"target number":         `{"event":"signal-send","room":"x","targetId":1,"data":1}`,
	"no data":               `{"event":"signal-send","room":"x","targetId":"y"}`,
	"deep arrays":           deep("[", "]"),
	"deep objects":          deep(`{"a":`, "}"),
	"deep and cut off":      strings.Repeat("[", 20_000),
	"deep in an unknown":    `{"event":"ping","x":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`,
	"byte order mark":       "\ufeff" + `{"event":"ping"}`,
	"NaN":                   `{"event":"signal-send","room":"x","targetId":"y","data":NaN}`,
	"comment":               `{"event":"ping"/**/}`,
	"trailing comma":        `{"event":"ping",}`,
}

func badFrames(t *testing.T, s *site) {
	c := s.dial(t)
	for name, frame := range bad {
		if err := c.SendText(t.Context(), frame); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r := c.Expect(t, proto.Error, proto.NotInRoom, proto.Pong, proto.RoomCreated, proto.RoomNotExists)
		if r.Name != proto.Error || r.Code != proto.CodeBadRequest || r.Message == "" || r.SenderID != c.ID() {
			t.Errorf("%s: %.200s: answered %.300s", name, frame, r.Raw)
		}
		if len(r.Raw) > 1024 {
			t.Errorf("%s: the answer has %d bytes", name, len(r.Raw))
		}
	}
	c.Quiet(t)
}

func badFrameRef(t *testing.T, s *site) {
	c := s.dial(t)
	for _, frame := range []string{
		`{"event":"room-destroy","room":"x","ref":"a"}`,
		`{"event":"room-join","ref":"a"}`,
		`{"event":"room-create","room":"","ref":"a"}`,
		`{"event":"signal-send","room":"x","targetId":"y","ref":"a"}`,
		`{"event":"room-join","room":"x\ud83d","ref":"a"}`,
		`{"event":"room-join","room":"x","room":"y","ref":"a"}`,
		`{"event":"signal-send","room":"x","targetId":"y","data":{"a":1,"a":2},"ref":"a"}`,
		`{"event":"ping","x":` + deep("[", "]") + `,"ref":"a"}`,
		`{"event":"room-join","room":"x","ref":"a",}`,
	} {
		if err := c.SendText(t.Context(), frame); err != nil {
			t.Fatal(err)
		}
		r, err := c.Next(t.Context())
		if err != nil || r.Name != proto.Error || r.Code != proto.CodeBadRequest || r.Ref != "a" {
			t.Errorf("%s: answered %s, %v", frame, r.Raw, err)
		}
	}
}

func binaryFrame(t *testing.T, s *site) {
	c := s.dial(t)
	for _, frame := range []string{`{"event":"ping"}`, "", "\xff\x00"} {
		if err := c.SendBinary(t.Context(), []byte(frame)); err != nil {
			t.Fatal(err)
		}
		r := c.Expect(t, proto.Error, proto.Pong)
		wantCode(t, r.Event, proto.CodeBadRequest)
	}
	c.Quiet(t)
}

func notUTF8(t *testing.T, s *site) {
	for _, frame := range []string{"\xff", "{\"event\":\"room-create\",\"room\":\"\xc3\x28\"}", "{\"event\":\"ping\",\"x\":\"\xed\xa0\x80\"}"} {
		c := s.dial(t)
		if err := c.SendText(t.Context(), frame); err != nil {
			t.Fatal(err)
		}
		wantClose(t, c, websocket.StatusInvalidFramePayloadData, "")
	}
}

func unknownMembers(t *testing.T, s *site) {
	room, c := fresh(t), s.dial(t)
	frame := `{"Event":"x","ROOM":"other","event":"room-create","x":[{"room":"y"}],"room":"` + string(room) +
		`","seq":9,"constructor":{"prototype":{}},"targetId":7,"data":null}`
	if err := c.SendText(t.Context(), frame); err != nil {
		t.Fatal(err)
	}
	if r := c.Expect(t, proto.RoomCreated, proto.Error); r.Room != room || r.Name != proto.RoomCreated {
		t.Errorf("heard %s", r.Raw)
	}
}

func untouched(t *testing.T, s *site) {
	room, a, b, wild := fresh(t), s.dial(t), s.dial(t), s.dial(t)
	fill(t, room, a, b)
	for _, frame := range bad {
		if err := wild.SendText(t.Context(), frame); err != nil {
			t.Fatal(err)
		}
	}
	want(t, wild.Do(t, proto.Frame{Name: proto.Ping}), proto.Pong)
	if err := wild.SendText(t.Context(), "\xff"); err != nil {
		t.Fatal(err)
	}
	wantClose(t, wild, websocket.StatusInvalidFramePayloadData, "")
	want(t, a.Signal(t, room, b.ID(), `1`), proto.SignalSent)
	b.Expect(t, proto.SignalReceive)
	a.Quiet(t)
	b.Quiet(t)
}

// wantClose waits for the end of a connection and checks its code, and its reason where one is given.
func wantClose(t *testing.T, c *client, code websocket.StatusCode, reason string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	got, why, err := c.CloseCode(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if got != code || reason != "" && why != reason {
		t.Errorf("closed with %d %q, expected %d %q", got, why, code, reason)
	}
}
