package proto

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// slowEvent reads an event as if there were no fast path.
func slowEvent(b []byte) (Event, error) {
	var e struct {
		Event
		RawFresh jsontext.Value `json:"fresh"`
	}
	if err := json.Unmarshal(b, &e); err != nil {
		return Event{}, err
	}
	return e.Event, e.readFresh(e.RawFresh)
}

// signalData are values that a signal may carry and that look like what surrounds them.
func signalData() []string {
	return []string{
		`null`, `0`, `5`, `"x"`, `",\"n\":5"`, `{}`, `[]`, `{"n":5}`, `{"a":1,"n":5}`, `[{"a":1,"n":5},5]`, `{"a":{"b":1,"n":7}}`,
		`",\"n\":5}"`, `{ "a" : 1 , "n" : 5 }`, `{"description":{"type":"offer","sdp":"v=0\r\n"}}`, `1,"n":2`[:1],
	}
}

func TestTheFastPathReadsASignalLikeTheSlowOne(t *testing.T) {
	t.Parallel()
	for _, room := range []Room{"lobby", "__proto__", "ü", `a"b`, `a\b`} {
		for _, data := range signalData() {
			for _, n := range []int64{0, 1, 9_223_372_036_854_775_807, -1} {
				b := AppendEvent(nil, &Event{Name: SignalReceive, Room: room, SenderID: testClient, Data: jsontext.Value(data), N: n})
				want, err := slowEvent(b)
				if err != nil {
					t.Fatalf("%s: %v", b, err)
				}
				got, err := DecodeEvent(b)
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%s\nis read as %+v, %v\nexpected   %+v", b, got, err, want)
				}
				_, fast := scanSignal(b)
				if plainRoom := plain(string(room)); fast != (plainRoom && n > 0) {
					t.Errorf("%s: the fast path took it: %t", b, fast)
				}
			}
		}
	}
}

func TestTheCountIsCutOffASignalAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, room := range []Room{"lobby", "ü"} {
		for _, data := range signalData() {
			want := Event{Name: SignalReceive, Room: room, SenderID: testClient, Data: jsontext.Value(data)}
			for _, n := range []int64{0, 1, 123_456, -1} {
				with := want
				with.N = n
				b := AppendEvent(nil, &with)
				e, err := DecodeEvent(b)
				if err != nil {
					t.Fatal(err)
				}
				if got := StripCount(b, &e); string(got) != string(AppendEvent(nil, &want)) {
					t.Errorf("with the count %d, cut off: %s\nexpected %s", n, got, AppendEvent(nil, &want))
				}
				if string(e.Data) != data {
					t.Errorf("the data became %s, it was %s", e.Data, data)
				}
			}
		}
	}
}

func TestEventsThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	for _, b := range []string{
		``, `[]`, `"x"`, `{}`, `{"event":""}`, `{"event":5}`, `{"event":"error","code":"a","code":"b"}`, `{"event":"roster","clients":"x"}`,
		`{"event":"client-joined","seq":-1}`, `{"event":"client-joined","id":"\ud800"}`, "{\"event\":\"error\",\"message\":\"\xff\"}",
		`{"event":"signal-receive","data":{"a":1,"a":2}}`, `{"event":"pong"`,
		`{"event":"client-back","fresh":["a"]}`, `{"event":"client-back","fresh":"true"}`, `{"event":"resumed","fresh":true}`,
		`{"event":"resumed","fresh":["\ud83d"]}`, `{"event":"resumed","away":{"a":1}}`, `{"event":"live","lost":{"a":1.5}}`,
		`{"event":"live","lost":["a"]}`, `{"event":"live","lost":{"a":1,"a":2}}`, `{"event":"connected","keep":"30"}`,
	} {
		if e, err := DecodeEvent([]byte(b)); !errors.Is(err, ErrEvent) {
			t.Errorf("%s: %+v, %v", b, e, err)
		}
	}
}

// "fresh" is a boolean in one event and a list in another; where it means nothing it may be anything.
func TestFreshIsWhatItsEventSays(t *testing.T) {
	t.Parallel()
	for wire, want := range map[string]Event{
		`{"event":"client-back","fresh":true}`:      {Name: ClientBack, FreshBack: true},
		`{"event":"client-back","fresh":false}`:     {Name: ClientBack},
		`{"event":"client-back"}`:                   {Name: ClientBack},
		`{"event":"resumed","fresh":["a","b"]}`:     {Name: Resumed, Fresh: []ClientID{"a", "b"}},
		`{"event":"resumed"}`:                       {Name: Resumed},
		`{"fresh":[ "a" ],"event":"resumed"}`:       {Name: Resumed, Fresh: []ClientID{"a"}},
		`{"event":"client-joined","fresh":{"x":1}}`: {Name: ClientJoined},
	} {
		if e, err := DecodeEvent([]byte(wire)); err != nil || !reflect.DeepEqual(e, want) {
			t.Errorf("%s: %+v, %v", wire, e, err)
		}
	}
}

