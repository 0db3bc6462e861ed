package socketio_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/proto"
)

func TestMain(m *testing.M) { os.Exit(harness.Main(m)) }

// installed is the outcome of the installation of the npm packages, made when the first test asks.
var installed = sync.OnceValue(func() error {
	if _, err := os.Stat(filepath.Join("node_modules", ".package-lock.json")); err == nil {
		return nil
	}
	out, err := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts").CombinedOutput()
	if err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return nil
})

// node is a Node process with real clients in it.
type node struct {
	cmd *exec.Cmd
	in  io.WriteCloser

	mu      sync.Mutex // guards the fields below
	heard   map[string][]heard
	changed chan struct{} // closed, and made anew, with each line
	dead    bool
}

// heard is an event that a client has got, or with # something of its connection's.
type heard struct {
	Client string            `json:"client"`
	Event  string            `json:"event"`
	Args   []json.RawMessage `json:"args"`
}

// text returns an event as it would stand in a packet.
func (h heard) text() string {
	b, err := json.Marshal(append([]json.RawMessage{json.RawMessage(fmt.Sprintf("%q", h.Event))}, h.Args...))
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// startNode starts a process, with more in its environment; it ends with the test.
func startNode(t *testing.T, env ...string) *node {
	t.Helper()
	if err := installed(); err != nil {
		t.Fatal(err)
	}
	n := &node{heard: map[string][]heard{}, changed: make(chan struct{})}
	n.cmd = exec.Command("node", "clients.js")
	n.cmd.Env = append(os.Environ(), env...)
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	n.cmd.Stderr = os.Stderr
	var err error
	if n.in, err = n.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		t.Fatalf("the tests need Node: %v", err)
	}
	var reading sync.WaitGroup
	reading.Go(func() { n.read(out) })
	t.Cleanup(func() {
		_ = n.in.Close()
		reading.Wait()
		_ = n.cmd.Wait() // a process that a test has killed ends with an error
	})
	n.await(t, "", func(h heard) bool { return h.Event == "#ready" })
	return n
}

func (n *node) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var h heard
		if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
			h = heard{Event: "#broken " + err.Error()}
		}
		n.tell(func() { n.heard[h.Client] = append(n.heard[h.Client], h) })
	}
	n.tell(func() { n.dead = true })
}

func (n *node) tell(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
	close(n.changed)
	n.changed = make(chan struct{})
}

// kill ends the process at once.
func (n *node) kill() { _ = n.cmd.Process.Kill() }

// do sends a command.
func (n *node) do(t *testing.T, command map[string]any) {
	t.Helper()
	b, err := json.Marshal(command)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.in.Write(append(b, '\n')); err != nil {
		t.Fatalf("node: %v", err)
	}
}

// await takes what a client has heard up to the first for which ok holds, and returns that one.
func (n *node) await(t *testing.T, client string, ok func(heard) bool) heard {
	t.Helper()
	deadline := time.After(harness.Patience)
	for {
		n.mu.Lock()
		all, changed, dead := n.heard[client], n.changed, n.dead
		for i, h := range all {
			if ok(h) {
				n.heard[client] = all[i+1:]
				n.mu.Unlock()
				return h
			}
		}
		n.mu.Unlock()
		if dead {
			t.Fatalf("client %s: its process has ended; heard %v", client, texts(all))
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("client %s: not within %v; heard %v", client, harness.Patience, texts(all))
		}
	}
}

// next takes the next event that is none of the connection's.
func (n *node) next(t *testing.T, client string) heard {
	t.Helper()
	return n.await(t, client, func(h heard) bool { return h.Event[0] != '#' })
}

func texts(all []heard) []string {
	out := make([]string, len(all))
	for i, h := range all {
		out[i] = h.text()
	}
	return out
}

// client is one real Socket.IO client.
type client struct {
	*node
	t    *testing.T
	name string
	id   proto.ClientID
}

// how is how a client connects.
type how struct {
	version    int
	transports []string // none: the default, polling and the upgrade
	token      string
}

func (h how) String() string {
	if len(h.transports) == 0 {
		return fmt.Sprintf("version%d/default", h.version)
	}
	return fmt.Sprintf("version%d/%s", h.version, h.transports[0])
}

// hows lists every version with its default options, polling only and WebSocket only.
func hows() []how {
	var all []how
	for _, version := range []int{2, 3, 4} {
		all = append(all, how{version: version}, how{version: version, transports: []string{"polling"}}, how{version: version, transports: []string{"websocket"}})
	}
	return all
}

// begin has a client begin to connect, and emit at once.
func (n *node) begin(t *testing.T, h how, url, name string, emits ...[]any) *client {
	t.Helper()
	options := map[string]any{}
	if h.transports != nil {
		options["transports"] = h.transports
	}
	if h.token != "" {
		options[map[bool]string{true: "query", false: "auth"}[h.version == 2]] = map[string]any{"token": h.token}
	}
	n.do(t, map[string]any{
		"do": "open", "client": name, "version": h.version, "url": url, "options": options, "emits": emits,
	})
	return &client{node: n, t: t, name: name}
}

// open connects a client.
func (n *node) open(t *testing.T, h how, url, name string) *client {
	t.Helper()
	c := n.begin(t, h, url, name)
	c.connected()
	return c
}

// connected waits until the client is.
func (c *client) connected() {
	c.t.Helper()
	up := c.await(c.t, c.name, func(h heard) bool { return h.Event == "#connect" })
	if err := json.Unmarshal(up.Args[0], &c.id); err != nil || c.id.Check() != nil {
		c.t.Fatalf("%s: %s", c.name, up.text())
	}
}

// upgraded waits until the client is on a WebSocket.
func (c *client) upgraded() {
	c.t.Helper()
	c.await(c.t, c.name, func(h heard) bool { return h.Event == "#upgrade" })
}

func (c *client) emit(args ...any) {
	c.t.Helper()
	c.do(c.t, map[string]any{"do": "emit", "client": c.name, "args": args})
}

// want takes the next event and compares all of it.
func (c *client) want(event ...any) {
	c.t.Helper()
	b, err := json.Marshal(event)
	if err != nil {
		c.t.Fatal(err)
	}
	if got := c.next(c.t, c.name); got.text() != string(b) {
		c.t.Fatalf("%s heard %s, expected %s", c.name, got.text(), b)
	}
}

// ack emits with an acknowledgement callback and returns what that was called with.
func (c *client) ack(args ...any) map[string]any {
	c.t.Helper()
	c.do(c.t, map[string]any{"do": "emit", "client": c.name, "args": args, "ack": 1})
	h := c.await(c.t, c.name, func(h heard) bool { return h.Event == "#ack" })
	var answer map[string]any
	if len(h.Args) != 2 || json.Unmarshal(h.Args[1], &answer) != nil {
		c.t.Fatalf("acknowledged with %s", h.text())
	}
	return answer
}
