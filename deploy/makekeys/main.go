// Makekeys writes certificates and passwords for a NATS cluster of Parley:
//
//	makekeys [-owner 65532] DIRECTORY HOST...
//
// The certificates hold for the hosts. A directory that has keys already is left
// as it is, which is no failure.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/parley-rtc/parley/deploy/keys"
)

func main() {
	owner := flag.Int("owner", -1, "user id to give the files to, when run by root")
	flag.Parse()
	if err := run(flag.Args(), *owner); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string, owner int) error {
	if len(args) < 2 {
		return errors.New("makekeys: give a directory and the names of the NATS servers")
	}
	dir := args[0]
	err := keys.Make(dir, args[1:])
	if errors.Is(err, fs.ErrExist) { // perhaps by an older version, which made no secret for TURN
		if err = keys.AddTURN(dir); errors.Is(err, fs.ErrExist) {
			return nil
		}
	}
	if err != nil {
		return err
	}
	if owner < 0 || os.Getuid() != 0 {
		return nil
	}
	// The passwords stay with who runs compose; servers get them as environment.
	for _, name := range []string{keys.Key, keys.RouteKey, keys.TokenSecret, keys.TURNSecret} {
		if err := os.Chown(filepath.Join(dir, name), owner, owner); err != nil {
			return fmt.Errorf("makekeys: %w", err)
		}
	}
	return nil
}
