package journal

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/proto"
)

// A read is answered by whichever server takes itself for the stream's leader. One that was cut off from the others does so
// for 10 to 20 s, and they can choose another from 4 s after they heard of it last. So what it answers is the stream's last
// word only while it has lately heard from most of the stream's copies.
const (
	election   = 4 * time.Second        // a copy that hears from its leader waits so long before it stands for election
	leaseSkew  = 500 * time.Millisecond // of that, what clocks and the way of a message may take
	renewEvery = 500 * time.Millisecond
	renewAgain = 50 * time.Millisecond // with no lease
	// probation is how long a leader that is new, or was out of touch, has to be heard before it is believed: one that has just
	// been reconnected gets answers of before, and hears of its successor a little later.
	probation = time.Second
)

// Lease knows until when the stream's leader, as it is seen over a connection, is the only one. Its methods may be called
// from any goroutine.
type Lease struct {
	// Set by NewLease.
	nc      *nats.Conn
	subject string // the question about the stream
	inbox   string // what the reply subjects start with
	epoch   time.Time

	held     atomic.Pointer[held] // nil: none
	answered atomic.Bool          // at least once
	leader   leader               // owned by answer

	mu    sync.Mutex // guards the fields below
	asked time.Time
	sub   *nats.Subscription
}

// held says until when a leader is believed.
type held struct {
	until      time.Time
	reconnects uint64 // of the connection by which it was got: by another one another server may answer
}

// leader is what the answers have said.
type leader struct {
	name  string
	since time.Time // when the question was asked from which on it was in touch without a break; zero: always
	until time.Time // when that ends
}

// NewLease returns the lease over a connection, which stays the caller's to close. It asks nothing before [Lease.Renew].
func NewLease(nc *nats.Conn, subjects proto.Subjects) *Lease {
	return &Lease{nc: nc, subject: LeaseSubject(subjects), inbox: nc.NewInbox() + ".", epoch: time.Now()}
}

// LeaseSubject returns the subject that a lease asks on, for which its connection's login needs the permission.
func LeaseSubject(subjects proto.Subjects) string {
	return apiPrefix + "STREAM.INFO." + subjects.Stream()
}

// Open subscribes to the answers.
func (l *Lease) Open() error {
	sub, err := l.nc.Subscribe(l.inbox+"*", l.answer)
	if err != nil {
		return fmt.Errorf("subscribe to answers about the stream: %w", err)
	}
	l.mu.Lock()
	l.sub = sub
	l.mu.Unlock()
	return nil
}

// Close ends the subscription that Open made.
func (l *Lease) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sub != nil {
		_ = l.sub.Unsubscribe() // the connection may be closed already
	}
}

// Answered reports whether an answer has ever come.
func (l *Lease) Answered() bool { return l.answered.Load() }

// Holds reports whether what the leader has answered until now is what the stream has, since no other can have been elected,
// and whether that will be so for a while at least.
func (l *Lease) Holds(atLeast time.Duration) bool {
	h, now := l.held.Load(), time.Now().Add(atLeast)
	// By both clocks: one stands still while the machine sleeps, the other can be set back.
	return h != nil && now.Before(h.until) && now.Round(0).Before(h.until.Round(0)) &&
		l.nc.IsConnected() && l.nc.Stats().Reconnects == h.reconnects
}

// Renew asks the leader which copies it has heard from, if that is due. It returns at once. The reply subject says when that
// was, so that an answer counts however late it is.
func (l *Lease) Renew() {
	now := time.Now()
	every := renewEvery
	if !l.Holds(0) {
		every = renewAgain
	}
	l.mu.Lock()
	due := now.Sub(l.asked) >= every
	if due {
		l.asked = now
	}
	l.mu.Unlock()
	if !due {
		return
	}
	reply := l.inbox + strconv.FormatInt(int64(now.Sub(l.epoch)), 36) + "-" + strconv.FormatUint(l.nc.Stats().Reconnects, 36)
	_ = l.nc.PublishRequest(l.subject, reply, nil) // what cannot be asked now is asked again
}

// answer reads an answer.
func (l *Lease) answer(m *nats.Msg) {
	ago, times, _ := strings.Cut(m.Subject[min(len(l.inbox), len(m.Subject)):], "-")
	since, err1 := strconv.ParseInt(ago, 36, 64)
	reconnects, err2 := strconv.ParseUint(times, 36, 64)
	if err1 != nil || err2 != nil {
		return
	}
	asked := l.epoch.Add(time.Duration(since))
	name, until, ok := readInfo(asked, m.Data)
	if !ok {
		return
	}
	l.answered.Store(true)
	if until = l.leader.heard(name, asked, until); until.IsZero() {
		l.held.Store(nil)
		return
	}
	if old := l.held.Load(); old == nil || old.reconnects != reconnects || old.until.Before(until) {
		l.held.Store(&held{until: until, reconnects: reconnects})
	}
}

// readInfo reads which leader answered what was asked at a time, and until when it is the only one.
func readInfo(asked time.Time, data []byte) (name string, until time.Time, ok bool) {
	var answer struct {
		Cluster *struct {
			Leader string      `json:"leader"`
			Copies []heardFrom `json:"replicas"`
		} `json:"cluster"`
		Config *struct{} `json:"config"`
	}
	if json.Unmarshal(data, &answer) != nil || answer.Config == nil { // an error
		return "", time.Time{}, false
	}
	c := answer.Cluster
	if c == nil {
		return "", asked.Add(election - leaseSkew), true
	}
	return c.Leader, asked.Add(leaseFor(c.Copies)), c.Leader != "" // any copy answers while it knows no leader
}

// heard takes note of an answer and returns until when its sender is believed; the zero time: not at all.
func (l *leader) heard(name string, asked, until time.Time) time.Time {
	first := l.until.IsZero()
	switch {
	case first:
	case name != l.name || l.until.Before(asked):
		l.since = asked
		l.until = time.Time{}
	}
	l.name = name
	if first || until.After(l.until) {
		l.until = until
	}
	if l.until.IsZero() || !l.since.IsZero() && asked.Sub(l.since) < probation {
		return time.Time{}
	}
	return l.until
}

// heardFrom is another copy of the stream, and when the leader heard from it.
type heardFrom struct {
	Active  int64 `json:"active"`  // nanoseconds since then; 0: not yet
	Pending bool  `json:"pending"` // it is to become one
}

// leaseFor returns for how long no other leader can be elected.
func leaseFor(listed []heardFrom) time.Duration {
	copies := slices.DeleteFunc(slices.Clone(listed), func(c heardFrom) bool { return c.Pending })
	needed := (len(copies) + 1) / 2 // with the leader itself, most of them
	heard := slices.DeleteFunc(copies, func(c heardFrom) bool { return c.Active <= 0 })
	slices.SortFunc(heard, func(a, b heardFrom) int { return cmp.Compare(a.Active, b.Active) })
	switch {
	case needed == 0:
		return election - leaseSkew
	case len(heard) < needed:
		return 0
	}
	return election - leaseSkew - time.Duration(heard[needed-1].Active)
}
