package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/e2e/views"
	"github.com/parley-rtc/parley/testkit"
)

// meet has tabs meet in a room, one on each page, the first its owner.
func meet(t *testing.T, b *browser, room string, pages ...string) []*tab {
	t.Helper()
	tabs := make([]*tab, len(pages))
	for i, page := range pages {
		if i == 0 {
			tabs[i] = b.open(t, "tab 1", page)
			tabs[i].write("#room", room)
			tabs[i].click("#join")
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

// call is a call of tabs, each with a way of its own to its gateway.
type call struct {
	tabs []*tab
	ways []*harness.Proxy
	ids  []string // the tabs', which they keep
}

// newCall has tabs meet in a room; targets are the gateways' addresses, one for each tab.
func newCall(t *testing.T, b *browser, room string, targets ...string) *call {
	t.Helper()
	c := &call{}
	var pages []string
	for _, target := range targets {
		way := harness.StartProxy(t, target)
		c.ways = append(c.ways, way)
		pages = append(pages, "http://"+way.Addr()+"/")
	}
	c.tabs = meet(t, b, room, pages...)
	for _, p := range c.tabs {
		p.untilFramesGrow("pictures of all others arrive")
		c.ids = append(c.ids, p.text("parleyDemo.parley.id"))
	}
	return c
}

func (c *call) watch() {
	for _, p := range c.tabs {
		p.watch()
	}
}

// wentOn holds every tab to it that the call went on, and that everybody is back as who they were; see [tab.wentOn].
func (c *call) wentOn(what string, mayMiss ...string) {
	c.tabs[0].t.Helper()
	for _, p := range c.tabs {
		p.untilLive()
	}
	for i, p := range c.tabs {
		p.untilConnected(len(c.tabs) - 1)
		p.untilFramesGrow("pictures of all others go on")
		p.until("nobody is shown as away, and nothing is said of the server", `document.querySelectorAll(".absence:not([hidden])").length === 0 &&
			document.getElementById("notice").hidden`)
		if id := p.text("parleyDemo.room.selfId"); id != c.ids[i] {
			p.fail("%s: it was %s, and came back as %s", what, c.ids[i], id)
		}
		if owner := p.text("parleyDemo.room.ownerId"); owner != c.ids[0] {
			p.fail("%s: the owner was %s, and is %s", what, c.ids[0], owner)
		}
		p.wentOn(what, mayMiss...)
	}
}

func TestACallOutlivesItsGateways(t *testing.T) {
	nats := harness.StartNATS(t)
	settings := []string{"--demo", "--drain", "5s"}
	d := harness.StartSite(t, nats.URL, 2, 1, settings, nil)
	awaitSessions(t, newSite(t, nats.URL, views.Level, d.Gateways...))
	first, second := d.Gateways[0].Addr(t, "clients"), d.Gateways[1].Addr(t, "clients")
	b := startBrowser(t, "use-fake-ui-for-media-stream")
	c := newCall(t, b, "two gateways", first, second, second)

	// The owner's gateway dies.
	c.watch()
	c.ways[0].Lead(second)
	d.Gateways[0].Kill(t)
	c.wentOn("a gateway was killed")

	// Who joins afterwards connects with all.
	fourth := b.open(t, "tab 4", "http://"+c.ways[1].Addr()+"/#/two gateways")
	fourth.click("#join")
	c.tabs = append(c.tabs, fourth)
	for _, p := range c.tabs {
		p.untilConnected(3)
		p.untilFramesGrow("pictures of all others arrive")
	}
	c.ids = append(c.ids, fourth.text("parleyDemo.parley.id"))

	// The gateway of all is replaced by another.
	third := harness.StartGateway(t, nats.URL, "--demo")
	c.watch()
	for _, way := range c.ways {
		way.Lead(third.Addr(t, "clients"))
	}
	d.Gateways[1].Stop(t)
	c.wentOn("a gateway was stopped", c.ids[0]) // the new gateway of the one that was killed knows nothing of the time before
}

func TestACallOutlivesItsServerItsOwnersReloadAndItsNetwork(t *testing.T) {
	listen := fmt.Sprintf("127.0.0.1:%d", testkit.Ports(t, 1)[0])
	server := harness.StartParley(t, "--listen", listen, "--data-dir", t.TempDir())
	c := newCall(t, startBrowser(t, "use-fake-ui-for-media-stream"), "harbour", listen, listen, listen)
	owner, others := c.tabs[0], c.tabs[1:]

	// Every process is killed, and started again on its files.
	c.watch()
	server.Kill(t)
	for _, p := range c.tabs {
		p.untilAway()
		p.until("it says that the server is away, and that the call is not", `
			document.getElementById("server").dataset.state !== "open" &&
			document.getElementById("notice-text").textContent.includes("The call goes on")`)
	}
	owner.shoot("away")
	others[0].click("#notice-close")
	others[0].until("what was read and closed stays closed when the next attempt fails", `
		new Promise((resolve) => parleyDemo.parley.on("away", () => resolve(document.getElementById("notice").hidden), { once: true }))`)
	server.Again(t)
	c.wentOn("the server was killed and started again", c.ids...)
	owner.shoot("back")

	c.reload(t)
	c.loseNetworks(t)
}

// reload has the owner load its page anew.
func (c *call) reload(t *testing.T) {
	t.Helper()
	owner, others := c.tabs[0], c.tabs[1:]
	for i, p := range c.tabs {
		p.write("#chat-input", fmt.Sprintf("greetings from tab %d\r", i+1))
	}
	for _, p := range others {
		p.until("it has read what was written", `document.querySelectorAll("#chat-log li").length === 3`)
		p.watch()
	}
	start := time.Now()
	owner.do(chromedp.Reload())
	owner.untilConnected(len(others))
	owner.untilFramesGrow("pictures of all others arrive again")
	for _, p := range others {
		p.untilConnected(len(others))
		p.untilFramesGrow("pictures of all others arrive again")
	}
	owner.backSoon(start)
	for i, p := range c.tabs {
		if id := p.text("parleyDemo.room.selfId + parleyDemo.room.ownerId"); id != c.ids[i]+c.ids[0] {
			p.fail("it was %s with the owner %s, and is now with its owner %s", c.ids[i], c.ids[0], id)
		}
	}
	owner.until("it shows the names that it knew", `[...document.querySelectorAll("[data-peer-id] .name")].every((name) => name.textContent)`)
	for _, p := range others {
		if w := p.watched(); w.Gone > 0 || w.Lobby > 0 {
			p.fail("the owner loaded its page anew: %+v", w)
		}
		p.until("its messages are there yet", `document.querySelectorAll("#chat-log li").length === 3`)
	}
	owner.shoot("reloaded")
}

// loseNetworks takes the network of all three away at once: of two for 28 s, one of which is refused its attempts to come back, while
// of the other nobody hears anything; and of one for 10 s.
func (c *call) loseNetworks(t *testing.T) {
	t.Helper()
	refused, brief, silent := c.tabs[0], c.tabs[1], c.tabs[2]
	c.watch()
	start := time.Now()
	c.ways[0].Cut()
	c.ways[2].Stall()
	c.ways[1].Cut()
	for _, p := range []*tab{refused, brief} {
		p.untilAway()
	}
	brief.shoot("offline")

	pause(t, time.Until(start.Add(10*time.Second)))
	c.ways[1].Heal()
	healed := time.Now()
	brief.untilLive()
	brief.untilConnected(2)
	brief.untilFramesGrow("pictures of all others are back")
	brief.backSoon(healed)
	brief.until("it shows who is away", `!`+sees(c.ids[0], "absence")+`.hidden`)
	brief.shoot("member-away")

	pause(t, time.Until(start.Add(28*time.Second)))
	c.ways[0].Heal()
	c.ways[2].Heal()
	for _, p := range c.tabs {
		p.untilLive()
		p.untilConnected(2)
		p.untilFramesGrow("pictures of all others go on")
		p.until("nobody is shown as away", `document.querySelectorAll(".absence:not([hidden])").length === 0`)
		w := p.watched()
		if w.Gone > 0 || w.Lobby > 0 || !w.Kept {
			p.fail("a network was away: %+v", w)
		}
	}
	silent.shoot("networks back")
}
