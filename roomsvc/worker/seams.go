package worker

import (
	"errors"
	"time"

	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// What an append can come to, beside success and trouble that may pass by itself.
var (
	// ErrConflict: the expected record is no longer the last. Nothing was appended by this attempt.
	ErrConflict = errors.New("another record is the last")
	// ErrTooLarge: the record does not fit into a message.
	ErrTooLarge = errors.New("the record is too large for a message")
)

// Result is what came of an append or a read.
type Result struct {
	Seq   uint64      // of the record that was appended or read; 0: there is none
	State *room.State // read: the room as the leader has it; nil: there is no record
	Err   error
}

// Question is who asked the leader something. The store hands it back with the answer, to [Worker.Answer].
type Question interface {
	answered(w *Worker, id uint64, r Result)
}

// Store is the journal. Its methods return at once. Answers come later, by [Worker.Answer]: late, twice or never.
type Store interface {
	// Append appends a record if the room's last one stands at expect. An error means that nothing was sent.
	// ttl is for how long the record stays, if the room is closed; 0: for ever.
	Append(q Question, token proto.Token, record []byte, expect uint64, ttl time.Duration) (id uint64, err error)
	// Read asks the stream's leader for a room's last record.
	Read(q Question, token proto.Token) (id uint64, err error)
	// Forget says that the answer to a question is of no use any more.
	Forget(id uint64)
	// Sure reports whether what the leader has answered until now is what the stream has.
	Sure() bool
	// Followed reports whether the stream was followed to its end and nothing has happened since.
	Followed() bool
}

// Peers knows which processes live.
type Peers interface {
	// First reports whether this replica ranks first for a room, among those that know its record's form.
	First(token proto.Token, form int) bool
	// Form returns the newest form of records that every replica knows.
	Form() int
	// Early reports whether Form is 1 for a moment, because some replicas may not have been heard yet.
	Early() bool
	// Gone returns since when a gateway is gone, or has said that it leaves, and whether that is so. One that is not known is not.
	Gone(gateway proto.GatewayID) (since time.Time, gone bool)
	// Know begins to watch a process that the journal names.
	Know(role proto.Role, id string)
	// InTouch reports whether silence means something: whether the NATS server of this replica's beats works with the others.
	InTouch() bool
}

// Wire sends messages, all over one connection, in order. What cannot be sent is lost.
type Wire interface {
	// Tell sends a room event to the room's subject and to gateways; to these with what is beside it: the stay of who joined or came
	// back, and a word to who was removed.
	Tell(token proto.Token, gateways []proto.GatewayID, event []byte, beside Beside)
	// TellOne sends an event that is no change of the room to one client of a gateway.
	TellOne(gateway proto.GatewayID, client proto.ClientID, event []byte)
	// Reply answers one attempt of a request.
	Reply(subject string, event []byte, beside Beside)
	// Forward hands a signal to its target's gateway, which answers it.
	Forward(signal *proto.Request, gateway proto.GatewayID, reply string)
}

// Beside is what gateways are told beside an answer, in headers. What is empty is left out.
type Beside struct {
	Bears   proto.RequestID // the request that made the asker a member
	Stays   string          // what [proto.HeaderMembers] says
	Message string          // what [proto.HeaderMessage] says
}

// Counter is something that is counted.
type Counter int

// What is counted. Rooms, Members and Underway grow and shrink.
const (
	Rooms      Counter = iota // open rooms in memory
	Members                   // of them
	Underway                  // requests that are not answered yet
	Committed                 // appends
	Refused                   // appends, decided again
	GivenUp                   // appends
	Removed                   // members of gateways that are gone
	Retold                    // changes told again
	FullRoom                  // times that too many requests waited for a room
	FullWorker                // times that too many requests were under way
	Knocks                    // who waits before a room; it grows and shrinks
)

// Meter is told what operators are to see.
type Meter interface {
	Count(what Counter, n int)
	Answered(op proto.Op, e *proto.Event, took time.Duration)
	// Appended: a change is stored, which took so long.
	Appended(now time.Time, took time.Duration)
	// Waits: an append that was begun at a time is not answered yet.
	Waits(now, began time.Time)
	// Moderated: what a moderator, an owner or an operator has asked for is committed.
	Moderated(q *room.Request, rec *proto.Record)
	// Trouble may pass by itself.
	Trouble(token proto.Token, err error)
	// Skipped is a record from the feed that was left alone. err is nil where it is another room's.
	Skipped(token proto.Token, seq uint64, err error)
}
