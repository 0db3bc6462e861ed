package settings_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-rtc/parley/services/internal/clients"
	"github.com/parley-rtc/parley/services/internal/settings"
)

// all is a program with every group of flags.
type all struct {
	clients.Clients
	clients.Limits
	settings.Members
	settings.Records
	settings.NATS
	Journal settings.Journal `embed:""`
	settings.Prefix
	settings.Stream
	settings.Common
}

var testInfo = settings.Info{Name: "prog", About: "A program.", Vars: map[string]string{
	"ops_listen": ":9090", "log_format": "json", "nats": "nats://127.0.0.1:4222", "nats_default": "nats://127.0.0.1:4222",
}}

// checks looks at everything that was parsed.
func (a *all) checks() error {
	for _, check := range []func() error{a.Clients.Check, a.Limits.Check, a.Members.Check, a.Prefix.Check, a.Stream.Check} {
		if err := check(); err != nil {
			return err
		}
	}
	if _, err := a.NATS.Options(); err != nil {
		return err
	}
	_, _, err := a.Journal.Options(&a.NATS)
	return err
}

func parse(t *testing.T, args ...string) (*all, error) {
	t.Helper()
	a := &all{}
	var out bytes.Buffer
	if err := settings.Parse(testInfo, a, args, &out); err != nil {
		return a, err
	}
	return a, a.checks()
}

func TestDefaultsAreThoseOfTheDesign(t *testing.T) {
	t.Parallel()
	a, err := parse(t)
	if err != nil {
		t.Fatal(err)
	}
	want := all{
		Clients: clients.Clients{Listen: ":8080", IdleTimeout: 90 * time.Second, Keep: 30, Drain: settings.Drain{Drain: 10 * time.Second}},
		Limits: clients.Limits{
			MaxFrame: 65536, MaxQueue: 1 << 20, MaxRooms: 64, Rate: 500, Burst: 1000, MaxConns: 20000, MaxConnsPerAddress: 1024,
			IPv6Prefix: 64, MaxKept: 64 << 20,
		},
		Members: settings.Members{MaxMembers: 1024}, NATS: settings.NATS{Servers: "nats://127.0.0.1:4222"},
		Prefix: settings.Prefix{Prefix: "parley"}, Stream: settings.Stream{Replicas: 1, Storage: "file"},
		Records: settings.Records{RecordForm: 2},
		Common:  settings.Common{OpsListen: ":9090", LogLevel: "info", LogFormat: "json"},
	}
	if a.Listen != want.Listen || a.Drain != want.Drain || a.Keep != want.Keep || a.IdleTimeout != want.IdleTimeout || a.Limits != want.Limits || a.Members != want.Members ||
		a.NATS != want.NATS || a.Journal != want.Journal || a.Prefix != want.Prefix || a.Stream != want.Stream || a.Common != want.Common {
		t.Errorf("%+v\nexpected %+v", *a, want)
	}
}

func TestTheEnvironmentSetsWhatNoFlagSets(t *testing.T) {
	t.Setenv("PARLEY_LISTEN", ":1")
	t.Setenv("PARLEY_RATE", "7")
	t.Setenv("PARLEY_ALLOW_ORIGIN", "a.example,b.example")
	t.Setenv("PARLEY_MAX_CONNS_PER_ADDRESS", "0")
	t.Setenv("PARLEY_JOURNAL_NATS", "nats://j:1")
	t.Setenv("PARLEY_IPV6_PREFIX", "56")
	t.Setenv("PARLEY_DRAIN", "3s")
	t.Setenv("PARLEY_KEEP", "5")
	t.Setenv("PARLEY_MAX_KEPT", "1000")
	a, err := parse(t, "--rate", "8", "--allow-origin", "c.example")
	if err != nil {
		t.Fatal(err)
	}
	if a.Listen != ":1" || a.Rate != 8 || a.MaxConnsPerAddress != 0 || a.IPv6Prefix != 56 || a.Journal.Servers != "nats://j:1" || a.Closing() != 3*time.Second ||
		a.Kept() != 5*time.Second || a.MaxKept != 1000 {
		t.Errorf("%+v", a)
	}
	if strings.Join(a.AllowOrigin, " ") != "c.example" {
		t.Errorf("the flag does not override the environment: %q", a.AllowOrigin)
	}
	if b, err := parse(t); err != nil || strings.Join(b.AllowOrigin, " ") != "a.example b.example" {
		t.Errorf("%q, %v", b.AllowOrigin, err)
	}
}

