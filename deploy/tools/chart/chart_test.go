// Package chart_test lints and renders the Helm chart with Helm itself, and
// reads what comes out as strictly as an API server would.
package chart_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const chart = "../../helm/parley"

// built is the Helm that go.mod names.
var built string

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run builds Helm once for all tests: `go tool` would do so for each at a time.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "helm")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	built = filepath.Join(dir, "helm")
	if out, err := exec.Command("go", "build", "-o", built, "helm.sh/helm/v4/cmd/helm").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", out, err)
		return 1
	}
	return m.Run()
}

// values are the ways in which the chart is rendered: each a file of testdata.
func values(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("testdata: %v, %v", files, err)
	}
	return files
}

func helm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), built, args...)
	var out, complaint bytes.Buffer
	command.Stdout, command.Stderr = &out, &complaint
	err := command.Run()
	if err != nil {
		return complaint.String() + out.String(), err
	}
	return out.String(), nil
}

func render(t *testing.T, args ...string) string {
	t.Helper()
	out, err := helm(t, append([]string{"template", "test", chart}, args...)...)
	if err != nil {
		t.Fatalf("helm template %v: %v\n%s", args, err, out)
	}
	return out
}

func TestTheChartIsCleanForHelm(t *testing.T) {
	t.Parallel()
	for _, file := range values(t) {
		if out, err := helm(t, "lint", "--strict", chart, "--values", file); err != nil {
			t.Errorf("%s: %v\n%s", file, err, out)
		}
	}
}

func TestWrongValuesAreRefusedWithTheirName(t *testing.T) {
	t.Parallel()
	for set, says := range map[string]string{
		"gateway.replica=3":        "replica",
		"gateway.replicas=0":       "replicas",
		"roomsvc.streamReplicas=2": "streamReplicas",
		"roomsvc.storage=disk":     "storage",
		"prefix=a.b":               "prefix",
		"nats.url=http://nats":     "url",
		"gateway.env.lower=1":      "lower",
		"ingress.enabled=true":     "ingress.hosts",
		"turn.enabled=true":        "publicAddress",
		"turn.enabled=true,turn.publicAddress=198.51.100.7":                                         "secret",
		"turn.enabled=true,turn.publicAddress=198.51.100.7,turn.secret=a,gateway.ice.secret=b":      "share one secret",
		"turn.enabled=true,turn.publicAddress=198.51.100.7,turn.secret=a,turn.tls.secret=b":         "host",
		"gateway.ice.turn[0]=turn:t":                                                                "secret",
		"gateway.ice.stun[0]=stun.example":                                                          "stun",
		"nats.url=":                                                                                 "nats.urlSecret",
		"gateway.autoscaling.enabled=true,gateway.autoscaling.sessions=0,gateway.autoscaling.cpu=0": "gateway.autoscaling",
	} {
		out, err := helm(t, "template", "test", chart, "--set", set)
		if err == nil {
			t.Errorf("--set %s was taken", set)
		} else if !strings.Contains(out, says) {
			t.Errorf("--set %s: the refusal does not name %q:\n%s", set, says, out)
		}
	}
}
