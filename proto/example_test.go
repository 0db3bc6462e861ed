package proto_test

import (
	"fmt"

	"github.com/parley-rtc/parley/proto"
)

// What a client sends over a plain socket.
func ExampleDecodeFrame() {
	frame, err := proto.DecodeFrame([]byte(`{"event":"room-join","room":"lobby","ref":"7"}`))
	fmt.Println(frame.Name, frame.Room, frame.Ref, err)
	_, err = proto.DecodeFrame([]byte(`{"event":"room-join"}`))
	fmt.Println(err)
	// Output:
	// room-join lobby 7 <nil>
	// bad request: room-join needs "room"
}

// What a service that listens to rooms hears, and on which subject.
func ExampleDecodeEvent() {
	subjects, err := proto.NewSubjects("") // of the usual prefix
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(subjects.RoomEvent(proto.Room("lobby").Token()))
	event, err := proto.DecodeEvent([]byte(`{"event":"client-left","room":"lobby","id":"c2","seq":9,"prev":7}`))
	fmt.Println(event.Name, event.Room, event.ID, event.Seq, event.Prev, err)
	// Output:
	// parley.room.lobby.event
	// client-left lobby c2 9 7 <nil>
}

// How a service asks for the members of a room: what it publishes, and to which subject any replica listens.
func ExampleAppendRequest() {
	subjects, err := proto.NewSubjects("")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(subjects.Rooms(proto.OpRoster))
	fmt.Println(string(proto.AppendRequest(nil, proto.OpRoster, &proto.Request{Room: "lobby"})))
	// Output:
	// parley.rooms.roster
	// {"room":"lobby"}
}

// All who know the same replicas ask the same one about a room.
func ExampleRank() {
	replicas := []proto.ReplicaID{"r1", "r2", "r3"}
	for _, room := range []proto.Room{"lobby", "standup", "retro", "room-7"} {
		fmt.Println(room, proto.Rank(replicas, room.Token()))
	}
	// Output:
	// lobby [r3 r2 r1]
	// standup [r2 r1 r3]
	// retro [r2 r1 r3]
	// room-7 [r1 r2 r3]
}
