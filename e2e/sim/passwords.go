package sim

import (
	"fmt"
	"strings"
	"time"

	"github.com/parley-rtc/parley/roomsvc/worker"
)

// looker looks at passwords beside a replica's worker, and takes its time. What stands for a hash names the proof that it is of.
type looker struct{ r *replica }

// Check implements [worker.Passwords].
func (l looker) Check(a *worker.Ask, hash string) bool {
	proof := a.Proof
	return l.look(a, func() worker.Look { return worker.Look{Checked: hash, Right: isHash(hash, proof)} })
}

// Make implements [worker.Passwords].
func (l looker) Make(a *worker.Ask) bool {
	l.r.w.hashes++
	hash := fmt.Sprintf("%d of %s", l.r.w.hashes, *a.Update.Proof)
	return l.look(a, func() worker.Look { return worker.Look{Hash: hash} })
}

func (l looker) look(a *worker.Ask, done func() worker.Look) bool {
	w := l.r.w
	if w.chance(5) {
		return false // too many are looked at
	}
	w.after(w.span(time.Millisecond, 60*time.Millisecond), func() {
		l.r.take(func() { l.r.worker.Looked(w.time(), a, done()) })
	})
	return true
}

// isHash reports whether a hash is of a proof.
func isHash(hash, proof string) bool { return strings.HasSuffix(hash, " of "+proof) }
