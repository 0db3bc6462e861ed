package roomsvc_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// BenchmarkBesidePasswords creates rooms, one after the other, while others enter a room with a password as fast as they are
// answered: as many passwords wait as may. What it reports is how long a creation took, in milliseconds: the median, the 99th
// percentile, and the longest. Compared with nobody entering, it is what a password costs those who have none.
func BenchmarkBesidePasswords(b *testing.B) {
	for _, entering := range []int{0, 1, 12} {
		b.Run(fmt.Sprintf("entering=%d", entering), func(b *testing.B) {
			n := testkit.StartNATS(b)
			start(b, n)
			g := newAsker(b, n)
			const room = "guarded"
			owner, proof := proto.NewClientID(), proto.PasswordProof(room, "open sesame")
			expect(b, g.create(room, owner), proto.RoomCreated)
			for answer := (proto.Event{}); answer.Name != proto.RoomUpdated; { // until the replica knows that it is alone
				answer = g.ask(request{op: proto.OpUpdate, Request: proto.Request{
					Room: room, ClientID: owner, Gateway: g.id, Update: &proto.Update{Proof: &proof},
				}})
				if answer.Name == proto.Error && answer.Code != proto.CodeUnavailable {
					b.Fatalf("the password is answered %+v", answer)
				}
			}
			done := make(chan struct{})
			var wg sync.WaitGroup
			for range entering {
				wg.Go(func() {
					for {
						select {
						case <-done:
							return
						default:
						}
						id := proto.NewClientID()
						e := g.ask(request{op: proto.OpJoin, Request: proto.Request{Room: room, ClientID: id, Gateway: g.id, Proof: proof}})
						if e.Name == proto.RoomJoined {
							g.leave(room, id)
						} else if e.Code != proto.CodeRateLimited {
							b.Errorf("entering is answered %+v", e)
							return
						} else {
							time.Sleep(time.Millisecond) //nolint:forbidigo // as a client would: it is told to wait
						}
					}
				})
			}
			var took []time.Duration
			for b.Loop() {
				at := time.Now()
				expect(b, g.create(proto.Room(fmt.Sprint("room-", len(took))), proto.NewClientID()), proto.RoomCreated)
				took = append(took, time.Since(at))
			}
			close(done)
			wg.Wait()
			slices.Sort(took)
			for name, at := range map[string]int{"p50-ms": len(took) / 2, "p99-ms": len(took) * 99 / 100, "longest-ms": len(took) - 1} {
				b.ReportMetric(float64(took[at])/float64(time.Millisecond), name)
			}
		})
	}
}
