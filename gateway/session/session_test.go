package session

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

// bench is a host whose room service is never reached, and a transport that keeps what it is to write.
type bench struct {
	mu    sync.Mutex
	heard []link.Out
}

func (b *bench) Write(batch []link.Out) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard = append(b.heard, batch...)
	return nil
}

func (b *bench) Close(link.Close) {}

func (b *bench) Begin(*Session, *ask.Ask)                     {}
func (b *bench) GiveUp(*Session, *ask.Ask)                    {}
func (b *bench) Ended(*Session)                               {}
func (b *bench) Departed(*Session, bool)                      {}
func (b *bench) Pong(*Session, uint64)                        {}
func (b *bench) Renewed(*Session)                             {}
func (b *bench) Away(*Session)                                {}
func (b *bench) PutOff(*Session)                              {}
func (b *bench) Keep(*Session, *Kept)                         {}
func (b *bench) Left(*Session, error)                         {}
func (b *bench) Closing(int)                                  {}
func (b *bench) Refused(proto.Name, string)                   {}
func (b *bench) Asked(proto.Op, rooms.Outcome, time.Duration) {}
func (b *bench) Overflow(string)                              {}

func (b *bench) host(fits func(int) bool) *Host {
	return &Host{
		Gateway: "g", Limits: Limits{MaxQueue: 1 << 20, MaxRooms: 4, Rate: 100, Burst: 100}, Fits: fits,
		Spawn: func(f func()) { go f() }, Dispatcher: b, Door: b, Metrics: b, Log: slog.New(slog.DiscardHandler),
	}
}

func TestADefectIsAnsweredInternalAndEndsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{}
		s := b.host(func(int) bool { panic("a defect") }).New(1, b, link.About{ID: "ann"})
		s.Rooms.Set("lobby", "r", nil)
		s.Receive(proto.Frame{Name: proto.SignalSend, Room: "lobby", TargetID: "bob00000000000000000", Ref: `"7"`}, nil, 1)
		s.Receive(proto.Frame{Name: proto.Ping}, nil, 1)
		synctest.Wait()
		if len(b.heard) != 2 {
			t.Fatalf("%d answers", len(b.heard))
		}
		e := b.heard[0].Event
		if e.Code != proto.CodeInternal || b.heard[0].Ref != `"7"` || !strings.Contains(e.Message, "id ") {
			t.Errorf("heard %+v", e)
		}
		if b.heard[1].Event.Name != proto.Pong {
			t.Errorf("heard %+v", b.heard[1].Event)
		}
	})
}

func TestWhatIsQueuedLazilyIsWrittenWithTheNextOrWhenFlushed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{}
		s := b.host(nil).New(1, b, link.About{ID: "ann"})
		event := func(n uint64) link.Out {
			return link.Out{Message: link.NewMessage(proto.Event{Name: proto.ClientJoined, Seq: n})}
		}
		heard := func(want ...uint64) {
			t.Helper()
			synctest.Wait()
			got := make([]uint64, 0, len(b.heard))
			for _, o := range b.heard {
				got = append(got, o.Event.Seq)
			}
			if len(got) != len(want) || len(want) > 0 && got[len(got)-1] != want[len(want)-1] {
				t.Errorf("heard %v, expected %v", got, want)
			}
		}
		if !s.Out.PutLazily(event(1)) || s.Out.PutLazily(event(2)) {
			t.Error("the first one has to be flushed, and only once")
		}
		heard()
		s.Out.Flush()
		heard(1, 2)
		s.Out.PutLazily(event(3))
		s.Out.Put(event(4))
		heard(1, 2, 3, 4)
	})
}
