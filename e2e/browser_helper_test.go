package e2e_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// screenshotsVariable names a directory for the screenshots of the browser tests; without it they go to a temporary
// one.
const screenshotsVariable = "PARLEY_E2E_SCREENSHOTS"

// browserPatience is how long a page may take for what the tests wait for: long, because three browsers' worth of
// video is encoded on a machine that may be busy.
const browserPatience = 60 * time.Second

// browser is Chromium with a camera and a microphone that are made up.
type browser struct {
	root  context.Context // its first tab, which keeps it alive
	shots string
}

// startBrowser starts Chromium; flags given here come beside the usual ones. It is stopped when the test ends.
func startBrowser(t *testing.T, flags ...string) *browser {
	t.Helper()
	name := os.Getenv("CHROMIUM")
	if name == "" {
		name = "chromium"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("the page is tested in a real browser: install Debian's package chromium, or set CHROMIUM to where a Chromium is (%v)", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // tests run as root in containers
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("use-fake-device-for-media-stream", "fps=10"), // each picture is encoded once per viewer
		chromedp.UserDataDir(t.TempDir()),
	)
	for _, flag := range flags {
		options = append(options, chromedp.Flag(flag, true))
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	root, _ := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		closing, cancel := context.WithTimeout(root, browserPatience)
		defer cancel()
		if err := chromedp.Cancel(closing); err != nil {
			t.Logf("closing Chromium: %v", err)
		}
		stop()
	})
	if err := chromedp.Do(root); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	b := &browser{root: root, shots: os.Getenv(screenshotsVariable)}
	if b.shots == "" {
		b.shots = t.TempDir()
	}
	return b
}

// tab is a tab with the demo page.
type tab struct {
	t     *testing.T
	name  string
	ctx   context.Context
	shots string
	close context.CancelFunc // as a person closes it

	mu       sync.Mutex // guards the fields below
	troubles []string   // exceptions and what the page's policy forbade
}

// open opens the demo page and waits until it is connected and has its picture.
func (b *browser) open(t *testing.T, name, url string) *tab {
	t.Helper()
	p := b.openAny(t, name, url)
	p.until("it is connected and has a picture", `window.parleyDemo?.media && parleyDemo.parley.state === "open"`)
	return p
}

// openAny opens a page of any kind.
func (b *browser) openAny(t *testing.T, name, url string) *tab {
	t.Helper()
	p := &tab{t: t, name: name, shots: b.shots}
	p.ctx, p.close = chromedp.NewContext(b.root, chromedp.WithListener(p.listen))
	t.Cleanup(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.troubles) > 0 {
			t.Errorf("%s: the page had trouble:\n%s", name, strings.Join(p.troubles, "\n"))
		}
	})
	// The first run of a tab must not be the one with a time limit: the tab would end with it.
	if err := chromedp.Do(p.ctx); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	p.do(chromedp.EmulateViewport(1280, 800), chromedp.Navigate(url))
	return p
}

func (p *tab) listen(event any) {
	var trouble string
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		trouble = e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			trouble += " " + e.ExceptionDetails.Exception.Description
		}
	case *log.EventEntryAdded:
		if !strings.Contains(e.Entry.Text, "Content Security Policy") {
			return // a server that is away fills the log, as it should
		}
		trouble = e.Entry.Text
	default:
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.troubles = append(p.troubles, trouble)
}

// do carries out steps on the page.
func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, browserPatience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.fail("%v", err)
	}
}

func (p *tab) click(selector string) {
	p.t.Helper()
	p.do(chromedp.Click(chromedp.CSS(selector)))
}

func (p *tab) write(selector, text string) {
	p.t.Helper()
	p.do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// until waits until an expression, which may be a promise, is true in the page.
func (p *tab) until(what, expression string) {
	p.t.Helper()
	const loop = `(async () => {
		const end = Date.now() + %d;
		while (Date.now() < end) {
			if (await (%s)) return true;
			await new Promise((resolve) => setTimeout(resolve, 100));
		}
		return false;
	})()`
	script := fmt.Sprintf(loop, browserPatience.Milliseconds(), expression)
	ctx, cancel := context.WithTimeout(p.ctx, browserPatience+10*time.Second)
	defer cancel()
	held, err := chromedp.Run(ctx, chromedp.Evaluate[bool](script, chromedp.EvalAwaitPromise))
	if err != nil {
		p.fail("waiting until %s: %v", what, err)
	}
	if !held {
		p.fail("not within %v: %s", browserPatience, what)
	}
}

// untilConnected waits until the tab's tiles show so many other members, all of them connected.
func (p *tab) untilConnected(others int) {
	p.t.Helper()
	p.until(fmt.Sprintf("it is connected to %d others", others), fmt.Sprintf(`
		document.querySelectorAll("[data-peer-id]").length === %[1]d &&
		document.querySelectorAll('[data-peer-id][data-state="connected"]').length === %[1]d &&
		[...parleyDemo.peers.values()].every((peer) => peer.pc.connectionState === "connected")`, others))
}

// shoot takes a picture of the page.
func (p *tab) shoot(name string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, browserPatience)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(p.shots, p.name+"-"+name+".png"), picture, 0o600)
	}
	if err != nil {
		p.t.Errorf("%s: screenshot: %v", p.name, err)
	}
}

// fail ends the test, with what the page shows.
func (p *tab) fail(format string, args ...any) {
	p.t.Helper()
	const shown = `JSON.stringify({
		status: document.getElementById("status")?.textContent,
		notice: document.getElementById("notice-text")?.textContent,
		view: document.body.dataset.view,
		text: window.parleyDemo ? undefined : document.body.innerText.slice(0, 1000),
		server: window.parleyDemo?.parley.state,
		room: window.parleyDemo?.room && (({ state, caughtUp, members, selfId, ownerId }) => ({ state, caughtUp, members, selfId, ownerId }))(parleyDemo.room),
		peers: [...(window.parleyDemo?.peers.values() ?? [])].map(({ id, pc }) => [id, pc.connectionState, pc.signalingState, pc.iceConnectionState]),
	})`
	ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
	defer cancel()
	state, err := chromedp.Run(ctx, chromedp.Evaluate[string](shown))
	if err != nil {
		state = err.Error()
	}
	p.t.Fatalf("%s: %s\nthe page: %s", p.name, fmt.Sprintf(format, args...), state)
}
