package roomsvc_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc"
	"github.com/parley-rtc/parley/roomsvc/journal"
	"github.com/parley-rtc/parley/testkit"
)

func onFiles(c *roomsvc.Config) { c.Memory = false }

func TestRoomsSurviveARestartOfNATSOnItsFiles(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	r := start(t, n, onFiles)
	g := newAsker(t, n)
	ann, bob, eve := proto.NewClientID(), proto.NewClientID(), proto.NewClientID()
	expect(t, g.create("r", ann), proto.RoomCreated)
	joined := expect(t, g.join("r", bob), proto.RoomJoined)
	n.Restart()
	roster := expect(t, g.roster("r"), proto.Roster)
	if expectClients(t, roster, ann, bob); roster.Seq != joined.Seq {
		t.Errorf("seq %d, expected %d", roster.Seq, joined.Seq)
	}
	testkit.WaitFor(t, "the replica to be ready", func() bool { return r.Ready() == nil })
	expect(t, g.join("r", eve), proto.RoomJoined)
	expect(t, g.signal("r", eve, ann, 1), proto.SignalSent)
	replay(t, g, "r", []proto.ClientID{ann, bob, eve})
}

func TestRoomsInMemoryAreGoneWithTheirNATSServerAndNothingElseIs(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	r := start(t, n)
	g := newAsker(t, n)
	ann, bob := proto.NewClientID(), proto.NewClientID()
	for i := range 20 { // so that sequences of the new stream are below those that memory has
		expect(t, g.create(proto.Room(fmt.Sprintf("r%d", i)), ann), proto.RoomCreated)
	}
	n.Restart()
	testkit.WaitFor(t, "the rooms to be forgotten", func() bool { return value(t, r, "rooms") == 0 && r.Ready() == nil })
	expect(t, g.roster("r19"), proto.RoomNotExists)
	expect(t, g.create("r19", bob), proto.RoomCreated)
	expect(t, g.join("r19", ann), proto.RoomJoined)
	if rooms, members := value(t, r, "rooms"), value(t, r, "members"); rooms != 1 || members != 2 {
		t.Errorf("%v rooms and %v members", rooms, members)
	}
}

func TestARequestWaitsForNATSAndIsCarriedOutOnceOrUnavailable(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	_, cable, change := cables(n)
	r := start(t, n, change, onFiles)
	g := newAsker(t, n)
	ann, bob := proto.NewClientID(), proto.NewClientID()
	expect(t, g.create("r", ann), proto.RoomCreated)
	cable.sever()
	late := g.send(request{
		op: proto.OpJoin, id: "late", timeout: 300 * time.Millisecond,
		Request: proto.Request{Room: "r", ClientID: proto.NewClientID()},
	})
	if e := expect(t, <-late, proto.Error); e.Code != proto.CodeUnavailable {
		t.Errorf("answered %+v", e)
	}
	waits := g.send(request{op: proto.OpJoin, id: "waits", Request: proto.Request{Room: "r", ClientID: bob}})
	testkit.WaitFor(t, "the replica not to be ready", func() bool { return r.Ready() != nil })
	cable.mend()
	expectClients(t, expect(t, <-waits, proto.RoomJoined), ann)
	testkit.WaitFor(t, "the replica to be ready", func() bool { return r.Ready() == nil })
	expectClients(t, expect(t, g.roster("r"), proto.Roster), ann, bob)
}

