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

// framesGrow is true once more frames of every other member have been decoded than at the first look.
const framesGrow = `(async () => {
	window.decodedBefore ??= new Map();
	let grown = true;
	for (const { id, pc } of parleyDemo.peers.values()) {
		let decoded = 0;
		for (const report of (await pc.getStats()).values()) {
			if (report.type === "inbound-rtp" && report.kind === "video") decoded += report.framesDecoded ?? 0;
		}
		if (!decodedBefore.has(id)) decodedBefore.set(id, decoded);
		grown &&= decoded > decodedBefore.get(id);
	}
	return grown && parleyDemo.peers.size > 0;
})()`

// The tests of this file are not parallel: each keeps a machine busy with video, and what they wait for is somebody
// else's time.

// meet has three tabs meet in a room, the first its owner.
func meet(t *testing.T, b *browser, page, room string) []*tab {
	t.Helper()
	tabs := make([]*tab, 3)
	for i := range tabs {
		if i == 0 {
			tabs[i] = b.open(t, "tab 1", page)
			tabs[i].write("#room", room)
			tabs[i].click("#create")
		} else {
			tabs[i] = b.open(t, fmt.Sprintf("tab %d", i+1), page+"#/"+room)
			tabs[i].click("#join")
		}
		tabs[i].until("it is in the room", `parleyDemo.room?.name === `+fmt.Sprintf("%q", room))
	}
	for _, p := range tabs {
		p.untilConnected(len(tabs) - 1)
	}
	return tabs
}

func TestThreeTabsSeeAndReadEachOtherUntilTheOwnerGoes(t *testing.T) {
	page := "http://" + harness.StartParley(t).Addr(t, "clients") + "/"
	tabs := meet(t, startBrowser(t, "use-fake-ui-for-media-stream"), page, "lobby")

	for _, p := range tabs {
		p.until("pictures of all others arrive", framesGrow)
		p.until("its own picture is the camera's", `parleyDemo.media.generated === false`)
	}
	for i, p := range tabs {
		p.until("its chat lines are open", `document.getElementById("chat").hidden === false`)
		p.write("#chat-input", fmt.Sprintf("greetings from tab %d\r", i+1))
	}
	for _, p := range tabs {
		for i := range tabs {
			p.until("it has read all messages", fmt.Sprintf(`document.getElementById("chat-log").textContent.includes("greetings from tab %d")`, i+1))
		}
	}
	tabs[0].until("it is shown as the owner", `parleyDemo.room.owned && !document.querySelector("[data-self] .owner").hidden`)
	tabs[1].until("it shows who is the owner", `!document.querySelector('[data-peer-id="' + parleyDemo.room.ownerId + '"] .owner').hidden`)
	for _, p := range tabs {
		p.shoot("room")
	}

	// A member that leaves is gone from the others, which go on.
	tabs[2].click("#leave")
	tabs[2].until("it is in the lobby", `document.body.dataset.view === "lobby" && parleyDemo.room === null`)
	for _, p := range tabs[:2] {
		p.untilConnected(1)
	}

	// The owner's tab is closed. It could be coming back, so it is waited for; then the room is the other's.
	tabs[0].close()
	tabs[1].until("it shows that the owner is away, and keeps its tile",
		`!document.querySelector("[data-peer-id] .absence")?.hidden && parleyDemo.room.owned === false`)
	tabs[1].until("it owns the room now", `parleyDemo.room?.owned === true && parleyDemo.room.state === "live" &&
		document.body.dataset.view === "room" && parleyDemo.peers.size === 0 && !document.querySelector("[data-peer-id]")`)
	tabs[1].shoot("alone")
	tabs[2].click("#join")
	for _, p := range tabs[1:] {
		p.untilConnected(1)
	}

	// The owner leaves, and the other goes on as the owner.
	tabs[1].click("#leave")
	tabs[2].until("it owns the room now", `parleyDemo.room?.owned === true && parleyDemo.peers.size === 0`)
	tabs[1].click("#join")
	for _, p := range tabs[1:] {
		p.untilConnected(1)
	}

	// The owner ends the room for all.
	tabs[2].until("it has ended the room", `parleyDemo.room.close().then(() => true)`)
	tabs[1].until("it is told that the room is closed",
		`document.body.dataset.view === "lobby" && document.getElementById("status").textContent.includes("is closed")`)
	tabs[1].until("its connections are closed", `parleyDemo.peers.size === 0`)
	tabs[1].shoot("closed")

	// The name is free again.
	tabs[1].click("#create")
	tabs[1].until("it owns the room of the same name", `parleyDemo.room?.owned === true`)
}

func TestThePageComesBackToItsRoomWithTheServer(t *testing.T) {
	listen := fmt.Sprintf("127.0.0.1:%d", testkit.Ports(t, 1)[0])
	server := harness.StartParley(t, "--listen", listen)
	tabs := meet(t, startBrowser(t, "use-fake-ui-for-media-stream"), "http://"+listen+"/", "harbour")

	server.Kill(t)
	for _, p := range tabs {
		p.until("it says that the server is away and that it will be back", `
			document.getElementById("server").dataset.state === "away" &&
			document.getElementById("notice-text").textContent.includes("You will be back in “harbour”")`)
	}
	tabs[0].shoot("away")
	tabs[1].click("#notice-close")
	tabs[1].until("what was read and closed stays closed when the next attempt fails", `
		new Promise((resolve) => parleyDemo.parley.on("away", () => resolve(document.getElementById("notice").hidden), { once: true }))`)

	server.Again(t)
	for _, p := range tabs {
		p.untilConnected(len(tabs) - 1)
		p.until("pictures of all others arrive again", framesGrow)
		p.until("nothing is said of the server any more", `document.getElementById("notice").hidden`)
	}
	tabs[0].shoot("back")
}

func TestWithoutACameraThePageSaysWhyAndShowsAMovingPicture(t *testing.T) {
	page := "http://" + harness.StartParley(t).Addr(t, "clients") + "/"
	tabs := meet(t, startBrowser(t, "deny-permission-prompts"), page, "no camera, ümläut")
	for _, p := range tabs {
		p.until("it says that the camera was refused", `parleyDemo.media.generated && document.getElementById("media-why").textContent.includes("refused")`)
		p.until("moving pictures of all others arrive", framesGrow)
	}
	tabs[0].shoot("no-camera")
}

func TestTheTenLinesOfTheManualConnectTwoBrowsers(t *testing.T) {
	lines := tenLines(t)
	page := "http://" + harness.StartParley(t).Addr(t, "clients") + "/"
	b := startBrowser(t, "use-fake-ui-for-media-stream")
	var tabs []*tab
	for i := range 2 {
		p := b.open(t, fmt.Sprintf("tab %d", i+1), page)
		p.do(chromedp.Evaluate[chromedp.Void]("(async () => {" + lines + "})()"))
		tabs = append(tabs, p)
	}
	for _, p := range tabs {
		p.until("a picture of the other arrives", `document.querySelector("body > video")?.videoWidth > 0`)
	}
	tabs[1].close()
	tabs[0].until("the picture goes with the other", `document.querySelector("body > video") === null`)
}

// tenLines returns the example at the head of parley.js, as a script that is not a module.
func tenLines(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(harness.Root(), "..", "gateway", "demo", "assets", "parley.js"))
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
