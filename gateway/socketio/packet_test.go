package socketio

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/parley-rtc/parley/proto"
)

func TestPackets(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 300) + strings.Repeat("]", 300)
	for _, c := range []struct {
		text string
		want packet
		err  error
	}{
		{`0`, packet{kind: '0', namespace: "/"}, nil},
		{`0{"token":"t"}`, packet{kind: '0', namespace: "/"}, nil},
		{`0/admin,`, packet{kind: '0', namespace: "/admin"}, nil},
		{`0/admin`, packet{kind: '0', namespace: "/admin"}, nil},
		{`1`, packet{kind: '1', namespace: "/"}, nil},
		{`2["a"]`, packet{kind: '2', namespace: "/"}, nil},
		{`27["a"]`, packet{kind: '2', namespace: "/", ack: "7"}, nil},
		{`2007["a"]`, packet{kind: '2', namespace: "/", ack: "7"}, nil},
		{`2/x,12["a"]`, packet{kind: '2', namespace: "/x", ack: "12"}, nil},
		{`218446744073709551615["a"]`, packet{kind: '2', namespace: "/", ack: "18446744073709551615"}, nil},
		{`218446744073709551616["a"]`, packet{}, errPacket},
		{`2` + strings.Repeat("9", 5000) + `["a"]`, packet{}, errPacket},
		{`31[]`, packet{kind: '3', namespace: "/", ack: "1"}, nil},
		{`4{}`, packet{kind: '4', namespace: "/"}, nil},
		{`51-["a",{"_placeholder":true,"num":0}]`, packet{kind: '5', namespace: "/", announces: 1}, nil},
		{`512-7["a"]`, packet{kind: '5', namespace: "/", ack: "7", announces: 12}, nil},
		{`52-/x,7["a"]`, packet{kind: '5', namespace: "/x", ack: "7", announces: 2}, nil},
		{`5` + strings.Repeat("9", 5000) + `-["a"]`, packet{kind: '5', namespace: "/", announces: math.MaxInt32}, nil},
		{`51-7["a",` + deep + `]`, packet{kind: '5', namespace: "/", ack: "7", announces: 1}, nil},
		{`61-1[{"_placeholder":true,"num":0}]`, packet{kind: '6', namespace: "/", ack: "1", announces: 1}, nil},
		{`5["a"]`, packet{}, errPacket},
		{`5-["a"]`, packet{}, errPacket},
		{`50-["a"]`, packet{}, errPacket},
		{`5-1-["a"]`, packet{}, errPacket},
		{`51.5-["a"]`, packet{}, errPacket},
		{`51`, packet{}, errPacket},
		{`51-`, packet{}, errPacket},
		{`51-{}`, packet{}, errPacket},
		{`61-7`, packet{}, errPacket},
		{``, packet{}, errPacket},
		{`7`, packet{}, errPacket},
		{`x`, packet{}, errPacket},
		{`0[]`, packet{}, errPacket},
		{`0{`, packet{}, errPacket},
		{`1{}`, packet{}, errPacket},
		{`2`, packet{}, errPacket},
		{`27`, packet{}, errPacket},
		{`2{}`, packet{}, errPacket},
		{`2["a"`, packet{}, errPacket},
		{`2["a"]]`, packet{}, errPacket},
		{`2["a"] trailing`, packet{}, errPacket},
		{`27["a",` + deep + `]`, packet{kind: '2', namespace: "/", ack: "7"}, nil}, // it is answered
		{`3["a",` + deep + `]`, packet{}, errPacket},
		{`0{"a":` + deep + `}`, packet{}, errPacket},
		{"0/\xff,", packet{}, errPacket},
	} {
		p, err := decodePacket([]byte(c.text))
		p.json = nil
		if c.err == nil && (err != nil || p.kind != c.want.kind || p.namespace != c.want.namespace ||
			p.ack != c.want.ack || p.announces != c.want.announces) {
			t.Errorf("%.60q: %+v, %v, want %+v", c.text, p, err, c.want)
		}
		if c.err != nil && !errors.Is(err, c.err) {
			t.Errorf("%.60q: %v, want %v", c.text, err, c.err)
		}
	}
}

