package journal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/parley-rtc/parley/proto"
)

// How the stream is followed.
const (
	heartbeat  = time.Second     // of the consumer; three missed ones begin a new one
	pollFor    = time.Second / 4 // how often a follower that hears nothing looks around
	apiTimeout = 2 * time.Second
	idleFor    = 30 * time.Second // after which the server forgets a consumer whose process is gone
)

var errBroken = errors.New("the feed broke off")

// Handler takes what the stream brings, in order, on one goroutine.
type Handler interface {
	// Begin is called each time that following begins, with the number of records before the end.
	Begin(records uint64)
	// Apply gets a record. It may block: the server then waits.
	Apply(token proto.Token, seq uint64, record []byte, at time.Time)
	// CaughtUp is called once the stream was followed to its end, after each time that following began.
	CaughtUp()
	// Reset is called when the stream is another one than before: nothing that it brought holds any more.
	Reset()
}

// Kick makes [Journal.Follow] begin anew from where it is, and so find out when it has reached the end again.
func (j *Journal) Kick() { j.kick.Ring() }

// Follow brings the whole stream to a handler until ctx ends, and goes on by itself after whatever happens to NATS. It
// makes the stream where there is none. It returns nil when ctx has ended, and an error that wraps [ErrStream] when the
// stream is one that somebody else has configured; problem hears of every other trouble.
func (j *Journal) Follow(ctx context.Context, h Handler, problem func(error)) error {
	f := follower{j: j, h: h}
	for wait := 50 * time.Millisecond; ; {
		began := time.Now()
		err := f.run(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, ErrStream) {
			return err
		}
		if err != nil {
			problem(err)
		}
		if time.Since(began) > 10*time.Second {
			wait = 50 * time.Millisecond
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait/2 + rand.N(wait)): // jitter, not a secret
		}
		wait = min(2*wait, time.Second)
	}
}

// follower is owned by the goroutine of Follow.
type follower struct {
	j      *Journal
	h      Handler
	stream identity
	last   uint64 // the sequence that was brought last
}

