package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
)

// name names a system that is measured.
type name string

const (
	floor   name = "floor"   // the bare relay
	parley  name = "parley"  // one process
	guarded name = "guarded" // one process that asks for tokens
	three   name = "three"   // gateway, nats-server and room service
	three2  name = "three2"  // two gateways, nats-server, two room services
	three4  name = "three4"  // four of each, but for nats-server
	node    name = "node"    // Socket.IO in Node, in memory
	node2   name = "node2"   // two of those, with Redis between
)

// limitless are the gateway's settings that a load from one address needs.
var limitless = []string{"--max-conns", "0", "--max-conns-per-address", "0", "--rate", "0", "--max-rooms", "0", "--log-level", "warn"}

// system is a system's running processes.
type system struct {
	core      int
	built     built
	servers   []string // host:port that clients connect to
	nats      string   // URL of the NATS server with the journal; empty without one
	gateways  []int    // the process behind each of servers, where those are gateways of their own
	processes []*process
	data      string // directory of its own
	secret    string // file with the secret by which tokens are checked; empty: it asks for none
}

// start starts a system and waits until it is ready.
func start(ctx context.Context, n name, core int, b built) (*system, error) {
	data, err := os.MkdirTemp(b.dir, string(n)+"-")
	if err != nil {
		return nil, err
	}
	s := &system{core: core, built: b, data: data}
	how := map[name]func(context.Context) error{
		floor: s.floor, parley: s.parley, guarded: s.guarded, node: s.node, node2: s.node2,
		three: s.apart(1), three2: s.apart(2), three4: s.apart(4),
	}[n]
	if how == nil {
		return nil, fmt.Errorf("no such system: %q", n)
	}
	if err := how(ctx); err != nil {
		s.stop()
		return nil, fmt.Errorf("start %s: %w", n, err)
	}
	return s, nil
}

// stop ends its processes, the first started last.
func (s *system) stop() {
	for _, p := range slices.Backward(s.processes) {
		p.stop()
	}
	_ = os.RemoveAll(s.data)
}

func (s *system) pids() []int {
	var pids []int
	for _, p := range s.processes {
		pids = append(pids, p.pid())
	}
	return pids
}

// add starts one of its processes and waits until that is ready.
func (s *system) add(ctx context.Context, ready func(context.Context) bool, program string, args ...string) error {
	if local := filepath.Join(s.built.dir, program); exists(local) {
		program = local
	}
	p, err := spawn(s.core, s.data, program, args...)
	if err != nil {
		return err
	}
	s.processes = append(s.processes, p)
	return p.until(ctx, ready)
}

func (s *system) floor(ctx context.Context) error {
	at, err := free()
	if err != nil {
		return err
	}
	s.servers = []string{at}
	return s.add(ctx, accepts(at), "floor", "--listen", at)
}

func (s *system) parley(ctx context.Context) error { return s.alone(ctx) }

// guarded is parley that asks for tokens.
func (s *system) guarded(ctx context.Context) error {
	s.secret = filepath.Join(s.data, "secret")
	if err := os.WriteFile(s.secret, []byte(rand.Text()+rand.Text()), 0o600); err != nil {
		return err
	}
	return s.alone(ctx, "--auth", "jwt", "--auth-secret-file", s.secret)
}

// alone starts the one process.
func (s *system) alone(ctx context.Context, more ...string) error {
	at, ops, err := two()
	if err != nil {
		return err
	}
	nats, err := free()
	if err != nil {
		return err
	}
	s.servers, s.nats = []string{at}, "nats://"+nats
	args := append([]string{"--listen", at, "--ops-listen", ops, "--nats-listen", nats, "--max-members", "0"}, limitless...)
	return s.add(ctx, readyz(ops), "parley", append(args, more...)...)
}

// apart starts nats-server, and so many room services and gateways.
func (s *system) apart(replicas int) func(context.Context) error {
	return func(ctx context.Context) error {
		nats, port, err := freePort()
		if err != nil {
			return err
		}
		if err := s.add(ctx, accepts(nats), "nats-server", "-a", "127.0.0.1", "-p", port, "-js", "-sd", s.data); err != nil {
			return err
		}
		s.nats = "nats://" + nats
		for range replicas {
			ops, err := free()
			if err != nil {
				return err
			}
			if err := s.add(ctx, readyz(ops), "parley-roomsvc", "--nats", s.nats, "--ops-listen", ops, "--max-members", "0", "--log-level", "warn"); err != nil {
				return err
			}
		}
		for range replicas {
			at, ops, err := two()
			if err != nil {
				return err
			}
			s.servers = append(s.servers, at)
			args := append([]string{"--nats", s.nats, "--listen", at, "--ops-listen", ops}, limitless...)
			if err := s.add(ctx, readyz(ops), "parley-gateway", args...); err != nil {
				return err
			}
			s.gateways = append(s.gateways, s.processes[len(s.processes)-1].pid())
		}
		return nil
	}
}

func (s *system) node(ctx context.Context) error { return s.addNode(ctx) }

func (s *system) node2(ctx context.Context) error {
	redis, port, err := freePort()
	if err != nil {
		return err
	}
	if err := s.add(ctx, accepts(redis), "redis-server", "--bind", "127.0.0.1", "--port", port,
		"--save", "", "--appendonly", "no", "--dir", s.data); err != nil {
		return err
	}
	for range 2 {
		if err := s.addNode(ctx, "--redis", "redis://"+redis); err != nil {
			return err
		}
	}
	return nil
}

// addNode starts a Node process and adds it to the servers.
func (s *system) addNode(ctx context.Context, args ...string) error {
	at, port, err := freePort()
	if err != nil {
		return err
	}
	s.servers = append(s.servers, at)
	return s.add(ctx, accepts(at), "node", append([]string{filepath.Join(s.built.node, "server.js"), "--port", port}, args...)...)
}

// two are two free addresses.
func two() (a, b string, err error) {
	if a, err = free(); err != nil {
		return "", "", err
	}
	b, err = free()
	return a, b, err
}

// freePort is a free address, and its port by itself.
func freePort() (at, port string, err error) {
	if at, err = free(); err != nil {
		return "", "", err
	}
	_, port, err = net.SplitHostPort(at)
	return at, port, err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
