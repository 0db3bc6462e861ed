//go:build unix

package relay

import (
	"net"
	"syscall"
)

// noBroadcast takes back what Go allows every socket: to reach all in a network at once.
func noBroadcast(socket *net.UDPConn) {
	if raw, err := socket.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_BROADCAST, 0) })
	}
}
