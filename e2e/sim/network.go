package sim

import (
	"slices"
	"time"
)

// nodes is how many NATS servers there are, each with a copy of the stream.
const nodes = 3

// network is NATS between processes. One of its servers may be cut off from the others.
type network struct {
	cut  int // which; nodes: none
	cuts int // how often that has been so
}

func (n *network) reach(a, b int) bool { return a == b || n.cut != a && n.cut != b }

// process is a gateway or a replica: what it is to NATS.
type process struct {
	w      *world
	name   string
	node   int
	alive  bool
	asleep bool
	waits  []func() // what came while it slept
	died   int64    // when it was killed
	last   map[*process]int64
	left   int64 // when what it sent last left it
	hurts  []hurt
}

// hurt is a time in which a process, or all of them, may not have been reached.
type hurt struct{ from, to int64 }

// hurt notes that a process is not reached now, and for some time.
func (p *process) hurt(d time.Duration) {
	p.hurts = append(p.hurts, hurt{p.w.now, p.w.now + int64(d)})
}

// hurtWithin reports whether any of these processes, or all, were not always reached from a time on until another.
func (w *world) hurtWithin(from, to int64, processes ...*process) bool {
	within := func(h hurt) bool { return h.from <= to && h.to >= from }
	return slices.ContainsFunc(w.hurts, within) ||
		slices.ContainsFunc(processes, func(p *process) bool { return slices.ContainsFunc(p.hurts, within) })
}

// send has something happen at another process. One process's messages to another keep their order, however long each
// takes. What a process that is killed has just sent may not have left it.
func (p *process) send(to *process, do func()) {
	w := p.w
	p.left = max(p.left, w.now+int64(w.span(0, 2*time.Millisecond)))
	left := p.left
	if !w.net.reach(p.node, to.node) || w.ill(w.Loss/2) {
		p.hurt(0)
		to.hurt(0)
		return
	}
	late := w.span(100*time.Microsecond, 3*time.Millisecond)
	if w.ill(w.Loss / 2) {
		late = w.span(0, 300*time.Millisecond)
		p.hurt(late)
		to.hurt(late)
	}
	at := max(left+int64(late), p.last[to])
	p.last[to] = at
	times := 1
	if w.ill(w.Loss / 4) {
		times = 2
	}
	w.at(at, func() {
		for range times {
			if p.alive || left < p.died {
				to.take(do)
			}
		}
	})
}

// take has something happen at a process, when it wakes if it sleeps.
func (p *process) take(do func()) {
	switch {
	case !p.alive:
	case p.asleep:
		p.waits = append(p.waits, do)
	default:
		do()
	}
}

// soon has a process do something a moment later, as another of its goroutines does.
func (p *process) soon(do func()) {
	p.w.after(p.w.span(0, 500*time.Microsecond), func() { p.take(do) })
}

// every has a process do something again and again while it lives. While it sleeps its turns are passed over.
func (p *process) every(d time.Duration, do func()) {
	p.w.every(d, func() bool {
		if p.alive && !p.asleep {
			do()
		}
		return p.alive
	})
}

// sleep stops a process for a while. Then it finds what came meanwhile.
func (p *process) sleep(d time.Duration) {
	if p.asleep {
		return
	}
	p.w.note("%s sleeps for %v", p.name, d)
	p.asleep = true
	p.hurt(d)
	p.w.after(d, func() {
		p.asleep = false
		waits := p.waits
		p.waits = nil
		for _, do := range waits {
			p.take(do)
		}
	})
}

func (p *process) die() {
	p.w.note("%s is killed", p.name)
	p.alive, p.died = false, p.w.now
}

func newProcess(w *world, kind string) process {
	return process{w: w, name: w.id(kind), node: w.rnd.IntN(nodes), alive: true, last: make(map[*process]int64)}
}
