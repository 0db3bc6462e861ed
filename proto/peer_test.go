package proto

import (
	"reflect"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

func TestAPushIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	one := jsontext.Value(`{"event":"signal-receive","room":"lobby","senderId":"a","data":{"x":"]}"},"n":4}`)
	for _, p := range []Push{
		{From: "g1", Target: "b", Turn: 2, Since: 7, SenderSince: 5, Prev: 3, Signals: []jsontext.Value{one}},
		{From: "g1", Target: "b", Turn: 2, Since: 7, SenderSince: 5, Prev: 3, Signals: []jsontext.Value{one, one}},
		{From: "g1", Target: "b", Signals: []jsontext.Value{one}},
	} {
		b := AppendPush(nil, &p)
		got, err := DecodePush(b)
		if err != nil || !reflect.DeepEqual(got, p) {
			t.Errorf("%s: %+v, %v", b, got, err)
		}
		if !jsontext.Value(b).IsValid() {
			t.Errorf("no JSON: %s", b)
		}
		spaced := jsontext.Value(b) // another layout, which the decoder reads
		if err := spaced.Indent(); err != nil {
			t.Fatal(err)
		}
		got, err = DecodePush(spaced)
		for i, s := range got.Signals {
			if err := s.Compact(); err != nil {
				t.Fatal(err)
			}
			got.Signals[i] = s
		}
		if err != nil || !reflect.DeepEqual(got, p) {
			t.Errorf("%s: %+v, %v", spaced, got, err)
		}
	}
	if _, err := DecodePush([]byte(`{"from":`)); err == nil {
		t.Error("half a push is read")
	}
}

func TestWhatGatewaysSayIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	for _, p := range []Peer{
		{Kind: Pushed, From: "g1", Room: "lobby", SenderID: "a", TargetID: "b", Turn: 2, Since: 7, N: 9, State: TookAll},
		{Kind: Pushed, From: "g1", Room: "Küche", SenderID: "a", TargetID: "b", Turn: 2, State: TookMoved, Gateway: "g2"},
		{Kind: Told, From: "g1", Room: "lobby", TargetID: "b", Turn: 2, Since: 7, Pairs: []PeerPair{
			{SenderID: "a", N: 4, Sure: 3}, {SenderID: "c", Gateway: "g2", Turn: 3},
		}},
		{Kind: HandOver, From: "g1", Room: "lobby", ID: "a", Turn: 2, Of: 1},
		{Kind: HandedOver, From: "g1", Room: "lobby", ID: "a", Turn: 2, Since: 7, Of: 1, Gateway: "g2", NextTurn: 4, Page: 1, More: true, N: 5, Seq: 6, Pairs: []PeerPair{
			{TargetID: "b", Gateway: "g3", Turn: 2, Since: 7, N: 4, Sure: 3, Recent: []int64{3, 4}, Signals: []jsontext.Value{[]byte(`{"n":4}`)}},
		}},
	} {
		b := AppendPeer(nil, &p)
		got, err := DecodePeer(b)
		var slow Peer
		if slowErr := json.Unmarshal(b, &slow); err != nil || slowErr != nil || !reflect.DeepEqual(got, p) || !reflect.DeepEqual(slow, p) {
			t.Errorf("%s: %+v, %v; the decoder: %+v, %v", b, got, err, slow, slowErr)
		}
	}
	for _, b := range []string{`{}`, `{"event":"told"}`, `{"event":"told","from":"a b"}`, `[`} {
		if _, err := DecodePeer([]byte(b)); err == nil {
			t.Errorf("%s is read", b)
		}
	}
}
