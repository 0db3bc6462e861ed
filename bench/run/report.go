package main

import (
	"encoding/json"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/parley-rtc/parley/bench/internal/result"
)

// report is the figures made comparable: what is printed and written.
type report struct {
	Time    time.Time `json:"time"`
	Quick   bool      `json:"quick"`
	Machine machine   `json:"machine"`
	Rows    []line    `json:"rows"`
	Failed  []string  `json:"failed,omitempty"` // scenarios that broke, and how
	Figures figures   `json:"figures"`          // every round's, by scenario and system
}

// machine is where it was measured.
type machine struct {
	CPU     string `json:"cpu"`
	Cores   int    `json:"cores"`
	Kernel  string `json:"kernel"`
	Go      string `json:"go"`
	Loadavg string `json:"loadavg"` // at the end: of 2 or less nothing else ran
}

// line is a row with its values.
type line struct {
	Title    string             `json:"title"`
	Metric   string             `json:"metric"`
	Unit     string             `json:"unit"`
	Values   map[string]float64 `json:"values"` // medians of the rounds, by cell
	Compared []comparison       `json:"compared"`

	row row
}

// comparison is a bound with what was found.
type comparison struct {
	Of    string  `json:"of"`
	To    string  `json:"to,omitempty"` // empty: with a fixed value
	Ratio float64 `json:"ratio"`        // or the value itself, or how much more it is
	More  bool    `json:"more,omitempty"`
	Most  float64 `json:"most,omitempty"`
	Met   *bool   `json:"met,omitempty"`
}

func newReport(s *settings, f figures) report {
	r := report{Time: time.Now().UTC().Truncate(time.Second), Quick: s.Quick, Machine: thisMachine(), Figures: f}
	for _, row := range rows {
		if l := newLine(row, f); len(l.Values) > 0 {
			r.Rows = append(r.Rows, l)
		}
	}
	return r
}

func newLine(r row, f figures) line {
	l := line{Title: r.title, Metric: r.metric.name, Unit: r.metric.unit, Values: map[string]float64{}, row: r}
	if r.since != "" {
		l.Metric, l.Unit = r.metric.name+" ratio", ""
	}
	for _, c := range r.cells {
		// What is zero was not there to be measured, as a journal in memory.
		if value := median(r.rounds(c, f)); value > 0 {
			l.Values[c.title()] = value
		}
	}
	for _, b := range r.bounds {
		if c, ok := r.compare(b, f); ok {
			l.Compared = append(l.Compared, c)
		}
	}
	return l
}

// rounds are a cell's values, one for each round.
func (r row) rounds(c cell, f figures) []float64 {
	values := func(scenario string) []float64 {
		var vs []float64
		for _, one := range f[string(c.transport)+"/"+scenario][c.system] {
			vs = append(vs, r.metric.of(one))
		}
		return vs
	}
	now := values(r.scenario)
	if r.since == "" {
		return now
	}
	return ratios(now, values(r.since))
}

// compare takes the ratio in each round, so that both sides saw the same
// machine, and the median of those.
func (r row) compare(b bound, f figures) (comparison, bool) {
	values := r.rounds(b.of, f)
	c := comparison{Of: b.of.title(), Most: b.most}
	switch {
	case b.plus:
		values, c.To, c.More = differences(values, r.rounds(b.to, f)), b.to.title(), true
	case !b.fixed:
		values, c.To = ratios(values, r.rounds(b.to, f)), b.to.title()
	}
	if len(values) == 0 {
		return c, false
	}
	c.Ratio = median(values)
	if b.most > 0 {
		met := c.Ratio <= b.most
		c.Met = &met
	}
	return c, true
}

// ratios divides round by round, as far as both go.
func ratios(over, under []float64) []float64 {
	var out []float64
	for i := range min(len(over), len(under)) {
		if under[i] > 0 {
			out = append(out, over[i]/under[i])
		}
	}
	return out
}

// differences subtracts round by round, as far as both go.
func differences(of, from []float64) []float64 {
	var out []float64
	for i := range min(len(of), len(from)) {
		out = append(out, of[i]-from[i])
	}
	return out
}

// median of values, the mean of the middle two when they are even.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// write writes the report as JSON.
func (r report) write(file string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}

func thisMachine() machine {
	m := machine{Cores: runtime.NumCPU(), Go: runtime.Version()}
	for text := range strings.Lines(read("/proc/cpuinfo")) {
		if key, value, ok := strings.Cut(text, ":"); ok && strings.TrimSpace(key) == "model name" {
			m.CPU = strings.TrimSpace(value)
			break
		}
	}
	m.Kernel = read("/proc/sys/kernel/osrelease")
	m.Loadavg = read("/proc/loadavg")
	return m
}

// read is a file of /proc as text, empty when it cannot be read.
func read(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// busiest is how busy the load's core was at worst: a load that has no time
// left measures itself.
func (f figures) busiest() (scenario string, n name, r result.Result) {
	for sc, systems := range f {
		for system, rounds := range systems {
			for _, one := range rounds {
				if one.LoadBusy > r.LoadBusy {
					scenario, n, r = sc, system, one
				}
			}
		}
	}
	return scenario, n, r
}
