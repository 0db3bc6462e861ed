package listen

import (
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/parley-rtc/parley/services/internal/settings"
)

func TestAnAddressThatCannotBeListenedOnIsASettingAndASentence(t *testing.T) {
	t.Parallel()
	taken, err := TCP(t.Context(), "--listen", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for address, says := range map[string]string{
		taken.Addr().String(): "another program has this port",
		"nonsense":            "no address",
		"127.0.0.1:99999":     "no address",
		"127.0.0.1:-1":        "no address",
		"192.0.2.1:0":         "does not have this address",
	} {
		l, err := TCP(t.Context(), "--listen", address)
		if err == nil {
			l.Close()
		}
		if !errors.Is(err, settings.ErrSetting) || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "set --listen") {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, ok := taken.Addr().(*net.TCPAddr); !ok {
		t.Errorf("%T", taken.Addr())
	}
}
