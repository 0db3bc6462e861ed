package clients

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/parley-rtc/parley/services/internal/settings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestServersThatCannotBeAreRefusedWithWhatToSet(t *testing.T) {
	t.Parallel()
	turn := []string{"turn:a"}
	for says, i := range map[string]ICE{
		"--stun \"turn:a\"":       {STUN: turn},
		"--turn \"stun:a\"":       {TURN: []string{"stun:a"}, TURNSecret: "f"},
		"needs --turn-secret":     {TURN: turn},
		"needs --turn:":           {TURNSecret: "f"},
		"--turn-ttl 1s cannot be": {TURN: turn, TURNSecret: "f", TURNTTL: time.Second},
	} {
		if i.TURNTTL == 0 {
			i.TURNTTL = time.Minute
		}
		if err := i.Check(); !errors.Is(err, settings.ErrSetting) || !strings.Contains(err.Error(), says) {
			t.Errorf("%v; expected %s", err, says)
		}
	}
	i := ICE{TURN: turn, TURNSecret: "/nowhere", TURNTTL: time.Minute}
	if _, err := i.Told(); i.Check() != nil || !errors.Is(err, settings.ErrSetting) || !strings.Contains(err.Error(), "--turn-secret-file") {
		t.Errorf("%v, %v", i.Check(), err)
	}
}

func TestServersAreToldAsTheyAreSet(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("sixteen-bytes-at-least\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	i := ICE{STUN: []string{"stun:a"}, TURN: []string{"turn:b"}, TURNSecret: file, TURNTTL: time.Minute}
	c, err := i.Told()
	if err != nil || len(c.STUN) != 1 || len(c.TURN) != 1 || string(c.Secret) != "sixteen-bytes-at-least" || c.TTL != time.Minute {
		t.Errorf("%+v, %v", c, err)
	}
	none := ICE{TURNTTL: time.Minute}
	if c, err := none.Told(); c != nil || err != nil || none.Check() != nil {
		t.Errorf("%+v, %v", c, err)
	}
}
