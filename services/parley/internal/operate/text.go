package operate

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/parley-rtc/parley/proto"
)

// quote returns a name as it stands when it is easy to read and safe on a terminal, else quoted as Go does.
func quote(name string) string {
	odd := func(r rune) bool {
		return !unicode.IsPrint(r) || unicode.IsSpace(r) || r == '"' || r == '\\' || r == unicode.ReplacementChar
	}
	if name == "" || strings.ContainsFunc(name, odd) {
		return strconv.Quote(name)
	}
	return name
}

// owner returns who owns a room, which may be nobody.
func owner(id proto.ClientID) string {
	if id == "" {
		return "nobody"
	}
	return quote(string(id))
}

// count writes a number with a comma between thousands.
func count(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural writes a number of things.
func plural(n uint64, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + more
}

// size writes a number of bytes.
func size(n uint64) string {
	if n < 1024 {
		return plural(n, "byte", "bytes")
	}
	f, units := float64(n)/1024, "KMGTPE"
	for f >= 1024 {
		f, units = f/1024, units[1:]
	}
	return fmt.Sprintf("%.1f %ciB", f, units[0])
}

// width returns how many columns of a terminal a text takes: two for the wide letters of East Asia and for pictures.
func width(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me):
		case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3, r >= 0xf900 && r <= 0xfaff,
			r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6,
			r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
			n += 2
		default:
			n++
		}
	}
	return n
}
