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

func BenchmarkFirst(b *testing.B) {
	replicas := rankReplicas(3)
	for b.Loop() {
		First(replicas, "lobby")
	}
}
