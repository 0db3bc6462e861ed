package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/parley-rtc/parley/e2e/harness"
)

// TestAProgramInGoIsInACallWithAPage: examples/go-peer sends its picture to Chromium and answers in the chat, before and after the gateway
// of both was killed. It is not parallel: pictures keep a machine busy.
func TestAProgramInGoIsInACallWithAPage(t *testing.T) {
	program := filepath.Join(t.TempDir(), "go-peer")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = "../examples/go-peer"
	build.Env = append(os.Environ(), "GOWORK=off") // as somebody who copies it
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	nats := harness.StartNATS(t)
	site := harness.StartSite(t, nats.URL, 2, 1, []string{"--demo"}, nil)
	way := harness.StartProxy(t, site.Gateways[0].Addr(t, "clients"))
	peer := harness.StartShell(t, `exec "$0" --server "http://$1" --room lobby >&2`, program, way.Addr())
	peer.Logged(t, "in lobby")
	page := startBrowser(t, "use-fake-ui-for-media-stream").open(t, "tab", "http://"+way.Addr()+"/#/lobby")
	page.click("#join")
	page.untilConnected(1)
	page.untilFramesGrow("the program's picture arrives")
	page.until("it has told its name", `document.querySelector("[data-peer-id]").textContent.includes("Go peer")`)
	page.write("#chat-input", "one\r")
	page.until("it answers", `document.getElementById("chat-log").textContent.includes("You said: one")`)

	way.Lead(site.Gateways[1].Addr(t, "clients"))
	site.Gateways[0].Kill(t)
	page.until("it is away", `parleyDemo.room.state === "away"`)
	page.untilFramesGrow("the picture goes on")
	page.until("both are back", `parleyDemo.room.state === "live" && parleyDemo.room.members.length === 1 && parleyDemo.room.stateOf(parleyDemo.room.members[0]) === "live"`)
	page.untilConnected(1)
	page.write("#chat-input", "two\r")
	page.until("it answers", `document.getElementById("chat-log").textContent.includes("You said: two")`)

	// Loaded anew, the page is another one to the program's connection.
	page.until("it is asked to load anew", `(location.reload(), true)`)
	page.until("it is back in the call", `window.parleyDemo?.room?.state === "live"`)
	page.untilConnected(1)
	page.untilFramesGrow("the picture arrives again")
}
