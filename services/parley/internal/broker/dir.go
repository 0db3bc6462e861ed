package broker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/parley-rtc/parley/services/internal/settings"
)

// directory makes the server's directory ready, locked so that no second server writes into it, and returns what gives
// it back. With no name it is a temporary one: a server with a journal in memory wants one too.
func directory(name string) (string, func() error, error) {
	if name == "" {
		dir, err := os.MkdirTemp("", "parley-")
		if err != nil {
			return "", nil, settings.Errorf("no directory for temporary files: %v; set TMPDIR to one that can be written, or set --data-dir", err)
		}
		return dir, removeAll(dir), nil
	}
	if err := os.MkdirAll(name, 0o700); err != nil {
		return "", nil, settings.Errorf("--data-dir cannot be made: %v; set it to a directory that this user can write", err)
	}
	lock, err := os.OpenFile(filepath.Join(name, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", nil, settings.Errorf("--data-dir cannot be written: %v; set it to a directory that this user can write", err)
	}
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) // a descriptor fits
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return "", nil, errors.Join(settings.Errorf("--data-dir %s is in use by another parley: end that one, or set another directory", name), lock.Close())
	case err != nil:
		return "", nil, errors.Join(settings.Errorf("--data-dir %s cannot be locked: %v; set it to a directory on a local disk", name, err), lock.Close())
	}
	return name, func() error {
		if err := lock.Close(); err != nil { // which unlocks
			return fmt.Errorf("--data-dir: %w", err)
		}
		return nil
	}, nil
}

// journalIn reports whether a directory has files of the stream.
func journalIn(dir, stream string) bool {
	_, err := os.Stat(filepath.Join(dir, "jetstream", "$G", "streams", stream))
	return err == nil
}

// hasStream asks the server for the stream.
func hasStream(ctx context.Context, nc *nats.Conn, name string) (bool, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return false, fmt.Errorf("jetstream: %w", err)
	}
	_, err = js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("stream %s: %w", name, err)
	}
	return true, nil
}
