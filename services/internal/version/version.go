// Package version says which Parley this is.
package version

import (
	"runtime"
	"runtime/debug"
)

// Number is the version that CHANGELOG.md describes.
const Number = "0.2.0"

// String returns the version, and the commit where the binary was built from one.
func String() string {
	commit := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, kv := range info.Settings {
			if kv.Key == "vcs.revision" && len(kv.Value) >= 12 {
				commit = " " + kv.Value[:12] + commit
			}
			if kv.Key == "vcs.modified" && kv.Value == "true" {
				commit += "+"
			}
		}
	}
	return Number + commit + " " + runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH
}
