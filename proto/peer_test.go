package proto

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"
)

// drawPair draws what is said of a pair, with whatever members.
func drawPair(t *rapid.T) PeerPair {
	ids := rapid.StringMatching(`[A-Za-z0-9_-]{0,8}`)
	numbers := rapid.Int64Range(0, MaxNumber)
	p := PeerPair{
		Room: rapid.SampledFrom(append(oddRooms(), "")).Draw(t, "room"), SenderID: ClientID(ids.Draw(t, "sender")),
		TargetID: ClientID(ids.Draw(t, "target")), Turn: rapid.Int64Range(0, MaxTurn).Draw(t, "turn"), Since: rapid.Uint64().Draw(t, "since"),
		SenderSince: rapid.Uint64().Draw(t, "senderSince"), N: numbers.Draw(t, "n"), Sure: numbers.Draw(t, "sure"),
		Gateway: GatewayID(ids.Draw(t, "gateway")),
	}
	for range rapid.IntRange(0, 3).Draw(t, "recent") {
		p.Recent = append(p.Recent, numbers.Draw(t, "number"))
	}
	for range rapid.IntRange(0, 3).Draw(t, "signals") {
		p.Signals = append(p.Signals, signalIn(rapid.SampledFrom(oddRooms()).Draw(t, "in"), rapid.SampledFrom(oddData()).Draw(t, "data"), 5))
	}
	return p
}

func drawPeer(t *rapid.T) Peer {
	ids := rapid.StringMatching(`[A-Za-z0-9_-]{0,8}`)
	p := Peer{
		Kind: rapid.SampledFrom([]PeerKind{Pushed, Confirm, Ask, Told, HandOver, HandedOver, Away, "newer"}).Draw(t, "kind"), From: testGateway,
		Room: rapid.SampledFrom(append(oddRooms(), "")).Draw(t, "room"), ID: ClientID(ids.Draw(t, "id")), SenderID: ClientID(ids.Draw(t, "sender")),
		TargetID: ClientID(ids.Draw(t, "target")), Turn: rapid.Int64Range(0, MaxTurn).Draw(t, "turn"), Since: rapid.Uint64().Draw(t, "since"),
		SenderSince: rapid.Uint64().Draw(t, "senderSince"), Seq: rapid.Uint64().Draw(t, "seq"), N: rapid.Int64Range(0, MaxNumber).Draw(t, "n"),
		State: Took(ids.Draw(t, "state")), Gateway: GatewayID(ids.Draw(t, "gateway")), Fresh: rapid.Bool().Draw(t, "fresh"), More: rapid.Bool().Draw(t, "more"),
		Of: rapid.Int64Range(0, MaxTurn).Draw(t, "of"), NextTurn: rapid.Int64Range(0, MaxTurn).Draw(t, "nextTurn"), Page: rapid.IntRange(0, 1000).Draw(t, "page"),
	}
	for range rapid.IntRange(0, 3).Draw(t, "pairs") {
		p.Pairs = append(p.Pairs, drawPair(t))
	}
	return p
}

func TestWhatGatewaysSayIsReadAsItWasWrittenAndSignalsByteForByte(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := drawPeer(t)
		b := AppendPeer([]byte("x"), &want)[1:]
		got, err := DecodePeer(b)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\nis read as %+v, %v\nexpected %+v", b, got, err, want)
		}
		if lone := !bytes.Contains(b, []byte(`\ud`)) && !bytes.Contains(b, []byte(`1e999`)); lone && !jsontext.Value(b).IsValid() {
			t.Fatalf("%s is no JSON", b)
		}
	})
}

// There is one answer to a push for each signal.
func TestTheAnswerToAPushIsReadOnTheFastPath(t *testing.T) {
	t.Parallel()
	states := []Took{TookAll, TookAway, TookWaits, TookGap, TookFull, TookMoved, TookNone}
	rapid.Check(t, func(t *rapid.T) {
		want := Peer{
			Kind: Pushed, From: testGateway, Room: rapid.SampledFrom([]Room{"lobby", "ü", `a"b`}).Draw(t, "room"), SenderID: testClient, TargetID: "c2",
			Turn: rapid.Int64Range(0, MaxTurn).Draw(t, "turn"), Since: rapid.Uint64().Draw(t, "since"), SenderSince: rapid.Uint64().Draw(t, "senderSince"),
			N: rapid.Int64Range(0, MaxNumber).Draw(t, "n"), State: rapid.SampledFrom(states).Draw(t, "state"),
			Gateway: rapid.SampledFrom([]GatewayID{"", "g2"}).Draw(t, "gateway"),
		}
		b := AppendPeer(nil, &want)
		if got, fast := scanPushed(b); fast != plain(string(want.Room)) || fast && !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: the fast path took it: %t, as %+v", b, fast, got)
		}
		if got, err := DecodePeer(b); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s\nis read as %+v, %v", b, got, err)
		}
	})
}

