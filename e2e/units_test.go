package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-rtc/parley/e2e/harness"
)

// TestTheUnitsForSystemdStart runs what each unit of deploy/systemd says, with its settings, but for addresses and places on the disk.
func TestTheUnitsForSystemdStart(t *testing.T) {
	t.Parallel()
	units, err := filepath.Glob("../deploy/systemd/parley*.service")
	if err != nil || len(units) != 4 {
		t.Fatalf("%v, %v", units, err)
	}
	nats := harness.StartNATS(t)
	for _, unit := range units {
		t.Run(filepath.Base(unit), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(unit)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			var program string
			var args []string
			script := fmt.Sprintf("export PARLEY_NATS='%s' PARLEY_LOG_FORMAT=text\n", nats.URL)
			stream := strings.NewReplacer("PARLEY_REPLICAS=3", "PARLEY_REPLICAS=1", "=:3478", "=127.0.0.1:0", "=127.0.0.1:8080", "=127.0.0.1:0", "=:8080", "=127.0.0.1:0",
				"=:9090", "=127.0.0.1:0", "=:9091", "=127.0.0.1:0", "=:9092", "=127.0.0.1:0", "=127.0.0.1:9091", "=127.0.0.1:0", "/var/lib/parley", dir, "%d", dir)
			for line := range strings.Lines(string(text)) {
				key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
				switch key {
				case "ExecStart":
					words := strings.Fields(value)
					program, args = filepath.Base(words[0]), words[1:]
				case "LoadCredential":
					name, _, _ := strings.Cut(value, ":")
					if err := os.WriteFile(filepath.Join(dir, name), []byte("a-secret-that-is-long-enough-for-each-use"), 0o600); err != nil {
						t.Fatal(err)
					}
				case "Environment":
					if !strings.Contains(value, "NATS_CA=") { // the test's NATS has no TLS
						script += "export '" + stream.Replace("=" + value)[1:] + "'\n"
					}
				}
			}
			if program == harness.Parley {
				script += "unset PARLEY_NATS; export PARLEY_NATS_LISTEN=127.0.0.1:0 PARLEY_OPS_LISTEN=127.0.0.1:0\n" // as on a machine where nothing else runs
			}
			p := harness.StartShell(t, script+`exec "$0" "$@"`, harness.Binary(t, program), args...)
			p.Logged(t, "role=ops")
			if program == harness.Gateway {
				return // it waits for a room service
			}
			p.Ready(t)
		})
	}
}
