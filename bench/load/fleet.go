package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/parley-rtc/parley/bench/internal/wire"
)

const (
	dialsAtOnce = 64
	// perAddress is how many clients share a source address, so that neither
	// ports nor a server's limit for one address run out.
	perAddress = 1000
)

// fleet is the clients of a load and the goroutines that read from them.
type fleet struct {
	// Set by newFleet.
	set      *settings
	protocol wire.Protocol
	ctx      context.Context //nolint:containedctx // the readers' group's, handed to the scenario
	cancel   context.CancelFunc
	readers  *errgroup.Group

	conns   []*wire.Conn // owned by the scenario
	mu      sync.Mutex   // guards kept
	kept    []*wire.Conn // connections that were not dialed here
	closing atomic.Bool  // the end of a connection is no fault any more
}

func newFleet(ctx context.Context, s *settings) *fleet {
	f := &fleet{set: s, protocol: s.protocol()}
	ctx, f.cancel = context.WithCancel(ctx)
	f.readers, f.ctx = errgroup.WithContext(ctx)
	return f
}

// dial adds n clients, taking turns among the servers, and returns them.
func (f *fleet) dial(n int) ([]*wire.Conn, error) {
	first := len(f.conns)
	f.conns = append(f.conns, make([]*wire.Conn, n)...)
	added := f.conns[first:]
	dials, ctx := errgroup.WithContext(f.ctx)
	dials.SetLimit(dialsAtOnce)
	for i := range added {
		k := first + i
		dials.Go(func() error {
			c, err := wire.Dial(ctx, f.set.Server[k%len(f.set.Server)], source(k), f.protocol)
			added[i] = c
			return err
		})
	}
	return added, dials.Wait()
}

// source returns the address that a client connects from.
func source(k int) net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+k/perAddress/250), byte(1+k/perAddress%250))}
}

// keep has a connection ended with the fleet.
func (f *fleet) keep(c *wire.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept = append(f.kept, c)
}

// each calls setup for 0 to n-1, many at once.
func (f *fleet) each(n int, setup func(i int) error) error {
	var group errgroup.Group
	group.SetLimit(dialsAtOnce)
	for i := range n {
		group.Go(func() error { return setup(i) })
	}
	return group.Wait()
}

// read calls handle with the kind of every frame that the client receives,
// until the fleet is closed. A refusal, an error of handle's or the end of the
// connection ends the whole load.
func (f *fleet) read(c *wire.Conn, handle func(wire.Kind) error) {
	f.readText(c, func(kind wire.Kind, _ []byte) error { return handle(kind) })
}

// readText is read for a handle that looks into the frame, which it may not
// keep.
func (f *fleet) readText(c *wire.Conn, handle func(wire.Kind, []byte) error) {
	f.readers.Go(func() error {
		for {
			text, err := c.Next()
			if err == nil {
				kind := f.protocol.Kind(text)
				if kind == wire.Refused {
					err = fmt.Errorf("refused: %.200s", text)
				} else {
					err = handle(kind, text)
				}
			}
			if f.closing.Load() {
				return nil
			}
			if err != nil {
				return fmt.Errorf("client %s: %w", c.ID, err)
			}
		}
	})
}

// hangUp ends the connections.
func (f *fleet) hangUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range slices.Concat(f.conns, f.kept) {
		if c != nil {
			c.Close()
		}
	}
}

// close ends the connections and waits for their readers. It returns what
// broke the load, if anything did.
func (f *fleet) close() error {
	f.closing.Store(true)
	f.cancel()
	f.hangUp()
	return f.readers.Wait()
}
