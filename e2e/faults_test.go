package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/proto"
)

func TestTheRoomServiceKilledAndStartedAgainWhileMembersStay(t *testing.T) {
	t.Parallel()
	nats := harness.StartNATS(t)
	d := harness.StartSite(t, nats.URL, 2, 1, nil, nil)
	s := newSite(t, nats.URL, views.Level, d.Gateways...)
	truth := s.truth(t)
	clients := s.dials(t, 6)
	rooms := make([]proto.Room, 10)
	for i := range rooms {
		rooms[i] = fresh(t)
		fill(t, rooms[i], clients...)
	}
	last, others := clients[5], clients[:5]
	for range 3 {
		d.Replicas[0].Kill(t)
		answer := make(chan proto.Event, 1)
		var wg sync.WaitGroup
		wg.Go(func() { // asked while nobody is there to answer
			e, _ := last.Request(t.Context(), proto.Frame{Name: proto.RoomLeave, Room: rooms[0]})
			answer <- e
		})
		d.Replicas[0] = d.Replicas[0].Again(t)
		d.Replicas[0].Ready(t)
		wg.Wait()
		want(t, <-answer, proto.RoomLeft)
		for _, c := range others {
			if r := c.Expect(t, proto.ClientLeft); r.ID != last.ID() || r.Room != rooms[0] {
				t.Errorf("heard %s", r.Raw)
			}
		}
		for _, room := range rooms[1:] {
			if err := truth.Compare(t.Context(), room, ids(clients...)); err != nil {
				t.Error(err)
			}
			want(t, clients[0].Signal(t, room, last.ID(), `1`), proto.SignalSent)
			if r := last.Expect(t, proto.SignalReceive); r.Room != room {
				t.Errorf("heard %s", r.Raw)
			}
		}
		e := last.Join(t, rooms[0])
		want(t, e, proto.RoomJoined)
		if !slices.Equal(e.Clients, ids(others...)) {
			t.Errorf("answered %v", e.Clients)
		}
		for _, c := range others {
			if r := c.Expect(t, proto.ClientJoined); r.ID != last.ID() {
				t.Errorf("heard %s", r.Raw)
			}
		}
	}
	for _, c := range clients {
		c.Quiet(t)
	}
}

func TestTwoReplicasKilledInTurnUnderLoad(t *testing.T) {
	t.Parallel()
	nats := harness.StartNATS(t)
	d := harness.StartSite(t, nats.URL, 2, 2, nil, nil)
	s := newSite(t, nats.URL, views.Level, d.Gateways...)
	l := newLoad(t, s, 16)
	for i := range 6 {
		l.answered(t, 100)
		d.Replicas[i%2].Kill(t)
		l.answered(t, 100)
		d.Replicas[i%2] = d.Replicas[i%2].Again(t)
		d.Replicas[i%2].Ready(t)
	}
	l.finish(t)
}

