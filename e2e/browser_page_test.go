package e2e_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/parley-rtc/parley/e2e/harness"
)

// accessible fails for what axe finds on the page as it is.
func (p *tab) accessible(t *testing.T, state string) {
	t.Helper()
	axe, err := os.ReadFile("package/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("%v: make setup installs it", err)
	}
	p.do(chromedp.Evaluate[chromedp.Void](string(axe) + `; window.found = null; axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => {
		window.found = violations.map(({ id, impact, nodes }) => id + " (" + impact + "): " + nodes.map(({ target }) => target.join(" ")).join(", ")).join("\n");
	})`))
	p.until("axe has looked", `window.found !== null`)
	if found := p.text(`window.found`); found != "" {
		t.Errorf("%s: %s: axe finds\n%s", p.name, state, found)
	}
}

// press presses a key, with nothing in focus that could be written to.
func (p *tab) press(key string) {
	p.t.Helper()
	p.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("room-view").focus()`), chromedp.KeyEvent(key))
}

// TestThePage: what a person does on the page, and what axe says of each state.
func TestThePage(t *testing.T) {
	t.Parallel()
	page := "http://" + harness.StartParley(t).Addr(t, "clients") + "/"
	b := startBrowser(t, "use-fake-ui-for-media-stream")
	first := b.open(t, "first", page)
	first.accessible(t, "the lobby")

	// One click enters a room that nobody has made, and has no name yet.
	first.click("#join")
	first.until("it is in a new room, whose address can be sent", `parleyDemo.room?.owned && location.hash.length > 3 && document.querySelector(".invitation")`)
	first.accessible(t, "alone in a room")
	name := first.text(`parleyDemo.room.name`)

	// A guest takes the address. Its click is the same.
	guest := b.open(t, "guest", page+"#/"+name)
	guest.click("#join")
	for _, p := range []*tab{first, guest} {
		p.untilConnected(1)
	}

	// What is written is text, and addresses in it are links that tell nothing of where they were followed from.
	first.until("the chat is open", `document.getElementById("chat").hidden === false || document.getElementById("chat-toggle").click()`)
	first.write("#chat-input", "See https://example.org/a?b=c, or <b>javascript:alert(1)</b>")
	first.click("#chat-form button[type=submit]")
	guest.until("it has a link, and no markup", `(() => {
		const links = document.querySelectorAll("#chat-log a");
		return links.length === 1 && links[0].href === "https://example.org/a?b=c" && links[0].rel.includes("noopener") && links[0].target === "_blank"
			&& !document.querySelector("#chat-log p b") && document.getElementById("chat-log").textContent.includes("<b>javascript:alert(1)</b>");
	})()`)
	first.shoot("link")
	first.accessible(t, "a call with a chat")

	// M and V are switches, but not for who writes.
	pressed := func(kind, is string) string {
		return fmt.Sprintf(`document.querySelector('.controls [data-toggle=%q]').getAttribute("aria-pressed") === %q`, kind, is)
	}
	first.press("m")
	first.until("its microphone is off", pressed("microphone", "false"))
	guest.until("the guest sees that", `document.querySelector("[data-peer-id] .tag")?.hidden === false`)
	first.press("v")
	first.until("its camera is off", pressed("camera", "false"))
	first.write("#chat-input", "mv")
	first.until("what is written switches nothing", pressed("microphone", "false")+" && "+pressed("camera", "false"))
	first.press("v")
	first.press("m")
	first.until("both are on", pressed("microphone", "true")+" && "+pressed("camera", "true"))

	// The devices can be chosen.
	first.click(".controls [data-devices]")
	first.until("it may choose", `document.getElementById("pick-camera").options.length > 0 && document.getElementById("pick-microphone").options.length > 0`)
	first.accessible(t, "choosing devices")
	first.shoot("devices")
	first.do(chromedp.KeyEvent(kb.Escape))
	first.until("the dialog is closed", `!document.getElementById("devices").open`)

	// The screen takes the camera's place, and gives it back.
	first.click("#share")
	first.until("it shows its screen", `document.getElementById("share").getAttribute("aria-pressed") === "true"`)
	guest.until("the guest sees a screen", `document.querySelector("[data-peer-id][data-screen]") !== null`)
	guest.untilFramesGrow("the screen arrives")
	first.shoot("screen")
	first.click("#share")
	guest.until("the guest sees the camera", `document.querySelector("[data-peer-id]:not([data-screen])") !== null`)
	guest.untilFramesGrow("the camera arrives")

	// A page that is loaded anew is in the call again.
	guest.do(chromedp.Reload())
	guest.until("it is back", `window.parleyDemo?.room?.state === "live" && document.body.dataset.view === "room"`)
	for _, p := range []*tab{first, guest} {
		p.untilConnected(1)
	}
	first.click("#door")
	first.accessible(t, "the room's door")
	first.do(chromedp.KeyEvent(kb.Escape))
}

// A moderator by its token has an owner's buttons, but for those that are the owner's alone. Another member has none.
func TestAModeratorHasItsButtonsOnThePage(t *testing.T) {
	t.Parallel()
	secret := harness.NewSecret(t)
	page := "http://" + harness.StartParley(t, secret.Args...).Addr(t, "clients") + "/?media=generated&token="
	b := startBrowser(t)
	tabs := map[string]*tab{}
	for _, name := range []string{"owner", "moderator", "member"} {
		can := []string{"create", "join"}
		if name == "moderator" {
			can = append(can, "moderate")
		}
		tabs[name] = b.open(t, name, page+secret.Token(t, name, harness.Grants{"team-*": can})+"#/team-a")
		tabs[name].click("#join")
		tabs[name].until("it is in the room", `document.body.dataset.view === "room"`)
	}
	for _, p := range tabs {
		p.untilConnected(2)
	}
	buttons := `[...document.querySelectorAll("[data-peer-id] .actions")].filter((a) => !a.hidden).flatMap((a) => [...a.children]).filter((b) => !b.hidden).map((b) => b.textContent).join(" ")`
	for name, want := range map[string]string{
		"owner": "Remove Ban Hand over Remove Ban Hand over", "moderator": "Remove Ban Remove Ban", "member": "",
	} {
		tabs[name].until(fmt.Sprintf("%s has the buttons %q", name, want), fmt.Sprintf(`%s === %q && document.getElementById("door").hidden === %t`, buttons, want, want == ""))
	}
	tabs["moderator"].until("it removes the member", `parleyDemo.room.kick([...parleyDemo.room.members].find((id) => parleyDemo.room.infoOf(id).user === "user member")).then(() => true)`)
	tabs["member"].until("the member is out", `document.getElementById("notice-text").textContent.includes("You were removed from")`)
}
