package gateway_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// It is connected again long before nats.go itself would give up a write, which is after a minute.
func TestAGatewayWhoseWritesBlockIsConnectedAgain(t *testing.T) {
	t.Parallel()
	var jam *testkit.Jam
	w := newWorld(t, worldOptions{reach: func(n *testkit.NATS) []nats.Option {
		jam = testkit.NewJam(n)
		return jam.Options()
	}})
	a := w.dial()
	before := jam.Block()
	testkit.WaitFor(t, "another connection", func() bool { return jam.Made() > before && w.inside.Conn().IsConnected() })
	w.send(a, proto.Frame{Name: proto.RoomJoin, Room: lobby})
	w.next(proto.OpJoin).answer(proto.Event{Name: proto.RoomNotExists})
	w.hears(a, proto.Event{Name: proto.RoomNotExists, Room: lobby})
}

func TestAGatewayWhoseLoginIsRefusedForGoodEnds(t *testing.T) {
	t.Parallel()
	login := &server.User{Username: "gateway", Password: "old"}
	w := newWorld(t, worldOptions{
		nats: []testkit.Option{testkit.Listen(), testkit.Configure(func(o *server.Options) {
			o.Users = []*server.User{login, {Username: "others"}}
			o.NoAuthUser = "others"
		})},
		reach: func(*testkit.NATS) []nats.Option { return []nats.Option{nats.UserInfo("gateway", "old")} },
	})
	login.Password = "new"
	w.nats.Restart()
	select {
	case <-w.done:
	case <-time.After(patience):
		t.Fatal("it runs on, and will never reach NATS again")
	}
	if !errors.Is(w.err, nats.ErrAuthorization) {
		t.Errorf("it ended with %v", w.err)
	}
}
