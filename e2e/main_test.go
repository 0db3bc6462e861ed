// Package e2e_test holds the built programs to PROTOCOL.md from outside: real processes, real sockets, real NATS.
package e2e_test

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

func TestMain(m *testing.M) {
	code := harness.Main(m)
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// site is a deployment that tests share: each keeps to rooms of its own.
type site struct {
	urls []string
	nats string
	how  views.Strictness
	next atomic.Uint64
}

// newSite returns the site of some programs with sockets.
func newSite(t *testing.T, nats string, how views.Strictness, gateways ...*harness.Process) *site {
	t.Helper()
	s := &site{nats: nats, how: how}
	for _, g := range gateways {
		s.urls = append(s.urls, g.WS(t))
	}
	return s
}

// onePlace starts everything in one process.
func onePlace(t *testing.T, args ...string) *site {
	t.Helper()
	p := harness.StartParley(t, args...)
	return newSite(t, "nats://"+p.Addr(t, "nats"), views.Strict, p)
}

// url returns where the next client connects: the gateways take turns.
func (s *site) url() string { return s.urls[s.next.Add(1)%uint64(len(s.urls))] }

// dial connects a client to the gateway whose turn it is.
func (s *site) dial(t testing.TB) *testkit.Client {
	t.Helper()
	return testkit.Dial(t, s.url())
}

// dials connects n clients.
func (s *site) dials(t testing.TB, n int) []*testkit.Client {
	t.Helper()
	all := make([]*testkit.Client, n)
	for i := range all {
		all[i] = s.dial(t)
	}
	return all
}

// truth asks over NATS.
func (s *site) truth(t testing.TB) *views.Truth {
	t.Helper()
	return views.NewTruth(t, harness.Connect(t, s.nats))
}

// names counts the rooms that [fresh] has named.
var names atomic.Uint64

// fresh returns a room's name that no other test uses.
func fresh(t testing.TB) proto.Room {
	t.Helper()
	name := t.Name()
	name = name[strings.LastIndexByte(name, '/')+1:]
	return proto.Room(fmt.Sprintf("%s-%d", name[:min(len(name), 40)], names.Add(1)))
}

// fill has the first client create a room and the others join it, and takes what they heard of each other.
func fill(t testing.TB, room proto.Room, clients ...*testkit.Client) {
	t.Helper()
	for i, c := range clients {
		if i == 0 {
			want(t, c.Create(t, room), proto.RoomCreated)
			continue
		}
		want(t, c.Join(t, room), proto.RoomJoined)
		for _, before := range clients[:i] {
			if r := before.Expect(t, proto.ClientJoined); r.ID != c.ID() || r.Room != room {
				t.Fatalf("heard %s, expected that %s joined %q", r.Raw, c.ID(), room)
			}
		}
	}
}

// want fails the test unless an answer has a name.
func want(t testing.TB, e proto.Event, name proto.Name) {
	t.Helper()
	if e.Name != name {
		t.Fatalf("answered %s, expected %s", proto.AppendEvent(nil, &e), name)
	}
}

// wantCode fails the test unless an answer is an error with a code and a sentence for people.
func wantCode(t testing.TB, e proto.Event, code proto.Code) {
	t.Helper()
	if e.Name != proto.Error || e.Code != code || e.Message == "" {
		t.Fatalf("answered %s, expected an error with code %s", proto.AppendEvent(nil, &e), code)
	}
}

// ids returns the clients' ids.
func ids(clients ...*testkit.Client) []proto.ClientID {
	all := make([]proto.ClientID, len(clients))
	for i, c := range clients {
		all[i] = c.ID()
	}
	return all
}
