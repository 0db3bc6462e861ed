// Package replicas knows which processes live: it beats for this replica, listens to the beats of gateways and of other
// replicas, asks those whose beats are missing whether they are alive, and says which replica ranks first for a room.
package replicas

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/parley-rtc/parley/bus"
	"github.com/parley-rtc/parley/proto"
)

// Timings are how long things take. A zero field stands for what the protocol has; tests shorten some.
type Timings struct {
	Beat         time.Duration // between two beats of this replica: 1 s
	Missed       time.Duration // without a beat: out of the ranking, and signals to that gateway are refused: 2 s
	Ask          time.Duration // without a beat: asked whether it is alive: 1.1 s
	AskEvery     time.Duration // between two such questions: 200 ms
	NoResponders time.Duration // for so long nobody answers for it: gone: 3 s
	Silence      time.Duration // for so long nothing is heard: gone: 8 s
	Grace        time.Duration // after a start or a reconnection, which does not count: 6 s
	Forget       time.Duration // after which a process that is gone is no longer remembered: 6 min, longer than any session is kept
}

// withDefaults fills in what is not set.
func (t Timings) withDefaults() Timings {
	set := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	set(&t.Beat, proto.BeatEvery)
	set(&t.Missed, proto.BeatMissed)
	set(&t.Ask, proto.BeatEvery+proto.BeatEvery/10)
	set(&t.AskEvery, 200*time.Millisecond)
	set(&t.NoResponders, 3*time.Second)
	set(&t.Silence, 8*time.Second)
	set(&t.Grace, 6*time.Second)
	set(&t.Forget, proto.MaxKeep*time.Second+time.Minute)
	return t
}

// Config is what a [Watch] needs.
type Config struct {
	Conn     *bus.Conn // its inbox has to be one that it may subscribe to
	Subjects proto.Subjects
	Self     proto.ReplicaID
	Timings  Timings
	// Form is the newest form of journal records that this replica names in its beats, and lets be written; 0: the newest that it
	// knows. It reads that one anyway.
	Form int
	// Revoked returns the sequence of the record of tokens that count no more; nil: there is none.
	Revoked func() uint64
	// Gone is called when a process is counted as gone or, if it is a gateway, has said that it leaves. lastHeard is
	// when it was last heard. It must not block: meanwhile nobody is heard, and this replica does not beat.
	Gone func(role proto.Role, id string, lastHeard time.Time)
	// InTouch reports whether what is not heard over the connection says anything: false when its server may be cut off from
	// those of others. Nil: always.
	InTouch func() bool
}

// Watch knows who lives. Its methods may be called from any goroutine.
type Watch struct {
	// Set by New.
	cfg   Config
	inbox string // replies to questions come below it, by process id

	// Read without the lock; written with it.
	able  [proto.RecordForm + 1]atomic.Pointer[[]proto.ReplicaID] // by form of records: who knows it and is ranked: up, heard lately
	form  atomic.Int32                                            // the newest form of records that all know who are not gone
	early atomic.Bool                                             // some may not have been heard yet, so form is 1

	gatewaysMu sync.RWMutex              // guards the field below for a moment; may be taken with mu held
	gateways   map[proto.GatewayID]*peer // all that are known

	mu        sync.Mutex // guards the fields below
	peers     map[string]*peer
	state     proto.State // what this replica's beats say; empty: it does not beat yet
	connected bool
	since     time.Time // of the last start, reconnection or pause
	lost      time.Time // since when it is out of touch; zero: it is in touch
	judges    time.Time // from when on anybody counts as gone again, after it was out of touch
}

// New returns a watch; nothing happens before [Watch.Run].
func New(cfg Config) *Watch {
	cfg.Timings = cfg.Timings.withDefaults()
	if cfg.Form == 0 {
		cfg.Form = proto.RecordForm
	}
	w := &Watch{
		cfg: cfg, inbox: cfg.Conn.NewInbox() + ".", peers: make(map[string]*peer),
		gateways: make(map[proto.GatewayID]*peer), connected: cfg.Conn.IsConnected(), since: time.Now(),
	}
	for form := range w.able {
		w.able[form].Store(&[]proto.ReplicaID{})
	}
	w.form.Store(1)
	w.early.Store(true)
	return w
}

