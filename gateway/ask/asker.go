package ask

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
)

// Config says how attempts are made.
type Config struct {
	Gateway    proto.GatewayID
	Subjects   proto.Subjects
	Ranking    *Ranking
	Silence    time.Duration   // after which the next replica is asked
	BackoffMin time.Duration   // after the last replica, before the first is asked again: doubled up to BackoffMax
	BackoffMax time.Duration   //
	Stopped    <-chan struct{} // closed when nothing is resolved any more
	// Rank orders replicas; nil: [proto.Rank]. The slice is its own.
	Rank func(replicas []proto.ReplicaID, room proto.Room) []proto.ReplicaID
}

// Asker makes attempts. Its methods may be called from any goroutine.
type Asker struct {
	cfg  Config
	conn Publisher
}

// Publisher sends messages. It keeps nothing of one when it returns.
type Publisher interface {
	PublishMsg(m *nats.Msg) error
}

// New returns an asker over a connection.
func New(conn Publisher, cfg Config) *Asker { return &Asker{cfg: cfg, conn: conn} }

// Sender is what a goroutine keeps from one ask to the next, so that asking makes little garbage.
type Sender struct {
	msg     nats.Msg
	request [1]string // of the header, which holds these
	timeout [1]string
	timer   *time.Timer
}

// NewSender returns a sender for one goroutine.
func NewSender() *Sender {
	k := &Sender{timer: time.NewTimer(time.Hour)}
	k.timer.Stop()
	k.msg.Header = nats.Header{proto.HeaderRequest: k.request[:], proto.HeaderTimeout: k.timeout[:]}
	return k
}

// Run makes attempts until the dispatcher has resolved the ask or its time is up, and reports whether it was resolved.
// It blocks.
func (k *Asker) Run(a *Ask, with *Sender) bool {
	defer with.timer.Stop()
	backoff := k.cfg.BackoffMin
	for {
		replicas := k.cfg.Ranking.Replicas()
		var ranked []proto.ReplicaID // made only when the first does not answer
		for i := 0; i == 0 || i < len(ranked); i++ {
			target := k.first(replicas, a.Room)
			if i > 0 {
				target = ranked[i]
			}
			if k.attempt(a, target, with) {
				return true
			}
			if !time.Now().Before(a.Deadline) {
				return false
			}
			if i == 0 && len(replicas) > 1 {
				ranked = k.rest(replicas, target, a.Room)
			}
		}
		pause := min(backoff+time.Duration(rand.Int64N(int64(backoff))), time.Until(a.Deadline)) // jitter
		backoff = min(2*backoff, k.cfg.BackoffMax)
		if k.wait(a, pause, with.timer, ^uint32(0)) {
			return true
		}
		if !time.Now().Before(a.Deadline) {
			return false
		}
	}
}

// Over waits until the dispatcher has resolved an ask, or has ended itself.
func (k *Asker) Over(a *Ask) {
	for !a.done.Load() {
		select {
		case <-a.Wake:
		case <-k.cfg.Stopped:
			return
		}
	}
}

// first returns the replica to ask first, or "" while none is known.
func (k *Asker) first(replicas []proto.ReplicaID, room proto.Room) proto.ReplicaID {
	switch {
	case len(replicas) == 1:
		return replicas[0]
	case k.cfg.Rank != nil:
		if order := k.cfg.Rank(slices.Clone(replicas), room); len(order) > 0 {
			return order[0]
		}
	}
	return proto.First(replicas, room.Token())
}

// rest returns the order of asking with the one asked already in front.
func (k *Asker) rest(replicas []proto.ReplicaID, asked proto.ReplicaID, room proto.Room) []proto.ReplicaID {
	order := []proto.ReplicaID{asked}
	ranked := proto.Rank(replicas, room.Token())
	if k.cfg.Rank != nil {
		ranked = append(k.cfg.Rank(slices.Clone(replicas), room), ranked...) // all are asked, whatever it leaves out
	}
	for _, id := range ranked {
		if !slices.Contains(order, id) {
			order = append(order, id)
		}
	}
	return order
}

// attempt sends the request once and waits for its answer, for word that nobody is there, or for silence to have lasted
// too long. It reports whether the ask was resolved.
func (k *Asker) attempt(a *Ask, target proto.ReplicaID, with *Sender) bool {
	a.attempt++
	left := time.Until(a.Deadline)
	if left <= 0 {
		return a.done.Load()
	}
	subject := k.cfg.Subjects.Rooms(a.Op) // any replica, while none is known by name
	if target != "" {
		subject = k.cfg.Subjects.Replica(target, a.Op)
	}
	msg := &with.msg
	msg.Subject, msg.Data = subject, a.Payload
	msg.Reply = k.cfg.Subjects.Reply(k.cfg.Gateway, token(a.Session, a.Num, a.attempt))
	with.request[0], with.timeout[0] = string(a.ID), strconv.FormatInt(left.Milliseconds(), 10)
	if err := k.conn.PublishMsg(msg); err != nil { // which keeps nothing of it
		return a.done.Load() // not connected: the next attempt comes after a pause
	}
	if k.wait(a, min(left, k.cfg.Silence), with.timer, a.attempt) {
		return true
	}
	if target != "" && a.nobody.Load() >= a.attempt {
		k.cfg.Ranking.gone(target)
	}
	return false
}

// wait returns true once the ask is resolved or will not be, false after a while or when NATS found nobody for the attempt.
func (k *Asker) wait(a *Ask, d time.Duration, timer *time.Timer, attempt uint32) bool {
	timer.Reset(d)
	for {
		if a.done.Load() {
			return true
		}
		if a.nobody.Load() >= attempt {
			return false
		}
		select {
		case <-a.Wake:
		case <-timer.C:
			return a.done.Load()
		case <-k.cfg.Stopped:
			return true
		}
	}
}
