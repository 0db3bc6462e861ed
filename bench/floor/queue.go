package main

import (
	"net"
	"sync"
)

// mostQueued is how many bytes may wait for a socket. A client that leaves
// more than that untaken is dropped, so that nobody waits for it.
const mostQueued = 4 << 20

// queue is the frames that wait for a socket. Whoever has one to send puts
// it there and goes on; the client's writer takes all there are at once.
type queue struct {
	mu     sync.Mutex // guards the fields below
	filled *sync.Cond // on mu: there are frames, or the end has come
	frames net.Buffers
	bytes  int
	ended  bool
}

func newQueue() *queue {
	q := &queue{}
	q.filled = sync.NewCond(&q.mu)
	return q
}

// put adds a frame and says whether there was room for it.
func (q *queue) put(frame []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.bytes+len(frame) > mostQueued {
		return false
	}
	q.frames = append(q.frames, frame)
	q.bytes += len(frame)
	q.filled.Signal()
	return true
}

// end lets take return: nobody wants the frames any more.
func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	q.filled.Signal()
}

// take waits for frames and takes them all, leaving the queue the empty slice
// to fill. At the end it returns nil.
func (q *queue) take(empty net.Buffers) net.Buffers {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.frames) == 0 && !q.ended {
		q.filled.Wait()
	}
	if q.ended {
		return nil
	}
	frames := q.frames
	q.frames, q.bytes = empty, 0
	return frames
}
