package e2e_test

import (
	"fmt"
	"testing"

	"github.com/parley-rtc/parley/e2e/harness"
)

// The tests of this file are not parallel: each keeps a machine busy with video, and what they wait for is somebody
// else's time.

func TestThreeTabsSeeAndReadEachOtherUntilTheOwnerGoes(t *testing.T) {
	page := "http://" + harness.StartParley(t, "--keep", "5").Addr(t, "clients") + "/"
	tabs := meet(t, startBrowser(t, "use-fake-ui-for-media-stream"), "lobby", page, page, page)

	for _, p := range tabs {
		p.untilFramesGrow("pictures of all others arrive")
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
	tabs[1].click("#leaving-leave")
	tabs[2].until("it owns the room now", `parleyDemo.room?.owned === true && parleyDemo.peers.size === 0`)
	tabs[1].click("#join")
	for _, p := range tabs[1:] {
		p.untilConnected(1)
	}

	// The owner ends the room for all.
	tabs[2].click("#leave")
	tabs[2].click("#leaving-end")
	tabs[1].until("it is told that the room is closed",
		`document.body.dataset.view === "lobby" && document.getElementById("status").textContent.includes("is closed")`)
	tabs[1].until("its connections are closed", `parleyDemo.peers.size === 0`)
	tabs[1].shoot("closed")

	// The name is free again.
	tabs[1].click("#join")
	tabs[1].until("it owns the room of the same name", `parleyDemo.room?.owned === true`)
}

func TestWithoutACameraThePageSaysWhyAndShowsAMovingPicture(t *testing.T) {
	page := "http://" + harness.StartParley(t).Addr(t, "clients") + "/"
	tabs := meet(t, startBrowser(t, "deny-permission-prompts"), "no camera, ümläut", page, page, page)
	for _, p := range tabs {
		p.until("it says that the camera was refused", `parleyDemo.media.generated && document.getElementById("media-why").textContent.includes("refused")`)
		p.untilFramesGrow("moving pictures of all others arrive")
	}
	tabs[0].shoot("no-camera")
}
