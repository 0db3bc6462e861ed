package main

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/parley-rtc/parley/bench/internal/proc"
	"github.com/parley-rtc/parley/bench/internal/result"
	"github.com/parley-rtc/parley/bench/internal/wire"
)

// fill is the scenario of a large room that fills: clients join it, each is
// answered with who is there, and told to all of those. The room is the one
// operation. Where there is a journal, its last record of the room is looked
// at too.
type fill struct {
	Members int `default:"1000" help:"Members, the owner included."`
	Joining int `default:"50" help:"How many join at a time; the next follows when one has been answered."`
}

// filling is the clients of a fill and what they have heard.
type filling struct {
	fleet  *fleet
	joined chan struct{} // somebody has joined; as many fit as there are clients
	known  atomic.Int64  // how many others each client knows of, summed
	most   int64         // of known: everybody knows of everybody. Set before anybody joins
	met    chan struct{} // holds one: known has come to most
}

func (s *fill) load(ctx context.Context, f *fleet) (result.Result, error) {
	conns, err := f.dial(s.Members)
	if err != nil {
		return result.Result{}, err
	}
	// A small room first, for what a process does once.
	if err := s.warmUp(ctx, f, "first-"+tag); err != nil {
		return result.Result{}, fmt.Errorf("warm up: %w", err)
	}
	r, err := s.measure(ctx, f, "full-"+tag, conns)
	if err == nil && f.set.NATS != "" {
		r.Record, err = lastRecord(ctx, f.set.NATS, "full-"+tag)
	}
	return r, err
}

// warmUp fills a room with clients of its own, a tenth as many.
func (s *fill) warmUp(ctx context.Context, f *fleet, room string) error {
	conns, err := f.dial(max(s.Members/10, 2))
	if err != nil {
		return err
	}
	return newFilling(f, conns).fill(ctx, room, conns, s.Joining)
}

// measure fills a room. It counts the servers' time until all of them have
// done: a replica that is behind may have work to do when the clients have
// heard everything.
func (s *fill) measure(ctx context.Context, f *fleet, room string, conns []*wire.Conn) (result.Result, error) {
	all := newFilling(f, conns)
	if err := proc.Quiet(ctx, f.set.Pid...); err != nil {
		return result.Result{}, err
	}
	w, err := open(f.set.Pid, 0)
	if err != nil {
		return result.Result{}, err
	}
	if err := all.fill(ctx, room, conns, s.Joining); err != nil {
		return result.Result{}, err
	}
	if err := proc.Quiet(ctx, f.set.Pid...); err != nil {
		return result.Result{}, err
	}
	r, err := w.close(1)
	r.Members = len(conns)
	return r, err
}

func newFilling(f *fleet, conns []*wire.Conn) *filling {
	n := len(conns)
	fl := &filling{fleet: f, joined: make(chan struct{}, n), met: make(chan struct{}, 1), most: int64(n * (n - 1))}
	for _, c := range conns {
		f.readText(c, fl.hear)
	}
	return fl
}

// hear counts whom a client learns of. A join that is asked again is answered
// with who is there by then, so neither the lists' lengths nor the number of
// events is known beforehand; their sum is.
func (f *filling) hear(kind wire.Kind, text []byte) error {
	var learned int
	switch kind {
	case wire.RoomCreated, wire.RoomJoined:
		learned = wire.Listed(text)
		f.joined <- struct{}{}
	case wire.ClientJoined:
		learned = 1
	default:
		return fmt.Errorf("event of kind %d", kind)
	}
	switch known := f.known.Add(int64(learned)); {
	case known > f.most:
		return fmt.Errorf("clients were told of others %d times, which is more than %d", known, f.most)
	case known == f.most && learned > 0:
		f.met <- struct{}{}
	}
	return nil
}

// fill makes the room, lets so many clients join at a time, and waits until
// everybody knows of everybody.
func (f *filling) fill(ctx context.Context, room string, conns []*wire.Conn, joining int) error {
	p, owner, others := f.fleet.protocol, conns[0], conns[1:]
	if err := owner.Send(p.Create(room)); err != nil {
		return err
	}
	if err := f.await(ctx, f.joined); err != nil {
		return err
	}
	join := p.Join(room)
	for i, c := range others {
		if i >= joining {
			if err := f.await(ctx, f.joined); err != nil {
				return err
			}
		}
		if err := c.Send(join); err != nil {
			return err
		}
	}
	return f.await(ctx, f.met)
}

// await waits for something that clients hear.
func (f *filling) await(ctx context.Context, heard <-chan struct{}) error {
	select {
	case <-heard:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("clients know of %d others in all, of %d: %w", f.known.Load(), f.most, context.Cause(ctx))
	}
}
