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
)

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
