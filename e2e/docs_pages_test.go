package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/testkit"
)

// pages are served by an app's own server, to browsers that allow the camera.
type pages struct {
	*httptest.Server

	mux *http.ServeMux
	dir string
}

func newPages(t *testing.T) *pages {
	t.Helper()
	p := &pages{mux: http.NewServeMux(), dir: t.TempDir()}
	p.Server = httptest.NewServer(p.mux)
	t.Cleanup(p.Close)
	p.mux.Handle("/", http.FileServer(http.Dir(p.dir)))
	return p
}

func (p *pages) origin() string { return strings.TrimPrefix(p.URL, "http://") }

func (p *pages) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// bundle makes a page of a program that imports a package, which stands in a file or folder.
func (p *pages) bundle(t *testing.T, name, program, imports, from string) {
	t.Helper()
	file, err := filepath.Abs(from)
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, name+".mjs", program)
	cmd := exec.CommandContext(t.Context(), "../clients/js/node_modules/.bin/esbuild", filepath.Join(p.dir, name+".mjs"), "--bundle", "--format=esm",
		"--main-fields=browser,module,main", "--log-level=warning", "--alias:"+imports+"="+file, "--outfile="+filepath.Join(p.dir, name+".js"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("esbuild: %v\n%s", err, out)
	}
	p.write(t, name+".html", fmt.Sprintf(`<!doctype html><body><script type="module" src=%q></script>`, name+".js"))
}

// at puts a server's address into a program.
func at(t *testing.T, p *harness.Process, program string) string {
	t.Helper()
	const written = "localhost:8080"
	if !strings.Contains(program, written) {
		t.Fatalf("the program connects to something else than %s:\n%s", written, program)
	}
	return strings.ReplaceAll(program, written, p.Addr(t, "clients"))
}

// plays is true in a page that shows one other's moving picture.
const plays = `(async () => {
	const video = document.querySelector("video");
	if (document.querySelectorAll("video").length !== 1 || !video.videoWidth) return false;
	const before = video.currentTime;
	await new Promise((resolve) => setTimeout(resolve, 300));
	return video.currentTime > before;
})()`

// theApp is what docs/app.md builds up, with the token that it shows.
func theApp(t *testing.T, d *document) {
	secret, site := harness.NewSecret(t), newPages(t)
	listen := fmt.Sprintf("127.0.0.1:%d", testkit.Ports(t, 1)[0])
	server := harness.StartParley(t, append(secret.Args, "--listen", listen, "--allow-origin", site.origin())...)
	token := d.take(t, "json")
	site.write(t, "index.html", d.take(t, "html"))
	site.write(t, "call.js", at(t, server, d.takeAll(t, "js"))+"Object.assign(window, { parley, room });\n")
	site.mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		var claims map[string]any
		if err := json.Unmarshal([]byte(token), &claims); err != nil {
			t.Error(err)
		}
		user := r.URL.Query().Get("user")
		now := time.Now().Unix()
		claims["sub"], claims["iat"], claims["exp"] = "u-"+user, now, now+3600
		if grant, is := claims["parley"].(map[string]any); is {
			grant["claims"] = map[string]any{"name": user}
		}
		_, _ = io.WriteString(w, secret.Sign(t, claims))
	})
	b := startBrowser(t, "use-fake-ui-for-media-stream")
	says := func(text string) string {
		return fmt.Sprintf(`document.getElementById("state").textContent.trim() === %q`, text)
	}
	people := func(texts ...string) string {
		list, _ := json.Marshal(texts)
		return fmt.Sprintf(`JSON.stringify([...document.querySelectorAll("#people li")].map((li) => li.textContent)) === %q`, list)
	}
	const in = "In the call."
	ann := b.openAny(t, "Ann", site.URL+"/?user=ann")
	ann.until("she is in the call", says(in))
	bob := b.openAny(t, "Bob", site.URL+"/?user=bob")
	see := func(annSees, bobSees []string) {
		t.Helper()
		for _, p := range []*tab{ann, bob} {
			p.until("it says so", says(in))
			p.until("it shows the other", plays)
		}
		ann.until("she sees who is there", people(annSees...))
		bob.until("he sees who is there", people(bobSees...))
	}
	see([]string{"You", "bob Remove bob"}, []string{"You", "ann"})

	ann.do(chromedp.Reload())
	see([]string{"You", "bob Remove bob"}, []string{"You", "ann"}) // she owns it still

	server.Kill(t)
	for _, p := range []*tab{ann, bob} {
		p.until("it says that it tries again", `document.getElementById("state").textContent.endsWith("Trying again…")`)
		p.until("the picture goes on", plays)
	}
	server.Again(t)
	for _, p := range []*tab{ann, bob} {
		p.until("it says so", says(in))
		p.until("it shows the other", plays)
	}
	owner, other := ann, bob // the server has forgotten the room, and either has made it anew
	if bob.text(`String(room.owned)`) == "true" {
		owner, other = bob, ann
	}
	other.until("it is told where it may not be", `parley.join("no-such-room").then(() => false, ({ code }) => code === "forbidden")`)
	owner.click("#people button")
	other.until("it hears why", says("You were removed from the call. Come back when it is your turn."))
	owner.until("nobody else is there", `document.querySelectorAll("#people li").length === 1 && !document.querySelector("video")`)
	owner.click("#leave")
	owner.until("it is over", `parley.state === "closed" && room.ended === "left"`)
}

