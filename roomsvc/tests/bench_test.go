package roomsvc_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc"
	"github.com/parley-rtc/parley/testkit"
)

// BenchmarkSignal sends signals of 1.2 kB, as many at a time as fit a window, over NATS in the same process: its time is
// that of asker, NATS, room service and target's gateway together.
func BenchmarkSignal(b *testing.B) {
	for _, members := range []int{2, 100, 1000} {
		b.Run(fmt.Sprintf("members=%d", members), func(b *testing.B) {
			n := testkit.StartNATS(b)
			r := start(b, n)
			g := newAsker(b, n)
			ids := make([]proto.ClientID, members)
			for i := range ids {
				ids[i] = proto.NewClientID()
				if i == 0 {
					expect(b, g.create("room", ids[i]), proto.RoomCreated)
				} else {
					expect(b, g.join("room", ids[i]), proto.RoomJoined)
				}
			}
			g.mu.Lock()
			g.mute = true
			g.mu.Unlock()
			_ = g.sub.Unsubscribe()
			nc := n.Connect(b)
			var got atomic.Int64
			window := make(chan struct{}, 256)
			if _, err := nc.Subscribe(g.subjects.GatewayAll(g.id), func(*nats.Msg) {
				got.Add(1)
				<-window
			}); err != nil {
				b.Fatal(err)
			}
			_ = nc.Flush()
			subject := g.subjects.Replica(r.ID(), proto.OpSignal)
			req := proto.Request{
				Room: "room", ClientID: ids[0], Gateway: g.id, TargetID: ids[members-1],
				Data: []byte(`{"description":{"type":"offer","sdp":"` + strings.Repeat("a=rtpmap:111 ", 92) + `"}}`),
			}
			var payload []byte
			b.ReportAllocs()
			for b.Loop() {
				window <- struct{}{}
				req.N++
				payload = proto.AppendRequest(payload[:0], proto.OpSignal, &req)
				if err := g.nc.PublishRequest(subject, g.subjects.Reply(g.id, "x"), payload); err != nil {
					b.Fatal(err)
				}
			}
			for range cap(window) { // until all have been answered
				window <- struct{}{}
			}
		})
	}
}

// BenchmarkJoin has clients join rooms of ten, 64 requests at a time.
func BenchmarkJoin(b *testing.B) {
	n := testkit.StartNATS(b)
	r := start(b, n, func(c *roomsvc.Config) { c.Memory = false })
	g := newAsker(b, n)
	window := make(chan struct{}, 64)
	b.ReportAllocs()
	i := 0
	var room proto.Room
	for b.Loop() {
		op := proto.OpJoin
		if i%10 == 0 {
			room = proto.Room(fmt.Sprintf("room-%d", i/10))
			expect(b, g.create(room, proto.NewClientID()), proto.RoomCreated)
			i++
		}
		i++
		window <- struct{}{}
		m := nats.NewMsg(g.subjects.Replica(r.ID(), op))
		m.Header.Set(proto.HeaderRequest, string(proto.NewRequestID()))
		m.Data = proto.AppendRequest(nil, op, &proto.Request{Room: room, ClientID: proto.NewClientID(), Gateway: g.id})
		c := g.sendMsg(m)
		go func() { <-c; <-window }()
	}
	for range cap(window) { // until all have been answered
		window <- struct{}{}
	}
}