func TestAClosingExpiresAndOtherRecordsDoNot(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	start(t, n)
	g := newAsker(t, n)
	ann := proto.NewClientID()
	expect(t, g.create("open", ann), proto.RoomCreated)
	expect(t, g.create("closed", ann), proto.RoomCreated)
	expect(t, g.leave("closed", ann), proto.RoomLeft)
	js, err := jetstream.New(n.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), "PARLEY")
	if err != nil {
		t.Fatal(err)
	}
	for room, ttl := range map[proto.Room]string{"open": "", "closed": "600s"} {
		m, err := s.GetLastMsgForSubject(t.Context(), g.subjects.Journal(room.Token()))
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Header.Get("Nats-TTL"); got != ttl {
			t.Errorf("%s expires after %q, expected %q", room, got, ttl)
		}
		if _, err := proto.DecodeRecord(m.Data); err != nil {
			t.Error(err)
		}
	}
	if cfg := s.CachedInfo().Config; cfg.AllowDirect || cfg.MaxMsgsPerSubject != 1 || !cfg.AllowMsgTTL {
		t.Errorf("the stream is %+v", cfg)
	}
}

func TestARecordThatCannotBeReadIsLeftAloneAndCountedAndOtherRoomsGoOn(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t)
	r := start(t, n)
	g := newAsker(t, n)
	ann, bob := proto.NewClientID(), proto.NewClientID()
	js, err := jetstream.New(n.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	other := proto.Record{
		Room: "other", OwnerID: ann, Members: []proto.Member{{ID: ann, Gateway: g.id, Request: "c1"}},
		Change: proto.Change{Event: proto.RoomCreated, ID: ann, Request: "c1", Replica: proto.NewReplicaID()},
	}
	strange := map[proto.Room]string{
		"newer": `{"v":3}`, "headless": `{"v":2}`, "empty": "", "garbage": "\x00{", "another": string(proto.AppendRecord(nil, &other)),
	}
	for room, data := range strange {
		if _, err := js.Publish(t.Context(), g.subjects.Journal(room.Token()), []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	testkit.WaitFor(t, "the records to be skipped", func() bool {
		return value(t, r, "skipped_records_total") >= float64(len(strange))
	})
	for room := range strange {
		for _, op := range []proto.Op{proto.OpCreate, proto.OpJoin, proto.OpRoster} {
			e := <-g.send(request{
				op: op, id: proto.NewRequestID(), timeout: 100 * time.Millisecond,
				Request: proto.Request{Room: room, ClientID: bob},
			})
			if expect(t, e, proto.Error); e.Code != proto.CodeUnavailable {
				t.Errorf("%s of %q is answered %+v", op, room, e)
			}
		}
	}
	stream, err := js.Stream(t.Context(), "PARLEY")
	if err != nil {
		t.Fatal(err)
	}
	for room, data := range strange {
		m, err := stream.GetLastMsgForSubject(t.Context(), g.subjects.Journal(room.Token()))
		if err != nil || string(m.Data) != data {
			t.Errorf("the record of %q is %+v (%v)", room, m, err)
		}
	}
	expect(t, g.create("r", ann), proto.RoomCreated)
	expectClients(t, expect(t, g.join("r", bob), proto.RoomJoined), ann)
}

func TestAStreamOfSomebodyElseIsRefusedWithWhatToDo(t *testing.T) {
	t.Parallel()
	right := jetstream.StreamConfig{
		Name: "PARLEY", Subjects: []string{"parley.journal.*"}, MaxMsgsPerSubject: 1, AllowMsgTTL: true,
		Storage: jetstream.MemoryStorage,
	}
	for name, change := range map[string]func(*jetstream.StreamConfig){
		"history":  func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 5 },
		"subjects": func(c *jetstream.StreamConfig) { c.Subjects = []string{"parley.journal.>"} },
		"direct":   func(c *jetstream.StreamConfig) { c.AllowDirect = true },
		"ttl":      func(c *jetstream.StreamConfig) { c.AllowMsgTTL = false },
		"storage":  func(c *jetstream.StreamConfig) { c.Storage = jetstream.FileStorage },
		"age":      func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := testkit.StartNATS(t)
			js, err := jetstream.New(n.Connect(t))
			if err != nil {
				t.Fatal(err)
			}
			cfg := right
			change(&cfg)
			if _, err := js.CreateStream(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			s, err := roomsvc.New(roomsvc.Config{Servers: n.URL(), Options: n.Options(), Memory: true}, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			err = s.Run(t.Context())
			if !errors.Is(err, journal.ErrStream) || !strings.Contains(err.Error(), "--prefix") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestALoginThatIsRefusedEndsTheService(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t, testkit.Listen(), testkit.Configure(func(o *server.Options) {
		o.Users = []*server.User{{Username: "right", Password: "secret"}}
	}))
	s, err := roomsvc.New(roomsvc.Config{
		Servers: n.URL(), Options: []nats.Option{nats.UserInfo("wrong", "secret")},
	}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Run(ctx); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("the error is %v", err)
	}
}

func TestAReplicaWithoutNATSIsNotReadyAndStopsAtOnce(t *testing.T) {
	t.Parallel()
	n := testkit.StartNATS(t, testkit.Listen())
	n.Stop()
	r := launch(t, n)
	if err := r.Ready(); !errors.Is(err, roomsvc.ErrNotReady) {
		t.Errorf("ready: %v", err)
	}
	began := time.Now()
	r.stop()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it stopped after %v", took)
	}
	late := launch(t, n)
	n.Restart()
	testkit.WaitFor(t, "the replica to be ready", func() bool { return late.Ready() == nil })
}

func TestCopiesOfTheStreamAreRaisedInPlace(t *testing.T) {
	t.Parallel()
	c := testkit.StartCluster(t, 3)
	n := c.Servers[0]
	g := newAsker(t, n)
	ann, bob := proto.NewClientID(), proto.NewClientID()
	one := start(t, n, onFiles)
	expect(t, g.create("r", ann), proto.RoomCreated)
	one.stop()
	start(t, c.Servers[1], onFiles, func(cfg *roomsvc.Config) { cfg.Replicas = 3 })
	expect(t, g.join("r", bob), proto.RoomJoined)
	js, err := jetstream.New(n.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	s, err := js.Stream(t.Context(), "PARLEY")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.CachedInfo().Config.Replicas; got != 3 {
		t.Errorf("%d copies, expected 3", got)
	}
}

func TestNoMembershipIsLostOrInventedWhileServersOfAClusterRestart(t *testing.T) {
	t.Parallel()
	c := testkit.StartCluster(t, 3)
	for _, n := range c.Servers[:2] {
		start(t, n, onFiles, func(cfg *roomsvc.Config) {
			cfg.Replicas = 3
			var urls []string
			for _, s := range c.Servers {
				urls = append(urls, s.URL())
			}
			cfg.Servers = strings.Join(urls, ",")
		})
	}
	g := newAsker(t, c.Servers[0])
	owner := proto.NewClientID()
	expect(t, g.create("r", owner), proto.RoomCreated)
	members := []proto.ClientID{owner}
	var mu sync.Mutex
	stop := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			me := proto.NewClientID()
			id := proto.NewRequestID()
			for {
				e := g.ask(request{op: proto.OpJoin, id: id, Request: proto.Request{Room: "r", ClientID: me}})
				if e.Name == proto.RoomJoined {
					mu.Lock()
					if !slices.Equal(e.Clients, members) {
						t.Errorf("%s joined at %d and hears of %v, expected %v", me, e.Seq, e.Clients, members)
					}
					members = append(members, me)
					mu.Unlock()
					break
				}
				if e.Code != proto.CodeUnavailable { // with the same id again, until it is carried out
					t.Errorf("answered %+v", e)
					return
				}
			}
		}
	})
	for _, i := range []int{1, 2} {
		before := count(&mu, &members)
		c.Servers[i].Restart()
		testkit.WaitFor(t, "joins to go on", func() bool { return count(&mu, &members) > before+20 })
	}
	close(stop)
	wait.Wait()
	expectClients(t, expect(t, g.roster("r"), proto.Roster), members...)
}

func count(mu *sync.Mutex, members *[]proto.ClientID) int {
	mu.Lock()
	defer mu.Unlock()
	return len(*members)
}