func (f *follower) run(ctx context.Context) error {
	select {
	case <-f.j.kick: // it begins anew anyway
	default:
	}
	if !f.j.nc.IsConnected() {
		return ErrUnavailable
	}
	began, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	found, err := f.find(began)
	if err != nil {
		return err
	}
	if !f.stream.created.IsZero() && (!found.created.Equal(f.stream.created) || found.last < f.last) {
		f.h.Reset()
		f.last = 0
	}
	f.stream = found

	inbox := f.j.nc.NewInbox()
	sub, err := f.j.nc.SubscribeSync(inbox)
	if err != nil {
		return fmt.Errorf("follow: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection may be closed already
	// The server's flow control bounds what waits here.
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return fmt.Errorf("follow: %w", err)
	}
	name := "parley-" + nuid.Next()
	pending, err := f.consume(began, name, inbox)
	if err != nil {
		return err
	}
	defer f.remove(name)
	return f.read(ctx, sub, pending)
}

// find returns the stream as its leader has it. Who is behind what this follower has been brought is asked again: the leader
// may store a record a little later than the copy that feeds this follower, and without a leader any copy answers. A stream
// counts as one that has lost records only when a leader that can be believed says so for a while.
func (f *follower) find(ctx context.Context) (identity, error) {
	until := time.Now().Add(apiTimeout / 2)
	for {
		found, err := f.j.ensure(ctx)
		if err != nil || found.last >= f.last || !found.created.Equal(f.stream.created) {
			return found, err
		}
		f.j.lease.Renew()
		if time.Now().After(until) {
			if !f.j.Sure() {
				return identity{}, fmt.Errorf("%w: what answers for the stream is behind", ErrUnavailable)
			}
			return found, nil
		}
		select {
		case <-ctx.Done():
			return identity{}, fmt.Errorf("follow: %w", ctx.Err())
		case <-time.After(apiTimeout / 20):
		}
	}
}

// read passes on what the consumer brings until something is missing.
func (f *follower) read(ctx context.Context, sub *nats.Subscription, pending uint64) error {
	var delivered uint64
	f.h.Begin(pending)
	caughtUp := pending == 0
	if caughtUp {
		f.h.CaughtUp()
	}
	heard := time.Now()
	for {
		m, err := sub.NextMsg(pollFor)
		if ctx.Err() != nil {
			return nil
		}
		select {
		case <-f.j.kick:
			return nil
		default:
		}
		if errors.Is(err, nats.ErrTimeout) {
			if time.Since(heard) > 3*heartbeat {
				return fmt.Errorf("%w: no heartbeat", errBroken)
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("follow: %w", err)
		}
		heard = time.Now()
		if status := m.Header.Get("Status"); status != "" && len(m.Data) == 0 {
			if err := f.control(m, status, delivered); err != nil {
				return err
			}
			continue
		}
		meta, err := m.Metadata()
		if err != nil {
			return fmt.Errorf("follow: %w", err)
		}
		if delivered++; meta.Sequence.Consumer != delivered {
			return fmt.Errorf("%w: a record is missing", errBroken)
		}
		f.last = meta.Sequence.Stream
		f.h.Apply(f.j.cfg.Subjects.JournalRoom(m.Subject), meta.Sequence.Stream, m.Data, meta.Timestamp)
		if !caughtUp && (meta.NumPending == 0 || delivered >= pending) {
			caughtUp = true
			f.h.CaughtUp()
		}
	}
}

// control answers flow control, and reads from heartbeats whether something is missing.
func (f *follower) control(m *nats.Msg, status string, delivered uint64) error {
	if status != "100" {
		return fmt.Errorf("%w: %s %s", errBroken, status, m.Header.Get("Description"))
	}
	if m.Reply != "" { // flow control
		return m.Respond(nil)
	}
	if stalled := m.Header.Get("Nats-Consumer-Stalled"); stalled != "" {
		if err := f.j.nc.Publish(stalled, nil); err != nil {
			return fmt.Errorf("follow: %w", err)
		}
	}
	if last := m.Header.Get("Nats-Last-Consumer"); last != "" && last != fmt.Sprint(delivered) {
		return fmt.Errorf("%w: a record is missing before a heartbeat", errBroken)
	}
	return nil
}

// consume makes the consumer and returns how many records it will bring before the stream's end.
func (f *follower) consume(ctx context.Context, name, inbox string) (uint64, error) {
	stream := f.j.cfg.Subjects.Stream()
	body, err := json.Marshal(map[string]any{
		"stream_name": stream,
		"action":      "create",
		"config": map[string]any{
			"name": name, "deliver_subject": inbox, "deliver_policy": "by_start_sequence", "opt_start_seq": f.last + 1,
			"ack_policy": "none", "max_deliver": 1, "replay_policy": "instant", "mem_storage": true, "num_replicas": 1,
			"flow_control": true, "idle_heartbeat": heartbeat.Nanoseconds(), "inactive_threshold": idleFor.Nanoseconds(),
		},
	})
	if err != nil {
		return 0, fmt.Errorf("follow: %w", err)
	}
	m, err := f.j.nc.RequestWithContext(ctx, apiPrefix+"CONSUMER.CREATE."+stream+"."+name, body)
	if err != nil {
		return 0, fmt.Errorf("follow: %w", err)
	}
	var answer struct {
		Pending uint64    `json:"num_pending"`
		Error   *apiError `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &answer); err != nil {
		return 0, fmt.Errorf("follow: %w", err)
	}
	if answer.Error != nil {
		return 0, fmt.Errorf("follow: %w", answer.Error.err())
	}
	return answer.Pending, nil
}

// remove asks the server to forget a consumer; should that get lost, it does so by itself after a while.
func (f *follower) remove(name string) {
	_ = f.j.nc.Publish(apiPrefix+"CONSUMER.DELETE."+f.j.cfg.Subjects.Stream()+"."+name, nil)
}
