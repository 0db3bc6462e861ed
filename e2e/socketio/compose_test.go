package socketio_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-rtc/parley/e2e/harness"
)

// TestCaddyReadsWhatComposeGivesIt without TLS, and with each way to it.
func TestCaddyReadsWhatComposeGivesIt(t *testing.T) {
	t.Parallel()
	from := filepath.Join(harness.Root(), "..", "deploy", "compose")
	for name, line := range map[string]string{"none": "-", "by itself": "", "internal": "tls internal", "files": "tls /certs/cert.pem /certs/key.pem"} {
		dir := t.TempDir()
		for _, file := range []string{"Caddyfile", "Caddyfile.tls"} {
			b, err := os.ReadFile(filepath.Join(from, file))
			if err != nil {
				t.Fatal(err)
			}
			text := strings.ReplaceAll(string(b), "/etc/caddy", dir)
			text = strings.ReplaceAll(text, "\tpersist_config off\n", "") // Debian's Caddy is older than that
			to := map[string]string{"Caddyfile": "Caddyfile", "Caddyfile.tls": "tls.caddy"}[file]
			if file == "Caddyfile.tls" && name == "none" {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, to), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), tool(t, "caddy"), "adapt", "--adapter", "caddyfile", "--config", filepath.Join(dir, "Caddyfile"))
		cmd.Env = append(os.Environ(), "PARLEY_SITE=parley.example.org", "PARLEY_SITE_TLS="+line, "HOME="+dir)
		out, err := cmd.CombinedOutput()
		if err != nil || (name != "none") != strings.Contains(string(out), "parley.example.org") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
