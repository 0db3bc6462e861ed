package bus

import "sync"

// Bell wakes one goroutine, which waits on it as on any channel. Ringing twice before it wakes is ringing once.
type Bell chan struct{}

// NewBell returns a bell.
func NewBell() Bell { return make(Bell, 1) }

// Ring wakes whoever waits, or the next who does. It does not block.
func (b Bell) Ring() {
	select {
	case b <- struct{}{}:
	default:
	}
}

// Queue hands things to one goroutine, in order, and wakes it. It is not bounded and drops nothing: whoever uses it says what
// bounds it.
type Queue[T any] struct {
	bell Bell

	mu    sync.Mutex // guards items
	items []T
}

// NewQueue returns an empty queue.
func NewQueue[T any]() *Queue[T] { return &Queue[T]{bell: NewBell()} }

// Put appends an item. It does not block.
func (q *Queue[T]) Put(item T) {
	q.mu.Lock()
	q.items = append(q.items, item)
	first := len(q.items) == 1
	q.mu.Unlock()
	if first {
		q.bell.Ring()
	}
}

// Bell rings when there are items; now and then also when they have been taken already.
func (q *Queue[T]) Bell() <-chan struct{} { return q.bell }

// Take takes all items, which are the caller's then. The memory of spare, of which nobody may know any more, takes the next ones.
func (q *Queue[T]) Take(spare []T) []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	q.items = spare[:0]
	return items
}
