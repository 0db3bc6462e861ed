package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// TestCallsOfTwo are small enough to be made at the same time; much of theirs is waiting.
func TestCallsOfTwo(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"TheTenLinesOfTheManualConnectTwoBrowsersWhateverHappens": theTenLines,
		"IsBackSoonAfterATabWasOffline":                           backFromATunnel,
		"WhatATabHasPongedReachesItOrIsNamed":                     ponged,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// backFromATunnel takes everything away from one of two for 10 s, the path between them as well: their call is back soon.
func backFromATunnel(t *testing.T) {
	if !harness.Isolated(t) {
		return
	}
	network := harness.StartNetwork(t) // else there is no address for the browser to use
	server := harness.StartParley(t).Addr(t, "clients")
	c := newCall(t, startBrowser(t, "use-fake-ui-for-media-stream"), "tunnel", server, server)
	stays, offline := c.tabs[0], c.tabs[1]
	c.watch()
	start := time.Now()
	c.ways[1].Stall()
	network.CutDatagrams(t)
	for _, p := range c.tabs {
		p.until("it shows that the path is broken", `document.querySelector("[data-peer-id]")?.dataset.state === "disconnected"`)
	}
	stays.shoot("path-broken")
	c.ways[1].Cut() // so that it has noticed, as it has in half of all such cases
	pause(t, time.Until(start.Add(10*time.Second)))
	c.ways[1].Heal()
	network.Heal(t)
	healed := time.Now()
	for _, p := range c.tabs {
		p.untilConnected(1)
		p.untilFramesGrow("the picture of the other goes on")
	}
	offline.backSoon(healed)
	for _, p := range c.tabs {
		p.untilLive()
		if w := p.watched(); w.Gone > 0 || w.Lobby > 0 || !w.Kept {
			p.fail("a tab was offline: %+v", w)
		}
	}
}

// ponged has a page whose script is busy: its browser answers pings for it, and the page has read nothing yet when its connection
// breaks.
func ponged(t *testing.T) {
	server := harness.StartParley(t)
	way := harness.StartProxy(t, server.Addr(t, "clients"))
	p := startBrowser(t, "use-fake-ui-for-media-stream").open(t, "tab 1", "http://"+way.Addr()+"/#/busy")
	p.click("#join")
	p.until("it is in the room", `parleyDemo.room?.name === "busy"`)
	sender := testkit.DialWith(t, server.WS(t), &testkit.Options{Key: testkit.NewKey(), Turn: 1})
	want(t, sender.Join(t, "busy"), proto.RoomJoined)
	p.until("it knows the sender", `parleyDemo.room.members.length === 1`)
	target := proto.ClientID(p.text("parleyDemo.parley.id"))
	p.do(chromedp.Evaluate[chromedp.Void](`{
		window.heard = [];
		window.lost = [];
		parleyDemo.room.on("signal", ({ data }) => data.k && heard.push(data.k));
		parleyDemo.room.on("live", (live) => lost.push(...live.lost));
		setTimeout(() => { for (const end = Date.now() + 5000; Date.now() < end; ); }, 100);
	}`))
	pause(t, time.Second) // the page is busy
	const signals = 40
	for k := range signals {
		want(t, sender.Signal(t, "busy", target, fmt.Sprintf(`{"k":%d}`, k+1)), proto.SignalSent)
	}
	pause(t, 2*time.Second) // its browser has answered the ping that covers them
	way.Cut()
	way.Heal()
	p.until("it is live again", `parleyDemo.room.state === "live" && parleyDemo.room.caughtUp && parleyDemo.parley.state === "open"`)
	p.until("it has heard everything once and in order, or knows from whom not", fmt.Sprintf(`
		lost.includes(%q) || JSON.stringify(heard) === JSON.stringify(Array.from({ length: %d }, (_, k) => k + 1))`, sender.ID(), signals))
}
