package proto

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// benchData is an offer of 1.2 kB, as a browser makes for audio and video.
func benchData() jsontext.Value {
	head := `{"description":{"type":"offer","sdp":"v=0\r\n`
	line := `a=rtpmap:96 VP8/90000\r\n`
	return jsontext.Value(head + strings.Repeat(line, (1200-len(head)-4)/len(line)) + `"}}`)
}

func BenchmarkDecodeFrame(b *testing.B) {
	frame := AppendFrame(nil, &Frame{Name: SignalSend, Room: "lobby", TargetID: testClient, Data: benchData(), Ref: "42"})
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeFrame(frame); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendRequest(b *testing.B) {
	r := &Request{Room: "lobby", ClientID: testClient, Gateway: testGateway, TargetID: "c2", N: 42, Data: benchData()}
	buf := AppendRequest(nil, OpSignal, r)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendRequest(buf[:0], OpSignal, r)
	}
}

func BenchmarkDecodeRequest(b *testing.B) {
	r := &Request{Room: "lobby", ClientID: testClient, Gateway: testGateway, TargetID: "c2", N: 42, Data: benchData()}
	buf := AppendRequest(nil, OpSignal, r)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeRequest(OpSignal, buf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeSignal(b *testing.B) {
	e := AppendEvent(nil, &Event{Name: SignalReceive, Room: "lobby", SenderID: testClient, Data: benchData(), N: 42})
	b.SetBytes(int64(len(e)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeEvent(e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPush(b *testing.B) {
	p := &Push{From: testGateway, Target: testClient, Turn: 2, Since: 912, SenderSince: 907, Prev: Number(2, 41)}
	p.Signals = []jsontext.Value{signalIn("lobby", string(benchData()), Number(2, 42))}
	buf := AppendPush(nil, p)
	measure(b, len(buf), func() error { buf = AppendPush(buf[:0], p); return nil }, func() error { _, err := DecodePush(buf); return err })
}

func BenchmarkPushed(b *testing.B) {
	p := &Peer{
		Kind: Pushed, From: testGateway, Room: "lobby", SenderID: testClient, TargetID: testClient, Turn: 2, Since: 912, SenderSince: 907,
		N: Number(2, 42), State: TookAll,
	}
	buf := AppendPeer(nil, p)
	measure(b, len(buf), func() error { buf = AppendPeer(buf[:0], p); return nil }, func() error { _, err := DecodePeer(buf); return err })
}

// measure measures how something of a size is written and read.
func measure(b *testing.B, size int, encode, decode func() error) {
	for _, part := range []struct {
		name string
		f    func() error
	}{{"encode", encode}, {"decode", decode}} {
		b.Run(part.name, func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if err := part.f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestASignalBetweenGatewaysCostsFewAllocations is not parallel: allocations are counted for the whole process.
func TestASignalBetweenGatewaysCostsFewAllocations(t *testing.T) {
	push := &Push{From: testGateway, Target: testClient, Turn: 2, Since: 912, Signals: []jsontext.Value{signalIn("lobby", string(benchData()), 42)}}
	pushed := &Peer{Kind: Pushed, From: testGateway, Room: "lobby", SenderID: testClient, TargetID: testClient, Turn: 2, N: 42, State: TookAll}
	a, b := AppendPush(nil, push), AppendPeer(nil, pushed)
	for what, c := range map[string]struct {
		most float64
		f    func()
	}{
		"writing a push":     {0, func() { a = AppendPush(a[:0], push) }},
		"reading a push":     {2, func() { _, _ = DecodePush(a) }},
		"writing its answer": {0, func() { b = AppendPeer(b[:0], pushed) }},
		"reading its answer": {1, func() { _, _ = DecodePeer(b) }},
	} {
		if n := testing.AllocsPerRun(100, c.f); n > c.most {
			t.Errorf("%s takes %.0f allocations, expected %.0f", what, n, c.most)
		}
	}
}

func BenchmarkFirst(b *testing.B) {
	replicas := rankReplicas(3)
	for b.Loop() {
		First(replicas, "lobby")
	}
}
