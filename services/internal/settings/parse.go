package settings

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/parley-rtc/parley/services/internal/version"
)

// ErrDone is returned by [Parse] when everything has been said: after --help and --version.
var ErrDone = errors.New("done")

// Info says what a program is, for its help.
type Info struct {
	Name  string
	About string            // two sentences or three
	Vars  map[string]string // defaults that differ between programs: ops_listen, log_format, nats
	// OpsMoves: where --ops-listen is as it is from the start, and another program has that port, it is any free one.
	OpsMoves bool
}

const everyFlag = "\n\nEvery flag is also an environment variable, which the flag overrides; a list is separated by commas there. " +
	"The exit code is 0 after a clean stop, 1 for a failure and 2 for a bad setting; " +
	"the last line on stderr then says what to do."

// Parse reads the arguments and the environment into a struct of flags. It returns [ErrDone] after --help and --version,
// which it answers on out, and an error that wraps [ErrSetting] for what cannot be.
func Parse(info Info, into any, args []string, out io.Writer) error {
	helped := false
	k, err := kong.New(into,
		kong.Name(info.Name),
		kong.Description(info.About+everyFlag),
		kong.Vars(info.Vars),
		kong.DefaultEnvars("PARLEY"),
		kong.Writers(out, out),
		kong.Exit(func(int) { helped = true }),
		kong.ExplicitGroups([]kong.Group{
			{Key: "Clients", Title: "Clients:"},
			{Key: "Tokens", Title: "Tokens:"},
			{Key: "Firewalls", Title: "Through firewalls:"},
			{Key: "Limits", Title: "Limits (0 is none):"},
			{Key: "NATS", Title: "NATS:"},
			{Key: "Rooms", Title: "Rooms:"},
			{Key: "Operating", Title: "Operating:"},
		}),
		kong.ConfigureHelp(kong.HelpOptions{
			Compact: true, WrapUpperBound: 100,
		}),
	)
	if err != nil {
		return fmt.Errorf("flags of %s: %w", info.Name, err)
	}
	_, err = k.Parse(args)
	if helped || errors.Is(err, ErrDone) {
		return ErrDone
	}
	if err != nil {
		return Errorf("%s; %s --help lists the settings", strings.TrimSuffix(err.Error(), "."), info.Name)
	}
	if base, ok := into.(interface{ Base() *Common }); ok && base.Base().Version {
		_, err := fmt.Fprintln(out, info.Name, version.String())
		return errors.Join(ErrDone, err)
	}
	return nil
}
