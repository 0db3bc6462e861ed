package proto

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestBadRequestsAreRefused(t *testing.T) {
	t.Parallel()
	const who = `"clientId":"9f1c2d3e-0a4b-4c5d-8e6f-708192a3b4c5","gateway":"g1"`
	for _, c := range []struct {
		op      Op
		payload string
	}{
		{OpJoin, ``},
		{OpJoin, `[]`},
		{OpJoin, `{}`},
		{OpJoin, `{"room":"a"}`},
		{OpJoin, `{"room":"a","clientId":"short","gateway":"g1"}`},
		{OpJoin, `{"room":"a","clientId":"9f1c2d3e.0a4b.4c5d.8e6f.708192a3b4c5","gateway":"g1"}`},
		{OpJoin, `{"room":"a","clientId":"` + strings.Repeat("a", 65) + `","gateway":"g1"}`},
		{OpJoin, `{"room":"a","clientId":"9f1c2d3e-0a4b-4c5d-8e6f-708192a3b4c5","gateway":"*"}`},
		{OpJoin, `{"room":"a","clientId":"9f1c2d3e-0a4b-4c5d-8e6f-708192a3b4c5","gateway":""}`},
		{OpJoin, `{"room":"a","clientId":"9f1c2d3e-0a4b-4c5d-8e6f-708192a3b4c5","gateway":"g1.check"}`},
		{OpJoin, `{"room":"",` + who + `}`},
		{OpJoin, `{"room":"a","room":"b",` + who + `}`},
		{OpJoin, `{"Room":"a",` + who + `}`},
		{OpJoin, `{"room":"\ud800",` + who + `}`},
		{OpJoin, "{\"room\":\"\xff\"," + who + "}"},
		{OpJoin, `{"room":5,` + who + `}`},
		{OpCreate, `{"room":"` + strings.Repeat("a", 129) + `",` + who + `}`},
		{OpLeave, `{"room":"a",` + who + `,"joined":"*"}`},
		{OpLeave, `{"room":"a",` + who + `,"lost":"yes"}`},
		{OpSignal, `{"room":"a",` + who + `,"n":1,"data":{}}`},
		{OpSignal, `{"room":"a",` + who + `,"targetId":"b","n":1}`},
		{OpSignal, `{"room":"a",` + who + `,"targetId":"9f1c2d3e-0a4b-4c5d-8e6f-708192a3b4c5","n":1,"data":{}}`},
		{OpSignal, `{"room":"a",` + who + `,"targetId":"b","n":1.5,"data":{}}`},
		{OpSignal, `{"room":"a",` + who + `,"targetId":"b","n":1,"data":{"x":1,"x":2}}`},
		{OpSignal, `{"room":"a",` + who + `,"turn":-1,"targetId":"b","n":1,"data":{}}`},
		{OpJoin, `{"room":"a",` + who + `,"turn":-1}`},
		{OpJoin, `{"room":"a",` + who + `,"turn":2147483649}`},
		{OpJoin, `{"room":"a",` + who + `,"turn":1.0}`},
		{OpJoin, `{"room":"a",` + who + `,"turn":1e3}`},
		{OpJoin, `{"room":"a",` + who + `,"turn":"1"}`},
		{OpJoin, `{"room":"a",` + who + `,"turn":1,"keep":301}`},
		{OpJoin, `{"room":"a",` + who + `,"turn":1,"keep":-1}`},
		{OpJoin, `{"room":"a",` + who + `,"keep":30}`},
		{OpCreate, `{"room":"a",` + who + `,"onOwnerGone":"keep"}`},
		{OpEnter, `{"room":"a",` + who + `,"onOwnerGone":"STAY"}`},
		{OpResume, `{"room":"a",` + who + `,"seq":1,"fresh":false}`},
		{OpResume, `{"room":"a",` + who + `,"turn":1,"keep":30,"seq":-1}`},
		{OpResume, `{"room":"a",` + who + `,"turn":1,"keep":30,"seq":1,"fresh":1}`},
		{OpResume, `{"room":"a",` + who + `,"turn":0,"seq":1}`},
		{OpClose, `{"room":"a","gateway":"g1"}`},
		{OpRoster, `{}`},
		{OpList, ` null`},
		{OpList, `{"limit":-1}`},
		{OpList, `{"limit":1001}`},
		{"destroy", `{"room":"a",` + who + `}`},
		{"", `{"room":"a",` + who + `}`},
	} {
		if r, err := DecodeRequest(c.op, []byte(c.payload)); !errors.Is(err, ErrRequest) {
			t.Errorf("%s %s: %+v, %v", c.op, c.payload, r, err)
		}
	}
}

func TestAListWithoutALimitBringsTheMost(t *testing.T) {
	t.Parallel()
	if r, err := DecodeRequest(OpList, []byte(`{}`)); err != nil || r.Limit != MaxList {
		t.Errorf("limit %d, %v", r.Limit, err)
	}
}

func FuzzDecodeRequest(f *testing.F) {
	for _, w := range golden.Requests {
		f.Add(string(w.Op), []byte(w.Wire))
	}
	f.Fuzz(func(t *testing.T, op string, b []byte) {
		r, err := DecodeRequest(Op(op), b)
		if err != nil {
			if !errors.Is(err, ErrRequest) {
				t.Fatalf("the error %v", err)
			}
			return
		}
		if Op(op) != OpList && Op(op) != OpRevoked && r.Room.Check() != nil {
			t.Fatalf("the room %q", r.Room)
		}
		again := AppendRequest(nil, Op(op), &r)
		other, err := DecodeRequest(Op(op), again)
		if err != nil || other.Room != r.Room || other.ClientID != r.ClientID && Op(op) != OpRoster && Op(op) != OpList && Op(op) != OpRevoked {
			t.Fatalf("%s, written again %s: %v", b, again, err)
		}
		if Op(op) != OpRoster && Op(op) != OpList && other.Turn != r.Turn || Op(op) == OpResume && (other.Seq != r.Seq || other.Fresh != r.Fresh) {
			t.Fatalf("%s, written again %s", b, again)
		}
		if Op(op) == OpSignal && !reflect.DeepEqual(other.Data, r.Data) {
			t.Fatalf("%s, written again %s", b, again)
		}
	})
}