func TestWhatNoGatewaySaysIsRefused(t *testing.T) {
	t.Parallel()
	const good = `{"event":"pushed","from":"g1","room":"lobby","senderId":"a","targetId":"b","turn":1,"since":2,"senderSince":4,"n":3,"state":"moved","gateway":"g2"}`
	const pairs = `{"event":"handed-over","from":"g1","pairs":[{"room":"a","senderId":"b","turn":1,"n":2,"sure":3,"gateway":"g2","recent":[4],"signals":[{}]}]}`
	for _, b := range []string{good, pairs} {
		if _, err := DecodePeer([]byte(b)); err != nil {
			t.Fatal(err)
		}
	}
	var broken []string
	for _, r := range [][2]string{
		{`"pushed"`, `""`},
		{`"pushed"`, `7`},
		{`"g1"`, `""`},
		{`"g1"`, `"*"`},
		{`"g1"`, `"` + strings.Repeat("g", 65) + `"`},
		{`"g1"`, `null`},
		{`"lobby"`, `"a\ud83d"`},
		{`"lobby"`, `"a\u0007"`},
		{`"lobby"`, `"` + strings.Repeat("r", 129) + `"`},
		{`"lobby"`, `7`},
		{`"lobby"`, "\"\xff\""},
		{`"a"`, `"a.b"`},
		{`"b"`, `"\ud83d"`},
		{`"g2"`, `">"`},
		{`"turn":1`, `"turn":-1`},
		{`"turn":1`, `"turn":2147483649`},
		{`"turn":1`, `"turn":1.0`},
		{`"since":2`, `"since":-1`},
		{`"since":2`, `"since":18446744073709551616`},
		{`"senderSince":4`, `"senderSince":-4`},
		{`"n":3`, `"n":-3`},
		{`"n":3`, `"n":9007199254740992`},
		{`"n":3`, `"n":3e1`},
		{`"n":3`, `"n":03`},
		{`"g2"}`, `"g2"`},
		{`"g2"}`, `"g2"}}`},
		{`"from"`, `"event"`},
		{`"n":3`, `"of":-1`},
		{`"n":3`, `"of":2147483649`},
		{`"n":3`, `"page":-1`},
	} {
		broken = append(broken, strings.Replace(good, r[0], r[1], 1))
	}
	for _, r := range [][2]string{
		{`"a"`, `"\ud83d"`},
		{`"a"`, `"\u0000"`},
		{`"b"`, `"b*"`},
		{`"g2"`, `"g.2"`},
		{`"turn":1`, `"turn":-1`},
		{`"n":2`, `"n":-1`},
		{`"sure":3`, `"sure":-1`},
		{`"sure":3`, `"sure":9007199254740992`},
		{`[4]`, `[4,-1]`},
		{`[4]`, `[4.5]`},
		{`[4]`, `[9007199254740992]`},
		{`[{}]`, `[{},null]`},
		{`[{}]`, `["{}"]`},
		{`[{}]`, `[{},[]]`},
		{`[{}]`, `[{"a":1,"a":2}]`},
		{`[{}]`, "[{\"a\":\"\xff\"}]"},
		{`[{"room"`, `["x",{"room"`},
	} {
		broken = append(broken, strings.Replace(pairs, r[0], r[1], 1))
	}
	for _, b := range append(broken, ``, `{}`, `[]`, `null`, `{"from":"g1"}`, `{"event":"pushed"}`) {
		if p, err := DecodePeer([]byte(b)); !errors.Is(err, ErrPeer) {
			t.Errorf("%s: %+v, %v", b, p, err)
		}
	}
}

func FuzzDecodePeer(f *testing.F) {
	for _, w := range golden.Peers {
		f.Add([]byte(w.Wire))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		kept := bytes.Clone(b)
		p, err := DecodePeer(b)
		if !bytes.Equal(b, kept) {
			t.Fatal("the input was changed")
		}
		if err != nil {
			if !errors.Is(err, ErrPeer) {
				t.Fatalf("the error %v", err)
			}
			return
		}
		if p.From.Check() != nil || p.Gateway != "" && p.Gateway.Check() != nil || p.Room != "" && p.Room.Check() != nil {
			t.Fatalf("%+v", p)
		}
		again := AppendPeer(nil, &p)
		other, err := DecodePeer(again)
		if err != nil {
			t.Fatalf("%s, written again %s: %v", b, again, err)
		}
		if twice := AppendPeer(nil, &other); !bytes.Equal(again, twice) {
			t.Fatalf("%s, written again %s\nand again %s", b, again, twice)
		}
	})
}
