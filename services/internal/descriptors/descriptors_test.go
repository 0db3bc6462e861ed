package descriptors

import (
	"strings"
	"testing"
)

func TestAShortageNamesTheCommandAndTheSettingThatEndIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limit          uint64
		conns, reserve int
		says           []string // nothing: there is none
	}{
		{20_064, 20_000, 64, nil},
		{20_063, 20_000, 64, []string{"may open 20063 files", "ulimit -n 20064", "LimitNOFILE=20064", "nofile=20064:20064", "--max-conns to 19999"}},
		{1024, 20_000, 192, []string{"ulimit -n 20192", "--max-conns to 832"}},
		{64, 1, 64, []string{"ulimit -n 65", "no client gets in"}},
		{1, 0, 64, nil},
		{1, -1, 64, nil},
		{1 << 62, 1<<31 - 1, 64, nil},
	} {
		got := Shortage(c.limit, c.conns, c.reserve)
		if (got == "") != (c.says == nil) {
			t.Errorf("%+v: %q", c, got)
		}
		for _, says := range c.says {
			if !strings.Contains(got, says) {
				t.Errorf("%+v: %q does not say %q", c, got, says)
			}
		}
	}
	if limit, err := Limit(); err != nil || limit == 0 {
		t.Errorf("%d, %v", limit, err)
	}
	if Reserve(true) <= Reserve(false) {
		t.Error("a NATS server inside needs nothing")
	}
}
