package harness

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Patience is how long the harness waits for what has to come: long, because the machine may be busy.
const Patience = 30 * time.Second

// tail is how many lines of a process's log a failed test prints.
const tail = 60

// listening finds in a log line which role listens where.
var listening = regexp.MustCompile(`msg=listening\b.*\brole=(\S+).*\baddr=(\S+)`)

// Process is a program that runs.
type Process struct {
	// Set by Start.
	Name string
	path string
	args []string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended and its output is read

	mu    sync.Mutex // guards the fields below
	lines []string
	addrs map[string]string
	more  chan struct{} // closed, and made anew, with each line
	code  int
}

// Start starts a program and returns at once. When the test ends it is stopped, and killed if that does not help.
func Start(tb testing.TB, name, program string, args ...string) *Process {
	tb.Helper()
	return start(tb, name, Binary(tb, program), args...)
}

// StartShell is [Start] by way of a script of bash, to which a program's path and arguments are $0, $1 and so on.
func StartShell(tb testing.TB, script, program string, args ...string) *Process {
	tb.Helper()
	return start(tb, filepath.Base(program), "bash", append([]string{"-c", script, program}, args...)...)
}

func start(tb testing.TB, name, path string, args ...string) *Process {
	tb.Helper()
	p := &Process{
		Name: name, path: path, args: args,
		done: make(chan struct{}), addrs: map[string]string{}, more: make(chan struct{}),
	}
	p.launch(tb)
	return p
}

// Again starts the same program with the same arguments, once the process has ended.
func (p *Process) Again(tb testing.TB, args ...string) *Process {
	tb.Helper()
	<-p.done
	next := &Process{
		Name: p.Name + "'", path: p.path, args: append(append([]string(nil), p.args...), args...),
		done: make(chan struct{}), addrs: map[string]string{}, more: make(chan struct{}),
	}
	next.launch(tb)
	return next
}

func (p *Process) launch(tb testing.TB) {
	tb.Helper()
	p.cmd = exec.Command(p.path, p.args...)
	p.cmd.Dir = tb.TempDir()
	out, in, err := os.Pipe()
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	p.cmd.Stdout, p.cmd.Stderr = in, in
	// The process dies with the test binary, also when that is killed.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	err = p.cmd.Start()
	_ = in.Close()
	if err != nil {
		tb.Fatalf("harness: start %s: %v", p.Name, err)
	}
	go p.watch(out)
	tb.Cleanup(func() {
		_ = p.cmd.Process.Signal(syscall.SIGCONT)
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.done:
		case <-time.After(Patience):
			tb.Errorf("harness: %s did not stop within %v", p.Name, Patience)
			_ = p.cmd.Process.Kill()
			<-p.done
		}
		if tb.Failed() {
			tb.Logf("%s %s:\n%s", p.Name, strings.Join(p.args, " "), p.Tail(tail))
		}
		if log := p.Log(); strings.Contains(log, "DATA RACE") || strings.Contains(log, "panic:") {
			tb.Errorf("harness: %s reported a race or a panic:\n%s", p.Name, log)
		}
	})
}

// watch reads the output, and ends when the process has. The cleanup of launch waits for it.
func (p *Process) watch(out *os.File) {
	defer close(p.done)
	r := bufio.NewReader(out)
	for {
		line, err := r.ReadString('\n')
		if line = strings.TrimRight(line, "\n"); line != "" {
			p.mu.Lock()
			p.lines = append(p.lines, line)
			if m := listening.FindStringSubmatch(line); m != nil {
				p.addrs[m[1]] = m[2]
			}
			close(p.more)
			p.more = make(chan struct{})
			p.mu.Unlock()
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrClosed) {
				p.mu.Lock()
				p.lines = append(p.lines, "harness: "+err.Error())
				p.mu.Unlock()
			}
			break
		}
	}
	_ = out.Close()
	_ = p.cmd.Wait()
	p.mu.Lock()
	p.code = p.cmd.ProcessState.ExitCode()
	p.mu.Unlock()
}

// Addr waits until the process has logged where a role (clients, ops, nats) listens.
func (p *Process) Addr(tb testing.TB, role string) string {
	tb.Helper()
	var addr string
	p.await(tb, "it listens for "+role, func() bool {
		addr = p.addrs[role]
		return addr != ""
	})
	return addr
}

// Logged waits until a line of the log contains the text, and returns the line.
func (p *Process) Logged(tb testing.TB, text string) string {
	tb.Helper()
	var found string
	p.await(tb, "it logs "+text, func() bool {
		for _, line := range p.lines {
			if strings.Contains(line, text) {
				found = line
				return true
			}
		}
		return false
	})
	return found
}

// await waits for a condition on what is guarded, which changes with lines of the log only.
func (p *Process) await(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	for {
		p.mu.Lock()
		ok, more := holds(), p.more
		p.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-more:
		case <-p.done:
			p.mu.Lock()
			ok = holds()
			p.mu.Unlock()
			if !ok {
				tb.Fatalf("harness: %s ended with %d before %s:\n%s", p.Name, p.code, what, p.Tail(tail))
			}
			return
		case <-deadline.C:
			tb.Fatalf("harness: %s: not within %v: %s:\n%s", p.Name, Patience, what, p.Tail(tail))
		}
	}
}

// Log returns everything that the process has written.
func (p *Process) Log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// Tail returns the last n lines that the process has written.
func (p *Process) Tail(n int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines[max(0, len(p.lines)-n):], "\n")
}

// PID returns the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Signal sends a signal.
func (p *Process) Signal(tb testing.TB, sig syscall.Signal) {
	tb.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		tb.Errorf("harness: %s: %v: %v", p.Name, sig, err)
	}
}

// Kill ends the process with SIGKILL and waits until it is gone.
func (p *Process) Kill(tb testing.TB) {
	tb.Helper()
	p.Signal(tb, syscall.SIGKILL)
	<-p.done
}

// Pause stops the process with SIGSTOP: it keeps its memory and its connections and does nothing.
func (p *Process) Pause(tb testing.TB) {
	tb.Helper()
	p.Signal(tb, syscall.SIGSTOP)
	Await(tb, p.Name+" has stopped", func() bool { return p.stopped(tb) })
}

// stopped reports whether every thread of the process has stopped: after the signal each goes on until it is its turn on a processor.
func (p *Process) stopped(tb testing.TB) bool {
	tb.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.cmd.Process.Pid))
	if err != nil || len(threads) == 0 {
		tb.Fatalf("harness: the threads of %s: %d, %v", p.Name, len(threads), err)
	}
	for _, file := range threads {
		stat, err := os.ReadFile(file)
		if err != nil {
			return false // it has just ended
		}
		_, rest, _ := strings.Cut(string(stat), ") ") // after its name
		if !strings.HasPrefix(rest, "T") {
			return false
		}
	}
	return true
}

// Resume lets a paused process go on.
func (p *Process) Resume(tb testing.TB) {
	tb.Helper()
	p.Signal(tb, syscall.SIGCONT)
}

// Stop asks the process to end with SIGTERM and returns its exit code.
func (p *Process) Stop(tb testing.TB) int {
	tb.Helper()
	p.Signal(tb, syscall.SIGTERM)
	return p.Wait(tb)
}

// Wait returns the process's exit code once it has ended, -1 when a signal ended it.
func (p *Process) Wait(tb testing.TB) int {
	tb.Helper()
	select {
	case <-p.done:
	case <-time.After(Patience):
		tb.Fatalf("harness: %s did not end within %v:\n%s", p.Name, Patience, p.Tail(tail))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.code
}
