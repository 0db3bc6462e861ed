package e2e_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/parley-rtc/parley/e2e/harness"
)

// released is a version that the tree does not say of itself.
const released = "9.8.7-rc.1"

// run runs a command in a folder and returns what it printed.
func runIn(t *testing.T, dir string, env []string, command string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", command, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestTheRelease makes one and installs what can be installed here. With PARLEY_RELEASE=all it is for all platforms, with images.
func TestTheRelease(t *testing.T) {
	t.Parallel()
	root := filepath.Join(harness.Root(), "..")
	own := runtime.GOOS + "/" + runtime.GOARCH
	platforms, images := own, "no"
	if os.Getenv("PARLEY_RELEASE") == "all" {
		platforms, images = "linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64", "yes"
	}
	tree := func() string { // empty where this is no clone
		cmd := exec.CommandContext(t.Context(), "git", "status", "--porcelain")
		cmd.Dir = root
		out, _ := cmd.Output()
		return string(out)
	}
	before := tree()
	runIn(t, root, []string{"PLATFORMS=" + platforms, "IMAGES=" + images}, "make", "release", "VERSION="+released)
	if after := tree(); after != before {
		t.Errorf("the tree is another than before:\n%s", after)
	}
	dist := filepath.Join(root, "dist", released)
	t.Cleanup(func() { _ = os.RemoveAll(dist) })
	runIn(t, dist, nil, "sha256sum", "--check", "--strict", "SHA256SUMS")

	for platform := range strings.FieldsSeq(platforms) {
		theArchive(t, dist, platform, platform == own)
	}
	thePackage(t, filepath.Join(dist, "parley-rtc-"+released+".tgz"))
	chart := runIn(t, dist, nil, "tar", "--extract", "--to-stdout", "--file", "chart-parley-"+released+".tgz", "parley/Chart.yaml")
	if !strings.Contains(chart, "\nversion: "+released+"\n") || !strings.Contains(chart, "\nappVersion: \""+released+"\"\n") {
		t.Errorf("the chart says\n%s", chart)
	}
	if images == "yes" {
		for _, image := range []string{"parley", "parley-gateway", "parley-roomsvc"} {
			runIn(t, dist, nil, "docker", "load", "--input", "image-"+image+"-"+released+".tar.gz")
			if said := runIn(t, dist, nil, "docker", "run", "--rm", image+":"+released, "--version"); !strings.HasPrefix(said, image+" "+released+" ") {
				t.Errorf("the image says %s", said)
			}
		}
	}
}

// theArchive has the programs, of their platform and their version.
func theArchive(t *testing.T, dist, platform string, runs bool) {
	t.Helper()
	starts := map[string][]byte{"linux": []byte("\x7fELF"), "darwin": {0xcf, 0xfa, 0xed, 0xfe}, "windows": []byte("MZ")}
	dir := t.TempDir()
	name := "parley-" + released + "-" + strings.ReplaceAll(platform, "/", "-")
	system, _, _ := strings.Cut(platform, "/")
	suffix := ""
	if system == "windows" {
		suffix = ".exe"
		runIn(t, dir, nil, "python3", "-m", "zipfile", "-e", filepath.Join(dist, name+".zip"), ".")
	} else {
		runIn(t, dir, nil, "tar", "--extract", "--file", filepath.Join(dist, name+".tar.gz"))
	}
	for _, program := range []string{"parley", "parley-gateway", "parley-roomsvc"} {
		file := filepath.Join(dir, name, program+suffix)
		start, err := os.ReadFile(file)
		if err != nil || !bytes.HasPrefix(start, starts[system]) {
			t.Errorf("%s: %s: %v", platform, program, err)
		}
		if !runs {
			continue
		}
		if said := runIn(t, dir, nil, file, "--version"); !strings.HasPrefix(said, program+" "+released+" ") {
			t.Errorf("%s says %s", program, said)
		}
	}
	for _, file := range []string{"LICENSE", "README.md", "CHANGELOG.md"} {
		if _, err := os.Stat(filepath.Join(dir, name, file)); err != nil {
			t.Error(err)
		}
	}
	if runs {
		p := harness.StartShell(t, `exec "$0" "$@"`, filepath.Join(dir, name, "parley"), "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--nats-listen", "")
		p.Ready(t)
		if _, text := harness.Get(t, "http://"+p.Addr(t, "clients")+"/parley.js"); !strings.HasPrefix(text, "// parley-rtc "+released+". ") {
			t.Errorf("/parley.js begins with %.60s", text)
		}
	}
}

// thePackage is installed by npm, and says its version.
func thePackage(t *testing.T, file string) {
	t.Helper()
	dir := t.TempDir()
	runIn(t, dir, nil, "npm", "install", "--offline", "--no-audit", "--no-fund", "--silent", file)
	said := runIn(t, dir, nil, "node", "--input-type=module", "-e",
		`import { connect } from "parley-rtc"; import own from "parley-rtc/package.json" with { type: "json" }; console.log(typeof connect, own.version)`)
	if !strings.Contains(said, "function "+released) {
		t.Errorf("the package says %s", said)
	}
}

func TestAReleaseWithoutAVersionSaysWhatOneIs(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"", "v1.2.3", "1.2", "1.2.3/../x"} {
		cmd := exec.CommandContext(t.Context(), "../scripts/release", version)
		if out, err := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), "give one such as 0.2.0") {
			t.Errorf("%q: %v\n%s", version, err, out)
		}
	}
}
