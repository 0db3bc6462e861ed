package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/chromedp/chromedp"
)

// decoded sums up how many frames of each peer's video have been decoded.
const decoded = `async () => {
	const frames = new Map();
	for (const { id, pc } of parleyDemo.peers.values()) {
		frames.set(id, 0);
		for (const report of (await pc.getStats()).values()) {
			if (report.type === "inbound-rtp" && report.kind === "video") frames.set(id, frames.get(id) + (report.framesDecoded ?? 0));
		}
	}
	return frames;
}`

// watch has a page note what somebody in the call would be annoyed by: a tile that goes, the lobby, a video that stands still. And what
// would be done without need: a peer connection that is made anew, or looks for another path.
//
// How long a video stood still comes from the decoder: between two looks the sum of the squares of the times between
// frames has grown by at least the square of the longest. A page that is kept waiting by a busy machine does not change that. While there is no
// further frame, it is the time since the last look that found one.
const watch = `(() => {
	const watched = window.watched = { gone: 0, lobby: 0, stalled: 0, restarts: 0, lost: [], pcs: [...parleyDemo.peers.values()].map(({ pc }) => pc) };
	const count = (nodes) => [...nodes].filter((node) => node.dataset?.peerId).length;
	new MutationObserver((changes) => {
		for (const { removedNodes } of changes) watched.gone += count(removedNodes);
	}).observe(document.getElementById("tiles"), { childList: true });
	new MutationObserver(() => watched.lobby++).observe(document.body, { attributeFilter: ["data-view"] });
	const restart = RTCPeerConnection.prototype.restartIce;
	RTCPeerConnection.prototype.restartIce = function () {
		watched.restarts++;
		restart.call(this);
	};
	parleyDemo.room.on("live", ({ lost }) => watched.lost.push(...lost));
	const before = new Map();
	(async function look() {
		for (const { pc } of parleyDemo.peers.values()) {
			for (const { type, kind, timestamp, framesDecoded = 0, totalSquaredInterFrameDelay = 0 } of (await pc.getStats()).values()) {
				if (type !== "inbound-rtp" || kind !== "video") continue;
				const { frames, squares, moved } = before.get(pc) ?? { squares: totalSquaredInterFrameDelay };
				const still = frames === framesDecoded ? timestamp - moved : 0;
				const between = Math.sqrt(Math.max(0, totalSquaredInterFrameDelay - squares)); // less than nothing: the decoder is another one
				watched.stalled = Math.max(watched.stalled, still / 1000, between);
				before.set(pc, { frames: framesDecoded, squares: totalSquaredInterFrameDelay, moved: still ? moved : timestamp });
			}
		}
		setTimeout(look, 200);
	})();
})()`

// stallBound is for how many seconds a video may stand still in a call that goes on. What is promised is one second; this machine may be busy
// with other things.
const stallBound = 2.0

// backBound is how long a call may take to be back. Five seconds are promised.
const backBound = 15 * time.Second

// watch begins to watch a tab's page.
func (p *tab) watch() {
	p.t.Helper()
	p.do(chromedp.Evaluate[chromedp.Void](watch))
}

// watched holds what the page has noted since [tab.watch].
type watched struct {
	Gone     int      `json:"gone"`     // tiles of others that were taken away
	Lobby    int      `json:"lobby"`    // how often the page went between room and lobby
	Stalled  float64  `json:"stalled"`  // the longest that a video stood still, in seconds
	Restarts int      `json:"restarts"` // new paths that were looked for
	Lost     []string `json:"lost"`     // members from whom signals may be missing, as the server says
	Kept     bool     `json:"kept"`     // all peer connections that there were are there yet
}

func (p *tab) watched() watched {
	p.t.Helper()
	const read = `(({ gone, lobby, stalled, restarts, lost, pcs }) => {
		const now = [...parleyDemo.peers.values()].map(({ pc }) => pc);
		return { gone, lobby, stalled, restarts, lost, kept: pcs.every((pc) => now.includes(pc)) };
	})(watched)`
	ctx, cancel := context.WithTimeout(p.ctx, browserPatience)
	defer cancel()
	w, err := chromedp.Run(ctx, chromedp.Evaluate[watched](read))
	if err != nil {
		p.fail("what was watched: %v", err)
	}
	return w
}

// wentOn holds a tab to it that the call went on since [tab.watch], as if there were no server. mayMiss are the members from whom signals may be
// missing, since their gateway died: with them, and nobody else, a new path is looked for, while the old one is in use.
func (p *tab) wentOn(what string, mayMiss ...string) {
	p.t.Helper()
	w := p.watched()
	lost := !slices.ContainsFunc(w.Lost, func(id string) bool { return !slices.Contains(mayMiss, id) })
	if w.Gone > 0 || w.Lobby > 0 || !w.Kept || w.Stalled == 0 || w.Stalled > stallBound || !lost || w.Restarts > len(w.Lost) {
		p.fail("%s: the call did not just go on: %+v", what, w)
	}
	p.t.Logf("%s: %s: no video stood still for more than %.2f s", p.name, what, w.Stalled)
}

// untilFramesGrow waits until another frame of every other member has been decoded.
func (p *tab) untilFramesGrow(what string) {
	p.t.Helper()
	p.do(chromedp.Evaluate[chromedp.Void](`window.decodedBefore = null`))
	p.until(what, `(async () => {
		const frames = await (`+decoded+`)();
		if (decodedBefore?.size !== frames.size) window.decodedBefore = frames;
		return frames.size > 0 && [...frames].every(([id, n]) => n > decodedBefore.get(id));
	})()`)
}

// untilLive waits until the tab is back in its room, with all that was kept for it.
func (p *tab) untilLive() {
	p.t.Helper()
	p.until("it is live in its room", `parleyDemo.parley.state === "open" && parleyDemo.room?.state === "live" && parleyDemo.room.caughtUp &&
		document.querySelector("[data-self] .absence").hidden`)
}

// untilAway waits until the tab has noticed that it has no connection, and says so beside the call that goes on.
func (p *tab) untilAway() {
	p.t.Helper()
	p.until("it says that it is reconnecting", `parleyDemo.room?.state === "away" && !document.querySelector("[data-self] .absence").hidden`)
}

// text reads an expression's text out of the page.
func (p *tab) text(expression string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, browserPatience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		p.fail("%s: %v", expression, err)
	}
	return text
}

// sees is the tile of another member, as a selector in the page.
func sees(id, class string) string {
	return fmt.Sprintf(`document.querySelector('[data-peer-id="%s"] .%s')`, id, class)
}

// backSoon holds a call to it that it is back in time.
func (p *tab) backSoon(start time.Time) {
	p.t.Helper()
	took := time.Since(start)
	p.t.Logf("%s: the call is back after %.1f s", p.name, took.Seconds())
	if took > backBound {
		p.fail("the call was back only after %v", took)
	}
}
