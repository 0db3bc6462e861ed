package worker

import (
	"slices"
	"time"
)

// again is how long to wait before trying again what failed at once.
const again = 25 * time.Millisecond

// maxOlder is how many reads may be older than memory, in 0.8 s, before they are believed. The feed comes from any copy of
// the stream, which may have stored a record a little earlier than the leader has.
const maxOlder = 5

// inquiry is one question to the stream's leader, a read or an append. It is asked again while no answer comes; an answer to
// any attempt counts, until the inquiry is forgotten.
//
// Example: attempt 1 is sent → 1 s of silence → attempt 2 → the answer to 1 comes late and counts → both are forgotten.
type inquiry struct {
	ids   []uint64  // the attempts that may still be answered
	sent  time.Time // when the last one was made
	retry time.Time // when to make the next one in any case; zero: only when there is no answer
	older int       // how many answers were older than what the asker knew
}

// asked takes note of an attempt. One that could not be sent is made again soon.
func (q *inquiry) asked(now time.Time, id uint64, err error) {
	q.sent, q.retry = now, time.Time{}
	if err != nil {
		q.retry = now.Add(again)
		return
	}
	q.ids = append(q.ids, id)
}

// open reports whether an answer may come.
func (q *inquiry) open() bool { return len(q.ids) > 0 }

// has reports whether an answer is one to this inquiry.
func (q *inquiry) has(id uint64) bool { return slices.Contains(q.ids, id) }

// wait has the next attempt made after a time.
func (q *inquiry) wait(now time.Time, d time.Duration) { q.retry = now.Add(d) }

// due reports whether it is time for another attempt. Without an answer that takes longer each time, since a server that is
// slow is not helped by more to do.
func (q *inquiry) due(now time.Time, unanswered time.Duration) bool {
	if !q.retry.IsZero() {
		return !now.Before(q.retry)
	}
	return q.open() && now.Sub(q.sent) >= unanswered<<min(len(q.ids)-1, 4)
}

// doubt has the question asked again because the answer is older than what the asker knew: the leader may be a little
// behind the copy that feeds this replica. It reports false when that has been done often enough.
func (q *inquiry) doubt(now time.Time) bool {
	if q.older >= maxOlder {
		return false
	}
	q.wait(now, again<<q.older)
	q.older++
	return true
}

// forget ends the inquiry: no answer to its attempts counts any more.
func (q *inquiry) forget(s Store) {
	for _, id := range q.ids {
		s.Forget(id)
	}
	q.ids = nil
}