func TestBadSettingsSayWhichAndWhatToSet(t *testing.T) {
	t.Parallel()
	nonsense := filepath.Join(t.TempDir(), "nonsense.pem")
	if err := os.WriteFile(nonsense, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	for flag, values := range map[string][]string{
		"--drain":                 {"0", "-1s", "1h", "soon"},
		"--allow-origin":          {"[", "https://app.example/path", "wss://app.example", "::1"},
		"--trusted-proxy":         {"proxy", "10.0.0.0/33"},
		"--max-frame":             {"-1", "x", "100", "1e3"},
		"--max-queue":             {"-1", "60000"},
		"--max-rooms":             {"-1"},
		"--rate":                  {"-1", "99999999999"},
		"--burst":                 {"-1"},
		"--max-conns":             {"-1"},
		"--max-conns-per-address": {"-1"},
		"--max-kept":              {"-1", "64MiB"},
		"--keep":                  {"-1", "301", "30s", "1.5"},
		"--ipv6-prefix":           {"0", "-1", "129", "/64"},
		"--max-members":           {"-1"},
		"--nats":                  {"", "foo", "nats://a:1,foo", "http://127.0.0.1", "nats://", "nats://a:b:c", "nats://127.0.0.1:4222,", ":::", "nats://a:99999"},
		"--nats-creds":            {"nowhere"},
		"--nats-ca":               {"nowhere", nonsense},
		"--nats-cert":             {nonsense},
		"--nats-key":              {nonsense},
		"--journal-nats":          {"ftp://x"},
		"--journal-nats-creds":    {"nowhere"},
		"--journal-nats-ca":       {nonsense},
		"--idle-timeout":          {"0", "-1s", "75"},
		"--prefix":                {"", "a.b", "*", "a b"},
		"--replicas":              {"0", "6", "-1"},
		"--storage":               {"paper"},
		"--record-form":           {"0", "5", "x"},
		"--log-level":             {"loud"},
		"--log-format":            {"xml"},
		"--unknown":               {"x"},
	} {
		for _, v := range values {
			_, err := parse(t, flag+"="+v)
			if !errors.Is(err, settings.ErrSetting) || !strings.Contains(err.Error(), flag) {
				t.Errorf("%s=%q: %v", flag, v, err)
			}
		}
	}
}

func TestPasswordsAreNotRepeated(t *testing.T) {
	t.Parallel()
	_, err := parse(t, "--nats", "nats://me:secret@:x")
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

func TestTheJournalsLoginIsTheOtherOneUnlessItIsSet(t *testing.T) {
	t.Parallel()
	a, err := parse(t, "--nats", "nats://a:1")
	if err != nil {
		t.Fatal(err)
	}
	if servers, options, err := a.Journal.Options(&a.NATS); servers != "nats://a:1" || len(options) != 0 || err != nil {
		t.Errorf("%s, %d options, %v", servers, len(options), err)
	}
	if a, err = parse(t, "--nats", "nats://a:1", "--journal-nats", "nats://j:1"); err != nil {
		t.Fatal(err)
	}
	if servers, _, err := a.Journal.Options(&a.NATS); servers != "nats://j:1" || err != nil {
		t.Errorf("%s, %v", servers, err)
	}
}

func TestNoLimitIsTheFlagsZero(t *testing.T) {
	t.Parallel()
	a, err := parse(t, "--max-frame", "0", "--rate", "0", "--max-conns", "5")
	if err != nil {
		t.Fatal(err)
	}
	if g := a.Limits.Gateway(&clients.Auth{}); g.MaxFrame != -1 || g.Rate != -1 || g.MaxConns != 5 || g.MaxQueue != 1<<20 {
		t.Errorf("%+v", g)
	}
}

func TestNobodyIsKeptIsTheFlagsZero(t *testing.T) {
	t.Parallel()
	a, err := parse(t, "--keep", "0", "--max-kept", "0")
	if err != nil {
		t.Fatal(err)
	}
	if a.Kept() >= 0 || a.Limits.Gateway(&clients.Auth{}).MaxKept != -1 {
		t.Errorf("%v, %d", a.Kept(), a.Limits.Gateway(&clients.Auth{}).MaxKept)
	}
}

func TestHelpAndVersionAreAllThatIsSaid(t *testing.T) {
	t.Parallel()
	for flag, want := range map[string]string{"--help": "Usage: prog", "--version": "prog 0."} {
		var out bytes.Buffer
		if err := settings.Parse(testInfo, &all{}, []string{flag}, &out); !errors.Is(err, settings.ErrDone) || !strings.HasPrefix(out.String(), want) {
			t.Errorf("%s: %v\n%s", flag, err, out.String())
		}
	}
}

func TestTheLogHasTheFormAndLevelThatAreSet(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{"json": `"msg":"shown"`, "text": "msg=shown"} {
		var out bytes.Buffer
		log := (&settings.Common{LogLevel: "warn", LogFormat: format}).Logger(&out)
		log.Info("hidden")
		log.Warn("shown")
		if got := out.String(); !strings.Contains(got, want) || strings.Contains(got, "hidden") {
			t.Errorf("%s: %s", format, got)
		}
	}
}
