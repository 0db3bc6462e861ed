package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	startWithin = 15 * time.Second
	stopWithin  = 15 * time.Second
)

// process is one server process.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended
	said  *tail
}

// tail keeps the last that a process said.
type tail struct {
	mu   sync.Mutex // guards text
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - 4096; over > 0 {
		t.text = t.text[over:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text))
}

// spawn starts a program on a core. taskset becomes the program, so the
// process id is the program's.
func spawn(core int, dir, program string, args ...string) (*process, error) {
	p := &process{ended: make(chan struct{}), said: &tail{}}
	p.cmd = exec.Command("taskset", append([]string{"-c", strconv.Itoa(core), program}, args...)...)
	p.cmd.Dir = dir
	p.cmd.Env = append(p.cmd.Environ(), "NODE_ENV=production")
	p.cmd.Stdout, p.cmd.Stderr = p.said, p.said
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	go func() { // waited for by stop, through ended
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop asks the process to end, and makes it.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(stopWithin):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// until waits until ready says yes, or the process ends, or it takes too long.
func (p *process) until(ctx context.Context, ready func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ready(ctx) {
		select {
		case <-tick.C:
		case <-p.ended:
			return fmt.Errorf("%v ended at once: %s", p.cmd.Args, p.said)
		case <-ctx.Done():
			return fmt.Errorf("%v is not ready: %w: %s", p.cmd.Args, ctx.Err(), p.said)
		}
	}
	return nil
}

// accepts is ready when the address takes connections.
func accepts(address string) func(context.Context) bool {
	return func(ctx context.Context) bool {
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", address)
		if err != nil {
			return false
		}
		_ = c.Close()
		return true
	}
}

// readyz is ready when the operators' page says so.
func readyz(address string) func(context.Context) bool {
	return func(ctx context.Context) bool {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", http.NoBody)
		if err != nil {
			return false
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			return false
		}
		_ = answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	}
}

// free is a loopback address that nothing listens on. It is chosen here
// rather than read from a server's log, which some of them do not write.
func free() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}
