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

func TestAllAddressesThatAreTakenAreNamedAtOnce(t *testing.T) {
	t.Parallel()
	one, err := TCP(t.Context(), "--one", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	taken := one.Addr().String()
	err = Check(t.Context(), Address{"--one", taken}, Address{"--two", "127.0.0.1:0"}, Address{"--three", taken})
	if !errors.Is(err, settings.ErrSetting) || !strings.Contains(err.Error(), "set --one") || strings.Contains(err.Error(), "--two") || !strings.Contains(err.Error(), "set --three") {
		t.Errorf("%v", err)
	}
	if err := Check(t.Context(), Address{"--two", "127.0.0.1:0"}); err != nil {
		t.Errorf("%v", err)
	}
}

func TestAnAddressThatIsTakenMayMove(t *testing.T) {
	t.Parallel()
	one, moved, err := TCPOrFree(t.Context(), "--ops-listen", "127.0.0.1:0")
	if err != nil || moved {
		t.Fatal(moved, err)
	}
	defer one.Close()
	two, moved, err := TCPOrFree(t.Context(), "--ops-listen", one.Addr().String())
	if err != nil || !moved || two.Addr().String() == one.Addr().String() || !strings.HasPrefix(two.Addr().String(), "127.0.0.1:") {
		t.Fatal(moved, err)
	}
	defer two.Close()
	if _, _, err := TCPOrFree(t.Context(), "--ops-listen", "192.0.2.1:9090"); !errors.Is(err, settings.ErrSetting) {
		t.Errorf("%v", err)
	}
}
