package e2e_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// piped is parley with a stderr that the test reads, or does not.
type piped struct {
	cmd    *exec.Cmd
	stderr *os.File
	url    string
	ended  chan struct{}
}

// startPiped starts parley and waits until it serves.
func startPiped(t *testing.T, args ...string) *piped {
	t.Helper()
	ports := testkit.Ports(t, 2)
	ops := fmt.Sprintf("127.0.0.1:%d", ports[1])
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p := &piped{stderr: r, url: fmt.Sprintf("ws://127.0.0.1:%d/ws", ports[0]), ended: make(chan struct{})}
	p.cmd = exec.Command(harness.Binary(t, harness.Parley), append([]string{
		"--listen", fmt.Sprintf("127.0.0.1:%d", ports[0]), "--ops-listen", ops, "--nats-listen", "", "--drain", "1s", "--log-level", "debug",
	}, args...)...)
	p.cmd.Stderr = w
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err = p.cmd.Start()
	_ = w.Close()
	if err != nil {
		t.Fatal(err)
	}
	go func() { defer close(p.ended); _ = p.cmd.Wait() }() // the cleanup waits for it
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
		_ = r.Close()
	})
	harness.Await(t, "it is ready", func() bool { status, _ := harness.Get(t, "http://"+ops+"/readyz"); return status == 200 })
	return p
}

// stop ends the process with a signal and returns its exit code.
func (p *piped) stop(t *testing.T, sig os.Signal) int {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	harness.Await(t, "it ends", func() bool {
		select {
		case <-p.ended:
			return true
		default:
			return false
		}
	})
	return p.cmd.ProcessState.ExitCode()
}

// serves has clients come, meet and go, each of which is logged.
func (p *piped) serves(t *testing.T, clients int) {
	t.Helper()
	for range clients {
		c := testkit.Dial(t, p.url)
		want(t, c.Create(t, fresh(t)), proto.RoomCreated)
		c.Close()
	}
}

// TestALogThatNobodyReadsHoldsNobodyUp leaves stderr unread: a pipe takes 64 KiB.
func TestALogThatNobodyReadsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	p := startPiped(t)
	p.serves(t, 300)
	if code := p.stop(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
	got, err := io.ReadAll(p.stderr)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) < 60<<10 {
		t.Errorf("only %d bytes were logged: nothing was held up", len(got))
	}
}

