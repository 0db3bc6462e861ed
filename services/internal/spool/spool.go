// Package spool keeps a log from holding up who writes it: lines wait in memory until stderr takes them, and those that
// find no room are counted and left out.
package spool

import (
	"bytes"
	"io"
	"sync"
	"time"
)

// most is how many bytes wait, and how many more may be on their way out.
const most = 1 << 20

// Writer writes to another writer, which may block or fail, in the order in which it was written to. Its methods may be
// called from any goroutine.
type Writer struct {
	out  io.Writer
	bell chan struct{} // 1 deep: there is something to do
	done chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex // guards the fields below
	waiting []byte     // whole lines
	dropped uint64     // lines that were left out, and of which nothing was said yet
	note    func(dropped uint64) []byte
	closed  bool

	// Owned by run.
	said uint64 // how many lines the batch on its way says were dropped
	torn bool   // what was written last does not end a line
}

// New returns a writer to out, which is the writer's own until [Writer.Close].
func New(out io.Writer) *Writer {
	w := &Writer{out: out, bell: make(chan struct{}, 1), done: make(chan struct{})}
	go w.run() // Close waits for it, for as long as it is told
	return w
}

// Note sets what makes the line that says how many were left out. It stands where they are missing.
func (w *Writer) Note(note func(dropped uint64) []byte) {
	w.mu.Lock()
	w.note = note
	w.mu.Unlock()
}

// Write takes whole lines. It never blocks and never fails.
func (w *Writer) Write(lines []byte) (int, error) {
	w.mu.Lock()
	before := len(w.waiting)
	switch {
	case w.closed:
	case len(w.waiting)+len(lines) > most:
		w.dropped += count(lines)
	default:
		w.admit()
		w.waiting = append(w.waiting, lines...)
	}
	ring := before == 0 && len(w.waiting) > 0
	w.mu.Unlock()
	if ring {
		w.ring()
	}
	return len(lines), nil
}

// Close has what waits written, for a while at most: a reader that has stopped reading does not keep the process. What is
// written later is lost.
func (w *Writer) Close(within time.Duration) {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.ring()
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-w.done:
	case <-timer.C:
	}
}

func (w *Writer) ring() {
	select {
	case w.bell <- struct{}{}:
	default:
	}
}

// admit puts the line about those that were left out before the next that is not. The lock is held.
func (w *Writer) admit() {
	if w.dropped > 0 && w.note != nil {
		w.waiting = append(w.waiting, w.note(w.dropped)...)
		w.said += w.dropped - 1 // the line itself counts when it is lost
		w.dropped = 0
	}
}

// run writes what waits until the writer is closed and nothing does.
func (w *Writer) run() {
	defer close(w.done)
	var batch []byte
	for range w.bell {
		for {
			var said uint64
			w.mu.Lock()
			w.waiting, batch = batch[:0], w.waiting
			said, w.said = w.said, 0
			closed := w.closed
			w.mu.Unlock()
			if len(batch) == 0 {
				if closed {
					return
				}
				break
			}
			lost := w.write(batch)
			w.mu.Lock()
			if lost > 0 {
				w.dropped += lost + said
			} else if len(w.waiting) == 0 {
				w.admit() // nobody may write for long
			}
			w.mu.Unlock()
		}
	}
}

// write writes a batch, and returns how many of its lines were lost.
func (w *Writer) write(batch []byte) uint64 {
	if w.torn {
		batch = append([]byte{'\n'}, batch...)
	}
	n, err := w.out.Write(batch)
	if n > 0 {
		w.torn = batch[n-1] != '\n'
	}
	if err == nil {
		return 0
	}
	return count(batch[n:])
}

func count(lines []byte) uint64 { return uint64(bytes.Count(lines, []byte{'\n'})) } // not negative
