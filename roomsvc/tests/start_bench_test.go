package roomsvc_test

import (
	"flag"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

var manyRooms = flag.Int("rooms", 100_000, "how many rooms BenchmarkStart has in the stream")

// BenchmarkStart fills the stream with rooms of two and starts a replica: rooms/s is how fast it follows the stream to
// its end, and B/room what a room then takes of its memory.
func BenchmarkStart(b *testing.B) {
	n := testkit.StartNATS(b)
	start(b, n, onFiles).stop()
	fill(b, n, *manyRooms)
	for b.Loop() {
		before := heap()
		began := time.Now()
		r := launch(b, n, onFiles)
		for r.Ready() != nil {
			if time.Since(began) > 5*time.Minute {
				b.Fatal("the replica does not get ready")
			}
			time.Sleep(time.Millisecond) //nolint:forbidigo // a benchmark
		}
		b.ReportMetric(float64(*manyRooms)/time.Since(began).Seconds(), "rooms/s")
		b.ReportMetric(float64(heap()-before)/float64(*manyRooms), "B/room")
		r.stop()
	}
}

func fill(b *testing.B, n *testkit.NATS, rooms int) {
	b.Helper()
	subjects, err := proto.NewSubjects("")
	if err != nil {
		b.Fatal(err)
	}
	js, err := jetstream.New(n.Connect(b), jetstream.WithPublishAsyncMaxPending(1000))
	if err != nil {
		b.Fatal(err)
	}
	gateways := []proto.GatewayID{proto.NewGatewayID(), proto.NewGatewayID()}
	replica := proto.NewReplicaID()
	for i := range rooms {
		ann, bob := proto.NewClientID(), proto.NewClientID()
		room := proto.Room(fmt.Sprintf("room-%d", i))
		rec := proto.Record{
			Room: room, OwnerID: ann,
			Members: []proto.Member{
				{ID: ann, Gateway: gateways[0], Request: proto.NewRequestID()},
				{ID: bob, Gateway: gateways[1], Request: proto.NewRequestID()},
			},
			Change: proto.Change{Event: proto.ClientJoined, ID: bob, Replica: replica},
		}
		rec.Change.Request = rec.Members[1].Request
		if _, err := js.PublishAsync(subjects.Journal(room.Token()), proto.AppendRecord(nil, &rec),
			jetstream.WithStallWait(time.Minute)); err != nil {
			b.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
