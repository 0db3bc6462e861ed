// Package listen opens the addresses that settings name, and says in words what is wrong with one that cannot be.
package listen

import (
	"context"
	"errors"
	"net"
	"syscall"

	"github.com/parley-rtc/parley/services/internal/settings"
)

// TCP listens on an address, which flag names. An error wraps [settings.ErrSetting].
func TCP(ctx context.Context, flag, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	var addr *net.AddrError
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, settings.Errorf("%s %s: another program has this port: end that one, or set %s to another port", flag, address, flag)
	case errors.Is(err, syscall.EACCES):
		return nil, settings.Errorf("%s %s: this user may not listen there: set %s to a port above 1023", flag, address, flag)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, settings.Errorf("%s %s: this machine does not have this address: set %s to one that it has, or leave the host out", flag, address, flag)
	case errors.As(err, &addr):
		return nil, settings.Errorf("%s %q is no address (%s): set %s to host:port or :port", flag, address, addr.Err, flag)
	default:
		return nil, settings.Errorf("%s %q cannot be listened on: %v; set %s to host:port or :port", flag, address, err, flag)
	}
}
