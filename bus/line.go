package bus

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// Pings that nobody answers, and [Found], which comes of them: the ping after the last that may be missing ends the connection.
const (
	pingEvery    = 1500 * time.Millisecond
	pingsMissing = 2

	// Found is how long after NATS was heard last a broken connection is found at the latest.
	Found = (pingsMissing + 1) * pingEvery
)

// How long a write may take.
const (
	// writeStep is how long a write waits before it looks whether some of it was taken.
	writeStep = 250 * time.Millisecond
	// writeStuck is for how long nothing of a write may be taken.
	writeStuck = 3 * time.Second
	// writeAwake is the same when nothing was heard for longer than Found: then the process has slept, or nats.go is just
	// closing the connection and only says so to the other side.
	writeAwake = time.Second
	// writeMost is how long a write may take that is taken bit by bit. Meanwhile nobody hears this process's beats, and it
	// counts as gone after 8 s without.
	writeMost = 6 * time.Second
)

// ErrStuck is why a line ended whose other side took nothing, or too little, of a write.
var ErrStuck = errors.New("a write to NATS was not taken in time")

// errMoved is why a line ended that was left for another server.
var errMoved = errors.New("another NATS server is tried")

// line is one connection to one server, under TLS where there is TLS. It closes itself when a write takes too long. nats.go
// writes with one goroutine at a time; a time-out of its own is kept, but for the smaller ones above.
type line struct {
	net.Conn

	number uint64    // which one it is of its Conn's, from 1
	born   time.Time // times below are counted from here

	heard atomic.Int64 // when the other side was heard last: it sent something, or took something after a wait
	owner atomic.Int64 // the owner's deadline for writes; 0: none
	armed atomic.Int64 // the deadline that Conn has
	ended atomic.Bool  // nothing comes over it any more
	cause atomic.Pointer[error]
}

func newLine(conn net.Conn, number uint64) *line {
	return &line{Conn: conn, number: number, born: time.Now()}
}

func (l *line) now() int64 { return int64(time.Since(l.born)) }

// Read implements [net.Conn].
func (l *line) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	if n > 0 {
		l.heard.Store(l.now())
	}
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		l.ended.Store(true)
		if cause := l.cause.Load(); cause != nil {
			err = *cause
		}
	}
	return n, err
}

// Write implements [net.Conn]. It returns when all is taken, or the line is closed; it waits for as long as the other side
// takes some of it now and then, up to a bound.
func (l *line) Write(b []byte) (n int, err error) {
	begun := l.now()
	moved := begun // when some of it was last taken
	for now := begun; ; now = l.now() {
		until := l.until(begun, moved)
		l.arm(now, until)
		took, err := l.Conn.Write(b[n:])
		n += took
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
			if cause := l.cause.Load(); err != nil && cause != nil {
				err = *cause
			}
			return n, err // it is the connection's own
		}
		woke := l.now()
		if owner := l.owner.Load(); owner != 0 && woke >= owner {
			return n, err // it is the connection's own
		}
		if took > 0 && now != begun { // at first the socket's buffer takes some, whether there is another side or not
			moved = woke
			l.heard.Store(woke)
		}
		if woke >= l.until(begun, moved) {
			l.end(fmt.Errorf("%w: %d of %d bytes within %v", ErrStuck, n, len(b), time.Duration(woke-begun).Round(time.Millisecond)))
			return n, *l.cause.Load()
		}
	}
}

// until returns when a write is given up that began then, and of which some was taken last at moved.
func (l *line) until(begun, moved int64) int64 {
	until := moved + int64(writeStuck)
	if silent := l.heard.Load() + int64(Found); silent > begun {
		until = min(until, silent)
	} else {
		until = min(until, moved+int64(writeAwake))
	}
	return min(until, begun+int64(writeMost))
}

// arm gives the connection the deadline of the next step. Steps end at multiples of writeStep, so that few writes have to set
// one: that costs more than the write's other bookkeeping.
func (l *line) arm(now, until int64) {
	const step = int64(writeStep)
	until = min(until, (now/step+2)*step)
	if owner := l.owner.Load(); owner != 0 {
		until = min(until, owner)
	}
	if until != l.armed.Load() {
		_ = l.Conn.SetWriteDeadline(l.born.Add(time.Duration(until))) // on a closed connection, which the write finds
		l.armed.Store(until)
	}
}

// SetDeadline implements [net.Conn].
func (l *line) SetDeadline(t time.Time) error {
	_ = l.SetWriteDeadline(t) // it does not fail
	return l.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements [net.Conn]. A write that waits heeds it at its next step.
func (l *line) SetWriteDeadline(t time.Time) error {
	if t.IsZero() {
		l.owner.Store(0)
		return nil
	}
	l.owner.Store(max(int64(t.Sub(l.born)), 1))
	return nil
}

// Close implements [net.Conn].
func (l *line) Close() error {
	l.ended.Store(true)
	return l.Conn.Close()
}

// end closes the line for a reason, which whoever reads or writes is told. The first one counts.
func (l *line) end(cause error) {
	l.cause.CompareAndSwap(nil, &cause)
	_ = l.Close() // nothing can be done about it
}