// theSocketIOPage connects stock clients of versions 2 and 4, and closes the page of either: of who made the room, and of who came later.
func theSocketIOPage(t *testing.T, d *document) {
	program := d.take(t, "js")
	if n := strings.Count(program, "\n"); n > 24 {
		t.Errorf("the example has %d lines", n)
	}
	site := newPages(t)
	b := startBrowser(t, "use-fake-ui-for-media-stream")
	for round, order := range []struct {
		first, then string
		stays       int
	}{{"2", "4", 0}, {"2", "4", 1}, {"4", "2", 1}} {
		server := harness.StartParley(t, "--allow-origin", site.origin())
		tabs := []*tab{}
		for n, version := range []string{order.first, order.then} {
			page := fmt.Sprintf("v%s-%d", version, round) // no page is another round's, from the browser's cache
			site.bundle(t, page, at(t, server, program), "socket.io-client", "socketio/node_modules/socket.io-client-"+version)
			tabs = append(tabs, b.openAny(t, "version "+version, site.URL+"/"+page+".html"))
			testkit.WaitFor(t, "the page is in the room", func() bool {
				_, metrics := server.Ops(t, "/metrics")
				return strings.Contains(metrics, fmt.Sprintf("parley_gateway_requests_total{op=\"enter\",outcome=\"ok\"} %d\n", n+1))
			})
		}
		for _, p := range tabs {
			p.until("it shows the other", plays)
		}
		tabs[1-order.stays].close()
		tabs[order.stays].until("the picture goes with the other", `!document.querySelector("video")`)
		tabs[order.stays].close()
	}
}

// theCallByPeerJS is a call of two that send each other texts.
func theCallByPeerJS(t *testing.T, d *document) {
	site := newPages(t)
	server := harness.StartParley(t, "--allow-origin", site.origin())
	site.bundle(t, "call", at(t, server, d.take(t, "js"))+"window.call = call;\n", "parley-rtc", "../clients/js/parley.js")
	b := startBrowser(t)
	tabs := []*tab{b.openAny(t, "caller", site.URL+"/call.html"), b.openAny(t, "called", site.URL+"/call.html")}
	for _, p := range tabs {
		p.until("it has called", `window.call && !void call("ann-bob", (text) => { window.got = text; }).then((made) => { window.made = made; })`)
	}
	for _, p := range tabs {
		p.until("it has sent a text", fmt.Sprintf(`window.made && !void made.send(%q)`, "from "+p.name))
	}
	tabs[0].until("it has got the other's", `window.got === "from called"`)
	tabs[1].until("it has got the other's", `window.got === "from caller"`)
}

// theTenLinesOfThePackage are those of the README, from npm, with the server's address.
func theTenLinesOfThePackage(t *testing.T, d *document) {
	site := newPages(t)
	server := harness.StartParley(t, "--allow-origin", site.origin())
	site.bundle(t, "call", at(t, server, d.take(t, "js")), "parley-rtc", "../clients/js/parley.js")
	b := startBrowser(t, "use-fake-ui-for-media-stream")
	tabs := []*tab{b.openAny(t, "first", site.URL+"/call.html"), b.openAny(t, "second", site.URL+"/call.html")}
	for _, p := range tabs {
		p.until("it shows the other", plays)
	}
}
