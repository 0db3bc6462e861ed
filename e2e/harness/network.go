package harness

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// isolated is set for a test binary that [Isolated] has started again.
const isolated = "PARLEY_E2E_ISOLATED"

// Isolated gives a test a network of its own, in which it may make hosts: it runs the test once more, in a process that
// has the namespaces for that, and reports false when that is over; in there it reports true. Who is not root needs a
// system that lets users make namespaces.
func Isolated(t *testing.T) bool {
	t.Helper()
	if os.Getenv(isolated) != "" {
		return true
	}
	args := []string{"--net", "--mount"}
	if os.Getuid() != 0 {
		args = append(args, "--user", "--map-root-user")
	}
	// ip keeps the names of namespaces below /run.
	args = append(args, "sh", "-c", `mount -t tmpfs none /run && ip link set lo up && exec "$@"`, "sh",
		os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v", "-test.count", "1")
	cmd := exec.CommandContext(t.Context(), "unshare", args...)
	cmd.Env = append(os.Environ(), isolated+"=1", "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	t.Logf("in a network of its own:\n%s", out)
	if err != nil {
		t.Errorf("harness: %v; network namespaces need root, or a system that lets users make them (and iproute2, nftables)", err)
	}
	return false
}

// Network is hosts of the test's own: network namespaces, joined by a bridge at which the test itself is too. It ends
// with the process.
type Network struct {
	net   string // the first three bytes of its addresses
	hosts int
}

// Host is one of a network's hosts.
type Host struct {
	Name string
	IP   string
}

// StartNetwork makes a network without hosts. The test has to be [Isolated].
func StartNetwork(tb testing.TB) *Network {
	tb.Helper()
	return StartNetworkAt(tb, "10.213.0")
}

// StartNetworkAt is [StartNetwork] whose addresses begin with other three bytes. The test's own ends with 1.
func StartNetworkAt(tb testing.TB, net string) *Network {
	tb.Helper()
	ip(tb, "link", "add", "bridge0", "type", "bridge")
	ip(tb, "addr", "add", net+".1/24", "dev", "bridge0")
	ip(tb, "link", "set", "bridge0", "up")
	return &Network{net: net}
}

// Host adds a host.
func (n *Network) Host(tb testing.TB) *Host {
	tb.Helper()
	n.hosts++
	h := &Host{Name: fmt.Sprintf("host%d", n.hosts), IP: fmt.Sprintf("%s.%d", n.net, n.hosts+1)}
	outside := fmt.Sprintf("port%d", n.hosts)
	ip(tb, "netns", "add", h.Name)
	ip(tb, "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", h.Name)
	ip(tb, "link", "set", outside, "master", "bridge0", "up")
	ip(tb, "-n", h.Name, "addr", "add", h.IP+"/24", "dev", "eth0")
	ip(tb, "-n", h.Name, "link", "set", "eth0", "up")
	ip(tb, "-n", h.Name, "link", "set", "lo", "up")
	return h
}

// Also gives a host another address, in a network of 256.
func (h *Host) Also(tb testing.TB, address string) {
	tb.Helper()
	ip(tb, "-n", h.Name, "addr", "add", address+"/24", "dev", "eth0")
}

// CutDatagrams has all UDP packets of the test's own host vanish: those between peers, and none between processes of ours.
func (n *Network) CutDatagrams(tb testing.TB) {
	tb.Helper()
	run(tb, "nft", `table ip datagrams { chain out { type filter hook output priority 0; meta l4proto udp drop; }; }`)
}

// Heal undoes CutDatagrams.
func (n *Network) Heal(tb testing.TB) {
	tb.Helper()
	run(tb, "nft", "delete", "table", "ip", "datagrams")
}

// Start is [Start] on that host.
func (h *Host) Start(tb testing.TB, name, program string, args ...string) *Process {
	tb.Helper()
	return start(tb, name, "ip", append([]string{"netns", "exec", h.Name, Binary(tb, program)}, args...)...)
}

// Cut has all packets vanish between the host and others, in both directions, without a word to either.
func (h *Host) Cut(tb testing.TB, others ...*Host) {
	tb.Helper()
	ips := make([]string, len(others))
	for i, o := range others {
		ips[i] = o.IP
	}
	list := strings.Join(ips, ", ")
	ip(tb, "netns", "exec", h.Name, "nft", fmt.Sprintf(
		`table ip cut {
			chain in { type filter hook input priority 0; ip saddr { %s } drop; }
			chain out { type filter hook output priority 0; ip daddr { %s } drop; }
		}`, list, list))
}

// Heal undoes Cut.
func (h *Host) Heal(tb testing.TB) {
	tb.Helper()
	ip(tb, "netns", "exec", h.Name, "nft", "delete", "table", "ip", "cut")
}

func ip(tb testing.TB, args ...string) {
	tb.Helper()
	run(tb, "ip", args...)
}

func run(tb testing.TB, name string, args ...string) {
	tb.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		tb.Fatalf("harness: %s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}
