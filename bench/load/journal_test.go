package main

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

func TestTheLastRecordIsTheRoomsOwn(t *testing.T) {
	t.Parallel()
	server := testkit.StartNATS(t, testkit.Listen())
	js, err := jetstream.New(server.Connect(t))
	if err != nil {
		t.Fatal(err)
	}
	subjects, err := proto.NewSubjects("")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: subjects.Stream(), Subjects: []string{subjects.JournalAll()},
	}); err != nil {
		t.Fatal(err)
	}
	for _, record := range []struct {
		room proto.Room
		size int
	}{{"r", 10}, {"r", 30}, {"s", 50}} {
		if _, err := js.Publish(t.Context(), subjects.Journal(record.room.Token()), make([]byte, record.size)); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := lastRecord(t.Context(), server.URL(), "r"); err != nil || n != 30 {
		t.Errorf("the last record of r: %d bytes, %v; want 30", n, err)
	}
	if n, err := lastRecord(t.Context(), server.URL(), "none"); err == nil {
		t.Errorf("a room without a record has one of %d bytes", n)
	}
}
