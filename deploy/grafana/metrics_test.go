// Package grafana_test holds what operators are shown against what the programs
// count: a metric that is renamed must not leave an empty panel behind.
package grafana_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// counted returns the names of all metrics in the sources of gateway and roomsvc.
func counted(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	whole := regexp.MustCompile(`"(parley_gateway_[a-z_]+)"`)
	part := regexp.MustCompile(`(?:counter\(|gauge\(|Name: )"([a-z_]+)"`)
	for _, file := range sources(t, "../../gateway") {
		for _, found := range whole.FindAllStringSubmatch(file, -1) {
			names[found[1]] = true
		}
	}
	text, err := os.ReadFile("../../roomsvc/metrics.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range part.FindAllStringSubmatch(string(text), -1) {
		names["parley_roomsvc_"+found[1]] = true
	}
	if len(names) < 20 {
		t.Fatalf("only %d metrics were found in the sources: %v", len(names), slices.Sorted(maps.Keys(names)))
	}
	return names
}

func sources(t *testing.T, dir string) []string {
	t.Helper()
	var texts []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		texts = append(texts, string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// named returns the metrics that a file speaks of, a histogram's by its own name.
func named(t *testing.T, path string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, name := range regexp.MustCompile(`parley_(?:gateway|roomsvc)_[a-z_]+`).FindAllString(string(text), -1) {
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			name = strings.TrimSuffix(name, suffix)
		}
		names[name] = true
	}
	return names
}

func TestPanelsAndAlertsAskForMetricsThatExist(t *testing.T) {
	t.Parallel()
	known := counted(t)
	for _, path := range []string{"parley.json", "alerts.yaml", "../../docs/operations.md", "../helm/parley/templates/autoscaling.yaml"} {
		for name := range named(t, path) {
			if !known[name] {
				t.Errorf("%s speaks of %s, which nothing counts", path, name)
			}
		}
	}
}

func TestEveryMetricIsExplainedAndShown(t *testing.T) {
	t.Parallel()
	explained, shown := named(t, "../../docs/operations.md"), named(t, "parley.json")
	for name := range counted(t) {
		if !explained[name] {
			t.Errorf("docs/operations.md does not say what %s means", name)
		}
		if !shown[name] {
			t.Errorf("parley.json does not show %s", name)
		}
	}
}

func TestTheDashboardCanBeImported(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("parley.json")
	if err != nil {
		t.Fatal(err)
	}
	type box struct{ X, Y, W, H int }
	var dashboard struct {
		UID, Title string
		Panels     []struct {
			ID      int
			Type    string
			Title   string
			GridPos box
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	ids := map[int]bool{}
	for number, panel := range dashboard.Panels {
		if ids[panel.ID] || panel.Title == "" {
			t.Errorf("panel %d: the id %d or the title %q", number, panel.ID, panel.Title)
		}
		ids[panel.ID] = true
		at := panel.GridPos
		if at.X+at.W > 24 {
			t.Errorf("%s stands over the edge", panel.Title)
		}
		for _, other := range dashboard.Panels[:number] {
			o := other.GridPos
			if at.X < o.X+o.W && o.X < at.X+at.W && at.Y < o.Y+o.H && o.Y < at.Y+at.H {
				t.Errorf("%s stands on %s", panel.Title, other.Title)
			}
		}
		if panel.Type != "row" && len(panel.Targets) == 0 {
			t.Errorf("%s asks nothing", panel.Title)
		}
		for _, target := range panel.Targets {
			for _, pair := range []string{"()", "{}", "[]"} {
				if strings.Count(target.Expr, pair[:1]) != strings.Count(target.Expr, pair[1:]) {
					t.Errorf("%s: %s", panel.Title, target.Expr)
				}
			}
		}
	}
}