func TestEventsBecomeRequests(t *testing.T) {
	t.Parallel()
	const target = "cccccccccccccccccccc"
	for _, c := range []struct {
		text string
		want proto.Frame
		bad  string // part of the error's text
	}{
		{`2["room-create","a"]`, proto.Frame{Name: "room-create", Room: "a"}, ""},
		{`2["room-join","a"]`, proto.Frame{Name: "room-join", Room: "a"}, ""},
		{`29["room-leave" , "\u00e9" ]`, proto.Frame{
			Name: "room-leave", Room: "é", Ref: "9",
		}, ""},
		{`2["room-join","a","more",{"of":[1,2]},null]`, proto.Frame{Name: "room-join", Room: "a"}, ""},
		{`2["signal-send","a","` + target + `",{"b":[1, "],"],"c":"\""}]`, proto.Frame{
			Name: "signal-send", Room: "a", TargetID: target, Data: []byte(`{"b":[1, "],"],"c":"\""}`),
		}, ""},
		{`2["signal-send","a","` + target + `", 1.50e3 ,"extra"]`, proto.Frame{
			Name: "signal-send", Room: "a", TargetID: target, Data: []byte(`1.50e3`),
		}, ""},
		{`2["signal-send","a","` + target + `",null]`, proto.Frame{
			Name: "signal-send", Room: "a", TargetID: target, Data: []byte(`null`),
		}, ""},
		{`2["signal-send","a","` + target + `"]`, proto.Frame{Name: "signal-send", Room: "a", TargetID: target}, `"data"`},
		{`2["signal-send","a"]`, proto.Frame{Name: "signal-send", Room: "a"}, `"targetId"`},
		{`2["signal-send","a",7,{}]`, proto.Frame{Name: "signal-send", Room: "a"}, `"targetId"`},
		{`2["room-join"]`, proto.Frame{Name: "room-join"}, `"room"`},
		{`2["room-join",null]`, proto.Frame{Name: "room-join"}, `"room"`},
		{`2["room-join",["a"]]`, proto.Frame{Name: "room-join"}, `"room"`},
		{`2["room-join","` + strings.Repeat("r", 129) + `"]`, proto.Frame{Name: "room-join"}, "room name"},
		{`23["room-join",""]`, proto.Frame{Name: "room-join", Ref: "3"}, `"room"`},
		{`2["ping"]`, proto.Frame{Name: "ping"}, "there is no event"},
		{`2["Room-Join","a"]`, proto.Frame{Name: "Room-Join"}, "there is no event"},
		{`2[7,"a"]`, proto.Frame{}, "name of an event"},
		{`2[]`, proto.Frame{}, "name of an event"},
		{`2["signal-send","a","` + target + `",{"a":1,"a":2}]`, proto.Frame{}, "each member once"},
		// A text that was cut inside a character passes as data, and is refused where it has to be understood.
		{`25["signal-send","a","` + target + `",["\ud83d",{"\udca9":"\udca9\ud83d"}],"\ud83d"]`, proto.Frame{
			Name: "signal-send", Room: "a", TargetID: target, Data: []byte(`["\ud83d",{"\udca9":"\udca9\ud83d"}]`), Ref: "5",
		}, ""},
		{`25["signal-send","a","` + target + `",{"\ud83d":1,"a":1,"a":2}]`, proto.Frame{Ref: "5"}, "each member once"},
		{"25[\"signal-send\",\"a\",\"" + target + "\",\"\xff\"]", proto.Frame{Ref: "5"}, "UTF-8"},
		{`25["signal-send","a\ud83d","` + target + `",1]`, proto.Frame{Name: "signal-send", Ref: "5"}, "Unicode"},
		{`25["signal-send","a","\ud83d",1]`, proto.Frame{Name: "signal-send", Room: "a", Ref: "5"}, "Unicode"},
		{`25["room-join\ud83d","a"]`, proto.Frame{Ref: "5"}, "Unicode"},
	} {
		p, err := decodePacket([]byte(c.text))
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		f, err := p.frame()
		if f.Name != c.want.Name || f.Room != c.want.Room || f.TargetID != c.want.TargetID || f.Ref != c.want.Ref ||
			!bytes.Equal(f.Data, c.want.Data) {
			t.Errorf("%q: %+v, want %+v", c.text, f, c.want)
		}
		switch {
		case c.bad == "" && err != nil:
			t.Errorf("%q: %v", c.text, err)
		case c.bad != "" && (!errors.Is(err, proto.ErrFrame) || !strings.Contains(err.Error(), c.bad)):
			t.Errorf("%q: %v, want %s", c.text, err, c.bad)
		}
	}
}

func TestDataIsACopy(t *testing.T) {
	t.Parallel()
	b := []byte(`2["signal-send","a","cccccccccccccccccccc",{"x":1}]`)
	p, err := decodePacket(b)
	if err != nil {
		t.Fatal(err)
	}
	f, err := p.frame()
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if string(f.Data) != `{"x":1}` || f.Room != "a" {
		t.Fatalf("%+v", f)
	}
}

func FuzzDecodePacket(f *testing.F) {
	for _, text := range []string{
		`2["signal-send","a","cccccccccccccccccccc",{"b":[1,"],"],"c":"\""}]`, `27["room-join","a"]`, `0/admin,{}`, `31[]`,
		`51-["a"]`, `2/x,9["\ud800"]`, `2[[],{},"a",1]`, `2[ ]`, "2[\"\xff\"]", `1`, `44{}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := decodePacket(text)
		if err != nil {
			if !errors.Is(err, errPacket) {
				t.Fatal(err)
			}
			return
		}
		if p.kind != typeEvent {
			return
		}
		f, err := p.frame()
		if err != nil {
			if !errors.Is(err, proto.ErrFrame) {
				t.Fatal(err)
			}
			return
		}
		// What was accepted reads the same to another JSON parser.
		var args []json.RawMessage
		if err := json.Unmarshal(p.json, &args); err != nil {
			t.Fatal(err)
		}
		var room string
		if err := json.Unmarshal(args[1], &room); err != nil || room != string(f.Room) || f.Room.Check() != nil {
			t.Fatalf("%q: %+v", text, f)
		}
		if f.Name == proto.SignalSend && !bytes.Equal(bytes.TrimSpace(args[3]), f.Data) {
			t.Fatalf("%q: data %q", text, f.Data)
		}
	})
}
