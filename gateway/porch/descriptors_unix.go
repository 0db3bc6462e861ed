//go:build unix

package porch

import (
	"math"
	"syscall"
)

// Descriptors returns how many files and connections the process may have open; 0: there is no limit.
func Descriptors() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || uint64(limit.Cur) >= math.MaxInt32 { // signed on some systems
		return 0
	}
	return int(limit.Cur) // it fits, by the line before
}
