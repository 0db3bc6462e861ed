package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-rtc/parley/bench/internal/proc"
	"github.com/parley-rtc/parley/bench/internal/result"
)

// figures are the results, by scenario and system, a round each.
type figures map[string]map[name][]result.Result

// measurer goes through the plan.
type measurer struct {
	set     *settings
	built   built
	names   []name
	figures figures
	// failed are the scenarios that broke, in the words of the load: they are
	// reported beside what was measured and do not end the run.
	failed []string
}

// errLoad says that a scenario did not go as the protocol has it.
var errLoad = errors.New("load")

// measure carries out the plan.
func (m *measurer) measure(ctx context.Context) error {
	p := m.set.pacing()
	for round := range p.rounds {
		if err := m.round(ctx, p, round); err != nil {
			return err
		}
	}
	for _, sc := range plan {
		if !sc.fresh || !m.wanted(sc) {
			continue
		}
		for _, n := range m.systems(sc) {
			if err := m.alone(ctx, p, sc, n); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// round starts every system and puts each scenario to each that it suits.
func (m *measurer) round(ctx context.Context, p pacing, round int) error {
	running := map[name]*system{}
	defer func() {
		for _, s := range running {
			s.stop()
		}
	}()
	for _, n := range m.names {
		s, err := start(ctx, n, m.set.ServerCore, m.built)
		if err != nil {
			return err
		}
		running[n] = s
	}
	for _, sc := range plan {
		if sc.fresh || !m.wanted(sc) || sc.heavy && round >= p.heavyRounds {
			continue
		}
		for _, n := range m.systems(sc) {
			err := m.put(ctx, p, sc, n, running[n])
			if err = m.note(err); err != nil {
				return err
			}
		}
	}
	return nil
}

// alone puts a scenario to a system that was started for it.
func (m *measurer) alone(ctx context.Context, p pacing, sc scenario, n name) error {
	s, err := start(ctx, n, m.set.ServerCore, m.built)
	if err != nil {
		return err
	}
	defer s.stop()
	return m.note(m.put(ctx, p, sc, n, s))
}

// note keeps a failure of the load and returns any other.
func (m *measurer) note(err error) error {
	if !errors.Is(err, errLoad) {
		return err
	}
	m.failed = append(m.failed, err.Error())
	return nil
}

// put runs the load and keeps its result.
func (m *measurer) put(ctx context.Context, p pacing, sc scenario, n name, s *system) error {
	fmt.Fprintf(os.Stderr, "\r\x1b[K%s, %s", sc.key(), n)
	defer fmt.Fprint(os.Stderr, "\r\x1b[K")
	warmup := p.warmup
	if sc.transport == socketIO {
		warmup = max(warmup, time.Second) // Node compiles what is hot only after a while
	}
	args := []string{
		"-c", strconv.Itoa(m.set.LoadCore), filepath.Join(m.built.dir, "load"),
		"--server", strings.Join(s.servers, ","), "--transport", string(sc.transport),
		"--warmup", warmup.String(), "--duration", p.duration.String(),
	}
	for _, pid := range s.pids() {
		args = append(args, "--pid", strconv.Itoa(pid))
	}
	for _, pid := range s.gateways {
		args = append(args, "--gateway", strconv.Itoa(pid))
	}
	if s.secret != "" {
		args = append(args, "--secret", s.secret)
	}
	if s.nats != "" {
		args = append(args, "--nats", s.nats)
	}
	var out, said bytes.Buffer
	cmd := exec.CommandContext(ctx, "taskset", append(args, sc.args...)...)
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%s, %s: %w: %s", sc.key(), n, errLoad, bytes.TrimPrefix(bytes.TrimSpace(said.Bytes()), []byte("load: ")))
	}
	var r result.Result
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		return fmt.Errorf("%s, %s: %w", sc.key(), n, err)
	}
	if m.figures[sc.key()] == nil {
		m.figures[sc.key()] = map[name][]result.Result{}
	}
	m.figures[sc.key()][n] = append(m.figures[sc.key()][n], r)
	if sc.fresh {
		return nil // the server ends now
	}
	// What the load left (rooms to close, sockets to tear down) is not the
	// next one's.
	if err := proc.Quiet(ctx, s.pids()...); err != nil {
		return fmt.Errorf("after %s, %s: %w", sc.key(), n, err)
	}
	return nil
}

// wanted says whether a scenario is to be measured.
func (m *measurer) wanted(sc scenario) bool {
	return strings.Contains(sc.key(), m.set.Only) &&
		(sc.quick || !m.set.Quick) &&
		(sc.transport != socketIO || !m.set.NoSocketIO)
}

// systems are those to measure that a scenario is put to.
func (m *measurer) systems(sc scenario) []name {
	return slices.DeleteFunc(slices.Clone(speaks[sc.transport]), func(n name) bool {
		return !slices.Contains(m.names, n) || !sc.suits(n)
	})
}
