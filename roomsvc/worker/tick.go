package worker

import (
	"maps"
	"slices"
	"time"
)

// Tick goes on with what was not answered in time, and gives up what nobody waits for any more. It is to be called some
// twenty times a second.
func (w *Worker) Tick(now time.Time) {
	w.at(now)
	if w.stalled {
		w.stalled = false
		for _, token := range slices.Sorted(maps.Keys(w.busy)) {
			w.next(w.busy[token])
		}
	}
	w.tells.lookAgain()
	sure := w.Store.Sure()
	for i := 0; i < len(w.asks.active); i++ {
		a := w.asks.active[i]
		if a.done {
			continue
		}
		b := w.busy[a.Token]
		own := b != nil && b.op != nil && b.op.ask == a
		switch {
		case !now.Before(a.Deadline):
			if own {
				b.abandon(w)
			}
			a.giveUp(w, tooLate)
			w.gone.more = w.gone.more || a.Removal // its member is still there
			if own {
				w.next(b)
			}
		case own:
			b.op.pursue(w)
		case a.held:
			w.step(a)
		case a.read.due(now, w.Unanswered) && (sure || !a.unsure || a.read.retry.IsZero()):
			a.ask(w)
		}
	}
	w.asks.compact()
	w.expireKnocks()
	w.gone.goOn(w)
}
