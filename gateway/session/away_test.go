package session

import (
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-rtc/parley/gateway/ask"
	"github.com/parley-rtc/parley/gateway/link"
	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

// watched is a bench whose dispatcher notes what sessions say, and settles signals at once.
type watched struct {
	bench
	said []string
	kept []*Kept
	mu   sync.Mutex // guards said and kept
}

func (w *watched) note(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = append(w.said, what)
}

func (w *watched) Away(*Session)           { w.note("away") }
func (w *watched) Ended(*Session)          { w.note("ended") }
func (w *watched) Departed(*Session, bool) { w.note("departed") }
func (w *watched) PutOff(*Session)         { w.note("put off") }
func (w *watched) Keep(s *Session, k *Kept) {
	w.mu.Lock()
	w.kept = append(w.kept, k)
	w.mu.Unlock()
	s.Resolve(k.Ask, rooms.OK)
}

func (w *watched) heardSoFar() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said
}

func (w *watched) session(about link.About) *Session {
	h := w.host(func(int) bool { return true })
	h.Dispatcher = w
	return h.New(1, w, about)
}

func TestHowAConnectionEndsSaysForHowLongItsSessionIsKept(t *testing.T) {
	t.Parallel()
	const ours, page = 30 * time.Second, 15 * time.Second
	lost := errors.New("the connection was lost")
	for name, c := range map[string]struct {
		turn  int64
		keep  int
		close error // by the gateway, first
		end   error
		want  time.Duration
	}{
		"no key":                            {0, 30, nil, lost, 0},
		"lost":                              {1, 30, nil, lost, ours},
		"the client's 1000":                 {1, 30, nil, link.Parting{Code: 1000}, 0},
		"the client's 1001":                 {1, 30, nil, link.Parting{Code: 1001}, page},
		"the client's 1001, of a short one": {1, 10, nil, link.Parting{Code: 1001}, 10 * time.Second},
		"the client's 4000":                 {1, 30, nil, link.Parting{Code: 4000}, ours},
		"the client's, without a code":      {1, 30, nil, link.Parting{Code: 1005}, ours},
		"the gateway's 1001":                {1, 30, link.GoingAway, link.Parting{Code: 1001}, ours},
		"the gateway's 1008, answered 1000": {1, 30, link.TooSlow, link.Parting{Code: 1000}, ours},
		"the gateway's 4409":                {1, 30, link.Resumed, lost, ours},
		"nobody is kept":                    {1, 0, nil, lost, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := (&watched{}).session(link.About{ID: "ann", Turn: c.turn, Keep: c.keep})
				if why, ok := errors.AsType[link.Close](c.close); ok {
					s.Close(why)
				}
				s.End(c.end)
				synctest.Wait()
				if got := s.Keep(); got != c.want {
					t.Errorf("kept for %v, expected %v", got, c.want)
				}
			})
		})
	}
}

func TestASessionWithNothingToKeepDepartsAtOnceAndAnotherLaterWhenItHasLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &watched{}
		s := w.session(link.About{ID: "ann", Turn: 1, Keep: 30})
		s.End(errors.New("lost"))
		synctest.Wait()
		if got := w.heardSoFar(); len(got) != 2 || got[1] != "departed" {
			t.Errorf("in no room: %v", got)
		}
		w = &watched{}
		s = w.session(link.About{ID: "ann", Turn: 1, Keep: 30})
		s.Rooms.Set("lobby", "r", nil)
		s.End(errors.New("lost"))
		synctest.Wait()
		if got := w.heardSoFar(); len(got) != 1 || got[0] != "away" {
			t.Errorf("in a room: %v", got)
		}
		if s.line() != nil {
			t.Error("it holds on to its transport")
		}
		s.Rooms.Drop("lobby")
		s.Reconsider()
		s.Reconsider()
		s.Depart()
		synctest.Wait()
		if got := w.heardSoFar(); len(got) != 3 || got[1] != "ended" || got[2] != "departed" {
			t.Errorf("when it has lost its room: %v", got)
		}
	})
}

