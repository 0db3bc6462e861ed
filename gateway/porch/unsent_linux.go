package porch

import (
	"net"
	"syscall"
)

// How much the kernel takes for a peer beyond what is on its way to it. Without a bound it takes up to 4 MiB, and says for
// as long as those last that a peer on a thin line takes nothing, though it reads.
const (
	tcpNotSentLowat = 25 // netinet/tcp.h; package syscall does not name it
	mostUnsent      = 128 << 10
)

// limitUnsent sets that bound where it can be.
func limitUnsent(conn net.Conn) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return
	}
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { // an old kernel does without
			_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotSentLowat, mostUnsent) // a descriptor fits
		})
	}
}