func TestARoomServiceThatStopsCleanlyFailsNoRequest(t *testing.T) {
	t.Parallel()
	nats := harness.StartNATS(t)
	d := harness.StartSite(t, nats.URL, 2, 2, nil, nil)
	s := newSite(t, nats.URL, views.Level, d.Gateways...)
	l := newLoad(t, s, 16)
	for i := range 4 {
		l.answered(t, 100)
		if code := d.Replicas[i%2].Stop(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
		l.answered(t, 100)
		d.Replicas[i%2] = d.Replicas[i%2].Again(t)
		d.Replicas[i%2].Ready(t)
	}
	l.finish(t)
}

func TestAKilledGatewaysMembersAreRemovedWithin8SecondsEachToldOnce(t *testing.T) {
	t.Parallel()
	nats := harness.StartNATS(t)
	d := harness.StartSite(t, nats.URL, 2, 2, nil, nil)
	here, there := newSite(t, nats.URL, views.Level, d.Gateways[0]), newSite(t, nats.URL, views.Level, d.Gateways[1])
	watch := views.Observe(t, harness.Connect(t, nats.URL))
	stay, go1, go2 := here.dial(t), there.dial(t), there.dial(t)
	room, theirs := fresh(t), fresh(t)
	fill(t, room, stay, go1, go2)
	fill(t, theirs, go1, stay)
	settleIn(t)
	killed := time.Now()
	d.Gateways[1].Kill(t)
	var left []proto.ClientID
	closed := 0
	for range 3 {
		switch r := stay.Expect(t, proto.ClientLeft, proto.RoomLeft); {
		case r.Name == proto.ClientLeft && r.Room == room:
			left = append(left, r.ID)
		case r.Name == proto.RoomLeft && r.Room == theirs && r.Kicked && r.Reason == proto.OwnerLost:
			closed++
		default:
			t.Errorf("heard %s", r.Raw)
		}
	}
	took := time.Since(killed)
	t.Logf("the members of a killed gateway were removed after %v", took)
	if took > 8*time.Second {
		t.Errorf("it took %v", took)
	}
	if len(left) != 2 || left[0] == left[1] || closed != 1 {
		t.Errorf("left: %v, closed: %d", left, closed)
	}
	if err := here.truth(t).Compare(t.Context(), room, ids(stay)); err != nil {
		t.Error(err)
	}
	// Nothing is told a second time: the next thing heard is a join.
	again := here.dial(t)
	want(t, again.Join(t, room), proto.RoomJoined)
	if r := stay.Expect(t, proto.ClientJoined); r.ID != again.ID() {
		t.Errorf("heard %s", r.Raw)
	}
	for _, err := range append(watch.Check(room, views.Strict), watch.Check(theirs, views.Strict)...) {
		t.Error(err)
	}
	for _, e := range watch.Events(theirs) {
		if e.Name == proto.RoomClosed && e.Reason != proto.OwnerLost {
			t.Errorf("closed because %s", e.Reason)
		}
	}
}

// settleIn lets replicas that have just started be here for the 6 s in which they count nobody as gone.
func settleIn(t testing.TB) {
	t.Helper()
	pause(t, 6*time.Second)
}

func TestAGatewayThatPausesBrieflyLosesNobody(t *testing.T) {
	t.Parallel()
	nats := harness.StartNATS(t)
	d := harness.StartSite(t, nats.URL, 2, 1, nil, nil)
	s := newSite(t, nats.URL, views.Level, d.Gateways...)
	clients := s.dials(t, 4)
	room := fresh(t)
	fill(t, room, clients...)
	watch := views.Observe(t, harness.Connect(t, nats.URL))
	d.Gateways[1].Pause(t)
	pause(t, 4*time.Second)
	d.Gateways[1].Resume(t)
	for _, c := range clients {
		c.Do(t, proto.Frame{Name: proto.Ping})
	}
	if err := s.truth(t).Compare(t.Context(), room, ids(clients...)); err != nil {
		t.Error(err)
	}
	if events := watch.Events(room); len(events) > 0 {
		t.Errorf("told: %+v", events)
	}
	want(t, clients[0].Signal(t, room, clients[1].ID(), `1`), proto.SignalSent)
	want(t, clients[1].Signal(t, room, clients[0].ID(), `1`), proto.SignalSent)
}

// pause lets a fault last: there is no condition to wait for.
func pause(t testing.TB, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
}

func TestAGatewayCountedAsGoneByMistakeKeepsItsSocketsAndTellsItsClients(t *testing.T) {
	t.Parallel()
	nats := harness.StartNATS(t)
	d := harness.StartSite(t, nats.URL, 2, 1, nil, nil)
	here, there := newSite(t, nats.URL, views.Level, d.Gateways[0]), newSite(t, nats.URL, views.Level, d.Gateways[1])
	stay, asleep := here.dial(t), there.dial(t)
	room := fresh(t)
	fill(t, room, stay, asleep)
	d.Gateways[1].Pause(t)
	paused := time.Now()
	if r := stay.Expect(t, proto.ClientLeft); r.ID != asleep.ID() {
		t.Errorf("heard %s", r.Raw)
	}
	if took := time.Since(paused); took < 5*time.Second || took > 16*time.Second {
		t.Errorf("the members of a gateway that is silent were removed after %v", took)
	}
	d.Gateways[1].Resume(t)
	if r := asleep.Expect(t, proto.RoomLeft); !r.Kicked || r.Room != room || r.Reason != proto.Removed {
		t.Errorf("heard %s", r.Raw)
	}
	e := asleep.Join(t, room)
	want(t, e, proto.RoomJoined)
	stay.Expect(t, proto.ClientJoined)
	want(t, asleep.Signal(t, room, stay.ID(), `1`), proto.SignalSent)
}

func TestAReplicaThatSleptWakesUpWithStaleMemoryAndNobodyIsWronged(t *testing.T) {
	t.Parallel()
	nats := harness.StartNATS(t)
	d := harness.StartSite(t, nats.URL, 2, 2, nil, nil)
	s := newSite(t, nats.URL, views.Level, d.Gateways...)
	l := newLoad(t, s, 12)
	for i := range 3 {
		l.answered(t, 100)
		d.Replicas[i%2].Pause(t)
		l.answered(t, 400)
		d.Replicas[i%2].Resume(t)
	}
	l.answered(t, 200)
	l.finish(t)
}

func TestDrainClosesWith1001AndDeparturesAreCommittedBeforeTheExit(t *testing.T) {
	t.Parallel()
	nats := harness.StartNATS(t)
	replica := harness.StartRoomsvc(t, nats.URL)
	going := harness.StartGateway(t, nats.URL, "--drain", "3s")
	staying := harness.StartGateway(t, nats.URL)
	here, there := newSite(t, nats.URL, views.Level, staying), newSite(t, nats.URL, views.Level, going)
	truth := here.truth(t)
	stay := here.dial(t)
	leaving := there.dials(t, 30)
	room := fresh(t)
	fill(t, room, append([]*client{stay}, leaving...)...)
	start := time.Now()
	if code := going.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	took := time.Since(start)
	if took > 6*time.Second {
		t.Errorf("the drain of 3 s took %v", took)
	}
	if err := truth.Compare(t.Context(), room, ids(stay)); err != nil {
		t.Errorf("at the exit: %v", err)
	}
	var ends []time.Duration
	for _, c := range leaving {
		wantClose(t, c, websocket.StatusGoingAway, "")
		ends = append(ends, c.Ended().Sub(start))
		stay.Expect(t, proto.ClientLeft)
	}
	slices.Sort(ends)
	if ends[len(ends)-1]-ends[0] < time.Second {
		t.Errorf("the closings are not spread: %v to %v", ends[0], ends[len(ends)-1])
	}
	stay.Quiet(t)
	if code := replica.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestParleyStartedAgainOnItsFilesHasEveryRoomAndRemovesWhoIsGone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	args := []string{"--data-dir", dir}
	for _, end := range []string{"kill", "stop"} {
		p := harness.StartParley(t, args...)
		s := newSite(t, "nats://"+p.Addr(t, "nats"), views.Strict, p)
		gateway := asker(t, s) // lives on over the restart, as a gateway elsewhere would
		truth := s.truth(t)
		a, b := s.dial(t), s.dial(t)
		var rooms []proto.Room
		outside := proto.NewClientID()
		for i := range 10 {
			room := proto.Room(fmt.Sprintf("%s-%d", end, i))
			rooms = append(rooms, room)
			e, err := truth.Ask(t.Context(), proto.OpCreate, &proto.Request{Room: room, ClientID: outside, Gateway: gateway})
			if err != nil || e.Name != proto.RoomCreated {
				t.Fatalf("answered %+v, %v", e, err)
			}
			want(t, a.Join(t, room), proto.RoomJoined)
			want(t, b.Join(t, room), proto.RoomJoined)
			a.Expect(t, proto.ClientJoined)
		}
		address := p.Addr(t, "nats")
		if end == "kill" {
			p.Kill(t)
		} else if code := p.Stop(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
		again := harness.StartParley(t, append([]string{"--nats-listen", address}, args...)...)
		for _, room := range rooms {
			harness.Await(t, fmt.Sprintf("room %q has the one whose gateway lives", room), func() bool {
				members, _, err := truth.Members(t.Context(), room)
				return err == nil && slices.Equal(members, []proto.ClientID{outside})
			})
		}
		s = newSite(t, "nats://"+again.Addr(t, "nats"), views.Strict, again)
		c := s.dial(t)
		for _, room := range rooms {
			want(t, c.Create(t, room), proto.RoomExists)
			e := c.Join(t, room)
			want(t, e, proto.RoomJoined)
			if e.OwnerID != outside || !slices.Equal(e.Clients, []proto.ClientID{outside}) {
				t.Errorf("answered %+v", e)
			}
		}
		if code := again.Stop(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
}

func TestParleyInMemoryForgets(t *testing.T) {
	t.Parallel()
	p := harness.StartParley(t)
	s := newSite(t, "", views.Strict, p)
	want(t, s.dial(t).Create(t, "room"), proto.RoomCreated)
	p.Stop(t)
	again := p.Again(t)
	again.Ready(t)
	want(t, newSite(t, "", views.Strict, again).dial(t).Create(t, "room"), proto.RoomCreated)
}

func TestWhileNATSIsAwayFor30SecondsRequestsAreUnavailableWithin10AndSocketsStay(t *testing.T) {
	t.Parallel()
	nats := harness.StartNATS(t)
	d := harness.StartSite(t, nats.URL, 2, 2, nil, nil)
	s := newSite(t, nats.URL, views.Level, d.Gateways...)
	clients := s.dials(t, 4)
	room, other, never := fresh(t), fresh(t), fresh(t)
	fill(t, room, clients...)
	nats.Kill(t)
	start := time.Now()
	var wg sync.WaitGroup
	for i, f := range []proto.Frame{
		{Name: proto.RoomCreate, Room: other},
		{Name: proto.RoomJoin, Room: other},
		{Name: proto.RoomLeave, Room: room},
		{Name: proto.SignalSend, Room: room, TargetID: clients[0].ID(), Data: []byte(`1`)},
	} {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			e, err := clients[i].Request(ctx, f)
			took := time.Since(start)
			if err != nil || e.Name != proto.Error || e.Code != proto.CodeUnavailable || e.SenderID != clients[i].ID() {
				t.Errorf("%s: answered %+v, %v", f.Name, e, err)
			}
			bound := 10500 * time.Millisecond
			if f.Name == proto.SignalSend {
				bound = 2500 * time.Millisecond
			}
			if took > bound {
				t.Errorf("%s: answered after %v", f.Name, took)
			}
		})
	}
	wg.Wait()
	for _, c := range clients {
		want(t, c.Do(t, proto.Frame{Name: proto.Ping}), proto.Pong)
	}
	pause(t, time.Until(start.Add(30*time.Second)))
	for _, c := range clients {
		want(t, c.Do(t, proto.Frame{Name: proto.Ping}), proto.Pong)
	}
	nats.Again(t)
	back := time.Now()
	// What was given up is not carried out long after: the leave may have been, the create may not be found later than now.
	harness.Await(t, "requests are answered again", func() bool {
		return clients[3].Join(t, never).Name == proto.RoomNotExists
	})
	t.Logf("requests are answered again %v after NATS was started", time.Since(back))
	e := clients[2].Leave(t, room)
	want(t, e, proto.RoomLeft)
	if r := clients[1].Expect(t, proto.ClientLeft); r.ID != clients[2].ID() {
		t.Errorf("heard %s", r.Raw)
	}
	want(t, clients[0].Create(t, other), proto.RoomCreated)
	want(t, clients[1].Join(t, other), proto.RoomJoined)
	want(t, clients[3].Signal(t, room, clients[0].ID(), `2`), proto.SignalSent)
	truth := s.truth(t)
	if err := truth.Compare(t.Context(), room, ids(clients[0], clients[1], clients[3])); err != nil {
		t.Error(err)
	}
	took := time.Since(back)
	t.Logf("everything is level %v after NATS was started", took)
	if took > 20*time.Second { // 15 s on a machine that does nothing else
		t.Errorf("everything is level only after %v", took)
	}
	for _, c := range clients {
		if _, errs := views.Replay(c.ID(), c.All(), views.Level); len(errs) > 0 {
			t.Error(errs)
		}
	}
}
