package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/parley-rtc/parley/bench/internal/result"
	"github.com/parley-rtc/parley/bench/internal/wire"
)

// fanout is the scenario of a large room: its members stand, and waves of
// other clients join it all at once and leave it all at once. Each event that
// a client receives of another's coming or going is one operation.
type fanout struct {
	Members int `default:"1000" help:"Members that stay."`
	Wave    int `default:"50" help:"Clients that come and go at a time."`
}

// crowd counts what all clients of the room hear.
type crowd struct {
	events  atomic.Int64 // client-joined and client-left
	answers atomic.Int64 // room-created, room-joined and room-left
	changed chan struct{}
	target  atomic.Int64 // of events and answers together: when to say so
}

func (s *fanout) load(ctx context.Context, f *fleet) (result.Result, error) {
	conns, err := f.dial(s.Members + s.Wave)
	if err != nil {
		return result.Result{}, err
	}
	cr := &crowd{changed: make(chan struct{}, 1)}
	for _, c := range conns {
		f.read(c, cr.hear)
	}
	room := "crowd-" + tag
	members, wave := conns[:s.Members], conns[s.Members:]
	if err := cr.fill(ctx, f.protocol, room, members); err != nil {
		return result.Result{}, fmt.Errorf("fill the room: %w", err)
	}

	if err := s.waves(ctx, f, cr, room, wave, f.set.Warmup); err != nil {
		return result.Result{}, err
	}
	w, err := open(f.set.Pid, uint64(cr.events.Load()))
	if err != nil {
		return result.Result{}, err
	}
	if err := s.waves(ctx, f, cr, room, wave, f.set.Duration); err != nil {
		return result.Result{}, err
	}
	return w.close(uint64(cr.events.Load()))
}

// hear counts one frame.
func (c *crowd) hear(kind wire.Kind) error {
	switch kind {
	case wire.ClientJoined, wire.ClientLeft:
		c.events.Add(1)
	case wire.RoomCreated, wire.RoomJoined, wire.RoomLeft:
		c.answers.Add(1)
	default:
		return fmt.Errorf("event of kind %d", kind)
	}
	if c.events.Load()+c.answers.Load() >= c.target.Load() {
		select {
		case c.changed <- struct{}{}:
		default:
		}
	}
	return nil
}

// after carries out do and waits until its events and answers have all come.
func (c *crowd) after(ctx context.Context, events, answers int, do func() error) error {
	events += int(c.events.Load())
	answers += int(c.answers.Load())
	c.target.Store(int64(events + answers))
	if err := do(); err != nil {
		return err
	}
	for {
		e, a := int(c.events.Load()), int(c.answers.Load())
		if e > events || a > answers {
			return fmt.Errorf("heard %d events and %d answers, expected %d and %d", e, a, events, answers)
		}
		if e == events && a == answers {
			return nil
		}
		select {
		case <-c.changed:
		case <-ctx.Done():
			return fmt.Errorf("heard %d of %d events and %d of %d answers: %w", e, events, a, answers, context.Cause(ctx))
		}
	}
}

// fill makes the room and its members, a few at a time.
func (c *crowd) fill(ctx context.Context, p wire.Protocol, room string, members []*wire.Conn) error {
	if err := c.after(ctx, 0, 1, func() error { return members[0].Send(p.Create(room)) }); err != nil {
		return err
	}
	const step = 20
	join := p.Join(room)
	for here := 1; here < len(members); {
		batch := members[here:min(here+step, len(members))]
		if err := c.after(ctx, told(here, len(batch)), len(batch), func() error { return sendAll(batch, join) }); err != nil {
			return err
		}
		here += len(batch)
	}
	return nil
}

// waves lets waves come and go for a time, whole ones.
func (s *fanout) waves(ctx context.Context, f *fleet, c *crowd, room string, wave []*wire.Conn, d time.Duration) error {
	join, leave := f.protocol.Join(room), f.protocol.Leave(room)
	events := told(s.Members, len(wave))
	for n, begin := 0, time.Now(); ; n++ {
		if n > 0 && time.Since(begin) >= d {
			return nil
		}
		for _, frame := range [][]byte{join, leave} {
			if err := c.after(ctx, events, len(wave), func() error { return sendAll(wave, frame) }); err != nil {
				return err
			}
		}
	}
}

// told is how many events it makes when n clients join a room with members in
// it, or leave again: each is told to whoever is there then.
func told(members, n int) int { return members*n + n*(n-1)/2 }

func sendAll(conns []*wire.Conn, frame []byte) error {
	for _, c := range conns {
		if err := c.Send(frame); err != nil {
			return err
		}
	}
	return nil
}
