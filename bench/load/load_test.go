package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startFloor runs the floor as a process and returns where it listens.
func startFloor(t *testing.T) (server string, pid int) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "floor")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../floor").CombinedOutput(); err != nil {
		t.Fatalf("build the floor: %v\n%s", err, out)
	}
	cmd := exec.Command(binary, "--listen", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("floor: %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(strings.TrimPrefix(line, "listening on ")), cmd.Process.Pid
}

func TestEveryScenarioMeasuresTheFloor(t *testing.T) {
	t.Parallel()
	used, usedPid := startFloor(t)
	fresh, freshPid := startFloor(t) // memory only grows in one that nothing was asked of
	for name, sc := range map[string]scenario{
		"closed": &signals{Rooms: 3, Inflight: 2, Size: 1200},
		"ref":    &signals{Rooms: 1, Inflight: 1, Size: 200, Ref: true},
		"open":   &signals{Rooms: 2, Rate: 500, Size: 1200},
		"join":   &joins{Groups: 2, Size: 4},
		"fill":   &fill{Members: 30, Joining: 5},
		"fanout": &fanout{Members: 20, Wave: 5},
		"idle":   &idle{Conns: 50, Settle: 250 * time.Millisecond, Most: 5 * time.Second},
	} {
		server, pid := used, usedPid
		if name == "idle" {
			server, pid = fresh, freshPid
		}
		s := &settings{
			Server: []string{server}, Pid: []int{pid}, Transport: "plain",
			Warmup: 50 * time.Millisecond, Duration: 200 * time.Millisecond,
		}
		f := newFleet(t.Context(), s)
		r, err := sc.load(f.ctx, f)
		if broken := f.close(); broken != nil {
			err = broken
		}
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case name == "idle":
			if r.Conns != 50 || r.RSSPerConn() <= 0 {
				t.Errorf("idle: %+v", r)
			}
		case r.Ops == 0 || r.CPU <= 0 || r.CPUPerOp() <= 0 || r.PerSecond() <= 0:
			t.Errorf("%s: %+v", name, r)
		case (name == "closed" || name == "open") && (r.P50 <= 0 || r.P99 < r.P50):
			t.Errorf("%s: median %v, 99th percentile %v", name, r.P50, r.P99)
		}
	}
}

func TestALoadEndsWhenTheServerRefuses(t *testing.T) {
	t.Parallel()
	server, _ := startFloor(t)
	f := newFleet(t.Context(), &settings{Server: []string{server}, Transport: "plain"})
	conns, err := f.dial(1)
	if err != nil {
		t.Fatal(err)
	}
	cr := &crowd{changed: make(chan struct{}, 1)}
	f.read(conns[0], cr.hear)
	err = cr.after(f.ctx, 0, 1, func() error { return conns[0].Send(f.protocol.Join("no such room")) })
	if broken := f.close(); err == nil || broken == nil || !strings.Contains(broken.Error(), "room-not-exists") {
		t.Fatalf("a refused join: %v, %v", err, broken)
	}
}

func TestComingBackWantsToKnowWhichProcessesAreGateways(t *testing.T) {
	t.Parallel()
	server, _ := startFloor(t)
	for _, gateways := range [][]int{nil, {1}} { // none is left
		f := newFleet(t.Context(), &settings{Server: []string{server}, Gateway: gateways, Transport: "resumable"})
		_, err := (&comeback{Sessions: 1, Kills: 1}).load(f.ctx, f)
		if broken := f.close(); !errors.Is(err, errFewGateways) || broken != nil {
			t.Errorf("gateways %v: %v, %v", gateways, err, broken)
		}
	}
}

func TestDescriptionIsJSONOfItsSize(t *testing.T) {
	t.Parallel()
	for _, size := range []int{200, 1200, 20_000} {
		d := description(size)
		if !json.Valid([]byte(d)) || len(d) > size || len(d) < size-40 {
			t.Errorf("description(%d) has %d bytes, valid %v", size, len(d), json.Valid([]byte(d)))
		}
	}
}

func TestToldCountsWhoIsThere(t *testing.T) {
	t.Parallel()
	sum := 0
	for here := 1000; here < 1050; here++ {
		sum += here
	}
	if told(1000, 50) != sum {
		t.Errorf("told(1000, 50) = %d, want %d", told(1000, 50), sum)
	}
}
