//go:build !unix

package relay

import "net"

func noBroadcast(*net.UDPConn) {}
