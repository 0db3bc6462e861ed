//go:build !linux

package porch

import "net"

// limitUnsent does nothing: how much the kernel takes for a peer is its own affair.
func limitUnsent(net.Conn) {}
