// Package listen opens the addresses that settings name, and says in words what is wrong with one that cannot be.
package listen

import (
	"context"
	"errors"
	"net"
	"strings"
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

// Address is where a setting has a program listen.
type Address struct{ Flag, Address string }

// Check looks at several addresses before any is used, and says of all that cannot be what is wrong. An error wraps
// [settings.ErrSetting].
func Check(ctx context.Context, addresses ...Address) error {
	var wrong []string
	for _, a := range addresses {
		l, err := TCP(ctx, a.Flag, a.Address)
		if err != nil {
			wrong = append(wrong, err.Error())
			continue
		}
		defer func() { _ = l.Close() }() // all of them stand meanwhile: two settings may name the same port
	}
	if wrong == nil {
		return nil
	}
	return settings.Errorf("%s", strings.Join(wrong, "; "))
}

// TCPOrFree is [TCP], but for an address whose port another program has: then it is any free port of that host.
func TCPOrFree(ctx context.Context, flag, address string) (ln net.Listener, moved bool, err error) {
	var lc net.ListenConfig
	_, port, _ := net.SplitHostPort(address)
	if l, err := lc.Listen(ctx, "tcp", address); err == nil {
		return l, false, nil
	} else if errors.Is(err, syscall.EADDRINUSE) {
		address = strings.TrimSuffix(address, port) + "0"
	}
	ln, err = TCP(ctx, flag, address)
	return ln, true, err
}
