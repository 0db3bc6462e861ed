package proto

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

func TestBadFramesAreRefusedAndTheAnswerKnowsWhatItCan(t *testing.T) {
	t.Parallel()
	each(t, golden.BadFrames, func(t *testing.T, w wire) {
		f, err := DecodeFrame([]byte(w.Wire))
		if !errors.Is(err, ErrFrame) {
			t.Fatalf("%s: %v", w.Wire, err)
		}
		if f.Room != w.Room || f.Ref != w.Ref {
			t.Errorf("the answer says room %q and ref %q, expected %q and %q", f.Room, f.Ref, w.Room, w.Ref)
		}
		if len(err.Error()) > 270 {
			t.Errorf("the sentence has %d bytes: %v", len(err.Error()), err)
		}
	})
}

func TestHarmlessOdditiesOfFramesAreTaken(t *testing.T) {
	t.Parallel()
	each(t, golden.LenientFrames, func(t *testing.T, w wire) {
		f, err := DecodeFrame([]byte(w.Wire))
		if err != nil || f.Name != RoomJoin || f.Room != w.Room {
			t.Errorf("%q in %q, %v", f.Name, f.Room, err)
		}
	})
}

// resumeOf returns a resume that has heard of n senders.
func resumeOf(n int) []byte {
	f := Frame{Name: Resume, Room: "lobby", Heard: make(map[ClientID]int64), Ref: "1"}
	for i := range n {
		f.Heard[ClientID(fmt.Sprintf("9f1c2d3e-0a4b-4c5d-8e6f-%012d", i))] = int64(i)
	}
	return AppendFrame(nil, &f)
}

func TestAResumeSaysOfAtMost4096SendersWhatItHasHeard(t *testing.T) {
	t.Parallel()
	f, err := DecodeFrame(resumeOf(MaxHeard))
	if err != nil || len(f.Heard) != MaxHeard || f.Heard["9f1c2d3e-0a4b-4c5d-8e6f-000000004095"] != 4095 {
		t.Errorf("%d senders: %v", len(f.Heard), err)
	}
	f, err = DecodeFrame(resumeOf(MaxHeard + 1))
	if !errors.Is(err, ErrFrame) || f.Heard != nil || f.Ref != "1" || f.Room != "lobby" {
		t.Errorf("%d senders in %q, ref %q: %v", len(f.Heard), f.Room, f.Ref, err)
	}
}

func TestAResumeMayLeaveOutWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	f, err := DecodeFrame([]byte(`{"event":"resume","room":"lobby","fresh":false}`))
	if err != nil || f.Seq != 0 || len(f.Heard) != 0 || f.Fresh {
		t.Errorf("%+v, %v", f, err)
	}
	f, err = DecodeFrame([]byte(` {"heard" : { "` + string(testClient) + `" : 5 } ,"fresh" : true , "event":"resume","room":"lobby","seq" : 0 } `))
	if err != nil || f.Heard[testClient] != 5 || !f.Fresh {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestFramesThatAreNotUTF8AreRefused(t *testing.T) {
	t.Parallel()
	for what, frame := range map[string]string{
		"room":            "{\"event\":\"room-join\",\"room\":\"a\xff\"}",
		"an overlong dot": "{\"event\":\"room-join\",\"room\":\"a\xc0\xae\"}",
		"a surrogate":     "{\"event\":\"room-join\",\"room\":\"\xed\xa0\x80\"}",
		"unknown member":  "{\"event\":\"ping\",\"x\":\"\xff\"}",
		"a member's name": "{\"event\":\"ping\",\"\xff\":1}",
		"data":            "{\"event\":\"signal-send\",\"room\":\"a\",\"targetId\":\"b\",\"data\":\"\xff\"}",
	} {
		if f, err := DecodeFrame([]byte(frame)); !errors.Is(err, ErrFrame) {
			t.Errorf("%s: %q, %v", what, f.Room, err)
		}
	}
}

func TestNestedBracketsCostLittleAndAreRefused(t *testing.T) {
	t.Parallel()
	const n = 20_000
	for what, frame := range map[string]string{
		"only brackets":      strings.Repeat("[", n),
		"brackets, closed":   strings.Repeat("[", n/2) + strings.Repeat("]", n/2),
		"objects":            strings.Repeat(`{"a":`, n/5),
		"in data":            `{"event":"signal-send","room":"a","targetId":"b","data":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`,
		"in an unknown":      `{"event":"ping","x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`,
		"after closing ones": `{"event":"ping","x":` + strings.Repeat("]", n) + strings.Repeat("[", 2*n),
	} {
		start := time.Now()
		if _, err := DecodeFrame([]byte(frame)); !errors.Is(err, ErrFrame) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := DecodeRequest(OpSignal, []byte(frame)); !errors.Is(err, ErrRequest) {
			t.Errorf("%s, in a request: %v", what, err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("%s took %v", what, took)
		}
	}
}

// TestNestedBracketsCostNoMemory is not parallel: allocations are counted for the whole process.
func TestNestedBracketsCostNoMemory(t *testing.T) {
	frame := []byte(strings.Repeat("[", 20_000))
	if n := testing.AllocsPerRun(10, func() { _, _ = DecodeFrame(frame) }); n > 10 {
		t.Errorf("20 kB of brackets cost %.0f allocations", n)
	}
}

func TestBracketsInTextAreNotNesting(t *testing.T) {
	t.Parallel()
	data := `"` + strings.Repeat(`[{\"`, 1000) + `"`
	f, err := DecodeFrame([]byte(`{"event":"signal-send","room":"a","targetId":"b","data":` + data + `}`))
	if err != nil || string(f.Data) != data {
		t.Errorf("%v", err)
	}
}

func TestNestingUpToTheBoundIsTaken(t *testing.T) {
	t.Parallel()
	frame := func(depth int) []byte {
		return []byte(`{"event":"ping","x":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `}`)
	}
	if _, err := DecodeFrame(frame(MaxDepth)); err != nil {
		t.Errorf("%d deep: %v", MaxDepth, err)
	}
	if _, err := DecodeFrame(frame(MaxDepth + 1)); !errors.Is(err, ErrFrame) {
		t.Errorf("%d deep: %v", MaxDepth+1, err)
	}
}

func TestDataPassesByteForByte(t *testing.T) {
	t.Parallel()
	const sender, gateway = testClient, testGateway
	for _, data := range []string{
		`null`, `0`, `-0.0e+5`, `1e999`, `12345678901234567890123`, `""`, `"\u00e9\/é"`, `[]`, `{}`, ` { "b" : 1,` + "\n\t" + `"a" : [ ] } `,
		`"\ud83d"`, `{"description":{"sdp":"s=\ud83d\r\n"}}`, `{"\udfff":["\ud83d\udca9","\udca9\ud83d"]}`,
		`{"__proto__":{"polluted":true},"constructor":{"prototype":null}}`, `{"event":"room-leave","room":"x","n":5}`,
	} {
		f, err := DecodeFrame([]byte(`{"event":"signal-send","room":"__proto__","targetId":"toString","data":` + data + `}`))
		if err != nil {
			t.Errorf("%s: %v", data, err)
			continue
		}
		if got := string(f.Data); got != strings.TrimSpace(data) || f.Room != "__proto__" || f.TargetID != "toString" {
			t.Errorf("%s came as %s, in %q to %q", data, got, f.Room, f.TargetID)
		}
		// The way between gateways and replicas: in the layout that is passed on unread, and in those that are decoded.
		for _, room := range []Room{"lobby", `a "room"`, "Küche"} {
			b := AppendRequest(nil, OpSignal, &Request{Room: room, ClientID: sender, Gateway: gateway, TargetID: "b", N: 7, Data: f.Data})
			for decoder, decode := range map[string]func() (Request, error){
				"DecodeSignal":  func() (Request, error) { return DecodeSignal(b) },
				"DecodeRequest": func() (Request, error) { return DecodeRequest(OpSignal, b) },
			} {
				if r, err := decode(); err != nil || r.Room != room || r.N != 7 || !bytes.Equal(r.Data, f.Data) {
					t.Errorf("%s of %s: %s in %q, %v", decoder, b, r.Data, r.Room, err)
				}
			}
			b = AppendEvent(nil, &Event{Name: SignalReceive, Room: room, SenderID: sender, Data: f.Data, N: 7})
			if e, err := DecodeEvent(b); err != nil || e.Room != room || e.N != 7 || !bytes.Equal(e.Data, f.Data) {
				t.Errorf("DecodeEvent of %s: %s in %q, %v", b, e.Data, e.Room, err)
			}
		}
	}
}

// What would become another text is refused: only data is passed on as it came.
func TestALoneSurrogateOutsideOfDataIsNotRead(t *testing.T) {
	t.Parallel()
	who := `"clientId":"` + string(testClient) + `","gateway":"` + string(testGateway) + `"`
	for _, request := range []string{
		`{"room":"a\ud83d",` + who + `,"targetId":"b","n":1,"data":{}}`,
		`{"room":"a",` + who + `,"targetId":"b\ud83d","n":1,"data":"\ud83d"}`,
		`{"room":"a",` + who + `,"targetId":"b","n":1,"data":"\ud83d","x":"\ud83d"}`,
		`{"room":"ü",` + who + `,"targetId":"b","n":1,"data":{"\ud83d":1,"a":1,"a":2}}`,
		`{"room":"ü",` + who + `,"targetId":"b","data":"` + "\xff" + `"}`,
	} {
		if r, err := DecodeRequest(OpSignal, []byte(request)); !errors.Is(err, ErrRequest) {
			t.Errorf("%s: %+v, %v", request, r, err)
		}
	}
	event := `{"event":"signal-receive","room":"a\ud83d","senderId":"b","data":"\ud83d"}`
	if e, err := DecodeEvent([]byte(event)); !errors.Is(err, ErrEvent) {
		t.Errorf("%s: %+v, %v", event, e, err)
	}
}

func TestAFrameOfATransportWithoutJSONIsCheckedTheSame(t *testing.T) {
	t.Parallel()
	for _, f := range []Frame{
		{Name: RoomCreate, Room: "lobby"},
		{Name: RoomJoin, Room: "ü"},
		{Name: RoomLeave, Room: "a b"},
		{Name: Ping},
		{Name: SignalSend, Room: "lobby", TargetID: "b", Data: jsontext.Value(`{}`)},
		{Name: SignalSend, Room: "lobby", TargetID: "b", Data: jsontext.Value(`{}`), N: MaxNumber},
		{Name: RoomCreate, Room: "lobby", Policy: PolicyStay},
		{Name: RoomEnter, Room: "lobby", Policy: PolicyTransfer},
		{Name: RoomClose, Room: "lobby"},
		{Name: Resume, Room: "lobby"},
	} {
		if err := f.Check(); err != nil {
			t.Errorf("%+v: %v", f, err)
		}
	}
	for _, f := range []Frame{
		{},
		{Name: RoomCreate},
		{Name: RoomCreate, Room: "a\x00"},
		{Name: RoomJoin, Room: "\xff"},
		{Name: RoomClosed, Room: "a"},
		{Name: SignalSend, Room: "lobby", Data: jsontext.Value(`{}`)},
		{Name: SignalSend, Room: "lobby", TargetID: "b"},
		{Name: SignalSend, Room: "lobby", TargetID: "\xff", Data: jsontext.Value(`{}`)},
		{Name: SignalSend, Room: "lobby", TargetID: "b", Data: jsontext.Value(`{}`), N: -1},
		{Name: SignalSend, Room: "lobby", TargetID: "b", Data: jsontext.Value(`{}`), N: MaxNumber + 1},
		{Name: RoomCreate, Room: "lobby", Policy: "Stay"},
		{Name: RoomEnter, Room: "lobby", Policy: "keep"},
		{Name: RoomEnter},
		{Name: RoomClose},
		{Name: Resume},
		{Name: Name(strings.Repeat("ü", 5000)), Room: "a"},
	} {
		if err := f.Check(); !errors.Is(err, ErrFrame) || len(err.Error()) > 270 {
			t.Errorf("%.50q in %q: %v", f.Name, f.Room, err)
		}
	}
}

func FuzzDecodeFrame(f *testing.F) {
	for _, of := range [][]wire{golden.Frames, golden.LenientFrames, golden.BadFrames} {
		for _, w := range of {
			f.Add([]byte(w.Wire))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		kept := bytes.Clone(b)
		frame, err := DecodeFrame(b)
		if !bytes.Equal(b, kept) {
			t.Fatal("the input was changed")
		}
		if frame.Room != "" && frame.Room.Check() != nil || len(frame.Ref) > MaxRef {
			t.Fatalf("room %q, ref %q", frame.Room, frame.Ref)
		}
		if err != nil {
			if !errors.Is(err, ErrFrame) {
				t.Fatalf("the error %v", err)
			}
			return
		}
		again := AppendFrame(nil, &frame)
		other, err := DecodeFrame(again)
		if err != nil || other.Name != frame.Name || other.Ref != frame.Ref || other.Room != frame.Room {
			t.Fatalf("%s, written again %s: %v", b, again, err)
		}
		if other.N != frame.N || other.Policy != frame.Policy || other.Seq != frame.Seq || other.Fresh != frame.Fresh ||
			!maps.Equal(other.Heard, frame.Heard) {
			t.Fatalf("%s, written again %s", b, again)
		}
		if frame.Name == SignalSend && (other.TargetID != frame.TargetID || !bytes.Equal(other.Data, frame.Data)) {
			t.Fatalf("%s, written again %s", b, again)
		}
	})
}