func TestTextThatIsNotUnicodeIsWrittenAsUnicode(t *testing.T) {
	t.Parallel()
	b := AppendEvent(nil, &Event{Name: Error, Message: "a\xffb", Code: CodeInternal, Ref: "\xed\xa0\x80"})
	if !jsontext.Value(b).IsValid() {
		t.Errorf("%q", b)
	}
}

func TestErrorfSaysWhatWasAsked(t *testing.T) {
	t.Parallel()
	e := Errorf(CodeRoomFull, "lobby", testClient, "the room has %d members already", 3)
	want := `{"event":"error","message":"the room has 3 members already","code":"room-full","room":"lobby","senderId":"` + string(testClient) + `"}`
	if got := string(AppendEvent(nil, &e)); got != want {
		t.Errorf("%s\nexpected %s", got, want)
	}
}

func FuzzDecodeEvent(f *testing.F) {
	for _, w := range golden.Events {
		f.Add([]byte(w.Wire))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		kept := bytes.Clone(b)
		e, err := DecodeEvent(b)
		if !bytes.Equal(b, kept) {
			t.Fatal("the input was changed")
		}
		if err != nil {
			if !errors.Is(err, ErrEvent) {
				t.Fatalf("the error %v", err)
			}
			return
		}
		if slow, err := slowEvent(b); err == nil && !reflect.DeepEqual(e, slow) {
			t.Fatalf("%s\nis read as %+v\nexpected   %+v", b, e, slow)
		}
		if e.Name == SignalReceive {
			StripCount(bytes.Clone(b), &e)
		}
		if !plain(string(e.Name)) || e.Name == SignalReceive && !e.Data.IsValid() || e.Version < 0 {
			return
		}
		again := AppendEvent(nil, &e)
		other, err := DecodeEvent(again)
		if err != nil {
			t.Fatalf("%s, written again %s: %v", b, again, err)
		}
		if twice := AppendEvent(nil, &other); !bytes.Equal(again, twice) {
			t.Fatalf("written again %s\nand again %s", again, twice)
		}
	})
}

func FuzzSignalData(f *testing.F) {
	for _, data := range signalData() {
		f.Add("lobby", []byte(data), int64(7))
	}
	f.Fuzz(func(t *testing.T, room string, data []byte, n int64) {
		if Room(room).Check() != nil || !jsontext.Value(data).IsValid() || strings.TrimSpace(string(data)) != string(data) {
			return
		}
		b := AppendEvent(nil, &Event{Name: SignalReceive, Room: Room(room), SenderID: testClient, Data: data, N: n})
		e, err := DecodeEvent(b)
		if err != nil || e.Room != Room(room) || !bytes.Equal(e.Data, data) || e.N != n || e.SenderID != testClient {
			t.Fatalf("%s is read as %+v, %v", b, e, err)
		}
		got := StripCount(b, &e)
		want := AppendEvent(nil, &Event{Name: SignalReceive, Room: Room(room), SenderID: testClient, Data: data})
		if !bytes.Equal(got, want) {
			t.Fatalf("%s, expected %s", got, want)
		}
	})
}

// What is left packed is the same list, and is written as it came.
func TestAnAnswerWhoseClientsArePackedIsTheSame(t *testing.T) {
	t.Parallel()
	for _, w := range golden.Events {
		want, err := DecodeEvent([]byte(w.Wire))
		if err != nil {
			continue
		}
		got, err := DecodeAnswer([]byte(w.Wire))
		if err != nil {
			t.Fatalf("%s: %v", w.Wire, err)
		}
		if again := string(AppendEvent(nil, &got)); again != string(AppendEvent(nil, &want)) {
			t.Errorf("%s is written again as %s", w.Wire, again)
		}
		if !slices.Equal(got.Unpack(), want.Clients) || got.Packed != nil {
			t.Errorf("%s has %v", w.Wire, got.Clients)
		}
	}
	for list, want := range map[string][]ClientID{
		`[]`: {}, `["a","b"]`: {"a", "b"}, `["\u0061"]`: {"a"}, `[1]`: nil, `["a",]`: nil, `["a"`: nil, ``: nil,
	} {
		if got := unpackClients([]byte(list)); !slices.Equal(got, want) {
			t.Errorf("%s is %v", list, got)
		}
	}
}

func BenchmarkRoomJoined1000(b *testing.B) {
	e := Event{Name: RoomJoined, Room: "lobby", OwnerID: "o", Seq: 7}
	for i := range 1000 {
		e.Clients = append(e.Clients, ClientID(fmt.Sprintf("9f1c2d3e-0a4b-4c5d-8e6f-%012d", i)))
	}
	wire := AppendEvent(nil, &e)
	for name, decode := range map[string]func([]byte) (Event, error){"whole": DecodeEvent, "packed": DecodeAnswer} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := decode(wire); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
