package proto

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// oddRooms have names that are written in other ways than plain ones.
func oddRooms() []Room {
	return []Room{"lobby", "__proto__", "ü", `a"b`, `a\b`, `a","signals":[`, "🎥"}
}

// oddData are values that another encoder would write in another way, and values that look like what surrounds them.
func oddData() []string {
	return append(signalData(), `"\ud83d"`, `{"\udfff":["\ud83d\udca9","\udca9\ud83d"]}`, "{\n\t\"a\" : [ 1.0e+5 , -0 ]\n}", `"\u00e9\/é"`,
		`"]}"`, `{"count":1,"signals":[{}]}`, `[{"a":[{}]}]`, `"v=0\r\n\u2028"`, `12345678901234567890123`, `1e999`)
}

// signalIn returns what the socket of a resumable target receives.
func signalIn(room Room, data string, n int64) jsontext.Value {
	return AppendEvent(nil, &Event{Name: SignalReceive, Room: room, SenderID: testClient, Data: jsontext.Value(data), N: n})
}

func TestAPushIsReadAsItWasWrittenAndItsSignalsByteForByte(t *testing.T) {
	t.Parallel()
	for _, room := range oddRooms() {
		var all []jsontext.Value
		for i, data := range oddData() {
			one := signalIn(room, data, Number(2, int64(i)+1))
			all = append(all, one)
			for _, signals := range [][]jsontext.Value{{one}, all} {
				want := Push{From: testGateway, Target: "c2", Turn: MaxTurn, Since: 1<<64 - 1, SenderSince: 7, Prev: MaxNumber, Signals: signals}
				b := AppendPush([]byte("x"), &want)[1:]
				if got, err := DecodePush(b); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%s\nis read as %+v, %v", b, got, err)
				}
				if _, fast := scanPush(b); fast != (len(signals) == 1) {
					t.Errorf("%s: the fast path took it: %t", b, fast)
				}
			}
			e, err := DecodeEvent(one)
			if err != nil || e.Room != room || string(e.Data) != data || e.N != Number(2, int64(i)+1) {
				t.Errorf("%s is read as %+v, %v", one, e, err)
			}
		}
	}
}

// goodPush is one signal, for tests that break it.
const goodPush = `{"from":"g1","targetId":"c2","turn":1,"since":2,"senderSince":3,"prev":4,"count":1,"signals":[{"event":"signal-receive"}]}`

func TestPushesThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	if _, err := DecodePush([]byte(goodPush)); err != nil {
		t.Fatal(err)
	}
	broken := func(old, replacement string) string { return strings.Replace(goodPush, old, replacement, 1) }
	for _, b := range []string{
		``, `{}`, `[]`, `null`, `{"from":"g1"}`, strings.TrimSuffix(goodPush, `}`), goodPush + `}`,
		broken(`"g1"`, `""`), broken(`"g1"`, `"g1.*"`), broken(`"g1"`, `"`+strings.Repeat("g", 65)+`"`), broken(`"g1"`, `7`), broken(`"c2"`, `""`),
		broken(`"c2"`, `"c.2"`), broken(`"c2"`, `"\ud83d"`), broken(`"c2"`, "\"\xff\""), broken(`"turn":1`, `"turn":0`), broken(`"turn":1`, `"turn":-1`),
		broken(`"turn":1`, `"turn":2147483649`), broken(`"turn":1`, `"turn":1.0`), broken(`"turn":1`, `"turn":01`), broken(`"since":2`, `"since":-2`),
		broken(`"since":2`, `"since":18446744073709551616`), broken(`"senderSince":3`, `"senderSince":"3"`), broken(`"prev":4`, `"prev":-4`),
		broken(`"prev":4`, `"prev":9007199254740992`), broken(`"prev":4`, `"prev":4e0`), broken(`"count":1`, `"count":0`),
		broken(`"count":1`, `"count":2`), broken(`[{"event":"signal-receive"}]`, `[]`), broken(`[{"event":"signal-receive"}]`, `["x"]`),
		broken(`[{"event":"signal-receive"}]`, `[null]`), broken(`[{"event":"signal-receive"}]`, `{}`), broken(`}]}`, `}}]`),
		broken(`"count":1,"signals":[`, `"count":2,"signals":[{"a":1,"a":2},`), broken(`"count":1,"signals":[`, "\"count\":2,\"signals\":[{\"a\":\"\xff\"},"),
	} {
		if p, err := DecodePush([]byte(b)); !errors.Is(err, ErrPeer) {
			t.Errorf("%s: %+v, %v", b, p, err)
		}
	}
}

func TestAPushOfAnyLayoutIsRead(t *testing.T) {
	t.Parallel()
	want := Push{From: "g1", Target: "c2", Turn: 1, Since: 2, SenderSince: 3, Prev: 4, Signals: []jsontext.Value{jsontext.Value(`{"a":"\ud83d"}`)}}
	b := []byte(` {"signals" : [ {"a":"\ud83d"} ],"x":{"y":1},"count":1,"prev":4,"senderSince":3,"since":2,"turn":1,"targetId":"\u00632","from":"g1"}`)
	if got, err := DecodePush(b); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func FuzzDecodePush(f *testing.F) {
	for _, w := range golden.Pushes {
		f.Add([]byte(w.Wire))
	}
	f.Add([]byte(goodPush))
	f.Fuzz(func(t *testing.T, b []byte) {
		kept := bytes.Clone(b)
		p, err := DecodePush(b)
		if !bytes.Equal(b, kept) {
			t.Fatal("the input was changed")
		}
		if err != nil {
			if !errors.Is(err, ErrPeer) {
				t.Fatalf("the error %v", err)
			}
			return
		}
		if len(p.Signals) == 0 || p.Turn < 1 || p.Turn > MaxTurn || p.Prev < 0 || p.Prev > MaxNumber || p.From.Check() != nil {
			t.Fatalf("%+v", p)
		}
		again := AppendPush(nil, &p)
		if other, err := DecodePush(again); err != nil || !reflect.DeepEqual(other, p) {
			t.Fatalf("%s, written again %s: %+v, %v", b, again, other, err)
		}
	})
}
