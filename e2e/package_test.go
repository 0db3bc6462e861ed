package e2e_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-rtc/parley/e2e/harness"
)

// installed is a folder with the programs of ./package, in which npm has installed the package of clients/js: not its sources, but
// what is published.
func installed(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	npm := func(in string, args ...string) []byte {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "npm", args...)
		cmd.Dir = in
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("npm %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return out
	}
	var packed []struct{ Filename string }
	if err := json.Unmarshal(npm("../clients/js", "pack", "--json", "--pack-destination", dir), &packed); err != nil || len(packed) != 1 {
		t.Fatalf("npm pack: %v, %+v", err, packed)
	}
	fresh, app := filepath.Join(dir, "fresh"), filepath.Join(dir, "app")
	modules := filepath.Join(app, "node_modules")
	if err := os.Mkdir(fresh, 0o700); err != nil {
		t.Fatal(err)
	}
	npm(fresh, "install", "--offline", "--no-audit", "--no-fund", "--silent", filepath.Join(dir, packed[0].Filename))
	if err := os.CopyFS(app, os.DirFS("package/app")); err != nil {
		t.Fatal(err)
	}
	d := readDocument(t, "clients/js/README.md")
	d.take(t, "js") // the ten lines
	for name, language := range map[string]string{"main.jsx": "jsx", "bot.mjs": "js"} {
		if err := os.WriteFile(filepath.Join(app, name), []byte(d.take(t, language)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(filepath.Join(fresh, "node_modules"), modules); err != nil {
		t.Fatal(err)
	}
	others, err := filepath.Abs("package/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	names, err := os.ReadDir(others)
	if err != nil {
		t.Fatalf("%v: make setup installs what is missing", err)
	}
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(modules, name.Name())); err == nil {
			continue
		}
		if err := os.Symlink(filepath.Join(others, name.Name()), filepath.Join(modules, name.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return app
}

// TestTheNPMPackage: an app in React, built with Vite, and programs in Node 20 and 22, which have it from the tarball that is published.
func TestTheNPMPackage(t *testing.T) {
	t.Parallel()
	app := installed(t)

	t.Run("in a page", func(t *testing.T) {
		build := exec.CommandContext(t.Context(), "node", "node_modules/vite/bin/vite.js", "build", "--logLevel", "warn")
		build.Dir = app
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("vite build: %v\n%s", err, out)
		}
		pages := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(app, "dist"))))
		defer pages.Close()
		p := harness.StartParley(t, "--allow-origin", strings.TrimPrefix(pages.URL, "http://"))
		b := startBrowser(t)
		tabs := []*tab{b.openAny(t, "tab 1", pages.URL+"/?server="+p.WS(t)), b.openAny(t, "tab 2", pages.URL+"/?server="+p.WS(t))}
		for _, tab := range tabs {
			tab.until("it is in a call with the other", `/^[\w-]+: connected$/.test(document.querySelector("#root ul")?.textContent)`)
		}
	})

	t.Run("in Node", func(t *testing.T) {
		p := harness.StartParley(t)
		newer, err := filepath.Glob("package/node_modules/node-linux-*/bin/node")
		if err != nil || len(newer) != 1 {
			t.Fatalf("there is no Node 22: %v, %v: make setup installs it", newer, err)
		}
		bot := func(node, room string, flags ...string) *exec.Cmd {
			cmd := exec.CommandContext(t.Context(), node, append(flags, "bot.mjs", p.WS(t), room)...)
			cmd.Dir = app
			return cmd
		}
		const without = "--no-experimental-websocket" // as it is before 22
		alone := exec.CommandContext(t.Context(), "node", without, "--input-type=module", "-e",
			`import { connect } from "parley-rtc"; connect("http://localhost:1")`)
		alone.Dir = app
		if out, err := alone.CombinedOutput(); err == nil || !strings.Contains(string(out), "install the package ws, and pass it") {
			t.Errorf("without a WebSocket: %v\n%s", err, out)
		}
		newest, err := filepath.Abs(newer[0])
		if err != nil {
			t.Fatal(err)
		}
		older, said := bot("node", "bots", without), new(strings.Builder)
		older.Stdout, older.Stderr = said, said
		if err := older.Start(); err != nil {
			t.Fatal(err)
		}
		out, err := bot(newest, "bots").CombinedOutput()
		if err != nil {
			t.Errorf("Node 22: %v\n%s", err, out)
		}
		if err := older.Wait(); err != nil {
			t.Errorf("Node with ws: %v\n%s", err, said)
		}
		if all := string(out) + said.String(); !strings.Contains(all, "hello from v") || !strings.Contains(all, "back from v") {
			t.Errorf("they said %q and %q", said, out)
		}
	})
}
