package gateway

import (
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/gateway/rooms"
	"github.com/parley-rtc/parley/proto"
)

// An ask is one request to the room service, with all its attempts. The dispatcher resolves it; the goroutine that asks
// waits for that.
type ask struct {
	// Set when it is made.
	rooms.Ask
	session  uint64 // the session's number, 0 for the gateway's own; with Num it names the reply subjects
	payload  []byte
	deadline time.Time
	target   proto.ClientID  // signal: for whom
	wake     chan struct{}   // 1 deep: something below has changed
	stopped  <-chan struct{} // closed when the dispatcher has ended, and nothing is resolved any more

	// Owned by the goroutine that asks.
	attempt uint32

	// Set by the dispatcher, read by the goroutine that asks.
	refused atomic.Uint32 // the last attempt that found no responder
	done    atomic.Bool
	outcome atomic.Int32 // a [rooms.Outcome], valid once done
}

// resolve ends the ask. Dispatcher only.
func (a *ask) resolve(outcome rooms.Outcome) {
	a.outcome.Store(int32(outcome))
	a.done.Store(true)
	a.nudge()
}

func (a *ask) nudge() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// noResponder notes that NATS found nobody for an attempt. Dispatcher only.
func (a *ask) noResponder(attempt uint32) {
	if attempt > a.refused.Load() {
		a.refused.Store(attempt)
		a.nudge()
	}
}

// sender is what a goroutine keeps from one ask to the next, so that asking makes little garbage.
type sender struct {
	msg     nats.Msg
	request [1]string // of the header, which holds these
	timeout [1]string
	timer   *time.Timer
}

func newSender() *sender {
	k := &sender{timer: time.NewTimer(time.Hour)}
	k.timer.Stop()
	k.msg.Header = nats.Header{proto.HeaderRequest: k.request[:], proto.HeaderTimeout: k.timeout[:]}
	return k
}

// run makes attempts until the dispatcher has resolved the ask or its time is up, and reports whether it was resolved.
// It blocks.
func (g *Gateway) run(a *ask, with *sender) bool {
	defer with.timer.Stop()
	backoff := g.timing.backoffMin
	for {
		replicas := g.ranking.replicas()
		var ranked []proto.ReplicaID // made only when the first does not answer
		for i := 0; i == 0 || i < len(ranked); i++ {
			target := g.first(replicas, a.Room)
			if i > 0 {
				target = ranked[i]
			}
			if g.attempt(a, target, with) {
				return true
			}
			if !time.Now().Before(a.deadline) {
				return false
			}
			if i == 0 && len(replicas) > 1 {
				ranked = g.rest(replicas, target, a.Room)
			}
		}
		pause := min(backoff+time.Duration(rand.Int64N(int64(backoff))), time.Until(a.deadline)) //nolint:gosec // jitter
		backoff = min(2*backoff, g.timing.backoffMax)
		if a.wait(pause, with.timer, ^uint32(0)) {
			return true
		}
		if !time.Now().Before(a.deadline) {
			return false
		}
	}
}

// first returns the replica to ask first, or "" while none is known.
func (g *Gateway) first(replicas []proto.ReplicaID, room proto.Room) proto.ReplicaID {
	if g.cfg.RandomReplica && len(replicas) > 0 {
		return replicas[rand.IntN(len(replicas))] //nolint:gosec // a test's choice
	}
	if len(replicas) == 1 {
		return replicas[0]
	}
	return proto.First(replicas, room.Token())
}

// rest returns the order of asking with the one asked already in front.
func (g *Gateway) rest(replicas []proto.ReplicaID, asked proto.ReplicaID, room proto.Room) []proto.ReplicaID {
	order := []proto.ReplicaID{asked}
	for _, id := range proto.Rank(replicas, room.Token()) {
		if id != asked {
			order = append(order, id)
		}
	}
	return order
}

// attempt sends the request once and waits for its answer, for word that nobody is there, or for silence to have lasted
// too long. It reports whether the ask was resolved.
func (g *Gateway) attempt(a *ask, target proto.ReplicaID, with *sender) bool {
	a.attempt++
	left := time.Until(a.deadline)
	if left <= 0 {
		return a.done.Load()
	}
	subject := g.subjects.Rooms(a.Op) // any replica, while none is known by name
	if target != "" {
		subject = g.subjects.Replica(target, a.Op)
	}
	msg := &with.msg
	msg.Subject, msg.Data = subject, a.payload
	msg.Reply = g.subjects.Reply(g.id, replyToken(a.session, a.Num, a.attempt))
	with.request[0], with.timeout[0] = string(a.ID), strconv.FormatInt(left.Milliseconds(), 10)
	if err := g.conn.PublishMsg(msg); err != nil { // which keeps nothing of it
		return a.done.Load() // not connected: the next attempt comes after a pause
	}
	if a.wait(min(left, g.timing.attempt), with.timer, a.attempt) {
		return true
	}
	if target != "" && a.refused.Load() >= a.attempt {
		g.ranking.gone(target)
	}
	return false
}

// over waits until the dispatcher has resolved the ask, or has ended itself.
func (a *ask) over() {
	for !a.done.Load() {
		select {
		case <-a.wake:
		case <-a.stopped:
			return
		}
	}
}

// wait returns true once the ask is resolved or will not be, false after a while or when the attempt found no responder.
func (a *ask) wait(d time.Duration, timer *time.Timer, attempt uint32) bool {
	timer.Reset(d)
	for {
		if a.done.Load() {
			return true
		}
		if a.refused.Load() >= attempt {
			return false
		}
		select {
		case <-a.wake:
		case <-timer.C:
			return a.done.Load()
		case <-a.stopped:
			return true
		}
	}
}

// replyToken names an attempt in its reply subject.
func replyToken(session, num uint64, attempt uint32) string {
	var b [48]byte
	t := strconv.AppendUint(b[:0], session, 36)
	t = strconv.AppendUint(append(t, '-'), num, 36)
	t = strconv.AppendUint(append(t, '-'), uint64(attempt), 36)
	return string(t)
}

// parseReplyToken is the inverse of replyToken.
func parseReplyToken(token string) (session, num uint64, attempt uint32, ok bool) {
	s, rest, ok1 := strings.Cut(token, "-")
	n, at, ok2 := strings.Cut(rest, "-")
	session, err1 := strconv.ParseUint(s, 36, 64)
	num, err2 := strconv.ParseUint(n, 36, 64)
	wide, err3 := strconv.ParseUint(at, 36, 32)
	return session, num, uint32(wide), ok1 && ok2 && errors.Join(err1, err2, err3) == nil
}

// requestID makes the Parley-Request of a session's request: unique, because the gateway's id is.
func (g *Gateway) requestID(session, num uint64) proto.RequestID {
	var space [proto.MaxRequestID]byte
	b := append(space[:0], g.id...)
	b = strconv.AppendUint(append(b, '-'), session, 36)
	b = strconv.AppendUint(append(b, '-'), num, 36)
	return proto.RequestID(b)
}
