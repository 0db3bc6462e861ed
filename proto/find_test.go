package proto

import (
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// One member of a packed room is found without the others: what a change is told with does not cost the decoding of all.
func TestOneMemberOfAPackIsFoundAsItStands(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		members := make([]Member, rapid.IntRange(1, 30).Draw(t, "members"))
		ids := rapid.Permutation([]ClientID{"a", "aa", "b", "ab", "ba", "x-1", "x_1", "0", "1", "10"}).Draw(t, "ids")
		for i := range members {
			m := &members[i]
			m.ID = ids[i%len(ids)]
			if i >= len(ids) {
				m.ID += ClientID(rune('A' + i - len(ids)))
			}
			m.Gateway = rapid.SampledFrom([]GatewayID{"g1", "g2", "a"}).Draw(t, "gateway")
			m.Request = rapid.SampledFrom([]RequestID{"g1-1", "a-7", "b"}).Draw(t, "request")
			if rapid.Bool().Draw(t, "session") {
				m.Turn, m.Keep, m.Since = rapid.Int64Range(1, MaxTurn).Draw(t, "turn"), rapid.IntRange(0, MaxKeep).Draw(t, "keep"), 7
			}
		}
		p := PackMembers(members)
		for _, want := range members {
			if got, ok := p.Find(want.ID); !ok || got != want {
				t.Fatalf("%s is found as %+v, %t, expected %+v", want.ID, got, ok, want)
			}
		}
		if got, ok := p.Find("nobody"); ok {
			t.Fatalf("nobody is found as %+v", got)
		}
	})
}

func TestARecordSaysItsForm(t *testing.T) {
	t.Parallel()
	r := roomOf(3)
	plain := PackMembers(r.Members)
	r.Members[1].Turn = 1
	for form, b := range map[int][]byte{
		1: AppendRecord(nil, r), 2: AppendCompact(nil, r, plain), 3: AppendCompact(nil, r, PackMembers(r.Members)),
	} {
		if got := FormOf(b); got != form {
			t.Errorf("form %d is taken for %d: %.60s", form, got, b)
		}
	}
}

// Whoever answers the repetition of a resume tells, too, where the client was before.
func TestAClientBackNamesTheGatewayBefore(t *testing.T) {
	t.Parallel()
	r := roomOf(2)
	r.Members[1].Turn, r.Members[1].Keep, r.Members[1].Since = 2, 30, 5
	r.OnOwnerGone = PolicyStay
	r.Change = Change{Event: ClientBack, ID: r.Members[1].ID, Fresh: true, Before: "g0", Request: "r", Replica: "R", Gateways: []GatewayID{"g0"}}
	b := AppendCompact(nil, r, PackMembers(r.Members))
	var d RecordDecoder
	c := cursor{b: b}
	if d.scanHead(&c); c.bad {
		t.Errorf("it is not read on the fast path: %s", b)
	}
	if got, err := d.Decode(b); err != nil || !reflect.DeepEqual(got, *r) {
		t.Errorf("%s\nis read as %+v, %v", b, got, err)
	}
	if head, _, err := decodeHead(b); err != nil || !reflect.DeepEqual(head.Change, r.Change) || head.OnOwnerGone != PolicyStay {
		t.Errorf("%s\nis read as %+v, %v", b, head, err)
	}
}

func TestARosterSaysAPolicyOtherThanClose(t *testing.T) {
	t.Parallel()
	for policy, stands := range map[Policy]bool{"": false, PolicyClose: false, PolicyTransfer: true, PolicyStay: true} {
		e := Event{Name: Roster, Room: "lobby", OwnerID: "a", Clients: []ClientID{"a", "b"}, Seq: 7, Policy: policy}
		b := AppendEvent(nil, &e)
		got, err := DecodeAnswer(b)
		if err != nil || len(got.Unpack()) != 2 || got.Seq != 7 || (got.Policy == policy && policy != "") != stands {
			t.Errorf("%s is read as %+v, %v", b, got, err)
		}
	}
}
