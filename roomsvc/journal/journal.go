// Package journal is the stream that holds the truth: one record per room, each appended with the expectation that the
// one it was decided on is still the last. It follows the stream, reads a record from the stream's leader and appends
// one; nothing that it does blocks its caller for longer than it takes to write to a socket, so that the appends of
// many rooms are under way at once.
package journal

import (
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-rtc/parley/bus"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/roomsvc/room"
)

// What an append or a read can come to, beside success.
var (
	// ErrConflict: the expected record is no longer the last. Nothing was appended by this attempt.
	ErrConflict = errors.New("another record is the last")
	// ErrTooLarge: the record does not fit into a message.
	ErrTooLarge = errors.New("the record is too large for a message")
	// ErrUnavailable: the stream did not take it now (no leader, not connected); whether it was appended is not known.
	ErrUnavailable = errors.New("the journal cannot be reached")
	// ErrStream: the stream exists and is configured in a way that would break the rooms.
	ErrStream = errors.New("the stream is configured otherwise")
)

const apiPrefix = "$JS.API."

// Config says which stream, and how it is kept.
type Config struct {
	Subjects proto.Subjects
	Replicas int  // copies of the stream in the cluster; at least 1
	Memory   bool // kept in memory rather than on files
}

// Result is what came of an append or a read.
type Result struct {
	Seq   uint64      // of the record that was appended or read; 0: there is none
	State *room.State // read: the room as the leader has it; nil: there is no record
	Err   error
}

// Journal is a connection's view of the stream. Its methods may be called from any goroutine.
type Journal struct {
	// Set by New.
	nc    *bus.Conn
	js    jetstream.JetStream
	cfg   Config
	inbox string // what the reply subjects start with
	get   string // the subject that reads a record
	lease *Lease
	kick  bus.Bell

	decoder proto.RecordDecoder // owned by reply

	mu      sync.Mutex // guards the fields below
	next    uint64
	pending map[uint64]waiter
	sub     *nats.Subscription
}

// waiter is who waits for a reply: done runs on the subscription's goroutine and must not block for long.
type waiter struct {
	done func(id uint64, r Result)
	read proto.Token // whose record is read; empty: an append
}

// New returns the journal behind a connection, which stays the caller's to close. Call [Journal.Open] before use.
func New(nc *bus.Conn, cfg Config) (*Journal, error) {
	js, err := jetstream.New(nc.Conn)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	return &Journal{
		nc:      nc,
		js:      js,
		cfg:     cfg,
		inbox:   nc.NewInbox() + ".",
		get:     apiPrefix + "STREAM.MSG.GET." + cfg.Subjects.Stream(),
		lease:   NewLease(nc, cfg.Subjects),
		kick:    bus.NewBell(),
		pending: make(map[uint64]waiter),
	}, nil
}

// Open subscribes to the replies of appends and reads.
func (j *Journal) Open() error {
	sub, err := j.nc.Subscribe(j.inbox+"*", j.reply)
	if err != nil {
		return fmt.Errorf("journal: subscribe to replies: %w", err)
	}
	// A reply that is dropped here is asked for again after a time-out; there are never more than requests under way.
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	j.mu.Lock()
	j.sub = sub
	j.mu.Unlock()
	if err := j.lease.Open(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// Lease says whether the leader that answers over this connection can be believed.
func (j *Journal) Lease() *Lease { return j.lease }

// Sure reports whether what the leader has answered until now is what the stream has.
func (j *Journal) Sure() bool { return j.lease.Holds(0) }

// Close ends the subscription that Open made and forgets who waits.
func (j *Journal) Close() {
	j.lease.Close()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.sub != nil {
		_ = j.sub.Unsubscribe() // the connection may be closed already
	}
	clear(j.pending)
}

// Forget ends the wait for a reply that is of no use any more.
func (j *Journal) Forget(id uint64) {
	j.mu.Lock()
	delete(j.pending, id)
	j.mu.Unlock()
}

func (j *Journal) wait(w waiter) (uint64, string) {
	j.mu.Lock()
	j.next++
	id := j.next
	j.pending[id] = w
	j.mu.Unlock()
	return id, j.inbox + strconv.FormatUint(id, 36)
}

// take returns who waits for a reply and ends that wait.
func (j *Journal) take(id uint64) (waiter, bool) {
	j.mu.Lock()
	w, ok := j.pending[id]
	delete(j.pending, id)
	j.mu.Unlock()
	return w, ok
}

func (j *Journal) reply(m *nats.Msg) {
	if len(m.Subject) <= len(j.inbox) {
		return
	}
	id, err := strconv.ParseUint(m.Subject[len(j.inbox):], 36, 64)
	if err != nil {
		return
	}
	w, ok := j.take(id)
	if !ok {
		return
	}
	switch {
	case len(m.Data) == 0 && m.Header.Get("Status") == "503":
		w.done(id, Result{Err: ErrUnavailable})
	case w.read != "":
		w.done(id, j.decodeRead(w.read, m.Data))
	default:
		w.done(id, decodeAck(m.Data))
	}
}