// Run watches and beats until ctx ends. The last beat is the caller's to send, with [Watch.Say].
func (w *Watch) Run(ctx context.Context) error {
	subs := make([]*nats.Subscription, 0, 4)
	defer func() {
		for _, sub := range subs {
			_ = sub.Unsubscribe() // the connection may be closed already
		}
	}()
	s := w.cfg.Subjects
	for subject, handler := range map[string]nats.MsgHandler{
		s.BeatAll(proto.RoleGateway): w.onBeat,
		s.BeatAll(proto.RoleRoomsvc): w.onBeat,
		s.Alive(string(w.cfg.Self)):  w.onQuestion,
		w.inbox + "*":                w.onAnswer,
	} {
		sub, err := w.cfg.Conn.Subscribe(subject, handler)
		if err != nil {
			return fmt.Errorf("watch: subscribe to %s: %w", subject, err)
		}
		subs = append(subs, sub)
	}
	tick := time.NewTicker(min(100*time.Millisecond, w.cfg.Timings.AskEvery))
	defer tick.Stop()
	beat := time.NewTicker(w.cfg.Timings.Beat)
	defer beat.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C:
			w.beat()
		case <-tick.C:
			now := time.Now()
			if now.Sub(last) > w.cfg.Timings.Missed {
				w.restart(now) // this process did not run: what it has not heard says nothing
			}
			last = now
			w.touch(now)
			w.tick(now)
		}
	}
}

// Say sets what this replica's beats say from now on, and sends one at once.
func (w *Watch) Say(state proto.State) {
	w.mu.Lock()
	changed := w.state != state
	w.state = state
	if changed {
		w.rerank(time.Now())
	}
	w.mu.Unlock()
	w.beat()
}

func (w *Watch) beat() {
	w.mu.Lock()
	state := w.state
	w.mu.Unlock()
	if state == "" {
		return
	}
	beat := proto.Beat{Role: proto.RoleRoomsvc, ID: string(w.cfg.Self), State: state, Record: w.cfg.Form}
	if w.cfg.Revoked != nil {
		beat.Revoked = w.cfg.Revoked()
	}
	// A beat that cannot be sent is one that is missed; the next one follows.
	_ = w.cfg.Conn.Publish(w.cfg.Subjects.Beat(proto.RoleRoomsvc, beat.ID), beat.Encode())
}

// Connected tells the watch that its connection came back, and Disconnected that it is away: for that time nothing that
// was not heard says anything about anybody.
func (w *Watch) Connected() {
	w.mu.Lock()
	w.connected = true
	w.mu.Unlock()
	w.restart(time.Now())
}

// Disconnected is described at [Watch.Connected].
func (w *Watch) Disconnected() {
	w.mu.Lock()
	w.connected = false
	w.mu.Unlock()
}

// touch looks whether what is not heard says anything. What NATS said of processes while it did not is forgotten, and then
// everybody who lives gets the time to be heard once more; silence from before counts, since the server need not have been the
// one that was cut off.
func (w *Watch) touch(now time.Time) {
	inTouch := w.cfg.InTouch == nil || w.cfg.InTouch()
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case !inTouch && w.lost.IsZero():
		w.lost = now
	case inTouch && !w.lost.IsZero():
		w.lost = time.Time{}
		w.judges = now.Add(w.cfg.Timings.Beat + w.cfg.Timings.Missed)
		for _, p := range w.peers {
			p.nobody = time.Time{}
		}
	}
}

func (w *Watch) restart(now time.Time) {
	w.mu.Lock()
	w.since = now
	for _, p := range w.peers {
		p.nobody = time.Time{}
	}
	w.mu.Unlock()
}

// Know begins to watch a process of which the journal tells, should it not be known yet. An id that cannot stand in a
// subject is passed over.
func (w *Watch) Know(role proto.Role, id string) {
	if proto.GatewayID(id).Check() != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if id != string(w.cfg.Self) && w.peers[id] == nil {
		w.add(role, id)
	}
}

// add is called with the lock held.
func (w *Watch) add(role proto.Role, id string) *peer {
	p := &peer{role: role, id: id, known: time.Now()}
	p.heard = p.known
	w.peers[id] = p
	if role == proto.RoleGateway {
		p.fresh.Store(true) // until it has had the time to beat
		w.gatewaysMu.Lock()
		w.gateways[proto.GatewayID(id)] = p
		w.gatewaysMu.Unlock()
	}
	return p
}
