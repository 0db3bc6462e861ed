// Package goclient_test tries the client for programs in Go against real servers.
package goclient_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	parley "github.com/parley-rtc/parley/clients/go"
	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/testkit"
)

func TestMain(m *testing.M) {
	code := harness.Main(m)
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// host is where a process takes clients.
func host(t *testing.T, p *harness.Process) string {
	t.Helper()
	u, err := url.Parse(p.WS(t))
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func connect(t *testing.T, address string, options ...parley.Option) *parley.Client {
	t.Helper()
	c, err := parley.Connect(t.Context(), address, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func enter(t *testing.T, c *parley.Client, name string, entry parley.Entry) *parley.Room {
	t.Helper()
	room, err := c.Enter(t.Context(), name, entry)
	if err != nil {
		t.Fatal(err)
	}
	return room
}

// until takes events of a room until one is of a kind.
func until(t *testing.T, room *parley.Room, kind parley.Kind) parley.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	for {
		e, err := room.Next(ctx)
		if err != nil {
			t.Fatalf("waiting for %s: %v", kind, err)
		}
		if e.Kind == kind {
			return e
		}
	}
}

func code(t *testing.T, err error, wanted parley.Code) {
	t.Helper()
	if parley.CodeOf(err) != wanted {
		t.Errorf("the error is %v; expected %s", err, wanted)
	}
}

func TestTwoMeetAndPart(t *testing.T) {
	p := harness.StartParley(t)
	a, b := connect(t, "http://"+host(t, p)), connect(t, p.WS(t))
	ctx := t.Context()
	of, err := a.Create(ctx, "lobby", parley.Entry{Meta: map[string]string{"name": "Ann"}, OnOwnerGone: parley.TransferIt})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.Create(ctx, "lobby", parley.Entry{})
	code(t, err, parley.RoomExists)
	_, err = b.Join(ctx, "elsewhere", parley.Entry{})
	code(t, err, parley.RoomNotExists)
	to, err := b.Join(ctx, "lobby", parley.Entry{Meta: map[string]string{"name": "Bob"}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(to.Members(), []string{a.ID()}) || to.Owner() != a.ID() || string(to.Info(a.ID()).Meta) != `{"name":"Ann"}` || to.About().OnOwnerGone != parley.TransferIt {
		t.Errorf("who joined sees %v, owner %s, %s, %+v", to.Members(), to.Owner(), to.Info(a.ID()).Meta, to.About())
	}
	if e := until(t, of, parley.Join); e.ID != b.ID() || string(e.Info.Meta) != `{"name":"Bob"}` {
		t.Errorf("who was there hears %+v", e)
	}
	for i := range 100 {
		if err := of.Signal(ctx, b.ID(), map[string]int{"i": i}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		if e := until(t, to, parley.Signal); e.ID != a.ID() || string(e.Data) != fmt.Sprintf(`{"i":%d}`, i) {
			t.Fatalf("signal %d is %+v", i, e)
		}
	}
	code(t, of.Signal(ctx, "nobody", 1), parley.TargetNotFound)
	code(t, of.Signal(ctx, a.ID(), 1), "bad-request")
	if err := of.Leave(ctx); err != nil {
		t.Error(err)
	}
	var end *parley.End
	if _, err := of.Next(ctx); !errors.As(err, &end) || end.How != parley.Left {
		t.Errorf("who left hears %v", err)
	}
	if e := until(t, to, parley.Owner); e.ID != b.ID() || len(to.Members()) != 0 {
		t.Errorf("who stayed hears %+v among %v", e, to.Members())
	}
	code(t, of.Signal(ctx, b.ID(), 1), parley.NotInRoom)
	if err := b.CloseRoom(ctx, "lobby"); err != nil {
		t.Error(err)
	}
	if e := to.Ended(); e == nil || e.How != parley.Left {
		t.Errorf("who ended it hears %+v", e)
	}
}

// pair is two clients behind a balancer before two gateways, in one room.
type pair struct {
	site    *harness.Site
	way     *harness.Proxy
	clients [2]*parley.Client
	rooms   [2]*parley.Room
	live    atomic.Int64    // connections that stood
	heard   [2]atomic.Int64 // numbers, by each
}

func newPair(t *testing.T) *pair {
	t.Helper()
	nats := harness.StartNATS(t)
	site := harness.StartSite(t, nats.URL, 2, 1, nil, nil)
	p := &pair{site: site, way: harness.StartProxy(t, host(t, site.Gateways[0]), host(t, site.Gateways[1]))}
	for i := range p.clients {
		p.clients[i] = connect(t, "http://"+p.way.Addr(), parley.Notify(func(n parley.Notice) {
			if n.State == parley.Open {
				p.live.Add(1)
			}
		}))
		p.rooms[i] = enter(t, p.clients[i], "pair", parley.Entry{})
	}
	until(t, p.rooms[0], parley.Join)
	return p
}

// Both send each other numbers while gateways are killed and started again. Each hears each once, in order, and nobody leaves; where a
// number is missing its sender was named as lost.
func TestNothingIsLostUnsaidWhenGatewaysAreKilled(t *testing.T) {
	p := newPair(t)
	stop := make(chan struct{})
	var all sync.WaitGroup
	for i, room := range p.rooms {
		all.Go(func() { sendNumbers(t, room, p.clients[1-i].ID(), stop) })
		all.Go(func() { hearNumbers(t, room, &p.heard[i]) })
	}
	hosts := []string{host(t, p.site.Gateways[0]), host(t, p.site.Gateways[1])}
	flows := func() {
		t.Helper()
		for i := range p.heard {
			before := p.heard[i].Load()
			harness.Await(t, "both hear each other", func() bool { return p.heard[i].Load() > before+50 })
		}
	}
	for i, g := range p.site.Gateways {
		flows()
		before := p.live.Load()
		g.Kill(t)
		again := g.Again(t)
		again.Ready(t)
		hosts[i] = host(t, again)
		p.way.Lead(hosts...)
		harness.Await(t, "who was on it is back", func() bool { return p.live.Load() > before && !p.rooms[0].Away() && !p.rooms[1].Away() })
	}
	flows()
	close(stop)
	all.Wait()
}

func sendNumbers(t *testing.T, room *parley.Room, to string, stop <-chan struct{}) {
	for n := 0; ; n++ {
		last := false
		select {
		case <-stop:
			last, n = true, -1
		default:
		}
		for {
			err := room.Signal(t.Context(), to, n)
			var refused *parley.Error
			if err == nil {
				break
			}
			if !errors.As(err, &refused) || !refused.Temporary() {
				t.Errorf("signal %d: %v", n, err)
				return
			}
		}
		if last {
			return
		}
	}
}

func hearNumbers(t *testing.T, room *parley.Room, heard *atomic.Int64) {
	next, lost := 0, false
	for {
		e, err := room.Next(t.Context())
		if err != nil {
			t.Errorf("after %d: %v", next, err)
			return
		}
		switch e.Kind {
		case parley.Signal:
			var n int
			if err := json.Unmarshal(e.Data, &n); err != nil {
				t.Error(err)
			}
			if n < 0 {
				return
			}
			if n < next || n > next && !lost {
				t.Errorf("heard %d; expected %d", n, next)
				return
			}
			next, lost = n+1, false
			heard.Add(1)
		case parley.Leave, parley.Join:
			t.Errorf("heard %+v", e)
			return
		case parley.Live:
			lost = lost || len(e.Lost) > 0
		default:
		}
	}
}

func TestARestartOfEverythingEndsNoStay(t *testing.T) {
	listen := fmt.Sprintf("127.0.0.1:%d", testkit.Ports(t, 1)[0])
	p := harness.StartParley(t, "--listen", listen, "--data-dir", t.TempDir())
	a, b := connect(t, "http://"+listen), connect(t, "http://"+listen)
	rooms := []*parley.Room{enter(t, a, "lobby", parley.Entry{}), enter(t, b, "lobby", parley.Entry{})}
	until(t, rooms[0], parley.Join)
	ids := []string{a.ID(), b.ID()}
	p.Kill(t)
	for _, room := range rooms {
		if e := until(t, room, parley.Away); e.Reason != "lost" {
			t.Errorf("away for %s", e.Reason)
		}
	}
	p.Again(t)
	for i, room := range rooms {
		until(t, room, parley.Live)
		if got := room.Members(); !slices.Equal(got, []string{ids[1-i]}) || room.Self() != ids[i] || room.Owner() != ids[0] {
			t.Errorf("client %d: %v, itself %s, owner %s", i, got, room.Self(), room.Owner())
		}
	}
	if err := rooms[0].Signal(t.Context(), ids[1], "again"); err != nil {
		t.Error(err)
	}
	if e := until(t, rooms[1], parley.Signal); string(e.Data) != `"again"` {
		t.Errorf("heard %s", e.Data)
	}
}

// The server forgets the room: who entered it comes back into one of that name, as the same Room.
func TestWhoEnteredComesBackIntoARoomThatWasForgotten(t *testing.T) {
	listen := fmt.Sprintf("127.0.0.1:%d", testkit.Ports(t, 1)[0])
	p := harness.StartParley(t, "--listen", listen)
	a, b := connect(t, "http://"+listen), connect(t, "http://"+listen)
	entered := []*parley.Room{enter(t, a, "lobby", parley.Entry{}), enter(t, b, "lobby", parley.Entry{})}
	joined, err := a.Create(t.Context(), "other", parley.Entry{})
	if err != nil {
		t.Fatal(err)
	}
	p.Kill(t)
	p.Again(t)
	for _, room := range entered {
		harness.Await(t, "it is back, with the other", func() bool { return !room.Away() && len(room.Members()) == 1 })
	}
	for {
		if _, err := joined.Next(t.Context()); err != nil {
			var end *parley.End
			if !errors.As(err, &end) || end.How != parley.Lost {
				t.Errorf("a room that was not entered: %v", err)
			}
			break
		}
	}
	if err := entered[1].Leave(t.Context()); err != nil {
		t.Error(err)
	}
	until(t, entered[0], parley.Leave)
}

func TestOwnersModerate(t *testing.T) {
	secret := harness.NewSecret(t)
	p := harness.StartParley(t, secret.Args...)
	as := func(sub string, can ...string) *parley.Client {
		return connect(t, p.WS(t), parley.Token(secret.Token(t, sub, harness.Grants{"room": can})))
	}
	ctx := t.Context()
	owner, bob := as("ann", "create", "join"), as("bob", "join")
	room := enter(t, owner, "room", parley.Entry{})
	in := enter(t, bob, "room", parley.Entry{})
	if info := room.Info(until(t, room, parley.Join).ID); info.User != "user bob" || string(info.Claims) != `{"name":"Name of bob"}` {
		t.Errorf("others see %+v", info)
	}
	_, err := bob.Enter(ctx, "elsewhere", parley.Entry{})
	code(t, err, "forbidden")
	code(t, in.Kick(ctx, owner.ID(), ""), "forbidden")
	yes, password := true, "sesame"
	if err := room.Update(ctx, parley.Changes{Locked: &yes, Knock: &yes, Password: &password, Meta: map[string]string{"topic": "x"}}); err != nil {
		t.Fatal(err)
	}
	if e := until(t, in, parley.Update); !e.About.Locked || !e.About.Password || string(e.About.Meta) != `{"topic":"x"}` || e.ID != owner.ID() {
		t.Errorf("members hear %+v", e)
	}
	cid := as("cid", "join")
	_, err = cid.Join(ctx, "room", parley.Entry{Password: "sesame"})
	code(t, err, "locked")
	knocked := make(chan error, 1)
	go func() { knocked <- cid.Knock(ctx, "room", parley.Entry{Meta: map[string]string{"name": "C"}}) }()
	if e := until(t, room, parley.Knock); e.ID != cid.ID() || string(e.Info.Meta) != `{"name":"C"}` {
		t.Errorf("the owner hears %+v", e)
	}
	if err := room.Admit(ctx, cid.ID()); err != nil {
		t.Fatal(err)
	}
	if err := <-knocked; err != nil {
		t.Fatal(err)
	}
	third, err := cid.Join(ctx, "room", parley.Entry{})
	if err != nil {
		t.Fatal(err)
	}
	ban, err := room.Ban(ctx, cid.ID(), time.Minute, "enough")
	if err != nil || ban.Sub != "cid" || ban.For != time.Minute {
		t.Errorf("%+v, %v", ban, err)
	}
	for {
		if _, err = third.Next(ctx); err != nil {
			break
		}
	}
	var end *parley.End
	if !errors.As(err, &end) || end.Reason != "banned" || end.Message != "enough" {
		t.Errorf("who is banned hears %v", err)
	}
	roster, err := room.Roster(ctx)
	if err != nil || len(roster.Members) != 2 || roster.Members[1].Sub != "bob" || len(roster.Bans) != 1 || roster.Bans[0].Sub != "cid" {
		t.Errorf("%+v, %v", roster, err)
	}
	if err := room.Unban(ctx, "cid"); err != nil {
		t.Error(err)
	}
	none := ""
	no := false
	if err := room.Update(ctx, parley.Changes{Locked: &no, Password: &none}); err != nil {
		t.Error(err)
	}
	if err := room.Transfer(ctx, bob.ID()); err != nil {
		t.Error(err)
	}
	harness.Await(t, "bob owns it", func() bool { return in.Owner() == bob.ID() })
	if err := in.SetMeta(ctx, map[string]string{"name": "B"}); err != nil {
		t.Error(err)
	}
	if e := until(t, room, parley.MemberUpdate); string(e.Info.Meta) != `{"name":"B"}` {
		t.Errorf("others hear %+v", e)
	}
	if err := in.Kick(ctx, owner.ID(), "bye"); err != nil {
		t.Error(err)
	}
	for {
		if _, err = room.Next(ctx); err != nil {
			break
		}
	}
	if !errors.As(err, &end) || end.Reason != "kicked" || end.Message != "bye" {
		t.Errorf("who is removed hears %v", err)
	}
}

// A token that expires is renewed by the function, and nothing is heard of it; one that never changes ends the client.
func TestATokenThatExpiresIsAskedForAgain(t *testing.T) {
	secret := harness.NewSecret(t)
	p := harness.StartParley(t, secret.Args...)
	var mu sync.Mutex
	asked := 0
	short := func(context.Context) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		asked++
		now := time.Now()
		return secret.TokenAt(t, "ann", harness.Grants{"room": {"create", "join"}}, now, now.Add(20*time.Second)), nil // so it is expiring at once
	}
	c := connect(t, p.WS(t), parley.TokenFrom(short))
	room := enter(t, c, "room", parley.Entry{})
	harness.Await(t, "the token was asked for again", func() bool { mu.Lock(); defer mu.Unlock(); return asked > 1 })
	if room.Away() || c.State() != parley.Open {
		t.Error("the client has lost its connection")
	}
}

// A thousand in one process: what each costs while idle, and that all come back after the death of their gateway.
func TestAThousandComeBack(t *testing.T) {
	nats := harness.StartNATS(t)
	many := []string{"--max-conns-per-address", "5000"}
	site := harness.StartSite(t, nats.URL, 2, 1, many, nil)
	way := harness.StartProxy(t, host(t, site.Gateways[0]))
	live := func() (bytes uint64, goroutines int) {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse, runtime.NumGoroutine()
	}
	clients, rooms := make([]*parley.Client, 1000), make([]*parley.Room, 1000)
	before, others := live()
	for i := range clients {
		clients[i] = connect(t, "http://"+host(t, site.Gateways[0]))
	}
	after, all := live()
	t.Logf("an idle client: %d bytes, %.1f goroutines", (after-before)/1000, float64(all-others)/1000)
	for _, c := range clients {
		c.Close()
	}
	for i := range clients {
		clients[i] = connect(t, "http://"+way.Addr())
		rooms[i] = enter(t, clients[i], fmt.Sprintf("room %d", i/2), parley.Entry{})
	}
	way.Lead(host(t, site.Gateways[1]))
	site.Gateways[0].Kill(t)
	begun := time.Now()
	for _, room := range rooms {
		until(t, room, parley.Live)
	}
	t.Logf("all were live again %v after the kill", time.Since(begun))
	for i, room := range rooms {
		if len(room.Members()) != 1 || room.Self() != clients[i].ID() {
			t.Fatalf("client %d is with %v", i, room.Members())
		}
	}
	var closing sync.WaitGroup
	for _, c := range clients {
		closing.Go(c.Close)
	}
	closing.Wait()
	if _, left := live(); left > others+20 { // the proxy's own are left for a moment
		t.Errorf("%d goroutines before, %d after", others, left)
	}
}
