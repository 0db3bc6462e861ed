package descriptors

import (
	"strings"
	"testing"

	"github.com/parley-rtc/parley/gateway/porch"
)

func TestAShortageNamesTheCommandAndTheSettingThatEndIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limit, conns, turn int
		says               []string // nothing: there is none
	}{
		{21_024, 20_000, 0, nil},
		{21_023, 20_000, 0, []string{"may open 21023 files", "ulimit -n 21024", "LimitNOFILE=21024", "nofile=21024:21024", "--max-conns to 19999"}},
		{1024, 20_000, 0, []string{"ulimit -n 21024", "--max-conns to 768"}},
		{160, 20_000, 0, []string{"--max-conns to 96"}},
		{1024, 768, 0, nil},
		{21_024, 20_000, 2512, []string{"--max-conns 20000 and the TURN server need 23536", "--max-conns to 17488"}},
		{23_536, 20_000, 2512, nil},
		{1, 0, 0, nil},
		{1, -1, 0, nil},
		{0, 1<<31 - 1, 0, nil},
	} {
		got := Shortage(c.limit, c.conns, c.turn)
		if (got == "") != (c.says == nil) {
			t.Errorf("%+v: %q", c, got)
		}
		for _, says := range c.says {
			if !strings.Contains(got, says) {
				t.Errorf("%+v: %q does not say %q", c, got, says)
			}
		}
	}
}

func TestWhatIsNeededIsTheLeastThatSuffices(t *testing.T) {
	t.Parallel()
	for conns := 1; conns < 10_000; conns += 7 {
		need := Need(conns)
		if need-porch.Reserve(need) < conns || need > 1 && need-1-porch.Reserve(need-1) >= conns {
			t.Fatalf("%d connections need %d", conns, need)
		}
	}
}
