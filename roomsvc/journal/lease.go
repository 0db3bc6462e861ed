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

	"github.com/parley-rtc/parley/bus"
	"github.com/parley-rtc/parley/proto"
)

// LookedAtVersions are those of the NATS server in whose source it was looked up when a copy stands for election, and for how long
// a leader takes itself for one (server/raft.go: minElectionTimeoutDefault, hbIntervalDefault, lostQuorumIntervalDefault). A server
// tells nobody.
const LookedAtVersions = "2.15"

// LookedAt reports whether a server's version is one of these.
func LookedAt(version string) bool {
	return version == LookedAtVersions || strings.HasPrefix(version, LookedAtVersions+".")
}

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
	nc      *bus.Conn
	subject string // the question about the stream
	inbox   string // what the reply subjects start with
	epoch   time.Time

	held     atomic.Pointer[span] // nil: none
	answered atomic.Bool          // at least once
	leader   leader               // owned by answer

	mu    sync.Mutex // guards the fields below
	asked time.Time
	sub   *nats.Subscription
}

// span is a time for which a leader is believed, by both clocks: one stands still while the machine sleeps, the other can be
// set.
type span struct {
	until time.Time // by the clock that only goes forward
	wall  time.Time // by the clock on the wall
	line  uint64    // of the connection over which it was got: over another one another server may answer
}

// leader is what the answers have said.
type leader struct {
	name  string
	asked time.Time // when the newest question was asked that this one answered
	since time.Time // when its answer came from which on it was in touch without a break; zero: always
	span  span      // for which it is in touch
}

// NewLease returns the lease over a connection, which stays the caller's to close. It asks nothing before [Lease.Renew].
func NewLease(nc *bus.Conn, subjects proto.Subjects) *Lease {
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
// and whether that will be so for a while at least. It takes no lock.
func (l *Lease) Holds(atLeast time.Duration) bool {
	h, now := l.held.Load(), time.Now().Add(atLeast)
	return h != nil && now.Before(h.until) && now.Round(0).Before(h.wall) &&
		l.nc.Line() == h.line
}

// Renew asks the leader which copies it has heard from, if that is due. It does not wait for the answer, but for the connection
// as [bus.Conn.Publish] does. The reply subject says when that was, so that an answer counts however late it is.
func (l *Lease) Renew() {
	now, line := time.Now(), l.nc.Line()
	if line == 0 {
		return // nobody can be asked
	}
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
	reply := l.inbox + strconv.FormatInt(int64(now.Sub(l.epoch)), 36) + "-" + strconv.FormatInt(now.UnixNano(), 36) + "-" +
		strconv.FormatUint(line, 36)
	_ = l.nc.PublishRequest(l.subject, reply, nil) // what cannot be asked now is asked again
}

// answer reads an answer.
func (l *Lease) answer(m *nats.Msg) {
	times := strings.Split(m.Subject[min(len(l.inbox), len(m.Subject)):], "-")
	if len(times) != 3 {
		return
	}
	since, err1 := strconv.ParseInt(times[0], 36, 64)
	wall, err2 := strconv.ParseInt(times[1], 36, 64)
	line, err3 := strconv.ParseUint(times[2], 36, 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return
	}
	name, lasts, copies, ok := readInfo(m.Data)
	if !ok {
		return
	}
	l.answered.Store(true)
	asked := l.epoch.Add(time.Duration(since))
	l.held.Store(l.leader.heard(time.Now(), name, asked, copies, span{asked.Add(lasts), time.Unix(0, wall).Add(lasts), line}))
}

// readInfo reads which leader answered, for how long it is the only one, and how many other copies there are.
func readInfo(data []byte) (name string, lasts time.Duration, copies int, ok bool) {
	var answer struct {
		Cluster *struct {
			Leader string      `json:"leader"`
			Copies []heardFrom `json:"replicas"`
		} `json:"cluster"`
		Config *struct{} `json:"config"`
	}
	if json.Unmarshal(data, &answer) != nil || answer.Config == nil { // an error
		return "", 0, 0, false
	}
	c := answer.Cluster
	if c == nil {
		return "", election - leaseSkew, 0, true
	}
	return c.Leader, leaseFor(c.Copies), len(c.Copies), c.Leader != "" // any copy answers while it knows no leader
}

// heard takes note of an answer and returns for how long its sender is believed; nil: not at all.
func (l *leader) heard(now time.Time, name string, asked time.Time, copies int, s span) *span {
	switch known := !l.asked.IsZero(); {
	case known && name != l.name && asked.Before(l.asked): // late, and of one before
		return l.believed(now)
	case known && (name != l.name || l.span.until.Before(now)):
		l.since, l.span = now, s
	case !known || s.until.After(l.span.until) || s.line != l.span.line:
		l.span = s
	}
	l.name = name
	if asked.After(l.asked) {
		l.asked = asked
	}
	if copies == 0 { // there is nobody else
		l.since = time.Time{}
	}
	return l.believed(now)
}

func (l *leader) believed(now time.Time) *span {
	if !l.since.IsZero() && now.Sub(l.since) < probation {
		return nil
	}
	s := l.span
	return &s
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
