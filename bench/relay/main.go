// Command relay measures the TURN server inside parley beside coturn: the CPU time of the server for a packet of 1,200 bytes that passes two
// relays, and the memory of an allocation. Both servers are pinned to core 0 in turn, what measures to core 1.
//
//	go run ./bench/relay --address 192.0.2.2
//
// address is one of this machine that is not its loopback; coturn (turnserver) has to be installed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pion/turn/v5"

	"github.com/parley-rtc/parley/bench/internal/proc"
	"github.com/parley-rtc/parley/gateway/ice"
)

const (
	secret = "a-secret-of-a-measurement"
	port   = 13478
	size   = 1200 // bytes of a packet
	pairs  = 10
)

func main() {
	address := flag.String("address", "", "an address of this machine that is not its loopback")
	packets := flag.Int("packets", 200_000, "packets that are measured")
	allocations := flag.Int("allocations", 1000, "allocations whose memory is measured")
	rounds := flag.Int("rounds", 3, "rounds, each with both servers")
	at := flag.String("load", "", "a server (host:port, with the secret "+secret+") that is only kept busy, and not measured")
	rate := flag.Int("rate", 10_000, "packets a second, of --load")
	lasts := flag.Duration("duration", 10*time.Second, "of --load")
	flag.Parse()
	if *at != "" {
		came, err := busy(*at, *rate, *lasts)
		fmt.Printf("%d packets a second came through\n", came)
		if err != nil {
			fmt.Fprintln(os.Stderr, "relay:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(context.Background(), *address, *packets, *allocations, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "relay:", err)
		os.Exit(1)
	}
}

// figures are what was measured of one server.
type figures struct {
	cpu    time.Duration // for a packet
	memory float64       // KiB for an allocation
	lost   int           // packets
}

func run(ctx context.Context, address string, packets, allocations, rounds int) error {
	if net.ParseIP(address) == nil {
		return errors.New("--address is to be one of this machine's that is not its loopback")
	}
	dir, err := os.MkdirTemp("", "relay")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	parley, secretFile := filepath.Join(dir, "parley"), filepath.Join(dir, "secret")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", parley, "./services/parley").CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w: %s", err, out)
	}
	if err := os.WriteFile(secretFile, []byte(secret), 0o600); err != nil {
		return err
	}
	at := net.JoinHostPort(address, strconv.Itoa(port))
	commands := map[string][]string{
		"coturn": {
			"turnserver", "-n", "--no-cli", "--no-tls", "--no-dtls", "--listening-ip", address, "--relay-ip", address,
			"--listening-port", strconv.Itoa(port), "--realm", "parley", "--use-auth-secret", "--static-auth-secret", secret, "--log-file", "stdout",
			"--userdb", filepath.Join(dir, "db"), "--pidfile", filepath.Join(dir, "pid"),
		},
		"parley": {
			parley, "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--nats-listen", "", "--turn-listen", at,
			"--turn-public-address", address, "--turn-bits", "2000000000", "--turn-allocations", "0", "--turn-allocations-per-user", "0", "--turn-allocations-per-address", "0",
			"--turn", "turn:" + at, "--turn-secret-file", secretFile,
		},
	}
	var ratios, memory []float64
	names := []string{"coturn", "parley"}
	for range rounds {
		of := map[string]figures{}
		for _, name := range names {
			f, err := measure(ctx, commands[name], at, packets, allocations)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			fmt.Printf("%-8s %8v a packet   %6.1f KiB an allocation   %d packets lost\n", name, f.cpu, f.memory, f.lost)
			of[name] = f
		}
		slices.Reverse(names) // neither is always the first
		ratios = append(ratios, float64(of["coturn"].cpu)/float64(of["parley"].cpu))
		memory = append(memory, of["parley"].memory*1000/1024)
	}
	slices.Sort(ratios)
	slices.Sort(memory)
	fmt.Printf("parley carries %.2f times what coturn carries on one core (median of %.2f); 1,000 allocations take %.1f MiB\n",
		ratios[len(ratios)/2], ratios, memory[len(memory)/2])
	return nil
}

