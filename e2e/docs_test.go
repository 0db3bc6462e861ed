package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parley-rtc/parley/e2e/harness"
	"github.com/parley-rtc/parley/proto"
	"github.com/parley-rtc/parley/testkit"
)

// block is a piece of code in a document.
type block struct {
	line     int
	language string
	code     string
}

// document is a file of the manual, and the pieces of code in it that no test has taken yet.
type document struct {
	name string
	left []block
}

var fence = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

func readDocument(t *testing.T, name string) *document {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(harness.Root(), "..", name))
	if err != nil {
		t.Fatal(err)
	}
	d := &document{name: name}
	for _, at := range fence.FindAllSubmatchIndex(text, -1) {
		d.left = append(d.left, block{
			line: 1 + strings.Count(string(text[:at[0]]), "\n"), language: string(text[at[2]:at[3]]), code: string(text[at[4]:at[5]]),
		})
	}
	return d
}

// take returns the next piece of code in a language.
func (d *document) take(t *testing.T, language string) string {
	t.Helper()
	i := slices.IndexFunc(d.left, func(b block) bool { return b.language == language })
	if i < 0 {
		t.Fatalf("%s has no more code in %s", d.name, language)
	}
	b := d.left[i]
	d.left = slices.Delete(d.left, i, i+1)
	return b.code
}

// takeAll returns all that is left in a language, as one program.
func (d *document) takeAll(t *testing.T, language string) string {
	t.Helper()
	var all strings.Builder
	for all.WriteString(d.take(t, language)); slices.ContainsFunc(d.left, func(b block) bool { return b.language == language }); {
		all.WriteString(d.take(t, language))
	}
	return all.String()
}

// TestTheCodeOfTheManualRuns runs every piece of code in the documents as it stands there, but for addresses. One that no test takes is
// an error. It is not parallel: pictures keep a machine busy.
func TestTheCodeOfTheManualRuns(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(harness.Root(), "..", "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"README.md", "clients/js/README.md", "clients/go/README.md"}
	for _, file := range files {
		names = append(names, "docs/"+filepath.Base(file))
	}
	documents := map[string]*document{}
	for _, name := range names {
		documents[name] = readDocument(t, name)
	}

	t.Run("README", func(t *testing.T) { theREADME(t, documents["README.md"]) })
	t.Run("services", func(t *testing.T) { theService(t, documents["docs/services.md"]) })
	t.Run("app", func(t *testing.T) { theApp(t, documents["docs/app.md"]) })
	t.Run("socketio", func(t *testing.T) { theSocketIOPage(t, documents["docs/socketio.md"]) })
	t.Run("moving", func(t *testing.T) { theCallByPeerJS(t, documents["docs/moving.md"]) })
	t.Run("clients/js", func(t *testing.T) { theTenLinesOfThePackage(t, documents["clients/js/README.md"]) })

	t.Run("clients/go", func(t *testing.T) { theProgramInGo(t, documents["clients/go/README.md"]) })

	documents["clients/js/README.md"].take(t, "jsx") // TestTheNPMPackage runs these two
	documents["clients/js/README.md"].take(t, "js")
	documents["docs/security.md"].take(t, "js") // TestTheTokensOfThePageCount these
	documents["docs/security.md"].take(t, "go")
	for _, name := range names {
		for _, b := range documents[name].left {
			t.Errorf("%s:%d: no test runs this %s", name, b.line, b.language)
		}
	}
}

// theREADME has the ten lines.
func theREADME(t *testing.T, d *document) {
	site := newPages(t)
	p := harness.StartParley(t, "--allow-origin", site.origin())
	site.write(t, "index.html", `<!doctype html><body><script type="module" src="call.js"></script>`)
	site.write(t, "call.js", at(t, p, d.take(t, "js")))
	b := startBrowser(t, "use-fake-ui-for-media-stream")
	tabs := []*tab{b.openAny(t, "first", site.URL), b.openAny(t, "second", site.URL)}
	for _, tab := range tabs {
		tab.until("it shows the other", plays)
	}
}

// theService hears what happens in rooms.
func theService(t *testing.T, d *document) {
	p := harness.StartParley(t)
	service := goProgram(t, strings.ReplaceAll(d.take(t, "go"), "nats://127.0.0.1:4222", "nats://"+p.Addr(t, "nats")))
	owner := testkit.Dial(t, p.WS(t))
	testkit.WaitFor(t, "the service to see a room", func() bool {
		room := fresh(t)
		owner.Create(t, room)
		testkit.Dial(t, p.WS(t)).Join(t, room)
		return strings.Contains(service.Log(), fmt.Sprintf("2 %s client-joined", room))
	})
}

// theProgramInGo enters a room and prints what happens there.
func theProgramInGo(t *testing.T, d *document) {
	p := harness.StartParley(t)
	program := goProgram(t, at(t, p, d.take(t, "go")))
	program.Logged(t, "in lobby with 0")
	c := testkit.Dial(t, p.WS(t))
	want(t, c.Join(t, "lobby"), proto.RoomJoined)
	program.Logged(t, "join "+string(c.ID()))
}

// goProgram builds and starts a program of one file.
func goProgram(t *testing.T, code string) *harness.Process {
	t.Helper()
	file := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "service")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return harness.StartShell(t, `exec "$0" >&2`, program)
}

// TestTheLimitsOfTheManualAreThose holds what docs/limits.md says against what the program says of itself.
func TestTheLimitsOfTheManualAreThose(t *testing.T) {
	t.Parallel()
	help, err := exec.CommandContext(t.Context(), harness.Binary(t, "parley"), "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	said := strings.Join(strings.Fields(string(help)), " ")
	text, err := os.ReadFile("../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| [^|]+ \\| ([\\d,]+)( [KM]iB)?[^|]* \\| `(--[\\w-]+)`").FindAllStringSubmatch(string(text), -1)
	if len(rows) < 10 {
		t.Fatalf("docs/limits.md has %d rows with a setting", len(rows))
	}
	for _, row := range rows {
		number := strings.ReplaceAll(row[1], ",", "")
		switch row[2] {
		case " KiB":
			number = times(t, number, 1<<10)
		case " MiB":
			number = times(t, number, 1<<20)
		}
		_, own, _ := strings.Cut(said, row[3]+"=")
		if is := regexp.MustCompile(`\((\d+)`).FindStringSubmatch(own); is == nil || is[1] != number {
			t.Errorf("docs/limits.md says %s for %s; --help: %v", number, row[3], is)
		}
	}
}

func times(t *testing.T, number string, factor int) string {
	t.Helper()
	n, err := strconv.Atoi(number)
	if err != nil {
		t.Fatal(err)
	}
	return strconv.Itoa(n * factor)
}
