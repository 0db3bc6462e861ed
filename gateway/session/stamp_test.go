package session

import (
	"testing"

	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/tokens"
	"github.com/parley-rtc/parley/proto"
)

// signals are pumps of a client without and with a token, and a signal of theirs.
func signals() (without, with *pump, f *proto.Frame) {
	h := (&bench{}).host(nil)
	f = &proto.Frame{Name: proto.SignalSend, Room: "lobby", TargetID: "bob00000000000000000", Data: []byte(`{"candidate":"candidate:1 1 udp 1"}`)}
	a := h.New(1, nil, link.About{ID: "ann00000000000000000"})
	b := h.New(2, nil, link.About{ID: "ann00000000000000000", Token: &tokens.Token{
		Sub: "0190163d-8694-739b-aea5-966c26f8ad91", User: "ann@example", Claims: []byte(`{"name":"Ann"}`),
	}})
	return &a.pump, &b.pump, f
}

func TestASignalWithATokenAllocatesNothingMore(t *testing.T) {
	without, with, f := signals()
	buf := make([]byte, 0, 2<<10)
	for name, p := range map[string]*pump{"without": without, "with": with} {
		if n := testing.AllocsPerRun(100, func() { buf = p.appendSignal(buf[:0], f, 7) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	r, err := proto.DecodeRequest(proto.OpSignal, with.appendSignal(nil, f, 7))
	if err != nil || r.Sub == "" || r.User != "" || r.Claims != nil || r.Can != 0 {
		t.Errorf("it says %+v, %v", r, err)
	}
}

func BenchmarkSignalPayload(b *testing.B) {
	without, with, f := signals()
	buf := make([]byte, 0, 2<<10)
	for name, p := range map[string]*pump{"without": without, "with": with} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				buf = p.appendSignal(buf[:0], f, 7)
			}
		})
	}
}

func TestWhoIsInARoomStaysWhereItMayJoinStillOrHasCreated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		now, was proto.Grants
		stays    bool
	}{
		"as before":                      {proto.MayJoin, proto.MayJoin, true},
		"moderates no more":              {proto.MayJoin, proto.MayJoin | proto.MayModerate, true},
		"may not join any more":          {proto.MayModerate, proto.MayJoin | proto.MayModerate, false},
		"may create alone":               {proto.MayCreate, proto.MayJoin | proto.MayCreate, false},
		"has created it, and may still":  {proto.MayCreate, proto.MayCreate, true},
		"has created it, and may not":    {0, proto.MayCreate, false},
		"has created it, and may join":   {proto.MayJoin, proto.MayCreate, true},
		"nothing that it may do is left": {0, proto.MayJoin, false},
	} {
		if got := stays(c.now, c.was); got != c.stays {
			t.Errorf("%s: stays %t", name, got)
		}
	}
}
