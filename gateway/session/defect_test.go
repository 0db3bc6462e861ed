package session

import (
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

// brittle is a bench whose transport cannot write, and whose dispatcher cannot take requests.
type brittle struct {
	bench
	closed   atomic.Pointer[link.Close]
	departed atomic.Int32 // 1: settled, 2: something may still be answered
}

func (b *brittle) Write([]link.Out) error        { panic("a defect") }
func (b *brittle) Close(why link.Close)          { b.closed.Store(&why) }
func (b *brittle) Begin(*Session, *ask.Ask)      { panic("a defect") }
func (b *brittle) GiveUp(_ *Session, a *ask.Ask) { a.Resolve(rooms.Unavailable) }
func (b *brittle) Departed(_ *Session, settled bool) {
	b.departed.Store(1)
	if !settled {
		b.departed.Store(2)
	}
}

func (b *brittle) session() *Session {
	h := b.host(func(int) bool { return true })
	h.Dispatcher = b
	return h.New(1, b, link.About{ID: "ann"})
}

func TestADefectInWritingEndsThatConnectionWith1011(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &brittle{}
		s := b.session()
		s.Tell(proto.Event{Name: proto.Pong}, "")
		synctest.Wait()
		if why := b.closed.Load(); why == nil || *why != link.Internal {
			t.Errorf("closed with %v", why)
		}
		if s.Out.busy() {
			t.Error("its writer seems to run")
		}
	})
}

func TestADefectInAClientsLeavesDoesNotKeepTheDrain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &brittle{}
		s := b.session()
		s.Rooms.Set("lobby", "r", nil)
		s.QueueLeave("lobby", "r")
		s.End(link.GoingAway)
		synctest.Wait()
		if b.departed.Load() != 2 {
			t.Errorf("departed is %d: checks have to name what it may be in", b.departed.Load())
		}
	})
}
