package gateway

import (
	"errors"
	"strings"
	"testing"
)

func TestTheLimitsAreTheProtocolsUnlessSet(t *testing.T) {
	t.Parallel()
	want := Limits{MaxFrame: 65536, MaxQueue: 1 << 20, MaxRooms: 64, Rate: 500, Burst: 1000, MaxConns: 20000, MaxConnsPerAddress: 1024, IPv6Prefix: 64, MaxMeta: 256, MaxKept: 64 << 20}
	if got := (Limits{}).withDefaults(); got != want {
		t.Errorf("the limits are %+v", got)
	}
	if got := (Limits{MaxRooms: 3, Rate: -1}).withDefaults(); got.MaxRooms != 3 || got.Rate < 1<<30 || got.Burst != 1000 {
		t.Errorf("the limits are %+v", got)
	}
}

func TestASettingThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]Config{
		"prefix": {Prefix: "a.b"}, "proxy": {TrustedProxies: []string{"10.0.0.0/33"}},
	} {
		if _, err := New(cfg, nil, nil); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		} else if name == "proxy" && !strings.Contains(err.Error(), "10.0.0.0/33") {
			t.Errorf("the error does not name the value: %v", err)
		}
	}
}
