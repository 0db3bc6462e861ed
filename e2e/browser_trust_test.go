package e2e_test

import (
	"testing"

	"github.com/parley-rtc/parley/e2e/harness"
)

// TestAnOwnerMindsTheDoorOnThePage locks a room, lets in who knocks, removes it, and asks newcomers for a password.
func TestAnOwnerMindsTheDoorOnThePage(t *testing.T) {
	t.Parallel()
	page := "http://" + harness.StartParley(t).Addr(t, "clients") + "/"
	b := startBrowser(t, "use-fake-ui-for-media-stream")
	owner, guest := b.open(t, "owner", page+"?media=generated#/door"), b.open(t, "guest", page+"?media=generated#/door")
	owner.write("#name", "Olive")
	owner.click("#join")
	owner.until("it owns the room", `parleyDemo.room?.owned === true`)
	owner.until("what stands about rooms can be changed", `parleyDemo.room.update({ locked: true }).then(() => true, () => false)`)
	owner.until("the door is shown as locked", `document.getElementById("door").dataset.locked === "true"`)

	guest.write("#name", "Gus")
	guest.click("#join")
	guest.until("it is told that the room is locked", `document.getElementById("notice-text").textContent.includes("is locked")`)
	guest.click("#notice-action") // nobody lets in there
	guest.until("it is told so", `document.getElementById("notice-text").textContent.includes("is locked") && parleyDemo.room === null`)

	owner.click("#door")
	owner.click("#door-knock")
	owner.shoot("door")
	owner.click("#door-form button[type=submit]")
	owner.until("who meets the lock may knock", `parleyDemo.room.about.knock === true`)
	guest.click("#join")
	guest.until("it may knock", `document.getElementById("notice-action").textContent === "Knock"`)
	guest.click("#notice-action")
	owner.until("it sees who knocks, by name", `document.querySelector("#knocks li")?.textContent.includes("Gus wants to come in")`)
	owner.shoot("knock")
	owner.click("#knocks li button")
	guest.until("it is in the room", `document.body.dataset.view === "room"`)
	owner.until("nobody knocks any more", `!document.querySelector("#knocks li")`)
	for _, p := range []*tab{owner, guest} {
		p.untilConnected(1)
	}
	owner.until("the guest has its name", `document.querySelector("[data-peer-id] .name").textContent === "Gus"`)

	owner.until("the guest can be removed", `!document.querySelector("[data-peer-id] > .actions").hidden`)
	// The buttons are seen under the pointer only.
	owner.until("it is removed", `document.querySelector("[data-peer-id] > .actions button").click() ?? true`)
	guest.until("it is told that it was removed",
		`document.body.dataset.view === "lobby" && document.getElementById("notice-text").textContent.includes("You were removed from")`)
	guest.shoot("removed")
	owner.until("its tile is gone", `!document.querySelector("[data-peer-id]")`)

	owner.until("the room has a password", `parleyDemo.room.update({ locked: false, knock: false, password: "sesame" }).then(() => true)`)
	other := b.open(t, "other", page+"?media=generated#/door")
	other.click("#join")
	other.until("it is asked for the password", `!document.getElementById("password-row").hidden`)
	other.write("#password", "sesame")
	other.click("#join")
	other.until("it is in the room", `document.body.dataset.view === "room"`)

	owner.click("#leave")
	owner.click("#leaving-end")
	other.until("it is told that the room was ended", `document.getElementById("notice-text").textContent.includes("its owner has ended it")`)
}
