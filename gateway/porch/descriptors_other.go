//go:build !unix

package porch

// Descriptors returns how many files and connections the process may have open; 0: there is no limit.
func Descriptors() int { return 0 }
