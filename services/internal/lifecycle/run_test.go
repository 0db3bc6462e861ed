package lifecycle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/parley-rtc/parley/services/internal/listen"
	"github.com/parley-rtc/parley/services/internal/settings"
)

type testFlags struct {
	settings.Common
}

func (*testFlags) Check() error           { return nil }
func (*testFlags) Closing() time.Duration { return time.Second }

var testInfo = settings.Info{Name: "prog", Vars: map[string]string{"ops_listen": "127.0.0.1:0", "log_format": "text"}}

// code runs a program whose one part returns err, and returns its exit code and its last line.
func code(t *testing.T, startErr, partErr error, args ...string) (int, string) {
	t.Helper()
	start := func(context.Context, *slog.Logger, *prometheus.Registry) (Plan, error) {
		return Plan{Parts: []Part{{Name: "part", Run: func(context.Context) error { return partErr }}}}, startErr
	}
	var stdout, stderr bytes.Buffer
	got := run(testInfo, &testFlags{}, start, args, &stdout, &stderr)
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	return got, lines[len(lines)-1]
}

func TestExitCodesTellFailuresFromBadSettings(t *testing.T) {
	t.Parallel()
	errBoom := errors.New("boom")
	for name, c := range map[string]struct {
		start, part error
		args        []string
		code        int
		says        string
	}{
		"a part fails":           {nil, errBoom, nil, 1, "part: boom"},
		"a part ends":            {nil, nil, nil, 1, "ended by itself"},
		"it does not start":      {errBoom, nil, nil, 1, "boom"},
		"a bad setting":          {settings.Errorf("set --x to y"), nil, nil, 2, "prog: set --x to y"},
		"a bad setting, later":   {nil, settings.Errorf("set --x to y"), nil, 2, "set --x to y"},
		"an unknown flag":        {nil, nil, []string{"--nonsense"}, 2, "--nonsense"},
		"a bad address":          {nil, nil, []string{"--ops-listen", "nonsense"}, 2, "--ops-listen"},
		"a host that is not had": {nil, nil, []string{"--ops-listen", "192.0.2.1:0"}, 2, "--ops-listen"},
		"help":                   {nil, nil, []string{"--help"}, 0, ""},
		"version":                {nil, nil, []string{"--version"}, 0, ""},
		"nobody is there":        {nil, nil, []string{"--health", "--ops-listen", "127.0.0.1:1"}, 1, "--ops-listen"},
		"a login is refused":     {nil, fmt.Errorf("connect: %w", nats.ErrAuthorization), nil, 1, "--nats-creds"},
		"no server is there":     {nil, fmt.Errorf("connect: %w", nats.ErrNoServers), nil, 1, "set --nats"},
		"two errors on one line": {nil, errors.Join(errBoom, errBoom), nil, 1, "boom; boom"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, line := code(t, c.start, c.part, c.args...); got != c.code || !strings.Contains(line, c.says) {
				t.Errorf("exit code %d, %q; expected %d, %q", got, line, c.code, c.says)
			}
		})
	}
}

// watched tells once something was written.
type watched struct {
	text string
	seen chan struct{}
	once sync.Once
}

func (w *watched) Write(b []byte) (int, error) {
	if strings.Contains(string(b), w.text) {
		w.once.Do(func() { close(w.seen) })
	}
	return len(b), nil
}

func TestPeopleAreWelcomedOnceTheProgramIsReady(t *testing.T) {
	t.Parallel()
	errSeen, errEarly := errors.New("seen"), errors.New("early")
	ready := make(chan struct{})
	stderr := &watched{text: "\n    come in\n\n", seen: make(chan struct{})}
	start := func(context.Context, *slog.Logger, *prometheus.Registry) (Plan, error) {
		return Plan{
			Welcome: "come in",
			Ready: func() error {
				select {
				case <-ready:
					return nil
				default:
					return errors.New("not yet")
				}
			},
			Parts: []Part{{Name: "part", Run: func(context.Context) error {
				select {
				case <-stderr.seen:
					return errEarly
				case <-time.After(100 * time.Millisecond):
				}
				close(ready)
				<-stderr.seen
				return errSeen
			}}},
		}, nil
	}
	var stdout bytes.Buffer
	if code := run(testInfo, &testFlags{}, start, nil, &stdout, stderr); code != codeFailure {
		t.Errorf("code %d", code)
	}
}

// placed is a program with an address of its own.
type placed struct {
	testFlags

	at string
}

func (p *placed) Addresses() []listen.Address {
	return []listen.Address{{Flag: "--listen", Address: p.at}}
}

func TestTheOperationsPortMovesUnlessItIsSetAndAllOthersThatAreTakenAreNamed(t *testing.T) {
	t.Parallel()
	taken, err := listen.TCP(t.Context(), "--x", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	at := taken.Addr().String()
	errBoom := errors.New("boom")
	for name, c := range map[string]struct {
		info settings.Info
		at   string
		args []string
		code int
		says []string
	}{
		"it moves":         {settings.Info{OpsMoves: true}, "127.0.0.1:0", nil, codeFailure, []string{"part: boom", "--ops-listen sets one"}},
		"it is set":        {settings.Info{OpsMoves: true}, at, []string{"--ops-listen", strings.Replace(at, "127.0.0.1", "0.0.0.0", 1)}, codeSetting, []string{"set --ops-listen", "set --listen"}},
		"it does not move": {settings.Info{}, at, nil, codeSetting, []string{"set --ops-listen", "set --listen"}},
		"another is taken": {settings.Info{OpsMoves: true}, at, nil, codeSetting, []string{"set --listen"}},
		"nothing is taken": {settings.Info{}, "127.0.0.1:0", []string{"--ops-listen", "127.0.0.1:0"}, codeFailure, []string{"part: boom"}},
	} {
		c.info.Name, c.info.Vars = "prog", map[string]string{"ops_listen": at, "log_format": "text"}
		start := func(context.Context, *slog.Logger, *prometheus.Registry) (Plan, error) {
			return Plan{Parts: []Part{{Name: "part", Run: func(context.Context) error { return errBoom }}}}, nil
		}
		var stdout, stderr bytes.Buffer
		code := run(c.info, &placed{at: c.at}, start, c.args, &stdout, &stderr)
		for _, say := range c.says {
			if !strings.Contains(stderr.String(), say) || code != c.code {
				t.Errorf("%s: code %d:\n%s", name, code, stderr.String())
			}
		}
	}
}
