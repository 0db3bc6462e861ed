package harness

import (
	"fmt"
	"os/exec"
	"testing"
)

// free has the system choose a port.
const free = "127.0.0.1:0"

// StartParley starts everything in one process and waits until it is ready. Flags given here come after the harness's
// own, and so win.
func StartParley(tb testing.TB, args ...string) *Process {
	tb.Helper()
	p := LaunchParley(tb, args...)
	p.Ready(tb)
	return p
}

// LaunchParley is [StartParley] without the waiting.
func LaunchParley(tb testing.TB, args ...string) *Process {
	tb.Helper()
	return Start(tb, Parley, Parley, append([]string{
		"--listen", free, "--ops-listen", free, "--nats-listen", free, "--log-format", "text", "--drain", "100ms",
	}, args...)...)
}

// StartParleyShort is [StartParley] with so many file descriptors and no more.
func StartParleyShort(tb testing.TB, descriptors int, args ...string) *Process {
	tb.Helper()
	prlimit, err := exec.LookPath("prlimit")
	if err != nil {
		tb.Fatalf("harness: prlimit, of Debian's package util-linux, is needed: %v", err)
	}
	p := start(tb, Parley, prlimit, append([]string{
		fmt.Sprintf("--nofile=%d:%d", descriptors, descriptors), Binary(tb, Parley),
		"--listen", free, "--ops-listen", free, "--nats-listen", free, "--log-format", "text", "--drain", "100ms",
	}, args...)...)
	p.Ready(tb)
	return p
}

// StartGateway starts a gateway and waits until it is ready.
func StartGateway(tb testing.TB, nats string, args ...string) *Process {
	tb.Helper()
	p := LaunchGateway(tb, nats, args...)
	p.Ready(tb)
	return p
}

// LaunchGateway is [StartGateway] without the waiting.
func LaunchGateway(tb testing.TB, nats string, args ...string) *Process {
	tb.Helper()
	return Start(tb, Gateway, Gateway, append([]string{
		"--listen", free, "--ops-listen", free, "--nats", nats, "--log-format", "text", "--drain", "100ms",
	}, args...)...)
}

// StartRoomsvc starts a replica of the room service and waits until it is ready.
func StartRoomsvc(tb testing.TB, nats string, args ...string) *Process {
	tb.Helper()
	p := LaunchRoomsvc(tb, nats, args...)
	p.Ready(tb)
	return p
}

// LaunchRoomsvc is [StartRoomsvc] without the waiting.
func LaunchRoomsvc(tb testing.TB, nats string, args ...string) *Process {
	tb.Helper()
	return Start(tb, Roomsvc, Roomsvc, append([]string{
		"--ops-listen", free, "--nats", nats, "--log-format", "text",
	}, args...)...)
}

// Site is a deployment: NATS and so many gateways and replicas.
type Site struct {
	NATS     string // URLs, comma separated
	Gateways []*Process
	Replicas []*Process
}

// StartSite starts replicas and gateways against running NATS servers and waits until all are ready.
func StartSite(tb testing.TB, nats string, gateways, replicas int, gatewayArgs, replicaArgs []string) *Site {
	tb.Helper()
	s := &Site{NATS: nats}
	for i := range replicas {
		p := LaunchRoomsvc(tb, nats, replicaArgs...)
		p.Name = fmt.Sprintf("%s %d", Roomsvc, i+1)
		s.Replicas = append(s.Replicas, p)
	}
	for i := range gateways {
		p := LaunchGateway(tb, nats, gatewayArgs...)
		p.Name = fmt.Sprintf("%s %d", Gateway, i+1)
		s.Gateways = append(s.Gateways, p)
	}
	for _, p := range append(append([]*Process(nil), s.Replicas...), s.Gateways...) {
		p.Ready(tb)
	}
	return s
}

// URLs returns where clients connect, one for each gateway.
func (s *Site) URLs(tb testing.TB) []string {
	tb.Helper()
	urls := make([]string, len(s.Gateways))
	for i, g := range s.Gateways {
		urls[i] = g.WS(tb)
	}
	return urls
}
