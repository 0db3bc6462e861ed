package sim

import (
	"maps"
	"time"
)

// cutOff cuts a node off from the others for a while. A leader there goes on believing in itself; the others elect another
// after 4 s at the earliest.
func (w *world) cutOff(node int, d time.Duration) {
	if w.net.cut != nodes {
		return
	}
	w.note("node %d is cut off for %v", node, d)
	const long = 8 * time.Second
	w.hurts = append(w.hurts, hurt{w.now, w.now + int64(d+long)})
	w.net.cut = node
	w.net.cuts++
	cuts := w.net.cuts
	s := w.stream
	if s.leader == node {
		s.stalled = true
		term := s.term
		w.after(w.span(4*time.Second, 7*time.Second), func() {
			if s.stalled && s.term == term && w.net.cut == node && w.net.cuts == cuts {
				s.stale = &staleLeader{node: node, last: maps.Clone(s.last)}
				s.elect((node + 1 + w.rnd.IntN(nodes-1)) % nodes)
			}
		})
	}
	w.after(d, func() {
		if w.net.cuts == cuts {
			w.heal()
		}
	})
}

// heal ends that. A leader that was not replaced goes on; one that was steps down a moment later.
func (w *world) heal() {
	if w.net.cut == nodes {
		return
	}
	w.note("node %d is back", w.net.cut)
	node := w.net.cut
	w.net.cut = nodes
	s := w.stream
	if s.stale != nil {
		w.after(w.span(0, 300*time.Millisecond), func() { s.stale = nil })
	} else if s.leader == node {
		s.stalled = false
	}
	s.advance()
	for _, g := range w.gateways {
		if g.node == node && w.chance(70) { // its connection is made anew
			g.soon(g.reconnected)
		}
	}
	for _, r := range w.replicas {
		if r.node == node {
			r.soon(r.reconnected)
		}
	}
}

// resign makes the leader one of before: for a while there is none.
func (w *world) resign() {
	s := w.stream
	if s.stalled || w.net.cut != nodes {
		return
	}
	w.note("there is no leader")
	const long = 6 * time.Second
	w.hurts = append(w.hurts, hurt{w.now, w.now + int64(long)})
	s.stalled = true
	s.term++
	term := s.term
	w.after(w.span(100*time.Millisecond, 3*time.Second), func() {
		if s.term == term && s.stalled && w.net.cut != s.leader {
			node := w.rnd.IntN(nodes)
			if node == w.net.cut {
				node = (node + 1) % nodes
			}
			s.elect(node)
		}
	})
}

// elect makes a node the leader. What any copy has fed is committed; of what was under way beyond that, the new leader has
// some. Nobody is answered about it.
func (s *stream) elect(node int) {
	kept := s.stored
	for i := range nodes {
		kept = max(kept, s.fed[i])
	}
	kept += s.w.rnd.IntN(len(s.log) - kept + 1)
	for _, e := range s.log[kept:] {
		s.w.note("%d is lost", e.seq)
	}
	s.log = s.log[:kept]
	clear(s.tail)
	for token, e := range s.last {
		s.tail[token] = e.seq
	}
	for _, e := range s.log[s.stored:] {
		e.done = nil
		s.tail[e.token] = e.seq
	}
	s.leader, s.stalled = node, false
	s.term++
	s.w.note("node %d leads", node)
	for s.stored < len(s.log) {
		s.store(s.log[s.stored])
	}
	s.advance()
}
