package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/testkit"
)

// caller is a page whose script is the manual's ten lines.
type caller struct {
	*tab

	way *harness.Proxy // to the server
}

// call runs the ten lines.
func (c *caller) call(t *testing.T) {
	t.Helper()
	c.do(chromedp.Evaluate[chromedp.Void]("(async () => {" + tenLines(t) + "\nwindow.room = room; })()"))
}

// untilSeen waits until the page shows the one other, and that moves.
func (c *caller) untilSeen() {
	c.t.Helper()
	c.until("it shows the other one's moving picture", `(async () => {
		const videos = document.querySelectorAll("body > video");
		if (videos.length !== 1 || window.room?.state !== "live" || room.members.length !== 1 || !videos[0].videoWidth) return false;
		const before = videos[0].currentTime;
		await new Promise((resolve) => setTimeout(resolve, 300));
		return videos[0].currentTime > before;
	})()`)
}

// roles tells the owner from the member.
func roles(callers []*caller) (owner, member *caller) {
	if callers[0].text(`String(room.owned)`) == "true" {
		return callers[0], callers[1]
	}
	return callers[1], callers[0]
}

// theTenLines of the manual connect two browsers, whatever happens.
func theTenLines(t *testing.T) {
	listen := fmt.Sprintf("127.0.0.1:%d", testkit.Ports(t, 1)[0])
	server := harness.StartParley(t, "--listen", listen, "--keep", "3")
	b := startBrowser(t, "use-fake-ui-for-media-stream")
	callers := make([]*caller, 2)
	for i := range callers {
		way := harness.StartProxy(t, listen)
		callers[i] = &caller{tab: b.open(t, fmt.Sprintf("tab %d", i+1), "http://"+way.Addr()+"/"), way: way}
		callers[i].call(t)
		callers[i].until("it is in the room", `window.room?.state === "live"`)
	}
	first, second := callers[0], callers[1]
	seen := func() {
		t.Helper()
		first.untilSeen()
		second.untilSeen()
	}
	seen()

	// The server is started again, and has forgotten the room.
	server.Kill(t)
	second.until("it is away, and the picture stays", `room.state === "away" && document.querySelectorAll("body > video").length === 1`)
	server.Again(t)
	seen()

	// The owner loads its page anew.
	owner, _ := roles(callers)
	owner.do(chromedp.Reload())
	owner.call(t)
	seen()

	// The owner is without a network for longer than it is kept. The other one is put out, and comes back.
	owner, member := roles(callers)
	owner.way.Cut()
	member.until("the owner is gone, and it owns the room of that name", `room.owned && room.members.length === 0 && room.state === "live"`)
	owner.way.Heal()
	seen()

	// A member is, and its owner has ended the room meanwhile.
	owner, member = member, owner
	member.way.Cut()
	owner.until("the member is gone", `room.members.length === 0`)
	owner.until("it has ended the room", `room.close().then(() => room.ended === "left")`)
	member.way.Heal()
	member.until("it is in a room of that name", `room.state === "live" && room.owned && !document.querySelector("body > video")`)
	owner.call(t)
	seen()

	second.close()
	first.until("the picture goes with the other", `document.querySelector("body > video") === null`)
}

// tenLines returns the example at the head of parley.js, as a script that is not a module.
func tenLines(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(harness.Root(), "..", "clients", "js", "parley.js"))
	if err != nil {
		t.Fatal(err)
	}
	_, example, found := strings.Cut(string(source), "in ten lines:\n *\n")
	example, _, ended := strings.Cut(example, "\n *\n")
	if !found || !ended {
		t.Fatal("parley.js has no example of ten lines at its head")
	}
	example = regexp.MustCompile(`(?m)^ \*`).ReplaceAllString(example, "")
	if n := strings.Count(example, "\n") + 1; n > 10 {
		t.Errorf("the ten lines are %d", n)
	}
	script := regexp.MustCompile(`import (\{.*\}) from "\./(.*)";`).ReplaceAllString(example, `const $1 = await import("/$2");`)
	if script == example {
		t.Fatal("the example imports nothing")
	}
	return script
}
