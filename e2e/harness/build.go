package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// The programs that can be started.
const (
	Parley     = "parley"
	Gateway    = "parley-gateway"
	Roomsvc    = "parley-roomsvc"
	NATSServer = "nats-server"
)

// programs says which package each program is built from.
var programs = map[string]string{
	Parley:     "github.com/parley-rtc/parley/services/parley",
	Gateway:    "github.com/parley-rtc/parley/services/gateway",
	Roomsvc:    "github.com/parley-rtc/parley/services/roomsvc",
	NATSServer: "github.com/nats-io/nats-server/v2",
}

// RaceVariable is the environment variable that, when set, has the programs built with the race detector.
const RaceVariable = "PARLEY_E2E_RACE"

// built remembers what has been built; a program is built when the first test asks for it.
var built = struct {
	mu   sync.Mutex // guards the fields below
	dir  string
	made map[string]bool
}{made: map[string]bool{}}

// Main is what TestMain calls: it runs the tests and removes what was built for them. It returns the exit code.
func Main(m *testing.M) int {
	code := m.Run()
	built.mu.Lock()
	defer built.mu.Unlock()
	if built.dir != "" {
		if err := os.RemoveAll(built.dir); err != nil {
			fmt.Fprintln(os.Stderr, "harness:", err)
		}
	}
	return code
}

// Binary returns the path of a program, built from this repository. It blocks while the program is being built.
func Binary(tb testing.TB, name string) string {
	tb.Helper()
	built.mu.Lock()
	defer built.mu.Unlock()
	if built.dir == "" {
		dir, err := os.MkdirTemp("", "parley-e2e-") //nolint:usetesting // all tests share what is built; Main removes it
		if err != nil {
			tb.Fatalf("harness: %v", err)
		}
		built.dir = dir
	}
	path := filepath.Join(built.dir, name)
	if built.made[name] {
		return path
	}
	args := []string{"build", "-o", path}
	if os.Getenv(RaceVariable) != "" && name != NATSServer {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, programs[name])...)
	cmd.Dir = Root()
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("harness: go build %s: %v\n%s", name, err, out)
	}
	built.made[name] = true
	return path
}

// Root returns the directory of the module e2e, in which programs are built and run.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(file))
}
