package socketio_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// browserPatience is long because the machine may be busy.
const browserPatience = 60 * time.Second

// startBrowser starts Chromium, which ends with the test.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	name := os.Getenv("CHROMIUM")
	if name == "" {
		name = "chromium"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("bundles are tested in a real browser: install Debian's package chromium, or set CHROMIUM (%v)", err)
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // tests run as root in containers
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-features", "WebRtcHideLocalIpsWithMdns"), // there may be no multicast
		chromedp.UserDataDir(t.TempDir()),
	)...)
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
	return root
}

// page is a tab with page.html.
type page struct {
	t    *testing.T
	name string
	ctx  context.Context //nolint:containedctx // chromedp keeps a tab in a context
}

// visit opens the page in a tab of its own, from another origin than Parley's.
func visit(t *testing.T, browser context.Context, site string, query url.Values) *page {
	t.Helper()
	p := &page{t: t, name: query.Get("role") + ", version " + query.Get("version")}
	var stop context.CancelFunc
	p.ctx, stop = chromedp.NewContext(browser)
	t.Cleanup(stop)
	// The first run of a tab must not be the one with a time limit: the tab would end with it.
	if err := chromedp.Do(p.ctx); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(p.ctx, browserPatience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(site+"/page.html?"+query.Encode())); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	return p
}

// until waits until an expression is true in the page.
func (p *page) until(expression string) {
	p.t.Helper()
	const loop = `(async () => {
		const end = Date.now() + %d;
		while (Date.now() < end) {
			if (%s) return "";
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
		return JSON.stringify(window.seen ?? null);
	})()`
	ctx, cancel := context.WithTimeout(p.ctx, browserPatience+10*time.Second)
	defer cancel()
	state, err := chromedp.Run(ctx, chromedp.Evaluate[string](
		fmt.Sprintf(loop, browserPatience.Milliseconds(), expression), chromedp.EvalAwaitPromise))
	if err != nil || state != "" {
		p.t.Fatalf("%s: never %s: %v, the page has seen %s", p.name, expression, err, state)
	}
}

// startSite serves the page and the bundles, from another origin than Parley's.
func startSite(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	for route, file := range map[string]string{
		"/page.html":      "page.html",
		"/socket.io-2.js": "node_modules/socket.io-client-2/dist/socket.io.js",
		"/socket.io-4.js": "node_modules/socket.io-client-4/dist/socket.io.js",
	} {
		mux.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) })
	}
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	return site
}

// TestBundlesInABrowserEstablishADataChannel: the real bundles of versions 2 and 4, either the owner.
func TestBundlesInABrowserEstablishADataChannel(t *testing.T) {
	if err := installed(); err != nil {
		t.Fatal(err)
	}
	at, _ := start(t, "--allow-origin", "127.0.0.1:*")
	site := startSite(t)
	browser := startBrowser(t)
	for _, versions := range [][2]string{{"4", "2"}, {"2", "4"}} {
		owner := visit(t, browser, site.URL, url.Values{
			"version": {versions[0]}, "role": {"owner"}, "room": {"owner " + versions[0]}, "at": {at},
		})
		owner.until("window.seen?.inRoom")
		joiner := visit(t, browser, site.URL, url.Values{
			"version": {versions[1]}, "role": {"joiner"}, "room": {"owner " + versions[0]}, "at": {at},
		})
		joiner.until("window.seen?.inRoom")
		owner.until(fmt.Sprintf("seen.messages[0] === 'from version %s'", versions[1]))
		joiner.until(fmt.Sprintf("seen.messages[0] === 'from version %s'", versions[0]))
		for _, p := range []*page{owner, joiner} {
			p.until("seen.candidates > 0 && seen.ends > 0 && seen.errors.length === 0")
		}
	}
}

// TestASessionOfABrowsersIsItsOwn: whoever knows the id of a client 2 on polling, and has its address and its browser, has
// not its cookie. The browser shows that with its polls, and with its upgrade.
func TestASessionOfABrowsersIsItsOwn(t *testing.T) {
	if err := installed(); err != nil {
		t.Fatal(err)
	}
	at, _ := start(t, "--allow-origin", "127.0.0.1:*")
	site, browser := startSite(t), startBrowser(t)
	open := func(name, transports string) *page {
		return visit(t, browser, site.URL, url.Values{
			"version": {"2"}, "role": {"owner"}, "room": {name}, "at": {at}, "transports": {transports},
		})
	}
	upgraded := open("upgraded", "")
	polls := open("polls", "polling")
	upgraded.until("window.seen?.inRoom && socket.io.engine.transport.name === 'websocket'")
	polls.until("window.seen?.inRoom && seen.id")
	id, agent := polls.text("seen.id"), polls.text("navigator.userAgent")
	ask := func(method, body string) int {
		r, err := http.NewRequestWithContext(t.Context(), method, at+"/socket.io/?EIO=3&transport=polling&sid="+id,
			strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("User-Agent", agent)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	if status := ask(http.MethodPost, `25:42["room-leave","polls"]`); status != http.StatusBadRequest {
		t.Errorf("a stranger's post was answered %d", status)
	}
	if status := ask(http.MethodGet, ""); status != http.StatusBadRequest {
		t.Errorf("a stranger's poll was answered %d", status)
	}
	polls.text("String(socket.emit('room-create', 'polls'))")
	polls.until("seen.errors.some(([name, room]) => name === 'room-exists' && room === 'polls') && socket.connected")
}

// text evaluates an expression in the page.
func (p *page) text(expression string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, browserPatience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression))
	if err != nil {
		p.t.Fatalf("%s: %s: %v", p.name, expression, err)
	}
	return text
}
