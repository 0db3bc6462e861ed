package main

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-rtc/parley/proto"
)

// lastRecord is how many bytes a room's last record in the journal has.
func lastRecord(ctx context.Context, url, room string) (int, error) {
	nc, err := nats.Connect(url, nats.Name("bench"))
	if err != nil {
		return 0, fmt.Errorf("journal at %s: %w", url, err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return 0, fmt.Errorf("journal at %s: %w", url, err)
	}
	subjects, err := proto.NewSubjects("")
	if err != nil {
		return 0, err
	}
	stream, err := js.Stream(ctx, subjects.Stream())
	if err != nil {
		return 0, fmt.Errorf("journal at %s: %w", url, err)
	}
	m, err := stream.GetLastMsgForSubject(ctx, subjects.Journal(proto.Room(room).Token()))
	if err != nil {
		return 0, fmt.Errorf("last record of room %q: %w", room, err)
	}
	return len(m.Data), nil
}