func TestALogWhoseReaderIsGoneEndsNothing(t *testing.T) {
	t.Parallel()
	p := startPiped(t)
	_ = p.stderr.Close()
	p.serves(t, 20)
	if code := p.stop(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestALogThatIsReadIsWholeAndInOrder(t *testing.T) {
	t.Parallel()
	p := startPiped(t)
	p.serves(t, 20)
	read := make(chan []string)
	go func() {
		var lines []string
		for in := bufio.NewScanner(p.stderr); in.Scan(); {
			lines = append(lines, in.Text())
		}
		read <- lines
	}()
	p.stop(t, syscall.SIGTERM)
	lines := <-read
	began, ended := map[string]bool{}, 0
	for _, line := range lines {
		_, rest, _ := strings.Cut(line, "client=")
		id, _, _ := strings.Cut(rest, " ")
		switch {
		case strings.Contains(line, `msg="session started"`):
			began[id] = true
		case strings.Contains(line, `msg="session ended"`):
			if ended++; !began[id] {
				t.Errorf("a session ends that has not started: %s", line)
			}
		}
	}
	if n := len(lines); !strings.Contains(lines[n-1], "msg=stopped") || len(began) != 20 || ended != 20 {
		t.Errorf("%d sessions started and %d ended, and the last of %d lines is %s", len(began), ended, n, lines[n-1])
	}
}

func TestHangupDrains(t *testing.T) {
	t.Parallel()
	if signal.Ignored(syscall.SIGHUP) { // under nohup, which a program would inherit; one that is caught is not inherited
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	p := startPiped(t)
	c := testkit.Dial(t, p.url)
	if code := p.stop(t, syscall.SIGHUP); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if code, _, err := c.CloseCode(t.Context()); err != nil || code != 1001 {
		t.Errorf("the client was closed with %d, %v", code, err)
	}
}

// TestUnderNohupAHangupIsIgnored starts parley as nohup does.
func TestUnderNohupAHangupIsIgnored(t *testing.T) {
	t.Parallel()
	parley := harness.Binary(t, harness.Parley)
	ops := fmt.Sprintf("127.0.0.1:%d", testkit.Ports(t, 1)[0])
	p := harness.StartShell(t, `trap "" HUP; exec "$0" "$@"`, parley, "--listen", "127.0.0.1:0", "--ops-listen", ops, "--nats-listen", "")
	p.Ready(t)
	p.Signal(t, syscall.SIGHUP)
	want(t, testkit.Dial(t, p.WS(t)).Create(t, "r"), proto.RoomCreated)
	if status, _ := p.Ops(t, "/readyz"); status != 200 {
		t.Errorf("/readyz is %d", status)
	}
	if code := p.Stop(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestACommandWhoseOutputIsNotReadToItsEndEndsInOrder is `parley ... | head -1`.
func TestACommandWhoseOutputIsNotReadToItsEndEndsInOrder(t *testing.T) {
	t.Parallel()
	nats := "nats://" + harness.StartParley(t).Addr(t, "nats")
	for _, args := range [][]string{{"rooms", "--nats", nats}, {"status", "--nats", nats}, {"rooms", "--help"}, {"--help"}, {"--version"}} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Close() // before there is anything to read
		var stderr strings.Builder
		cmd := exec.Command(harness.Binary(t, harness.Parley), args...)
		cmd.Stdout, cmd.Stderr = w, &stderr
		err = cmd.Run()
		_ = w.Close()
		if err != nil || stderr.Len() > 0 {
			t.Errorf("parley %s: %v, and it says %q", args, err, stderr.String())
		}
	}
}

// TestTooFewFilesForTheConnectionsIsSaid starts programs that may open few files.
func TestTooFewFilesForTheConnectionsIsSaid(t *testing.T) {
	t.Parallel()
	p := harness.StartShell(t, `ulimit -n 1000; exec "$0" "$@"`, harness.Binary(t, harness.Parley),
		"--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--nats-listen", "")
	p.Logged(t, "ulimit -n 21024")
	g := harness.StartShell(t, `ulimit -n 1000; exec "$0" "$@"`, harness.Binary(t, harness.Gateway),
		"--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--max-conns", "1000", "--log-format", "text")
	g.Logged(t, "ulimit -n 1333")
	enough := harness.StartShell(t, `ulimit -n 1000; exec "$0" "$@"`, harness.Binary(t, harness.Gateway),
		"--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--max-conns", "700", "--log-format", "text")
	enough.Addr(t, "clients")
	if strings.Contains(enough.Log(), "ulimit") {
		t.Errorf("it warns of what is enough:\n%s", enough.Log())
	}
}

// A crash of the Go runtime has the exit code of a bad setting, and who runs as operations.md says starts it again.
func TestAProcessThatCrashedIsStartedAgain(t *testing.T) {
	t.Parallel()
	p := harness.StartParley(t)
	p.Signal(t, syscall.SIGQUIT) // on which the runtime ends as on a panic
	code := p.Wait(t)
	text, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, unit, found := strings.Cut(string(text), "    [Service]\n")
	unit, _, _ = strings.Cut(unit, "\n\n")
	if !found || !strings.Contains(unit, "Restart=on-failure\n") {
		t.Fatalf("operations.md has no unit that starts again what has failed:\n%s", unit)
	}
	for line := range strings.SplitSeq(unit, "\n") {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if key == "RestartPreventExitStatus" && slices.Contains(strings.Fields(value), fmt.Sprint(code)) || code == 0 {
			t.Errorf("a crash ends with %d, and the unit has %s", code, line)
		}
	}
}
