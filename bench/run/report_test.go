package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-rtc/parley/bench/internal/proc"
	"github.com/parley-rtc/parley/bench/internal/result"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// signalsAt are rounds of signals that cost so many microseconds each.
func signalsAt(micros ...float64) []result.Result {
	var rounds []result.Result
	for _, us := range micros {
		rounds = append(rounds, result.Result{Ops: 1000, Elapsed: time.Second, CPU: time.Duration(us * 1e6)})
	}
	return rounds
}

func TestComparisonsAreMediansOfTheRoundsRatios(t *testing.T) {
	t.Parallel()
	f := figures{
		"plain/signal-50": {floor: signalsAt(30, 60, 31), parley: signalsAt(45, 120, 62), three: signalsAt(75)},
		"plain/rate-1":    {parley: signalsAt(50, 50)},
		"plain/rate-10000": {
			parley: signalsAt(60, 55),
		},
	}
	r := newReport(&settings{}, f)
	lines := map[string]line{}
	for _, l := range r.Rows {
		lines[l.Title+" "+l.Metric] = l
	}
	l := lines["signal, 50 rooms busy CPU"]
	if l.Values["floor"] != 31 || l.Values["parley"] != 62 {
		t.Errorf("values %v, want the rounds' medians, 31 and 62", l.Values)
	}
	if len(l.Compared) != 2 || l.Compared[0].Ratio != 2 || *l.Compared[0].Met || l.Compared[1].Ratio != 2.5 {
		t.Errorf("compared %+v, want 2 missed and 2.5", l.Compared)
	}
	g := lines["growth, 10,000 rooms over 1, at 5,000/s CPU ratio"]
	if math.Abs(g.Values["parley"]-1.15) > 1e-9 || len(g.Compared) != 1 || !*g.Compared[0].Met {
		t.Errorf("growth %v, %+v; want 1.15, met", g.Values, g.Compared)
	}
}

func TestASessionsMemoryIsComparedByHowMuchMoreItIs(t *testing.T) {
	t.Parallel()
	held := func(kib int64) []result.Result {
		return []result.Result{{Conns: 10_000, After: proc.Memory{RSS: kib * 1024 * 10_000}}}
	}
	r := newReport(&settings{}, figures{
		"plain/idle-10000":     {parley: held(20), three: held(20)},
		"resumable/idle-10000": {parley: held(21), three: held(22)},
	})
	var b bytes.Buffer
	r.print(&b)
	for _, want := range []string{"parley keyed = 1.00 more than parley (<= 1.00 ok)", "three keyed = 2.00 more than three (<= 1.00 MISSED)"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func TestTheTableNamesWhatWasMissedAndLeavesOutWhatWasNotMeasured(t *testing.T) {
	t.Parallel()
	r := newReport(&settings{}, figures{
		"plain/signal-50":    {floor: signalsAt(30), parley: signalsAt(45)},
		"socketio/signal-50": {node: signalsAt(10), parley: signalsAt(45)},
	})
	var b bytes.Buffer
	r.print(&b)
	for _, want := range []string{"MISSED: signal, 50 rooms busy, CPU: parley sio = 4.50 x node", "parley = 1.50 x floor (<= 1.80 ok)", "parley sio = 4.50 x node (<= 1.60 MISSED)", "parley sio = 1.00 x parley (<= 1.30 ok)"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "MISSED: signal, 50 rooms busy, CPU: parley = ") {
		t.Errorf("a bound that was kept is listed as missed in\n%s", b.String())
	}
	if strings.Contains(b.String(), "join") && strings.Contains(b.String(), "rooms of ten") {
		t.Errorf("a row with no figures in\n%s", b.String())
	}
	file := filepath.Join(t.TempDir(), "out.json")
	if err := r.write(file); err != nil {
		t.Fatal(err)
	}
	var back report
	text, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(text, &back) != nil || len(back.Rows) != len(r.Rows) {
		t.Fatalf("the JSON has %d rows of %d, %v", len(back.Rows), len(r.Rows), err)
	}
}

func TestWhatIsZeroIsShownAsNotMeasured(t *testing.T) {
	t.Parallel()
	full := func(record int) []result.Result {
		return []result.Result{{Ops: 1, CPU: 900 * time.Millisecond, Members: 1000, Record: record}}
	}
	r := newReport(&settings{}, figures{"plain/fill": {floor: full(0), three: full(149_000)}})
	for _, l := range r.Rows {
		if l.row.metric.name != record.name {
			continue
		}
		if _, ok := l.Values["floor"]; ok || l.Values["three"] != 149 {
			t.Errorf("values %v, want three's 149 alone", l.Values)
		}
		return
	}
	t.Error("no row shows the record")
}

func TestEveryRowHasItsScenario(t *testing.T) {
	t.Parallel()
	keys := map[string]bool{}
	for _, sc := range plan {
		if keys[sc.key()] {
			t.Errorf("%s stands twice in the plan", sc.key())
		}
		keys[sc.key()] = true
	}
	for _, r := range rows {
		for _, c := range r.cells {
			if c.title() == "" {
				t.Errorf("row %q: a cell without a title", r.title)
			}
			for _, scenario := range []string{r.scenario, r.since} {
				if scenario != "" && !keys[string(c.transport)+"/"+scenario] {
					t.Errorf("row %q: no scenario %s/%s", r.title, c.transport, scenario)
				}
			}
		}
	}
}

func TestAServerThatEndsAtOnceIsReportedWithItsWords(t *testing.T) {
	t.Parallel()
	p, err := spawn(0, t.TempDir(), "sh", "-c", "echo no such luck; exit 3")
	if err != nil {
		t.Fatal(err)
	}
	err = p.until(t.Context(), accepts("127.0.0.1:1"))
	p.stop()
	if err == nil || !strings.Contains(err.Error(), "no such luck") {
		t.Fatalf("until: %v", err)
	}
}
