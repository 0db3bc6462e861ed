package bus

import (
	"math/rand/v2"
	"time"
)

// Patience is how long a NATS server is kept that is reached, but over which nobody is heard: it may be cut off from the others.
// Each time is cut by up to an eighth, at random, so that those who fell silent at one moment do not move at one moment.
type Patience struct {
	First time.Duration // before it is left
	// Again is how long each of the first Tries servers after that is kept: it may be cut off too, or be the same one by another
	// address. When they do not help, each time comes after twice as long, counted from First, up to Most.
	Again time.Duration
	Tries int
	Most  time.Duration
	// Never is First while nobody was ever heard: perhaps nobody has been started yet. 0: as First.
	Never time.Duration
}

// pauseMost is how long its owner may not have asked a Mover: after that the process has slept, and has not read yet what came.
const pauseMost = 2 * time.Second

// Mover says when to leave a NATS server for another. It is owned by one goroutine.
type Mover struct {
	patience Patience
	rand     func() float64

	since time.Time // when listening to this server began
	asked time.Time // when Due was last
	tried int       // so many other servers, since somebody was heard
	less  float64   // what is cut of the wait, in eighths
}

// NewMover returns a mover. It counts from the first call of [Mover.Due].
func NewMover(p Patience) *Mover { return newMover(p, rand.Float64) }

func newMover(p Patience, random func() float64) *Mover {
	return &Mover{patience: p, rand: random, less: random()}
}

// Due reports whether it is time to try another server, and counts it as tried then. heard is when somebody was heard last;
// zero: nobody ever was. counts says whether silence says anything: it does not while the connection is away. To be called
// several times a second.
func (m *Mover) Due(now, heard time.Time, counts bool) bool {
	slept := now.Sub(m.asked) > pauseMost // at the first call too
	m.asked = now
	if heard.After(m.since) {
		m.since, m.tried = heard, 0
	}
	if !counts || slept {
		m.since = now
	}
	if now.Sub(m.since) < m.wait(heard.IsZero()) {
		return false
	}
	m.since = now
	m.tried++
	m.less = m.rand()
	return true
}

func (m *Mover) wait(never bool) time.Duration {
	p := &m.patience
	wait := p.First
	switch {
	case m.tried > p.Tries:
		wait = min(p.First<<min(m.tried-p.Tries, 10), p.Most)
	case never && p.Never > 0:
		wait = p.Never
	case m.tried > 0:
		wait = p.Again
	}
	return wait - time.Duration(m.less*float64(wait/8))
}
