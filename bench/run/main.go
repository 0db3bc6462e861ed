// Command run measures Parley against the floor and against Socket.IO in
// Node, all in one run, and prints one table. It builds what it measures,
// starts the servers on one core and the load on another, and goes through
// the scenarios in rounds, every system in turn, so that what disturbs the
// machine for a while disturbs them all.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/parley-rtc/parley/bench/internal/proc"
)

// settings are the flags.
type settings struct {
	Quick      bool     `help:"One short round of the most telling scenarios: less than a minute."`
	Rounds     int      `default:"3" help:"Rounds of the full run."`
	JSON       string   `name:"json" type:"path" help:"Also write the figures, all rounds', to this file."`
	Systems    []string `default:"floor,parley,guarded,three,three2,three4,node,node2" help:"What to measure: floor, parley (one process), guarded (one that asks for tokens), three (gateway, nats-server, roomsvc), three2 and three4 (two and four gateways and room services with a nats-server), node (Socket.IO in memory), node2 (two of those with Redis)."`
	Only       string   `help:"Only the scenarios whose name contains this."`
	NoSocketIO bool     `name:"no-socketio" help:"Leave the Socket.IO transport out."`
	ServerCore int      `default:"0" help:"Core for the servers."`
	LoadCore   int      `default:"1" help:"Core for the load."`
}

func main() {
	var s settings
	kong.Parse(&s, kong.Name("run"), kong.Description("Measures Parley against the floor and against Socket.IO in Node."))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := s.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run builds, measures and reports.
func (s *settings) run(ctx context.Context) error {
	if runtime.NumCPU() < 2 {
		return fmt.Errorf("the servers and the load want a core each, there is %d", runtime.NumCPU())
	}
	names := s.names()
	if err := s.check(names); err != nil {
		return err
	}
	if _, err := proc.RaiseFiles(1 << 17); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "parley-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()

	b, err := build(ctx, dir, names)
	if err != nil {
		return err
	}
	m := &measurer{set: s, built: b, names: names, figures: figures{}}
	if err := m.measure(ctx); err != nil {
		return err
	}
	rep := newReport(s, m.figures)
	rep.Failed = m.failed
	rep.print(os.Stdout)
	if s.JSON != "" {
		if err := rep.write(s.JSON); err != nil {
			return err
		}
	}
	if len(m.failed) > 0 {
		return fmt.Errorf("%d measurements failed", len(m.failed))
	}
	return nil
}

// check returns an error when the flags name a system that there is not, or leave nothing to measure.
func (s *settings) check(names []name) error {
	known := slices.Concat(speaks[plain], speaks[tokens], speaks[socketIO])
	for _, n := range names {
		if !slices.Contains(known, n) {
			return fmt.Errorf("--systems: there is no %q; --help lists them", n)
		}
	}
	m := &measurer{set: s, names: names}
	var keys []string
	for _, sc := range plan {
		if m.wanted(sc) && len(m.systems(sc)) > 0 {
			return nil
		}
		keys = append(keys, sc.key())
	}
	return fmt.Errorf("--only %q leaves no scenario for these flags; there are: %s", s.Only, strings.Join(keys, ", "))
}

// names are the systems to measure.
func (s *settings) names() []name {
	var names []name
	for _, n := range s.Systems {
		n := name(strings.TrimSpace(n))
		if s.NoSocketIO && (n == node || n == node2) {
			continue
		}
		names = append(names, n)
	}
	return names
}