// A session that is away costs less than 1 KiB beside its rooms.
func TestASessionThatIsAwayTakesLessThan1KiB(t *testing.T) { //nolint:paralleltest // it measures the heap
	const many = 2000
	w := &watched{}
	h := w.host(func(int) bool { return true })
	h.Dispatcher = w
	h.Asker = ask.New(nil, ask.Config{Ranking: ask.NewRanking()})
	var spawned sync.WaitGroup
	h.Spawn = func(f func()) { spawned.Go(f) }
	all, in := make([]*Session, many), make([]map[proto.Room]membership, many)
	bob := &Peers{stays: map[proto.ClientID]*proto.Stay{"bob00000000000000000": {}}}
	for i := range in { // its rooms are what it keeps
		in[i] = map[proto.Room]membership{"lobby": {"r", bob}}
	}
	before := heap()
	for i := range all {
		s := h.New(uint64(i), w, link.About{ID: proto.NewClientID(), Turn: 1, Keep: 30})
		s.Rooms.by = in[i]
		s.Receive(proto.Frame{Name: proto.SignalSend, Room: "lobby", TargetID: "bob00000000000000000", Data: []byte("1")}, nil, 1)
		s.Tell(proto.Event{Name: proto.Pong}, "")
		spawned.Wait() // so that few goroutines are made
		s.End(errors.New("lost"))
		spawned.Wait()
		all[i] = s
	}
	w.heard, w.kept, w.said = nil, nil, nil
	if each := (heap() - before) / many; each > 1<<10 {
		t.Errorf("each takes %d bytes", each)
	}
	runtime.KeepAlive(all)
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools hold goes with the second
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestASignalToAResumableMemberIsNumberedAndKept(t *testing.T) {
	t.Parallel()
	const bob = proto.ClientID("bob00000000000000000")
	for name, c := range map[string]struct {
		turn int64
		own  int64
		want int64
	}{
		"without a key":                       {0, 0, 1},
		"without a key, and a number":         {0, 77, 1},
		"by the gateway":                      {3, 0, 3<<20 + 1},
		"by the client, which sends it again": {3, 2<<20 + 5, 2<<20 + 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &watched{}
				s := w.session(link.About{ID: "ann", Turn: c.turn, Keep: 30, Address: "a"})
				stay := &proto.Stay{Turn: 2}
				s.Rooms.Set("lobby", "r", &Peers{stays: map[proto.ClientID]*proto.Stay{bob: stay}})
				s.Receive(proto.Frame{Name: proto.SignalSend, Room: "lobby", TargetID: bob, Data: []byte(`{"x": 1}`), N: c.own}, nil, 1)
				synctest.Wait()
				if len(w.kept) != 1 || w.kept[0].N != c.want || w.kept[0].Stay != stay || w.kept[0].Ask.Target != bob {
					t.Fatalf("kept are %+v", w.kept)
				}
				e, err := proto.DecodeEvent(w.kept[0].Signal)
				if err != nil || e.N != c.want || e.SenderID != "ann" || string(e.Data) != `{"x": 1}` {
					t.Errorf("kept is %s, %v", w.kept[0].Signal, err)
				}
			})
		})
	}
}

// parted is a bench whose transport notes how it is closed.
type parted struct {
	watched
	why chan link.Close
}

func (p *parted) Close(why link.Close) { p.why <- why }

func TestAConnectionWhoseNumbersAreUsedUpIsClosedWith1013(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const bob = proto.ClientID("bob00000000000000000")
		p := &parted{why: make(chan link.Close, 1)}
		h := p.host(func(int) bool { return true })
		h.Dispatcher = p
		s := h.New(1, p, link.About{ID: "ann", Turn: 3, Keep: 30})
		s.pump.count = proto.MaxCount - 2
		s.Rooms.Set("lobby", "r", &Peers{stays: map[proto.ClientID]*proto.Stay{bob: {Turn: 2}}})
		for range 2 {
			s.Receive(proto.Frame{Name: proto.SignalSend, Room: "lobby", TargetID: bob, Data: []byte(`1`), Ref: `"7"`}, nil, 1)
		}
		synctest.Wait()
		if len(p.kept) != 1 || p.kept[0].N != proto.Number(3, proto.MaxCount-1) {
			t.Errorf("kept are %+v", p.kept)
		}
		if why := <-p.why; why != link.UsedUp || why.Code != 1013 {
			t.Errorf("closed with %+v", why)
		}
	})
}
