package roomsvc_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc"
)

// A replica beside a NATS server in the same process, and one who asks it for a room.
func ExampleService_Run() {
	dir, err := os.MkdirTemp("", "parley")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	inside, err := server.NewServer(&server.Options{DontListen: true, JetStream: true, StoreDir: dir, NoSigs: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	inside.Start()
	defer func() { inside.Shutdown(); inside.WaitForShutdown() }()

	s, err := roomsvc.New(roomsvc.Config{Options: []nats.Option{nats.InProcessServer(inside)}, Memory: true}, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	for s.Ready() != nil {
		<-time.After(10 * time.Millisecond)
	}

	asker, err := nats.Connect("", nats.InProcessServer(inside))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer asker.Close()
	subjects, _ := proto.NewSubjects("") // of the usual prefix
	ask := func(op proto.Op, client proto.ClientID) {
		m := nats.NewMsg(subjects.Rooms(op))
		m.Header.Set(proto.HeaderRequest, string(proto.NewRequestID()))
		m.Data = proto.AppendRequest(nil, op, &proto.Request{Room: "lobby", ClientID: client, Gateway: "recorder"})
		answer, err := asker.RequestMsg(m, 10*time.Second)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(string(answer.Data))
	}
	ask(proto.OpCreate, "9f1c2d3e-0a4b-4c5d-8e6f-708192a3b4c5")
	ask(proto.OpJoin, "1f1c2d3e-0a4b-4c5d-8e6f-708192a3b4c5")

	stop() // the replica leaves, having answered what it has taken
	fmt.Println(<-ended)
	// Output:
	// {"event":"room-created","room":"lobby","seq":1}
	// {"event":"room-joined","room":"lobby","ownerId":"9f1c2d3e-0a4b-4c5d-8e6f-708192a3b4c5","clients":["9f1c2d3e-0a4b-4c5d-8e6f-708192a3b4c5"],"seq":2}
	// <nil>
}