func measure(ctx context.Context, command []string, at string, packets, allocations int) (figures, error) {
	server := exec.CommandContext(ctx, "taskset", append([]string{"-c", "0"}, command...)...)
	if err := server.Start(); err != nil {
		return figures{}, err
	}
	defer func() { _ = server.Process.Kill(); _ = server.Wait() }()
	pid := server.Process.Pid
	for begun := time.Now(); ; {
		c, err := net.Dial("tcp", at)
		if err == nil {
			_ = c.Close()
			break
		}
		if time.Since(begun) > 10*time.Second {
			return figures{}, err
		}
		<-time.After(50 * time.Millisecond)
	}
	before, err := proc.MemoryOf(pid)
	if err != nil {
		return figures{}, err
	}
	var relays []net.PacketConn
	defer func() {
		for _, r := range relays {
			_ = r.Close()
		}
	}()
	for i := range allocations {
		r, err := allocate(at, fmt.Sprintf("user%d", i))
		if err != nil {
			return figures{}, fmt.Errorf("allocation %d: %w", i, err)
		}
		relays = append(relays, r)
	}
	after, err := proc.MemoryOf(pid)
	if err != nil {
		return figures{}, err
	}
	cpu, lost, err := carry(pid, relays[:2*pairs], packets)
	return figures{cpu, float64(after.RSS-before.RSS) / 1024 / float64(allocations), lost}, err
}

func allocate(at, name string) (net.PacketConn, error) {
	socket, err := net.ListenPacket("udp4", ":0")
	if err != nil {
		return nil, err
	}
	username, password := ice.Credentials([]byte(secret), name, time.Now().Add(time.Hour))
	c, err := turn.NewClient(&turn.ClientConfig{STUNServerAddr: at, TURNServerAddr: at, Username: username, Password: password, Conn: socket})
	if err != nil {
		return nil, err
	}
	if err := c.Listen(); err != nil {
		return nil, err
	}
	return c.Allocate()
}

// carry sends packets through pairs of relays, a few at a time, so that hardly any is dropped for want of room. It returns the server's time for one
// that arrives, and how many did not.
func carry(pid int, relays []net.PacketConn, packets int) (time.Duration, int, error) {
	const atOnce = 16
	out, in := make([]byte, size), make([]byte, 2*size)
	came, lost := 0, 0
	round := func() error {
		for i := 0; i < len(relays); i += 2 {
			a, b := relays[i], relays[i+1]
			for range atOnce {
				if _, err := a.WriteTo(out, b.LocalAddr()); err != nil {
					return err
				}
			}
			for range atOnce {
				_ = b.SetReadDeadline(time.Now().Add(2 * time.Second))
				_, _, err := b.ReadFrom(in)
				switch {
				case err == nil:
					came++
				case strings.Contains(err.Error(), "timeout"):
					lost++
				default:
					return err
				}
			}
		}
		return nil
	}
	if err := introduce(relays); err != nil {
		return 0, 0, err
	}
	for range 20 {
		if err := round(); err != nil {
			return 0, 0, err
		}
	}
	before, err := proc.CPU(pid)
	if err != nil {
		return 0, 0, err
	}
	came, lost = 0, 0
	for came < packets {
		if err := round(); err != nil {
			return 0, 0, err
		}
	}
	after, err := proc.CPU(pid)
	return (after - before) / time.Duration(came), lost, err
}

// busy has a server carry so many packets a second, and returns how many came through in each.
func busy(at string, rate int, lasts time.Duration) (int, error) {
	var relays []net.PacketConn
	for i := range 2 * pairs {
		r, err := allocate(at, fmt.Sprintf("user%d", i))
		if err != nil {
			return 0, err
		}
		defer func() { _ = r.Close() }()
		relays = append(relays, r)
	}
	if err := introduce(relays); err != nil {
		return 0, err
	}
	var came atomic.Int64
	for i := 1; i < len(relays); i += 2 {
		go func() {
			for b := make([]byte, 2*size); ; came.Add(1) {
				if _, _, err := relays[i].ReadFrom(b); err != nil {
					return
				}
			}
		}()
	}
	const beat = 2 * time.Millisecond
	out, end := make([]byte, size), time.Now().Add(lasts)
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for n := 0; time.Now().Before(end); n++ {
		<-tick.C
		for range rate * int(beat/time.Millisecond) / 1000 {
			i := 2 * (n % pairs)
			if _, err := relays[i].WriteTo(out, relays[i+1].LocalAddr()); err != nil {
				return 0, err
			}
		}
	}
	return int(float64(came.Load()) / lasts.Seconds()), nil
}

// introduce has the relays of each pair let each other in, and bind a channel.
func introduce(relays []net.PacketConn) error {
	for i := 0; i < len(relays); i += 2 {
		for _, pair := range [][2]net.PacketConn{{relays[i], relays[i+1]}, {relays[i+1], relays[i]}} {
			if _, err := pair[0].WriteTo(make([]byte, size), pair[1].LocalAddr()); err != nil {
				return err
			}
		}
	}
	<-time.After(500 * time.Millisecond)
	return nil
}
