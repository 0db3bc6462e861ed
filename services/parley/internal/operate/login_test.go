package operate

import (
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc"
	"github.com/parley-rtc/parley/testkit"
)

// logins gives a server a login that may do all, one that may look, one that may ask for rooms only, and one that may
// hear answers and no more.
func logins() testkit.Option {
	user := func(name string, publish, subscribe []string) *server.User {
		u := &server.User{Username: name, Password: "secret"}
		if publish != nil {
			u.Permissions = &server.Permissions{
				Publish: &server.SubjectPermission{Allow: publish}, Subscribe: &server.SubjectPermission{Allow: subscribe},
			}
		}
		return u
	}
	return testkit.Configure(func(o *server.Options) {
		o.Users = []*server.User{
			user("all", nil, nil),
			user("observer",
				[]string{"parley.rooms.roster", "parley.rooms.list", "$SRV.STATS.>", "$JS.API.STREAM.INFO.PARLEY"},
				[]string{"parley.room.*.event", "parley.beat.*.*", "_INBOX.>"}),
			user("asker", []string{"parley.rooms.roster", "parley.rooms.list"}, []string{"_INBOX.>"}),
			user("nobody", []string{"none"}, []string{"_INBOX.>"}),
		}
	})
}

func TestWhatALoginMayNotIsSaidInItsPlace(t *testing.T) {
	t.Parallel()
	url := testkit.StartNATS(t, testkit.Listen(), logins()).URL()
	as := func(user string) string { return strings.Replace(url, "//", "//"+user+":secret@", 1) }
	w := newWorld(t, as("all"), 1, roomsvc.Config{Memory: true})
	w.fill("lobby", 2)
	ask := func(user string, args ...string) said { return parley(t, append(args, "--nats", as(user))...) }

	v := decode[statusView](t, ask("observer", "status", "--json").ok(t))
	if v.Troubles != (troubles{}) || len(v.Replicas) != 1 || v.Replicas[0].Rooms != 1 || v.Stream == nil {
		t.Errorf("an observer sees %+v", v)
	}
	v = decode[statusView](t, ask("asker", "status", "--json").ok(t))
	denied := errDenied.Error()
	if v.Troubles != (troubles{Replicas: denied, Gateways: denied, Started: denied, Stream: denied}) ||
		v.Rooms == nil || v.Rooms.Rooms != 1 {
		t.Errorf("one who may ask for rooms sees %+v", v)
	}
	r := decode[roomView](t, ask("asker", "room", "lobby", "--json").ok(t))
	if !strings.Contains(r.Trouble, denied) || len(r.Clients) != 2 || r.First != "" {
		t.Errorf("one who may ask for rooms sees %+v", r)
	}
	text := ask("nobody", "status").ok(t)
	for _, want := range []string{"Stream  " + denied, "Replicas: " + denied, "Gateways: " + denied, "Rooms   " + denied} {
		if !strings.Contains(text, want) {
			t.Errorf("%q does not stand in\n%s", want, text)
		}
	}
	ask("nobody", "rooms").failed(t, 1, denied, "parley.rooms.list")
	ask("nobody", "room", "lobby").failed(t, 1, denied, "parley.rooms.roster")
	ask("nobody", "watch").failed(t, 1, denied, "parley.room.*.event")
	parley(t, "rooms", "--nats", strings.Replace(url, "//", "//all:wrong@", 1)).failed(t, 1, "refuses the login")
}

func TestWhatCannotBeIsRefusedWithASentence(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"rooms", "--timeout", "0s"},
		{"rooms", "--timeout", "1h"},
		{"rooms", "--prefix", "a.b"},
		{"rooms", "lobby"},
		{"room"},
		{"room", ""},
		{"room", "a\nb"},
		{"room", strings.Repeat("x", 129)},
		{"watch", "a\tb"},
		{"watch", "a", "b"},
		{"status", "--no-such"},
		{"status", "--nats", "http://127.0.0.1"},
		{"status", "--nats-creds", "/does/not/exist"},
	} {
		parley(t, args...).failed(t, 2)
	}
	parley(t, "status", "--nats", "nats://127.0.0.1:1").failed(t, 1, "no NATS server answers")
	if _, is := run(t.Context(), []string{"--json"}, nil, nil); is {
		t.Error("a flag is taken for a command")
	}
	for _, c := range commands {
		out := parley(t, c.name, "--help").ok(t)
		if !strings.HasPrefix(out, "Usage: parley "+c.name) || c.name != "token" && !strings.Contains(out, "--timeout") || !strings.Contains(Help(), c.name) {
			t.Errorf("the help of %s is\n%s", c.name, out)
		}
	}
}

func TestAPrefixThatNobodyServesIsSaid(t *testing.T) {
	t.Parallel()
	w := one(t)
	w.parley("rooms", "--prefix", "other").failed(t, 1, `"other"`, "--prefix", errNobody.Error())
	v := decode[statusView](t, w.parley("status", "--prefix", "other", "--json").ok(t))
	if len(v.Replicas) != 0 || v.Rooms != nil || v.Stream != nil || !strings.Contains(v.Troubles.Rooms, errNobody.Error()) ||
		!strings.Contains(v.Troubles.Stream, "no stream OTHER") {
		t.Errorf("%+v", v)
	}
}

func TestSilenceIsBoundedByTheTimeout(t *testing.T) {
	t.Parallel()
	url := testkit.StartNATS(t, testkit.Listen()).URL()
	nc := connect(t, url)
	sub, err := nc.SubscribeSync("parley.rooms.*") // takes requests and answers none
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	parley(t, "rooms", "--nats", url, "--timeout", "100ms").failed(t, 1, errSilence.Error(), "100ms")
	if _, err := sub.NextMsg(proto.RequestTimeout); err != nil {
		t.Errorf("nothing was asked: %v", err)
	}
}
